"""Follows accepted rows to their final status with few requests: callbacks, sweeps of the list, single GETs."""

import asyncio
from collections.abc import Awaitable, Iterable

from bulk_topup.clock import Clock
from bulk_topup.dvs import AsyncDVS, DVSError, ErrorCode, NotFoundError, UnauthorizedError
from bulk_topup.dvs.models import Transaction
from bulk_topup.engine.control import Control, StopReason
from bulk_topup.engine.decisions import PollPolicy, move_for, sweep_is_cheaper
from bulk_topup.engine.hints import Hints
from bulk_topup.engine.journal import Journal
from bulk_topup.engine.settlement import Settlement
from bulk_topup.engine.vanishing import Vanishing, vanished
from bulk_topup.ledger import Ledger
from bulk_topup.records import Move, OpenAttempt, Run, Window
from bulk_topup.states import RowState

#: Rows that are asked for one by one in a poll, at most.
SINGLES_PER_POLL = 100
#: Polls are rarer by this factor while rows are still being submitted.
WHILE_SUBMITTING = 5.0


class Tracker:
    """Polls until no accepted row is left, or the run stops.

    Args:
        dvs: the client.
        ledger: where accepted rows are looked up.
        journal: where the ledger is called.
        settlement: where moves are written.
        run: the run.
        control: the run's brakes.
        clock: where time comes from.
        policy: how often to ask.
        timeout: seconds without any change, after the last row was submitted, before the rest is left for later.
        but_held: whether transactions that wait to be confirmed are somebody else's to follow.
    """

    def __init__(
        self,
        *,
        dvs: AsyncDVS,
        ledger: Ledger,
        journal: Journal,
        settlement: Settlement,
        run: Run,
        control: Control,
        clock: Clock,
        policy: PollPolicy,
        timeout: float,
        but_held: bool,
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._journal = journal
        self._settlement = settlement
        self._run = run
        self._control = control
        self._clock = clock
        self._policy = policy
        self._timeout = timeout
        self._but_held = but_held
        self._hints = Hints(dvs=dvs, ledger=ledger, journal=journal, settlement=settlement, run=run, but_held=but_held)
        self._all_submitted = asyncio.Event()
        self._woken = asyncio.Event()
        self._listed_last = 0
        #: The row that was asked for singly last: the next poll goes on behind it, so that each row gets its turn.
        self._asked_last = 0
        self._vanishing = Vanishing(clock, dvs.timeout)

    def submitting_ended(self) -> None:
        """Take in that no further row will be accepted."""
        self._all_submitted.set()
        self._control.quiet.set()

    def wake(self) -> None:
        """Take in that a callback came."""
        self._woken.set()

    async def track_all(self) -> None:
        """Follow callbacks and poll until everything is final."""
        now = self._clock.monotonic
        wait = self._policy.shortest
        changed_at = now()
        next_poll = now() + wait * WHILE_SUBMITTING
        was_submitted = False
        while not self._control.is_stopping:
            self._woken.clear()
            submitted = self._control.quiet.is_set()
            changed = await self._count(self._hints.follow())
            window = await self._journal.call(self._ledger.accepted_window, self._run, but_held=self._but_held)
            if window is None and self._all_submitted.is_set():
                return
            if submitted and not was_submitted:
                next_poll = now() + wait
            elif now() >= next_poll:
                if window is not None and not self._control.is_paused:
                    polled = await self._count(self._poll(window))
                    wait = self._policy.next_wait(wait, polled, window.count)
                    changed += polled
                next_poll = now() + (wait if submitted else self._policy.shortest * WHILE_SUBMITTING)
            was_submitted = submitted
            if changed or not submitted or window is None:
                changed_at = now()
            elif now() - changed_at > self._timeout:
                self._control.stop(
                    StopReason.STILL_OPEN,
                    f"Nothing changed for {self._timeout:.0f} s, and the last transactions are not final; "
                    "resume the run later.",
                )
            turns = [event for event in (self._control.quiet, self._all_submitted) if not event.is_set()]
            await self._control.sleep(next_poll - now(), until=[self._woken, *turns])

    async def _count(self, asking: Awaitable[int]) -> int:
        """Give the number of rows that became final by asking the provider; 0 where it does not answer."""
        try:
            return await asking
        except UnauthorizedError as error:
            self._control.stop(StopReason.UNAUTHORIZED, f"{error}. Check DVS_API_KEY and DVS_API_SECRET, then resume.")
        except DVSError as error:
            self._control.unanswered(error)
        return 0

    async def _poll(self, window: Window) -> int:
        """Ask once for everything open, the cheaper way, and give the number of rows that became final."""
        if not sweep_is_cheaper(window.count, self._listed_last, window.newest - window.oldest):
            return await self._ask_singly()
        final, seen = await self._sweep(window)
        # What the list does not show (yet) is asked for by its id.
        return final + (await self._ask_singly() if seen < window.count else 0)

    async def _sweep(self, window: Window) -> tuple[int, int]:
        """Read the list from the oldest to the newest open row; give how many became final, and how many were seen."""
        final = seen = listed = 0
        listing = self._dvs.transactions.list(from_date=window.oldest, to_date=window.newest)
        async for page in listing.pages():
            self._control.answered()
            listed += len(page.items)
            by_id = {transaction.external_id: transaction for transaction in page.items}
            ours = await self._journal.call(
                self._ledger.accepted_among, self._run, list(by_id), but_held=self._but_held
            )
            seen += len(ours)
            for item in ours:
                self._vanishing.found(item)
            final += await self._record((item, by_id[item.attempt.external_id]) for item in ours)
            if self._control.is_stopping:
                break
        self._listed_last = listed
        return final, seen

    async def _ask_singly(self) -> int:
        """Ask for the next rows one by one; give how many became final."""
        final = 0
        items = await self._journal.call(
            self._ledger.accepted,
            self._run,
            after_row=self._asked_last,
            limit=SINGLES_PER_POLL,
            but_held=self._but_held,
        )
        for item in items:
            if self._control.is_stopping:
                break
            try:
                transaction = await self._dvs.transactions.get(item.transaction_id)
            except NotFoundError as error:
                # Not a failure of the provider as a whole, and no proof of anything.
                final += await self._after_miss(item, error)
                continue
            self._control.answered()
            self._vanishing.found(item)
            final += await self._record([(item, transaction)])
        self._asked_last = items[-1].attempt.row_id if len(items) == SINGLES_PER_POLL else 0
        return final

    async def _after_miss(self, item: OpenAttempt, error: NotFoundError) -> int:
        """Leave a row open whose transaction is not found, until that is so for long: then a person has to look."""
        if not error.has_code(ErrorCode.TRANSACTION_NOT_FOUND) or not self._vanishing.missed(item):
            return 0
        page = await self._dvs.transactions.list(external_id=item.attempt.external_id).page()
        if any(each.external_id == item.attempt.external_id for each in page.items):
            self._vanishing.found(item)
            return 0
        await self._settlement.record((item.attempt, vanished(item)))
        return 1

    async def _record(self, found: Iterable[tuple[OpenAttempt, Transaction]]) -> int:
        moves = [
            (item.attempt, move)
            for item, transaction in found
            if (move := self._move(item, transaction)).after is not RowState.ACCEPTED
            or transaction.status.message != item.status_message
        ]
        await self._settlement.record(*moves)
        return sum(move.after is not RowState.ACCEPTED for _, move in moves)

    @staticmethod
    def _move(item: OpenAttempt, transaction: Transaction) -> Move:
        return move_for(item.attempt, RowState.ACCEPTED, transaction, "status read")
