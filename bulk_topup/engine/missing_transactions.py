"""Transactions that the provider had and does not find any more: when that is more than a hiccup; touches the clock."""

from typing import Final

from bulk_topup.domain.attempt import Move, OpenAttempt
from bulk_topup.domain.states import RowState
from bulk_topup.system.clock import Clock

#: Answers in a row that a transaction is not found before its row is given to a person.
MISSES: Final = 3


class MissingTransactions:
    """Counts how often, and since when, transactions were not found.

    Args:
        clock: where time comes from.
        period: seconds between the first and the last of these answers, at least.
    """

    def __init__(self, clock: Clock, period: float) -> None:
        self._clock = clock
        self._period = period
        self._missed: dict[int, tuple[int, float]] = {}

    def found(self, item: OpenAttempt) -> None:
        """Take in that it is there."""
        self._missed.pop(item.attempt.row_id, None)

    def missed(self, item: OpenAttempt) -> bool:
        """Take in that it was not found; tell whether that is so for long enough."""
        now = self._clock.monotonic()
        number, since = self._missed.get(item.attempt.row_id, (0, now))
        self._missed[item.attempt.row_id] = number + 1, since
        return number + 1 >= MISSES and now - since >= self._period


def vanished(item: OpenAttempt) -> Move:
    """Give the move of a row whose transaction is gone: nobody knows whether it was paid."""
    return Move(
        row_id=item.attempt.row_id,
        attempt=item.attempt.number,
        before=RowState.ACCEPTED,
        after=RowState.CONFLICT,
        cause="the provider finds its transaction no more",
        message=(
            f"The provider accepted it as transaction {item.transaction_id} ({item.status_message}), and neither finds "
            "nor lists it any more. Ask the provider what became of it before anything is paid."
        ),
    )
