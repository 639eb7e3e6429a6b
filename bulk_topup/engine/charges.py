"""What a start takes from the wallets, counted while its rows move, for whoever looks on; pure.

A transaction's price is taken to be the same from its creation to its end, so that nothing has to be remembered of
single rows; what was charged exactly, the report says.
"""

from decimal import Decimal

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.money import PRECISE
from bulk_topup.domain.states import RowState

_NOTHING = Decimal(0)
#: States in which a row's price is charged or set aside.
_TAKEN = frozenset({RowState.ACCEPTED, RowState.COMPLETED})


class Charges:
    """Sums what is charged or set aside, per wallet unit."""

    def __init__(self) -> None:
        self.sums: dict[str, Decimal] = {}

    def moved(self, move: Move) -> None:
        """Take in what became of a row."""
        was_taken, is_taken = move.before in _TAKEN, move.after in _TAKEN
        if was_taken is is_taken or move.facts is None:
            return
        charged, unit = move.facts.charged, move.facts.price_unit
        if charged is None or unit is None:
            return
        before = self.sums.get(unit, _NOTHING)
        self.sums[unit] = PRECISE.add(before, charged) if is_taken else PRECISE.subtract(before, charged)
