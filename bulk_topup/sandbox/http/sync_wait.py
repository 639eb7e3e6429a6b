"""Holds the connections of synchronous requests until their transactions are final; touches clock and connection."""

import asyncio
from datetime import timedelta

from starlette.types import Receive

from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.transaction import Transaction
from bulk_topup.system.clock import Clock
from bulk_topup.system.waits import first_of

#: As long as a connection is held, at time scale 1 (reference: Synchronous).
LONGEST = timedelta(seconds=180)


class Holding:
    """The connections that are held; each costs one timer.

    Args:
        provider: who ends transactions.
        clock: what is waited by.
        time_scale: what the longest wait is multiplied by.
    """

    def __init__(self, provider: Provider, clock: Clock, time_scale: float) -> None:
        self._provider = provider
        self._clock = clock
        self._longest = LONGEST.total_seconds() * time_scale
        self._let_go = asyncio.Event()

    async def hold(self, transaction: Transaction, receive: Receive) -> None:
        """Return when a confirmed transaction is final, the longest wait is over, or the client is gone."""
        await first_of(self._end(transaction), _disconnect(receive), self._let_go.wait())

    def let_go(self) -> None:
        """Have every request that is held, and any later one, answered with its transaction as it is."""
        self._let_go.set()

    async def _end(self, transaction: Transaction) -> None:
        # Steady seconds bound the wait: the time of day may be set back meanwhile.
        end = self._clock.monotonic() + self._longest
        while (left := end - self._clock.monotonic()) > 0:
            now = self._provider.now()
            if transaction.ended_as is not None or transaction.final_at is None:
                return
            await self._clock.sleep(min(left, (transaction.final_at - now).total_seconds()))


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
