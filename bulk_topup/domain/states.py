"""Define the states of a row and the allowed moves between them, in one table; pure."""

from collections.abc import Mapping
from enum import StrEnum

from bulk_topup.errors import StateError


class RowState(StrEnum):
    """What is known of a row; a sentence defines each member."""

    #: The row failed the checks and was never sent.
    REFUSED = "refused"
    #: The row passed the checks and is not sent.
    PENDING = "pending"
    #: The intent to send is on disk; until a response arrives the outcome is unknown.
    IN_FLIGHT = "in_flight"
    #: The provider has a transaction for it that is not final.
    ACCEPTED = "accepted"
    #: The transaction is final and the beneficiary was paid.
    COMPLETED = "completed"
    #: The transaction is final and unsuccessful, or its creation was refused: the beneficiary was not paid.
    FAILED = "failed"
    #: The beneficiary was paid and the provider reversed the payment later.
    REVERSED = "reversed"
    #: The provider's record contradicts the row, which was perhaps paid: a person needs to review it.
    CONFLICT = "conflict"


#: The states that a row may move to from each state. Any other move is a defect and raises.
MOVES: dict[RowState, frozenset[RowState]] = {
    RowState.REFUSED: frozenset({RowState.PENDING, RowState.REFUSED}),
    RowState.PENDING: frozenset({RowState.IN_FLIGHT, RowState.PENDING, RowState.REFUSED}),
    RowState.IN_FLIGHT: frozenset(
        {
            RowState.PENDING,  # proved never accepted; the same attempt is sent again
            RowState.ACCEPTED,
            RowState.COMPLETED,
            RowState.FAILED,
            RowState.REVERSED,
            RowState.CONFLICT,
        }
    ),
    RowState.ACCEPTED: frozenset(
        {RowState.ACCEPTED, RowState.COMPLETED, RowState.FAILED, RowState.REVERSED, RowState.CONFLICT}
    ),
    RowState.COMPLETED: frozenset({RowState.REVERSED}),
    RowState.FAILED: frozenset(
        {
            RowState.PENDING,  # a retry
            RowState.CONFLICT,  # the provider shows a payment after all
        }
    ),
    RowState.REVERSED: frozenset(),
    # By proof or by a person's decision; never sent from here.
    RowState.CONFLICT: frozenset({RowState.ACCEPTED, RowState.COMPLETED, RowState.FAILED, RowState.REVERSED}),
}

#: States without an outcome: not sent, outcome unknown, or not final.
OPEN_STATES = frozenset({RowState.PENDING, RowState.IN_FLIGHT, RowState.ACCEPTED})


def check_move(before: RowState, after: RowState) -> None:
    """Raise StateError unless a row may go from `before` to `after`."""
    if after not in MOVES[before]:
        raise StateError(f"A row that is {before} can't become {after}.")


def is_open(counts: Mapping[RowState, int]) -> bool:
    """Return True if a run has open rows."""
    return any(counts[state] for state in OPEN_STATES)
