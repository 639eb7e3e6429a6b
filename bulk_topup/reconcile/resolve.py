"""Ends conflicts: by the provider's own record where it has one, else by what a person states; pure but for asking."""

from dataclasses import dataclass, replace

from bulk_topup.domain.attempt import KnownAttempt, Move, Resolution
from bulk_topup.domain.moves import differences_from, facts_of, move_for, request_of, state_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.errors import InvalidInputError
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.compare import find

#: What a conflict may end as.
ENDS = (RowState.COMPLETED, RowState.FAILED, RowState.ACCEPTED, RowState.REVERSED)


class ResolutionError(InvalidInputError):
    """The conflict cannot be resolved like that; nothing moved."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ManualResolution:
    """What a person says became of a row."""

    state: RowState
    #: Who says so, and why.
    who: str
    because: str

    @property
    def cause(self) -> str:
        """What the event log says."""
        return f"resolved as {self.state} by {self.who}: {self.because}"


async def resolve(external_id: str, statement: ManualResolution, *, dvs: AsyncDVS, ledger: LedgerStore) -> Move:
    """End the conflict of a row as a person states, unless the provider's record says otherwise.

    Args:
        external_id: that of the row's latest attempt.
        statement: what the person states.
        dvs: an open client.
        ledger: an open ledger; the caller holds the lock of the run.

    Raises:
        ResolutionError: the provider's record contradicts the statement; nothing moved.
        DVSError: the provider did not answer; nothing moved.
    """
    known = ledger.comparison.find_attempts([external_id])[external_id]
    move, resolution = decide(known, statement, await find(dvs, known))
    if resolution is not None:
        # First: until the row moves it says nothing, and without it a retry might go out under the wrong id.
        ledger.conflicts.save_resolution(move.row_id, move.attempt, resolution)
    ledger.attempts.record([move])
    return move


def decide(
    known: KnownAttempt, statement: ManualResolution, transaction: Transaction | None
) -> tuple[Move, Resolution | None]:
    """Give the move that ends a conflict, and what it says about the attempt's external id.

    Args:
        known: the latest attempt of a row in conflict.
        statement: what a person states.
        transaction: what the provider has under the attempt's ids; None for nothing.

    Raises:
        ResolutionError: the provider's record contradicts the statement.
    """
    where = f"{known.run} line {known.line}"
    stated = Move(
        row_id=known.attempt.row_id,
        attempt=known.attempt.number,
        before=RowState.CONFLICT,
        after=statement.state,
        cause=statement.cause,
        message=f"{known.message} {statement.cause.capitalize()}.".strip(),
    )
    if transaction is None:
        if statement.state is RowState.ACCEPTED:
            raise ResolutionError(
                f"{where}: the provider has no transaction under {known.attempt.external_id}, so nobody could follow "
                "it; resolve it as failed or completed, by what the provider tells you."
            )
        # A record that is gone leaves its id free: should it be there after all, the provider refuses the id, and
        # nobody is paid twice. An id that the provider calls used is spent.
        free = Resolution.TAKEN if known.transaction_id is None else Resolution.FREE
        return stated, free if statement.state is RowState.FAILED else None
    there = state_for(transaction)
    told = f"transaction {transaction.id} ({transaction.status.message})"
    proof = move_for(
        known.attempt,
        known.state,
        transaction,
        statement.cause,
        found_by_id=known.transaction_id != transaction.id,
    )
    if statement.state is RowState.FAILED and proof.after is RowState.CONFLICT:
        if there is not RowState.FAILED and _credits_same(known, transaction):
            raise ResolutionError(
                f"{where}: the provider has {told}, which credits the same beneficiary, so the row cannot be resolved "
                "as failed. Resolve it as what that transaction is, and pay a difference with another list."
            )
        return stated, Resolution.TAKEN
    if there is not statement.state:
        raise ResolutionError(f"{where}: the provider has {told}; resolve it as {there}.")
    if proof.after is RowState.CONFLICT:
        return replace(stated, facts=facts_of(transaction)), Resolution.ACCEPTED
    return replace(proof, message=stated.message), None


def _credits_same(known: KnownAttempt, transaction: Transaction) -> bool:
    """Tell whether a transaction credits whom the row credits, or nobody by number as the row does."""
    request = request_of(known.attempt)
    without_amount = request.model_copy(update={"source": None, "destination": None})
    found = differences_from(without_amount, transaction, needs_amount=False)
    return not [each for each in found if not each.startswith(("product ", "external id "))]
