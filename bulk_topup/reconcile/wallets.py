"""Compares the change of wallets since the last comparison with the transactions since then; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bulk_topup.domain.money import PRECISE, format_money, format_plain
from bulk_topup.domain.totals import Observation
from bulk_topup.dvs.models.account import Balance
from bulk_topup.reconcile.discrepancies import Discrepancy, DiscrepancyKind


@dataclass(frozen=True, kw_only=True, slots=True)
class WalletFigures:
    """A wallet now, and its change since the last comparison."""

    #: The wallet's currency.
    unit: str
    #: DVS's available balance.
    available: Decimal
    #: On hold for open transactions.
    holding: Decimal
    #: When it was compared before, in UTC; None for never.
    seen_at: datetime | None
    #: The change of `available` since then; None if it can't be compared.
    moved: Decimal | None = None
    #: The change that the listed transactions account for; None if it can't be compared.
    listed: Decimal | None = None
    #: Why it can't be compared; empty if it was.
    uncompared: str = ""

    @property
    def discrepancy(self) -> Discrepancy | None:
        """The change that no listed transaction accounts for; None without one."""
        if self.moved is None or self.listed is None or self.moved == self.listed:
            return None
        rest = format_money(PRECISE.subtract(self.moved, self.listed), self.unit)
        return Discrepancy(
            kind=DiscrepancyKind.BALANCE,
            message=(
                f"The {self.unit} wallet changed by {format_money(self.moved, self.unit)} since "
                f"{self.seen_at:%Y-%m-%d %H:%M} UTC; listed transactions account for "
                f"{format_money(self.listed, self.unit)}. The remaining {rest} may be a top-up, or an older payment "
                "that became final or was reversed since. Otherwise ask DT One."
            ),
        )

    def as_json(self) -> dict[str, object]:
        """Return plain values; amounts as text in plain notation."""
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
    before: Mapping[str, Balance],
    after: Mapping[str, Balance],
    observed: Mapping[str, Observation],
    spent: Mapping[str, Decimal],
    *,
    start: datetime,
    is_up_to_now: bool,
    unreadable: int,
) -> list[WalletFigures]:
    """Compare wallets with their last observation.

    Args:
        before, after: the balances before and after DVS's list was read, by currency.
        observed: the last observation of each wallet, by currency.
        spent: what the transactions since then charge or put on hold, per currency.
        start: when the window of the list starts, in UTC.
        is_up_to_now: whether the window ends now.
        unreadable: entries of DVS's list that can't be read.
    """
    figures = []
    for unit, balance in after.items():
        seen = observed.get(unit)
        reason = _uncompared(seen, start, is_up_to_now=is_up_to_now)
        if not reason and balance != before.get(unit):
            reason = "it changed during the comparison"
        if not reason and unreadable:
            reason = f"{unreadable:,} listed {'transaction' if unreadable == 1 else 'transactions'} can't be read"
        is_compared = seen is not None and not reason
        figures.append(
            WalletFigures(
                unit=unit,
                available=balance.available,
                holding=balance.holding,
                seen_at=None if seen is None else seen.at,
                moved=PRECISE.subtract(balance.available, seen.available) if seen and is_compared else None,
                listed=PRECISE.minus(spent.get(unit, Decimal(0))) if is_compared else None,
                uncompared=reason,
            )
        )
    return figures


def _uncompared(seen: Observation | None, start: datetime, *, is_up_to_now: bool) -> str:
    if seen is None:
        return "this is its first comparison"
    if seen.newest < start or not is_up_to_now:
        return f"the window does not reach from its last comparison, {seen.newest:%Y-%m-%d %H:%M} UTC, to now"
    if seen.holding:
        return "transactions were open at its last comparison"
    return ""
