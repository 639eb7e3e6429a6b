"""Lets synchronous requests wait until their transactions are final; touches clock and connection."""

import asyncio
from datetime import timedelta

from starlette.types import Receive

from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.transaction import Transaction
from bulk_topup.system.clock import Clock
from bulk_topup.system.waits import first_of

#: How long a request waits at most, at time scale 1 (reference: Synchronous).
LONGEST = timedelta(seconds=180)


class SyncWaiter:
    """The synchronous requests that wait; each costs one timer.

    Args:
        provider: the provider that completes the transactions.
        clock: what waits are measured by.
        time_scale: factor of the longest wait.
    """

    def __init__(self, provider: Provider, clock: Clock, time_scale: float) -> None:
        self._provider = provider
        self._clock = clock
        self._longest = LONGEST.total_seconds() * time_scale
        self._stopped = asyncio.Event()

    async def wait(self, transaction: Transaction, receive: Receive) -> None:
        """Wait until a confirmed transaction is final, the longest wait is over, or the client has disconnected."""
        await first_of(self._wait_until_final(transaction), _disconnect(receive), self._stopped.wait())

    def stop(self) -> None:
        """Stop all waits, now and later, so that requests are answered with their transactions as they are."""
        self._stopped.set()

    async def _wait_until_final(self, transaction: Transaction) -> None:
        # The monotonic clock limits the wait, because the time of day may be set back.
        deadline = self._clock.monotonic() + self._longest
        while (left := deadline - self._clock.monotonic()) > 0:
            now = self._provider.now()
            if transaction.final_status is not None or transaction.final_at is None:
                return
            await self._clock.sleep(min(left, (transaction.final_at - now).total_seconds()))


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
