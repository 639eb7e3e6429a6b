"""Wallets beside the transactions that moved them, from one comparison to the next; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.domain.totals import Observation
from bulk_topup.dvs.models.account import Balance
from bulk_topup.reconcile.discrepancies import Discrepancy, DiscrepancyKind


@dataclass(frozen=True, kw_only=True, slots=True)
class WalletFigures:
    """A wallet now, and how it moved since it was seen last."""

    unit: str
    available: Decimal
    #: Set aside for open transactions.
    holding: Decimal
    #: When it was seen before, in UTC; None for never.
    seen_at: datetime | None
    #: By how much `available` moved since, and by how much the listed transactions say that it did; None where that
    #: cannot be compared.
    moved: Decimal | None = None
    listed: Decimal | None = None
    #: Why it cannot be compared; empty where it was.
    uncompared: str = ""

    @property
    def difference(self) -> Discrepancy | None:
        """What no listed transaction accounts for."""
        if self.moved is None or self.listed is None or self.moved == self.listed:
            return None
        rest = format_plain(PRECISE.subtract(self.moved, self.listed))
        return Discrepancy(
            kind=DiscrepancyKind.BALANCE,
            message=(
                f"The {self.unit} wallet moved by {format_plain(self.moved)} since "
                f"{self.seen_at:%Y-%m-%d %H:%M:%S} UTC, and "
                f"the transactions that the provider lists account for {format_plain(self.listed)}. "
                f"{rest} {self.unit} are a "
                "top-up, an older payment that ended or was reversed since, or for the provider to explain."
            ),
        )

    def as_json(self) -> dict[str, object]:
        """Give plain values; amounts as text in plain notation."""
        return {
            "unit": self.unit,
            "available": format_plain(self.available),
            "holding": format_plain(self.holding),
            "seen_at": None if self.seen_at is None else self.seen_at.isoformat(),
            "moved": None if self.moved is None else format_plain(self.moved),
            "listed": None if self.listed is None else format_plain(self.listed),
            "uncompared": self.uncompared,
        }


def wallet_figures(
    before: Sequence[Balance],
    after: Sequence[Balance],
    observed: Mapping[str, Observation],
    spent: Mapping[str, Decimal],
    *,
    start: datetime,
    is_up_to_now: bool,
) -> list[WalletFigures]:
    """Compare wallets with what they held when they were seen last.

    Args:
        before, after: the balances before and after the provider's list was read.
        observed: what was seen last, by unit.
        spent: what the transactions since then charge or hold, per unit.
        start: when the window of the list begins, in UTC.
        is_up_to_now: whether it reaches to the present.
    """
    figures = []
    for balance in after:
        seen = observed.get(balance.unit)
        reason = _uncompared(seen, start, is_up_to_now=is_up_to_now)
        if not reason and balance not in before:
            reason = "it moved while it was compared"
        is_compared = seen is not None and not reason
        figures.append(
            WalletFigures(
                unit=balance.unit,
                available=balance.available,
                holding=balance.holding,
                seen_at=None if seen is None else seen.at,
                moved=PRECISE.subtract(balance.available, seen.available) if seen and is_compared else None,
                listed=PRECISE.minus(spent.get(balance.unit, Decimal(0))) if is_compared else None,
                uncompared=reason,
            )
        )
    return figures


def _uncompared(seen: Observation | None, start: datetime, *, is_up_to_now: bool) -> str:
    if seen is None:
        return "it was not seen before; the next comparison has something to compare with"
    if seen.newest < start or not is_up_to_now:
        return f"the window does not reach from {seen.newest:%Y-%m-%d %H:%M:%S} UTC, when it was seen last, to now"
    if seen.holding:
        return "transactions were open when it was seen last"
    return ""
