"""The totals of rows with the same state, and how people name rows that need nothing; pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.states import RowState

#: What rows are for which nothing is due.
NOTHING_DUE: Final = "nothing due"
#: What rows are that are left out because another one is exactly the same.
LEFT_OUT: Final = "left out as duplicates"


@dataclass(frozen=True, kw_only=True, slots=True)
class Total:
    """The totals of the rows with the same state, product and units."""

    state: RowState
    product_id: int | None
    #: Sum of the requested amounts, in `unit`.
    amount: Decimal
    unit: str | None
    #: Sums of the wholesale price and the fee that are charged or on hold, in `price_unit`.
    price: Decimal
    fee: Decimal
    price_unit: str | None
    #: The number of rows.
    rows: int
    #: Refused rows among them for which nothing is due, and that need nothing else.
    nothing_due: int = 0
    #: Refused rows among them that are left out as duplicates, and that need nothing else.
    duplicates: int = 0

    @property
    def set_aside(self) -> int:
        """Refused rows among them that need nothing."""
        return self.nothing_due + self.duplicates

    @property
    def name(self) -> str:
        """What the rows are, for people: their state, or why they need nothing."""
        if self.rows and self.rows in {self.nothing_due, self.duplicates}:
            return NOTHING_DUE if self.nothing_due else LEFT_OUT
        return f"{self.state}{named_aside(self.nothing_due, self.duplicates)}"

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values; amounts are strings in plain notation."""
        return {
            "state": self.state.value,
            "product_id": self.product_id,
            "amount": format_plain(self.amount),
            "unit": self.unit,
            "price": format_plain(self.price),
            "fee": format_plain(self.fee),
            "price_unit": self.price_unit,
            "rows": self.rows,
            "nothing_due": self.nothing_due,
            "duplicates_left_out": self.duplicates,
        }


def named_aside(nothing_due: int, duplicates: int) -> str:
    """Return how many of some rows need nothing, and why, in brackets; an empty text for none.

    Args:
        nothing_due: rows for which nothing is due.
        duplicates: rows that are left out as duplicates.
    """
    parts = [f"{number:,} {why}" for number, why in ((nothing_due, NOTHING_DUE), (duplicates, LEFT_OUT)) if number]
    return f" ({', '.join(parts)})" if parts else ""
