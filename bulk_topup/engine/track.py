"""Tracks accepted rows to final status with few requests: callback hints, sweeps of the list, single look-ups."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Final

from bulk_topup.domain.attempt import OpenAttempt
from bulk_topup.domain.moves import move_for, state_for
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import DVSError, ErrorCode, NotFoundError, UnreadableBodyError
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.dvs.pagination import PAGES_AT_ONCE
from bulk_topup.dvs.statuses import StatusClass, class_of
from bulk_topup.engine.absence_proof import ABSENCE_WAIT
from bulk_topup.engine.callback_hints import CallbackHints
from bulk_topup.engine.concurrency import gather_sum
from bulk_topup.engine.conflict_proof import ConflictProof
from bulk_topup.engine.control import StopReason, format_seconds
from bulk_topup.engine.missing_transactions import MissingTransactions, conflict_of
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.poll_pace import PollPace
from bulk_topup.engine.polling import PollQuery, PollSchedule, PollTally, Slice, second_of
from bulk_topup.engine.run_context import RunContext

#: Maximum rows that one poll looks up one by one.
SINGLES_PER_POLL = 100
#: While rows are sent, one concurrent request in this many is for tracking.
SUBMITTING_PER_TRACKING: Final = 8
#: Share of the tracking timeout without changes after which rows are polled again, whatever is expected of them.
BEFORE_TIMEOUT = 0.4


class Tracker:
    """Polls until no accepted row is left, or the run stops.

    Args:
        context: what the parts of the run share.
        recorder: records moves.
        conflicts: ends conflicts by proof.
    """

    def __init__(self, context: RunContext, recorder: MoveRecorder, conflicts: ConflictProof) -> None:
        self._context = context
        self._dvs = context.dvs
        self._ledger = context.ledger
        self._journal = context.journal
        self._run = context.run
        self._control = context.control
        self._clock = context.clock
        self._policy = context.options.polling
        self._timeout = context.options.tracking_timeout
        #: Whether to leave out unconfirmed transactions: only the hold coordinator moves them.
        self._exclude_unconfirmed = context.is_hold_mode
        self._recorder = recorder
        self._hints = CallbackHints(context, recorder)
        self._conflicts = conflicts
        self._all_submitted = asyncio.Event()
        self._woken = asyncio.Event()
        patience = max(self._policy.longest, self._timeout * BEFORE_TIMEOUT)
        self._polls = PollSchedule(policy=self._policy, patience=patience)
        self._pace = PollPace(context.dvs, self._polls, context.clock)
        #: When the monotonic clock was 0, by a clock that is never behind DVS's.
        self._epoch = self._clock.now() - timedelta(seconds=self._clock.monotonic())
        #: The row that was looked up last when one poll could not cover all; the next poll continues after it.
        self._last_looked_up = 0
        self._missing = MissingTransactions(self._clock, ABSENCE_WAIT)

    def end_submitting(self) -> None:
        """Record that no further row will be accepted."""
        self._all_submitted.set()
        self._control.quiet.set()

    def wake(self) -> None:
        """Wake the tracker after a callback."""
        self._woken.set()

    async def track_all(self) -> None:
        """Follow callback hints and poll until every row is final or the run stops."""
        now = self._clock.monotonic
        wait = self._policy.shortest
        changed_at = now()
        next_poll = now() + self._polls.wait_while_submitting
        was_submitted = were_conflicts_proved = False
        while not self._control.is_stopping:
            self._woken.clear()
            # Read before the poll: what happens during it ends the wait after it.
            changes = [event for event in (self._control.quiet, self._all_submitted) if not event.is_set()]
            submitted = self._control.quiet.is_set()
            changed = await self._count(self._hints.follow(concurrency=self._concurrency))
            is_open = await self._is_open()
            if not is_open and self._all_submitted.is_set():
                if were_conflicts_proved or not await self._conflicts.look_up_all():
                    return
                were_conflicts_proved = True  # once: what is accepted after all is tracked to its end
                continue
            if submitted and not was_submitted:
                next_poll = now() + wait
            elif now() >= next_poll:
                spare = self._pace.measure(is_over=submitted)
                due = await self._due(spare) if is_open and not self._control.is_paused else []
                if due:
                    polled = await self._count(self._poll(due))
                    if submitted:
                        wait = self._policy.next_wait(wait, polled, sum(each.count for each in due))
                    changed += polled
                next_poll = now() + self._pace.wait(wait, open_rows=self._journal.counts[RowState.ACCEPTED])
            was_submitted = submitted
            if changed or not submitted or not is_open:
                changed_at = now()
            elif now() - changed_at > self._timeout:
                self._control.stop(
                    StopReason.STILL_OPEN,
                    f"No status change for {format_seconds(self._timeout)}; "
                    f"{format_rows(self._journal.counts[RowState.ACCEPTED])} open. "
                    f"Resume later: {self._context.resume_command}",
                )
            await self._control.sleep(next_poll - now(), until=[self._woken, *changes])

    @property
    def _concurrency(self) -> int:
        """Maximum concurrent requests for tracking: a part of the run's while rows are sent."""
        concurrency = self._context.concurrency
        return concurrency if self._control.quiet.is_set() else max(1, concurrency // SUBMITTING_PER_TRACKING)

    async def _count(self, requests: Awaitable[int]) -> int:
        """Return how many rows became final by requests; 0 if they failed."""
        try:
            return await requests
        except DVSError as error:
            self._control.record_error(error)
        return 0

    async def _is_open(self) -> bool:
        """Return True if any accepted row is left to track."""
        if self._exclude_unconfirmed and self._journal.counts[RowState.ACCEPTED]:
            return bool(await self._journal.call(self._ledger.attempts.accepted_seconds, self._run, exclude_held=True))
        return self._journal.counts[RowState.ACCEPTED] > 0

    async def _due(self, spare: float) -> list[Slice]:
        """Return what to poll now, with so many requests to spare."""
        read = self._ledger.attempts.accepted_seconds
        if seconds := await self._journal.call(read, self._run, exclude_held=self._exclude_unconfirmed):
            # Creation dates are DVS's; a local clock that is behind, or set back, would make nothing due.
            self._epoch += max(timedelta(), max(each.newest for each in seconds) - self._now())
        return self._polls.due(seconds, self._now(), spare=spare)

    def _now(self) -> datetime:
        return self._epoch + timedelta(seconds=self._clock.monotonic())

    async def _poll(self, due: Sequence[Slice]) -> int:
        """Poll slices of open rows, each in the cheaper way; return how many rows became final."""
        final = 0
        single: list[PollQuery] = []
        unseen, seen = list[Slice](), set[int]()
        for query in self._polls.queries(due):
            if self._control.is_stopping:
                return final
            if query.is_sweep:
                ended, rows = await self._sweep(query)
                final += ended
                if self._control.is_paused:
                    return final
                if len(rows) < query.count:
                    unseen += query.slices
                    seen |= rows
            elif sum(each.count for each in single) < SINGLES_PER_POLL:
                single.append(query)
        # What the list does not show (yet) is looked up by transaction ID.
        apart = [each for query in single for each in query.slices]
        if apart or unseen:
            ended, tally = await self._look_up([*unseen, *apart], seen)
            final += ended
            self._polls.record_results(apart, self._now(), tally)
        if not self._last_looked_up:
            for query in single:
                self._polls.record_poll(query, self._now(), {})
        return final

    async def _sweep(self, query: PollQuery) -> tuple[int, set[int]]:
        """Read DVS's list from the oldest to the newest open row; return how many became final, and the rows seen.

        Where the list can't be read, or an entry of it, its rows are not seen: they are looked up one by one.
        """
        final = 0
        seen: set[int] = set()
        tally = PollTally()
        listed: Counter[str] = Counter()
        oldest, newest = query.slices[0].oldest, max(each.newest for each in query.slices)
        wanted = {each.second for each in query.slices}
        transactions = self._dvs.transaction_outcomes.list(from_date=oldest, to_date=newest)
        try:
            async with aclosing(transactions.pages(at_once=min(self._concurrency, PAGES_AT_ONCE))) as pages:
                async for page in pages:
                    self._pace.record_request()
                    self._control.record_response()
                    by_id = {transaction.external_id: transaction for transaction in page.items}
                    listed.update(second_of(transaction.creation_date.astimezone(UTC)) for transaction in page.items)
                    ours = await self._journal.call(
                        self._ledger.attempts.accepted_among,
                        self._run,
                        list(by_id),
                        exclude_held=self._exclude_unconfirmed,
                    )
                    seen |= {item.attempt.row_id for item in ours if second_of(item.creation_date) in wanted}
                    found = [(item, by_id[item.attempt.external_id]) for item in ours]
                    for item, transaction in found:
                        self._tally(item, transaction, tally)
                    final += await self._record(found)
                    await self._conflicts.compare_listed(page.items)
                    if self._control.is_stopping:
                        break
        except DVSError as error:
            self._control.record_error(error)
            return final, seen  # the others stay due: one poll looks up only so many of them
        self._polls.record_results(query.slices, self._now(), tally)
        self._polls.record_poll(query, self._now(), listed)
        return final, seen

    async def _look_up(self, slices: Sequence[Slice], seen: set[int]) -> tuple[int, PollTally]:
        """Look up rows of slices one by one, except those that the list has shown; return how many became final."""
        tally = PollTally()

        async def fetch(item: OpenAttempt) -> int:
            if self._control.is_stopping:
                return 0
            self._last_looked_up = item.attempt.row_id
            self._pace.record_request()
            try:
                transaction = await self._dvs.transaction_outcomes.get(item.transaction_id)
            except NotFoundError as error:
                # Neither a failure of DVS as a whole nor a proof of anything.
                return await self._record_miss(item, error)
            except UnreadableBodyError:
                return 0  # of this row alone, and no proof of anything either
            self._control.record_response()
            self._tally(item, transaction, tally)
            return await self._record([(item, transaction)])

        items, are_all = await self._unseen(slices, seen, after_row=self._last_looked_up)
        final = await gather_sum(fetch, items, concurrency=self._concurrency)
        if are_all:
            self._last_looked_up = 0
        return final, tally

    async def _unseen(
        self, slices: Sequence[Slice], seen: set[int], *, after_row: int
    ) -> tuple[list[OpenAttempt], bool]:
        """Return rows of slices that the list has not shown, up to a poll's maximum, and whether those are all."""
        unseen: list[OpenAttempt] = []
        while items := await self._journal.call(
            self._ledger.attempts.accepted,
            self._run,
            seconds=[each.second for each in slices],
            after_row=after_row,
            exclude_held=self._exclude_unconfirmed,
        ):
            after_row = items[-1].attempt.row_id
            unseen += (item for item in items if item.attempt.row_id not in seen)
            if len(unseen) > SINGLES_PER_POLL:
                return unseen[:SINGLES_PER_POLL], False
        return unseen, True

    def _tally(self, item: OpenAttempt, transaction: TransactionOutcome, tally: PollTally) -> None:
        """Record that a transaction was found, and whether it is final."""
        self._missing.record_found(item)
        has_ended = state_for(transaction) is not RowState.ACCEPTED
        tally.add(second_of(item.creation_date), item.attempt.operator_id, has_ended=has_ended)

    async def _record_miss(self, item: OpenAttempt, error: NotFoundError) -> int:
        """Record that a transaction was not found; if that lasts, what the list shows of it, else a conflict."""
        if not error.has_code(ErrorCode.TRANSACTION_NOT_FOUND) or not self._missing.record_miss(item):
            return 0
        try:
            found, _ = await self._dvs.transaction_outcomes.find(item.attempt.external_id)
        except UnreadableBodyError:
            return 0  # it may be the row's
        if found is not None:
            self._missing.record_found(item)
            return await self._record([(item, found)])
        await self._recorder.record((item.attempt, conflict_of(item)))
        return 1

    async def _record(self, found: Iterable[tuple[OpenAttempt, TransactionOutcome]]) -> int:
        moves = [
            (item.attempt, move)
            for item, transaction in found
            if (move := move_for(item.attempt, RowState.ACCEPTED, transaction, "status read")).after
            is not RowState.ACCEPTED
            or (transaction.status.message != item.status_message and not self._is_stale(transaction))
        ]
        await self._recorder.record(*moves)
        return sum(move.after is not RowState.ACCEPTED for _, move in moves)

    def _is_stale(self, transaction: TransactionOutcome) -> bool:
        """Return True if a status is older than the confirmation, without which hold mode tracks no transaction."""
        return self._exclude_unconfirmed and class_of(transaction.status) is StatusClass.CREATED
