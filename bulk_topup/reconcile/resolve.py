"""Resolves conflicts: by DVS's record if there is one, otherwise by a person's decision; sends no payment."""

from dataclasses import dataclass, replace

from bulk_topup.domain.attempt import KnownAttempt, Move, Resolution
from bulk_topup.domain.echo import differences_from
from bulk_topup.domain.moves import facts_of, move_for, request_of, state_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.errors import InvalidInputError
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.lookup import find

#: States that a conflict may be resolved as.
RESOLVED_STATES = (RowState.COMPLETED, RowState.FAILED, RowState.ACCEPTED, RowState.REVERSED)


class ResolutionError(InvalidInputError):
    """The conflict can't be resolved like that; nothing moved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ManualResolution:
    """A person's decision on the outcome of a row in conflict."""

    state: RowState
    #: The person's name.
    who: str
    #: Why, for the event log.
    reason: str

    @property
    def cause(self) -> str:
        """The cause in the event log."""
        return f"resolved as {self.state} by {self.who}: {self.reason}"


async def resolve(external_id: str, manual: ManualResolution, *, dvs: AsyncDVS, ledger: LedgerStore) -> Move:
    """Resolve the conflict of a row as a person decided, unless DVS's record contradicts that.

    Args:
        external_id: that of the row's latest attempt.
        manual: the person's decision.
        dvs: an open client.
        ledger: an open ledger; the caller holds the lock of the run.

    Returns:
        The move that was made.

    Raises:
        ResolutionError: DVS's record contradicts the decision; nothing moved.
        DVSError: DVS did not respond; nothing moved.
    """
    known = ledger.comparison.find_attempts([external_id])[external_id]
    move, resolution = decide(known, manual, await find(dvs, known))
    if resolution is not None:
        # First: it has no effect until the row moves, and without it a retry might be sent with the wrong ID.
        ledger.conflicts.save_resolution(move.row_id, move.attempt, resolution)
    ledger.attempts.record([move])
    return move


def decide(
    known: KnownAttempt, manual: ManualResolution, transaction: Transaction | None
) -> tuple[Move, Resolution | None]:
    """Return the move that resolves a conflict, and what it means for the attempt's external ID.

    Args:
        known: the latest attempt of a row in conflict.
        manual: the person's decision.
        transaction: what DVS has for the attempt's IDs; None for nothing.

    Raises:
        ResolutionError: DVS's record contradicts the decision.
    """
    where = f"{known.run} line {known.line}"
    decided = Move(
        row_id=known.attempt.row_id,
        attempt=known.attempt.number,
        before=RowState.CONFLICT,
        after=manual.state,
        cause=manual.cause,
        message=f"{known.message} {manual.cause.capitalize()}.".strip(),
    )
    if transaction is None:
        if manual.state is RowState.ACCEPTED:
            raise ResolutionError(
                f"{where}: DVS has no transaction with external ID {known.attempt.external_id} that could be tracked. "
                "Ask DT One for the outcome, then resolve it as failed or completed."
            )
        # A missing record leaves its ID free: if it exists after all, DVS refuses the ID and nothing is paid twice. An
        # ID that DVS reports as used is spent.
        free = Resolution.TAKEN if known.transaction_id is None else Resolution.FREE
        return decided, free if manual.state is RowState.FAILED else None
    there = state_for(transaction)
    found = f"transaction {transaction.id} ({transaction.status.message})"
    proof = move_for(
        known.attempt,
        known.state,
        transaction,
        manual.cause,
        found_by_id=known.transaction_id != transaction.id,
    )
    if manual.state is RowState.FAILED and proof.after is RowState.CONFLICT:
        if there is not RowState.FAILED and _credits_same(known, transaction):
            raise ResolutionError(
                f"{where}: DVS has {found}, which credits the same beneficiary, so the row can't be resolved as "
                f"failed. Resolve it as {there}, and pay a missing amount with another list."
            )
        return decided, Resolution.TAKEN
    if there is not manual.state:
        raise ResolutionError(f"{where}: DVS has {found}. Resolve it as {there}.")
    if proof.after is RowState.CONFLICT:
        return replace(decided, facts=facts_of(transaction)), Resolution.ACCEPTED
    return replace(proof, message=decided.message), None


def _credits_same(known: KnownAttempt, transaction: Transaction) -> bool:
    """Return True if a transaction credits the row's credit party, or has no number just as the row has none.

    The transaction that is known as the row's own credits it too where it does not state its party.
    """
    credit_party_alone = {
        "external_id": transaction.external_id,
        "product_id": transaction.product.id,
        "source": None,
        "destination": None,
    }
    request = request_of(known.attempt).model_copy(update=credit_party_alone)
    return not differences_from(request, transaction, needs_all=known.transaction_id != transaction.id)
