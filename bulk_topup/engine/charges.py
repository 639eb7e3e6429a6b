"""What one invocation charges the wallets, counted while its rows move, to show progress; pure.

A transaction's price is assumed to be the same from its creation to its final status, so that single rows need not be
remembered; the report has the exact charges.
"""

from decimal import Decimal

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.charge import CHARGED_STATES, UNCHARGED_CLASSES
from bulk_topup.domain.money import PRECISE

_NOTHING = Decimal(0)


class Charges:
    """Sums what is charged or on hold, and what the plan expected for the same rows, per wallet currency."""

    def __init__(self) -> None:
        self.sums: dict[str, Decimal] = {}
        self.planned: dict[str, Decimal] = {}

    def record_move(self, attempt: Attempt, move: Move) -> None:
        """Record a move, with what it charges or gives back."""
        if move.facts is None:
            return
        # The transaction of a row in conflict may have failed.
        is_charged = move.after in CHARGED_STATES and move.facts.status_class not in UNCHARGED_CLASSES
        if (move.before in CHARGED_STATES) is is_charged:
            return
        charged, unit = move.facts.charged, move.facts.price_unit
        if charged is None or unit is None:
            return
        _add(self.sums, unit, charged, is_charged=is_charged)
        if attempt.cost is not None and attempt.cost_unit is not None:
            _add(self.planned, attempt.cost_unit, attempt.cost, is_charged=is_charged)


def _add(sums: dict[str, Decimal], unit: str, amount: Decimal, *, is_charged: bool) -> None:
    before = sums.get(unit, _NOTHING)
    sums[unit] = PRECISE.add(before, amount) if is_charged else PRECISE.subtract(before, amount)
