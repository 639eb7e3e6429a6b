"""The ledger as the engine's tasks use it: one worker thread, and concurrent moves share a commit."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock

T = TypeVar("T")
P = ParamSpec("P")

#: Seconds that a move waits for others to share its commit.
GROUP_DELAY = 0.01


class Journal:
    """Writes moves in groups; `record` returns when its moves are on disk.

    Args:
        ledger: an open ledger.
        run: the run whose rows are counted.
        clock: where time comes from.
    """

    def __init__(self, ledger: LedgerStore, run: Run, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._waiting: list[Move] = []
        self._commit: asyncio.Task[None] | None = None
        #: One commit at a time; moves that arrive during one share the next.
        self._turn = asyncio.Lock()
        #: Rows in each state, updated with every move.
        self.counts: dict[RowState, int] = ledger.rows.counts(run)
        #: Refused rows for which nothing is due, and those that are left out as duplicates.
        self.nothing_due, self.duplicates = ledger.rows.set_aside(run)

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of the ledger in its thread, and return the result."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))

    async def record(self, *moves: Move) -> None:
        """Write moves and return when they are on disk.

        Raises:
            LedgerError: they could not be written; none of their group was.
        """
        if not moves:
            return
        self._waiting.extend(moves)
        if self._commit is None:
            self._commit = asyncio.create_task(self._commit_soon())
            self._commit.add_done_callback(_retrieve_error)
        # Shielded: a cancelled task must not cancel the commit that others wait for.
        await asyncio.shield(self._commit)

    async def _commit_soon(self) -> None:
        await self._clock.sleep(GROUP_DELAY)
        async with self._turn:
            moves, self._waiting, self._commit = self._waiting, [], None
            await self.call(self._ledger.attempts.record, moves)
        for move in moves:
            self.counts[move.before] -= 1
            self.counts[move.after] += 1

    async def close(self) -> None:
        """Write the remaining moves and stop the thread."""
        if self._commit is not None:
            await asyncio.wait({self._commit})
        self._thread.shutdown(wait=True)


def _retrieve_error(commit: asyncio.Task[None]) -> None:
    """Retrieve a commit's error, which asyncio would print with its traceback if every waiting task was cancelled."""
    if not commit.cancelled():
        commit.exception()
