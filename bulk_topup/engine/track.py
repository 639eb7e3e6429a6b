"""Follows accepted rows to their final status with few requests: callbacks, sweeps of the list, single GETs."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Final

from bulk_topup.domain.attempt import Move, OpenAttempt
from bulk_topup.domain.moves import move_for, state_for
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, DVSError, ErrorCode, NotFoundError, UnauthorizedError
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.dvs.pagination import PAGES_AT_ONCE
from bulk_topup.dvs.statuses import StatusClass, class_of
from bulk_topup.engine.callback_hints import CallbackHints
from bulk_topup.engine.concurrency import gather_sum
from bulk_topup.engine.control import Control, StopReason
from bulk_topup.engine.journal import Journal
from bulk_topup.engine.missing_transactions import MissingTransactions, vanished
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.polling import PollPolicy, PollSchedule, PollTally, Question, Slice, second_of
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock

#: Rows that are asked for one by one in a poll, at most.
SINGLES_PER_POLL = 100
#: Seconds between polls for each open row: to look through all of them takes a fiftieth of that, at most.
A_ROW = 0.0001
#: While rows are sent, one place on the wire in so many is for questions.
PLACES_EVERY: Final = 8
#: Rows are asked for again after this part of the time without changes that ends a run, whatever is expected.
BEFORE_TIMEOUT = 0.4


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
        concurrency: requests that may be on their way at once.
        timeout: seconds without any change, after the last row was submitted, before the rest is left for later.
        exclude_held: whether transactions that wait to be confirmed are somebody else's to follow.
    """

    def __init__(
        self,
        *,
        dvs: AsyncDVS,
        ledger: LedgerStore,
        journal: Journal,
        settlement: MoveRecorder,
        run: Run,
        control: Control,
        clock: Clock,
        policy: PollPolicy,
        concurrency: int,
        timeout: float,
        exclude_held: bool,
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._journal = journal
        self._settlement = settlement
        self._run = run
        self._control = control
        self._clock = clock
        self._policy = policy
        self._concurrency = concurrency
        self._timeout = timeout
        self._exclude_held = exclude_held
        self._hints = CallbackHints(
            dvs=dvs, ledger=ledger, journal=journal, settlement=settlement, run=run, exclude_held=exclude_held
        )
        self._all_submitted = asyncio.Event()
        self._woken = asyncio.Event()
        self._polls = PollSchedule(policy=policy, patience=max(policy.longest, timeout * BEFORE_TIMEOUT))
        #: The time at which the monotonic clock was 0, by a clock that is never behind the provider's.
        self._epoch = clock.now() - timedelta(seconds=clock.monotonic())
        #: The row that was asked for singly last where not all could be: the next poll goes on behind it.
        self._asked_last = 0
        self._vanishing = MissingTransactions(clock, dvs.timeout)

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
        next_poll = now() + self._polls.wait_while_submitting
        was_submitted = False
        while not self._control.is_stopping:
            self._woken.clear()
            submitted = self._control.quiet.is_set()
            changed = await self._count(self._hints.follow(at_once=self._at_once))
            is_open = await self._is_open()
            if not is_open and self._all_submitted.is_set():
                return
            if submitted and not was_submitted:
                next_poll = now() + wait
            elif now() >= next_poll:
                due = await self._due() if is_open and not self._control.is_paused else []
                if due:
                    polled = await self._count(self._ask(due))
                    if submitted:
                        wait = self._policy.next_wait(wait, polled, sum(each.count for each in due))
                    changed += polled
                pause = wait if submitted else self._polls.wait_while_submitting
                next_poll = now() + max(pause, A_ROW * self._journal.counts[RowState.ACCEPTED])
            was_submitted = submitted
            if changed or not submitted or not is_open:
                changed_at = now()
            elif now() - changed_at > self._timeout:
                self._control.stop(
                    StopReason.STILL_OPEN,
                    f"Nothing changed for {self._timeout:.0f} s, and the last transactions are not final; "
                    "resume the run later.",
                )
            turns = [event for event in (self._control.quiet, self._all_submitted) if not event.is_set()]
            await self._control.sleep(next_poll - now(), until=[self._woken, *turns])

    @property
    def _at_once(self) -> int:
        """Requests that may be on their way at once: a part of all places while others pay."""
        return self._concurrency if self._control.quiet.is_set() else max(1, self._concurrency // PLACES_EVERY)

    async def _count(self, asking: Awaitable[int]) -> int:
        """Give the number of rows that became final by asking the provider; 0 where it does not answer."""
        try:
            return await asking
        except UnauthorizedError as error:
            self._control.stop(StopReason.UNAUTHORIZED, f"{error}. Check DVS_API_KEY and DVS_API_SECRET, then resume.")
        except DVSError as error:
            self._control.unanswered(error)
        return 0

    async def _is_open(self) -> bool:
        """Tell whether any row is accepted that is this tracker's to follow."""
        if self._exclude_held and self._journal.counts[RowState.ACCEPTED]:
            return bool(await self._journal.call(self._ledger.attempts.accepted_seconds, self._run, exclude_held=True))
        return self._journal.counts[RowState.ACCEPTED] > 0

    async def _due(self) -> list[Slice]:
        """Give what is worth asking for now."""
        seconds = await self._journal.call(
            self._ledger.attempts.accepted_seconds, self._run, exclude_held=self._exclude_held
        )
        if seconds:
            # Creation dates are the provider's; a clock that lags behind, or is set back, would make nothing due.
            self._epoch += max(timedelta(), max(each.newest for each in seconds) - self._now())
        return self._polls.due(seconds, self._now())

    def _now(self) -> datetime:
        return self._epoch + timedelta(seconds=self._clock.monotonic())

    async def _ask(self, due: Sequence[Slice]) -> int:
        """Ask for slices of open rows in the cheaper way each, and give the number of rows that became final."""
        final = 0
        singly: list[Question] = []
        unseen: list[Slice] = []
        seen: set[int] = set()
        for question in self._polls.questions(due):
            if self._control.is_stopping:
                return final
            if question.is_sweep:
                ended, rows = await self._sweep(question)
                final += ended
                if len(rows) < question.count:
                    unseen += question.slices
                    seen |= rows
            elif sum(each.count for each in singly) < SINGLES_PER_POLL:
                singly.append(question)
        # What the list does not show (yet) is asked for by its id.
        apart = [each for question in singly for each in question.slices]
        if apart or unseen:
            ended, looks = await self._ask_singly([*unseen, *apart], seen)
            final += ended
            self._polls.record_results(apart, self._now(), looks)
        if not self._asked_last:
            for question in singly:
                self._polls.asked(question, self._now(), {})
        return final

    async def _sweep(self, question: Question) -> tuple[int, set[int]]:
        """Read the list from the oldest to the newest open row; give how many became final, and which were seen."""
        final = 0
        seen: set[int] = set()
        looks = PollTally()
        listed: Counter[str] = Counter()
        oldest, newest = question.slices[0].oldest, max(each.newest for each in question.slices)
        wanted = {each.second for each in question.slices}
        transactions = self._dvs.transaction_outcomes.list(from_date=oldest, to_date=newest)
        async with aclosing(transactions.pages(at_once=min(self._at_once, PAGES_AT_ONCE))) as pages:
            async for page in pages:
                self._control.answered()
                by_id = {transaction.external_id: transaction for transaction in page.items}
                listed.update(second_of(transaction.creation_date.astimezone(UTC)) for transaction in page.items)
                ours = await self._journal.call(
                    self._ledger.attempts.accepted_among, self._run, list(by_id), exclude_held=self._exclude_held
                )
                seen |= {item.attempt.row_id for item in ours if second_of(item.creation_date) in wanted}
                found = [(item, by_id[item.attempt.external_id]) for item in ours]
                for item, transaction in found:
                    self._look(item, transaction, looks)
                final += await self._record(found)
                if self._control.is_stopping:
                    break
        self._polls.record_results(question.slices, self._now(), looks)
        self._polls.asked(question, self._now(), listed)
        return final, seen

    async def _ask_singly(self, slices: Sequence[Slice], seen: set[int]) -> tuple[int, PollTally]:
        """Ask for rows of slices one by one, but for those that the list has shown; give how many became final."""
        looks = PollTally()

        async def ask(item: OpenAttempt) -> int:
            if self._control.is_stopping:
                return 0
            self._asked_last = item.attempt.row_id
            try:
                transaction = await self._dvs.transaction_outcomes.get(item.transaction_id)
            except NotFoundError as error:
                # Not a failure of the provider as a whole, and no proof of anything.
                return await self._after_miss(item, error)
            self._control.answered()
            self._look(item, transaction, looks)
            return await self._record([(item, transaction)])

        items, are_all = await self._unseen(slices, seen, after_row=self._asked_last)
        final = await gather_sum(ask, items, at_once=self._at_once)
        if are_all:
            self._asked_last = 0
        return final, looks

    async def _unseen(
        self, slices: Sequence[Slice], seen: set[int], *, after_row: int
    ) -> tuple[list[OpenAttempt], bool]:
        """Give rows of slices that the list has not shown, as many as a poll asks for, and whether that is all."""
        unseen: list[OpenAttempt] = []
        while items := await self._journal.call(
            self._ledger.attempts.accepted,
            self._run,
            seconds=[each.second for each in slices],
            after_row=after_row,
            exclude_held=self._exclude_held,
        ):
            after_row = items[-1].attempt.row_id
            unseen += (item for item in items if item.attempt.row_id not in seen)
            if len(unseen) > SINGLES_PER_POLL:
                return unseen[:SINGLES_PER_POLL], False
        return unseen, True

    def _look(self, item: OpenAttempt, transaction: TransactionOutcome, looks: PollTally) -> None:
        """Take in that a transaction was found, and whether it has ended."""
        self._vanishing.found(item)
        has_ended = state_for(transaction) is not RowState.ACCEPTED
        looks.add(second_of(item.creation_date), item.attempt.operator_id, has_ended=has_ended)

    async def _after_miss(self, item: OpenAttempt, error: NotFoundError) -> int:
        """Leave a row open whose transaction is not found, until that is so for long: then a person has to look."""
        if not error.has_code(ErrorCode.TRANSACTION_NOT_FOUND) or not self._vanishing.missed(item):
            return 0
        page = await self._dvs.transaction_outcomes.list(external_id=item.attempt.external_id).page()
        if any(each.external_id == item.attempt.external_id for each in page.items):
            self._vanishing.found(item)
            return 0
        await self._settlement.record((item.attempt, vanished(item)))
        return 1

    async def _record(self, found: Iterable[tuple[OpenAttempt, TransactionOutcome]]) -> int:
        moves = [
            (item.attempt, move)
            for item, transaction in found
            if (move := self._move(item, transaction)).after is not RowState.ACCEPTED
            or (transaction.status.message != item.status_message and not self._is_stale(transaction))
        ]
        await self._settlement.record(*moves)
        return sum(move.after is not RowState.ACCEPTED for _, move in moves)

    def _is_stale(self, transaction: TransactionOutcome) -> bool:
        """Tell that the provider said this before it was asked to confirm: what is followed is not held any more."""
        return self._exclude_held and class_of(transaction.status) is StatusClass.CREATED

    @staticmethod
    def _move(item: OpenAttempt, transaction: TransactionOutcome) -> Move:
        return move_for(item.attempt, RowState.ACCEPTED, transaction, "status read")
