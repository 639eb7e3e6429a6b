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
from bulk_topup.dvs import DVSError, NotFoundError, UnreadableBodyError
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.dvs.statuses import StatusClass, class_of
from bulk_topup.engine.concurrency import gather_sum
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext

#: Most rows in conflict that are looked up at once, at the start and at the end of an invocation; sweeps of the list
#: and `reconcile` cover more.
MAX_LOOKUPS: Final = 1_000
#: The cause in the event log.
CAUSE: Final = "conflict ended by DVS's record"


class ConflictProof:
    """Ends conflicts by proof.

    Args:
        context: what the parts of the run share.
        recorder: records moves.
        exclude_unconfirmed: leave conflicts about unconfirmed transactions to the start of the next invocation: one
            that ends after the decision of hold mode was not compared when that was made.
    """

    def __init__(self, context: RunContext, recorder: MoveRecorder, *, exclude_unconfirmed: bool = False) -> None:
        self._context = context
        self._exclude_unconfirmed = exclude_unconfirmed
        self._control = context.control
        self._ledger = context.ledger
        self._journal = context.journal
        self._recorder = recorder

    async def look_up_all(self) -> int:
        """Look up the transactions of the run's rows in conflict, and move the rows that these prove to be right.

        Returns:
            How many rows moved; 0 if DVS did not respond.
        """
        if not self._journal.counts[RowState.CONFLICT]:
            return 0
        known = await self._journal.call(self._ledger.conflicts.attempts, self._context.run, limit=MAX_LOOKUPS)
        try:
            return await gather_sum(self._look_up, known, concurrency=self._context.concurrency)
        except DVSError as error:
            self._control.record_error(error)
            return 0

    async def compare_listed(self, transactions: Collection[TransactionOutcome]) -> None:
        """Move rows in conflict that transactions of DVS's list prove to be right."""
        if not self._journal.counts[RowState.CONFLICT]:
            return
        by_id = {transaction.external_id: transaction for transaction in transactions}
        known = await self._journal.call(
            self._ledger.conflicts.attempts, self._context.run, limit=len(by_id), external_ids=list(by_id)
        )
        await self._recorder.record(*self._proved((each, by_id[each.attempt.external_id]) for each in known))

    async def _look_up(self, known: KnownTransaction) -> int:
        if self._control.is_stopping:
            return 0
        try:
            transaction = await self._find(known)
        except UnreadableBodyError:
            return 0  # of this row alone, and no proof
        self._control.record_response()
        if transaction is None:
            return 0
        moves = list(self._proved(iter([(known, transaction)])))
        await self._recorder.record(*moves)
        return len(moves)

    async def _find(self, known: KnownTransaction) -> TransactionOutcome | None:
        if known.transaction_id is not None:
            try:
                return await self._context.dvs.transaction_outcomes.get(known.transaction_id)
            except NotFoundError:
                pass
        found, _ = await self._context.dvs.transaction_outcomes.find(known.attempt.external_id)
        return found

    def _proved(self, found: Iterator[tuple[KnownTransaction, TransactionOutcome]]) -> Iterator[tuple[Attempt, Move]]:
        for known, transaction in found:
            if self._exclude_unconfirmed and class_of(transaction.status) is StatusClass.CREATED:
                continue
            if (move := move_out_of_conflict(known, transaction, CAUSE)) is not None:
                yield known.attempt, move
