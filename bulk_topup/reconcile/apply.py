"""Moves rows as transactions that a comparison found prove; sends no payment."""

from dataclasses import dataclass, replace
from typing import Final

from bulk_topup.domain.attempt import RECONCILED, KnownAttempt, Move
from bulk_topup.domain.moves import move_for, move_out_of_conflict, reversal_of_forgotten
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, NotFoundError, UnreadableBodyError
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.compare import Comparison
from bulk_topup.reconcile.discrepancies import Discrepancy, DiscrepancyKind

#: The cause in the event log of a row that a comparison moved.
CAUSE: Final = RECONCILED

#: Discrepancies that a transaction may resolve.
_PROVABLE: Final = frozenset(
    {
        DiscrepancyKind.IN_FLIGHT_FOUND,
        DiscrepancyKind.DIFFERENT_STATUS,
        DiscrepancyKind.DIFFERENT_REQUEST,
        DiscrepancyKind.REVERSED_LATER,
        DiscrepancyKind.CONFLICT,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """A row that a comparison moved."""

    discrepancy: Discrepancy
    before: RowState
    after: RowState


async def apply(comparison: Comparison, *, dvs: AsyncDVS, ledger: LedgerStore) -> list[Applied]:
    """Move the rows whose state a transaction, fetched again, proves to be another; missing transactions move nothing.

    Args:
        comparison: the discrepancies.
        dvs: an open client.
        ledger: an open ledger; the caller holds the locks of the runs.

    Returns:
        The moves that were made.

    Raises:
        DVSError: DVS did not respond; moves before it are kept.
    """
    applied = []
    for discrepancy in comparison.discrepancies:
        if discrepancy.kind not in _PROVABLE or discrepancy.external_id is None or discrepancy.transaction_id is None:
            continue
        known = ledger.comparison.find_attempts([discrepancy.external_id])[discrepancy.external_id]
        try:
            transaction = await dvs.transactions.get(discrepancy.transaction_id)
        except (NotFoundError, UnreadableBodyError):
            continue
        move = proved_move(known, transaction)
        if move is not None and move.before is RowState.CONFLICT and ledger.conflicts.is_of_rebuild(move.row_id):
            continue  # it may be paid under two IDs
        if move is not None:
            ledger.attempts.record([move])
            applied.append(Applied(discrepancy=discrepancy, before=move.before, after=move.after))
    return applied


def proved_move(known: KnownAttempt, transaction: Transaction) -> Move | None:
    """Return the move that a transaction proves for the row whose latest attempt it belongs to; None if none."""
    if not known.is_latest:
        return None
    if known.is_purged:
        return reversal_of_forgotten(known, transaction, CAUSE)
    if known.state is RowState.CONFLICT:
        return move_out_of_conflict(known, transaction, CAUSE)
    is_known = known.transaction_id == transaction.id
    move = move_for(known.attempt, known.state, transaction, CAUSE, found_by_id=not is_known)
    match known.state:
        case RowState.IN_FLIGHT:
            return move
        case RowState.ACCEPTED:
            is_news = move.after is not RowState.ACCEPTED or transaction.status.message != known.status_message
            return move if is_news else None
        case RowState.COMPLETED:
            return move if move.after is RowState.REVERSED else None
        case RowState.FAILED if move.after in {RowState.COMPLETED, RowState.ACCEPTED}:
            # A conflict is not retried; a person or a second comparison may resolve it as paid.
            return replace(
                move,
                after=RowState.CONFLICT,
                facts=None,
                message=(f"The row failed, but DVS has transaction {transaction.id} ({transaction.status.message})."),
            )
        case _:
            return None
