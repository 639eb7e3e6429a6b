"""Rows in conflict that DVS's record proves to be right after all; sends look-ups, and records moves.

A conflict may have been a list that was behind, an answer of something on the way, or a spelling that an earlier
version did not understand. Only a transaction that is the row's own by all that is compared ends it without a person,
and only if a run has found the conflict: one of a rebuild or a comparison is about more than one record.
"""

from collections.abc import Collection, Iterator
from typing import Final

from bulk_topup.domain.attempt import Attempt, KnownTransaction, Move
from bulk_topup.domain.moves import move_out_of_conflict
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import DVSError, NotFoundError, UnreadableBodyError
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.dvs.statuses import StatusClass, class_of
from bulk_topup.engine.concurrency import gather_sum
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext

#: Most rows in conflict that are looked up at once, in turn, at the start and at the end of an invocation; sweeps of
#: the list and `reconcile` cover more.
MAX_LOOKUPS: Final = 1_000
#: The cause in the event log.
CAUSE: Final = "conflict ended by DVS's record"


class ConflictProof:
    """Ends conflicts by proof.

    Conflicts about unconfirmed transactions are left to the start of an invocation: one that ends after the decision of
    hold mode was not compared when that was made.

    Args:
        context: what the parts of the run share.
        recorder: records moves.
    """

    def __init__(self, context: RunContext, recorder: MoveRecorder) -> None:
        self._context = context
        self._control = context.control
        self._ledger = context.ledger
        self._journal = context.journal
        self._recorder = recorder
        #: Rows that are being moved: a look-up and a sweep of the list may prove the same one at the same time.
        self._proving: set[int] = set()
        #: Rows that this invocation has looked up, and that are still in conflict.
        self._looked_up: set[int] = set()
        #: A sentence about conflicts that were not looked up; empty without any.
        self.message = ""

    async def look_up_all(self, *, is_start: bool = False) -> int:
        """Look up the transactions of the run's rows in conflict, and move the rows that these prove to be right.

        If there are more than `MAX_LOOKUPS`, those that were looked up come last the next time.

        Args:
            is_start: whether nothing was decided in hold mode yet.

        Returns:
            How many rows moved; 0 if DVS did not respond.
        """
        if not self._journal.counts[RowState.CONFLICT]:
            return 0
        count = await self._journal.call(self._ledger.conflicts.count, self._context.run)
        known = await self._journal.call(self._ledger.conflicts.attempts, self._context.run, limit=MAX_LOOKUPS)
        unproved: list[Attempt] = []

        async def look_up(each: KnownTransaction) -> int:
            moved = await self._look_up(each, is_start=is_start)
            if moved == 0:
                unproved.append(each.attempt)
            return moved or 0

        try:
            moved = await gather_sum(look_up, known, concurrency=self._context.concurrency)
        except DVSError as error:
            self._control.record_error(error)
            moved = 0
        self._looked_up |= {attempt.row_id for attempt in unproved}
        if count > MAX_LOOKUPS:
            await self._journal.call(self._ledger.conflicts.record_lookups, unproved)
        self._set_message(await self._journal.call(self._ledger.conflicts.count, self._context.run))
        return moved

    def _set_message(self, count: int) -> None:
        left = count - len(self._looked_up)
        self.message = ""
        if left > 0 and count > MAX_LOOKUPS:
            self.message = f"{left:,} of {format_rows(count)} in conflict were not looked up; the next start does that."

    async def compare_listed(self, transactions: Collection[TransactionOutcome]) -> None:
        """Move rows in conflict that transactions of DVS's list prove to be right."""
        if not self._journal.counts[RowState.CONFLICT]:
            return
        by_id = {transaction.external_id: transaction for transaction in transactions}
        known = await self._journal.call(
            self._ledger.conflicts.attempts, self._context.run, limit=len(by_id), external_ids=list(by_id)
        )
        listed = ((each, by_id[each.attempt.external_id]) for each in known)
        moves = await self._record(self._proved(listed, is_start=False))
        self._looked_up -= {attempt.row_id for attempt, _ in moves}

    async def _look_up(self, known: KnownTransaction, *, is_start: bool) -> int | None:
        """Return how many rows moved; None if nothing was looked up."""
        if self._control.is_stopping:
            return None
        try:
            transaction = await self._find(known)
        except UnreadableBodyError:
            return 0  # of this row alone, and no proof
        self._control.record_response()
        if transaction is None:
            return 0
        proved = list(self._proved(iter([(known, transaction)]), is_start=is_start))
        # A row that the list proves at the same time moves with that.
        return len(await self._record(iter(proved))) or None if proved else 0

    async def _find(self, known: KnownTransaction) -> TransactionOutcome | None:
        if known.transaction_id is not None:
            try:
                return await self._context.dvs.transaction_outcomes.get(known.transaction_id)
            except NotFoundError:
                pass
        found, _ = await self._context.dvs.transaction_outcomes.find(known.attempt.external_id)
        return found

    async def _record(self, proved: Iterator[tuple[Attempt, Move]]) -> list[tuple[Attempt, Move]]:
        """Record moves of rows that are still in conflict and that nothing else moves, and return them."""
        moves = {move.row_id: (attempt, move) for attempt, move in proved if move.row_id not in self._proving}
        if not moves:
            return []
        self._proving |= moves.keys()
        try:
            still = await self._journal.call(
                self._ledger.conflicts.attempts,
                self._context.run,
                limit=len(moves),
                external_ids=[attempt.external_id for attempt, _ in moves.values()],
            )
            recorded = [moves[each.attempt.row_id] for each in still]
            await self._recorder.record(*recorded)
        finally:
            self._proving -= moves.keys()
        return recorded

    def _proved(
        self, found: Iterator[tuple[KnownTransaction, TransactionOutcome]], *, is_start: bool
    ) -> Iterator[tuple[Attempt, Move]]:
        for known, transaction in found:
            is_unconfirmed = self._context.is_hold_mode and class_of(transaction.status) is StatusClass.CREATED
            if is_unconfirmed and not is_start:
                continue
            if (move := move_out_of_conflict(known, transaction, CAUSE)) is not None:
                yield known.attempt, move
