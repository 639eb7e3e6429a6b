"""The states of a row and the moves between them, as one table; pure, imports nothing that does I/O."""

from collections.abc import Mapping
from enum import StrEnum

from bulk_topup.errors import StateError


class RowState(StrEnum):
    """What is known of a row, each member with the sentence that defines it."""

    #: The row failed the checks and was never sent.
    REFUSED = "refused"
    #: The row passed the checks and waits for its turn; nothing of it is on its way.
    PENDING = "pending"
    #: The intent to send is durable; until an answer arrives nobody knows whether the provider took it.
    IN_FLIGHT = "in_flight"
    #: The provider has a transaction for it that is not final.
    ACCEPTED = "accepted"
    #: The transaction is final and the beneficiary was paid.
    COMPLETED = "completed"
    #: The transaction is final and unsuccessful, or its creation was refused: nobody was paid.
    FAILED = "failed"
    #: The beneficiary was paid and the provider took the payment back later.
    REVERSED = "reversed"
    #: The provider's record contradicts the row: a person has to look.
    CONFLICT = "conflict"


#: From each state, where a row may go. Every move not listed here is a defect and raises.
MOVES: dict[RowState, frozenset[RowState]] = {
    RowState.REFUSED: frozenset({RowState.PENDING, RowState.REFUSED}),
    RowState.PENDING: frozenset({RowState.IN_FLIGHT, RowState.PENDING, RowState.REFUSED}),
    RowState.IN_FLIGHT: frozenset(
        {
            RowState.PENDING,  # proved never accepted, and worth the same attempt again
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
            RowState.PENDING,  # a retry, asked for
            RowState.CONFLICT,  # the provider says that it was paid after all
        }
    ),
    RowState.REVERSED: frozenset(),
    # By proof, or because a person says so; never sent from here.
    RowState.CONFLICT: frozenset({RowState.ACCEPTED, RowState.COMPLETED, RowState.FAILED, RowState.REVERSED}),
}

#: States in which the provider may still change the outcome, or has not said what it is.
OPEN_STATES = frozenset({RowState.PENDING, RowState.IN_FLIGHT, RowState.ACCEPTED})


def check_move(before: RowState, after: RowState) -> None:
    """Raise StateError unless a row may go from `before` to `after`."""
    if after not in MOVES[before]:
        raise StateError(f"A row that is {before} cannot become {after}.")


def is_open(counts: Mapping[RowState, int]) -> bool:
    """Tell whether anything may still become of a run's rows by themselves or by its next start."""
    return any(counts[state] for state in OPEN_STATES)
