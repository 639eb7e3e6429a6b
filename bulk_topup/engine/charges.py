"""What one invocation charges the wallets, counted while its rows move, to show progress; pure.

A transaction's price is assumed to be the same from its creation to its final status, so that single rows need not be
remembered; the report has the exact charges.
"""

from decimal import Decimal

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.money import PRECISE
from bulk_topup.domain.states import RowState

_NOTHING = Decimal(0)
#: States in which a row's cost is charged or on hold.
_CHARGED = frozenset({RowState.ACCEPTED, RowState.COMPLETED})


class Charges:
    """Sums what is charged or on hold, per wallet currency."""

    def __init__(self) -> None:
        self.sums: dict[str, Decimal] = {}

    def record_move(self, move: Move) -> None:
        """Record a move, with what it charges or gives back."""
        was_charged, is_charged = move.before in _CHARGED, move.after in _CHARGED
        if was_charged is is_charged or move.facts is None:
            return
        charged, unit = move.facts.charged, move.facts.price_unit
        if charged is None or unit is None:
            return
        before = self.sums.get(unit, _NOTHING)
        self.sums[unit] = PRECISE.add(before, charged) if is_charged else PRECISE.subtract(before, charged)
