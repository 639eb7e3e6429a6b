"""Transactions that DVS accepted and no longer finds, and when their rows need review; touches only the clock."""

from typing import Final

from bulk_topup.domain.attempt import Move, OpenAttempt
from bulk_topup.domain.states import RowState
from bulk_topup.system.clock import Clock

#: Responses in a row that a transaction is not found before its row becomes a conflict.
MISSES: Final = 3


class MissingTransactions:
    """Counts how often, and since when, transactions were not found.

    Args:
        clock: where time comes from.
        period: minimum seconds between the first and the last of these responses.
    """

    def __init__(self, clock: Clock, period: float) -> None:
        self._clock = clock
        self._period = period
        self._missed: dict[int, tuple[int, float]] = {}

    def record_found(self, item: OpenAttempt) -> None:
        """Record that a transaction was found."""
        self._missed.pop(item.attempt.row_id, None)

    def record_miss(self, item: OpenAttempt) -> bool:
        """Record that a transaction was not found; return True if that has lasted long enough."""
        now = self._clock.monotonic()
        number, since = self._missed.get(item.attempt.row_id, (0, now))
        self._missed[item.attempt.row_id] = number + 1, since
        return number + 1 >= MISSES and now - since >= self._period


def conflict_of(item: OpenAttempt) -> Move:
    """Return the move of a row whose transaction is missing: a conflict, as the payment's outcome is unknown."""
    return Move(
        row_id=item.attempt.row_id,
        attempt=item.attempt.number,
        before=RowState.ACCEPTED,
        after=RowState.CONFLICT,
        cause="the provider finds its transaction no more",  # language: a cause that ledgers contain
        message=(
            f"DVS accepted transaction {item.transaction_id} ({item.status_message}), but no longer finds or lists it. "
            "Ask DT One for the outcome before paying again."
        ),
    )
