"""Caps and control totals of a run, checked before anything is sent; pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bulk_topup.domain.guards import Caps, Expected
from bulk_topup.domain.money import PRECISE, format_money, format_plain
from bulk_topup.domain.totals import Total
from bulk_topup.domain.verdict import format_rows


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardCheck:
    """One figure of a run compared with a guard."""

    #: The guard's setting in a job file, e.g. caps.amounts.
    guard: str
    #: The currency of the figures; None for rows.
    unit: str | None
    #: The cap or the declared total; None where the guard has other currencies but not this one.
    limit: Decimal | None
    figure: Decimal
    #: Why the guard failed, by how much, and the fix; empty when it passed.
    message: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the guard passed."""
        return not self.message

    @property
    def excess(self) -> Decimal:
        """The difference between figure and limit; negative below the limit."""
        return PRECISE.subtract(self.figure, self.limit or Decimal(0))

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values; amounts are texts in plain notation."""
        return {
            "guard": self.guard,
            "unit": self.unit,
            "limit": None if self.limit is None else format_plain(self.limit),
            "figure": format_plain(self.figure),
            "excess": format_plain(self.excess),
            "is_kept": self.is_kept,
            "message": self.message,
        }


def check_caps(caps: Caps, total: Total) -> list[GuardCheck]:
    """Compare what a run pays in all its invocations with its caps.

    A table of caps with currencies must have every currency that occurs: one without a cap is not paid.

    Args:
        caps: the run's caps.
        total: all that the run pays, rows sent in earlier invocations included.

    Returns:
        A check for each cap and currency.
    """
    checks = []
    if caps.rows is not None:
        limit, rows = Decimal(caps.rows), Decimal(total.rows)
        message = ""
        if rows > limit:
            message = (
                f"The run would pay {format_rows(total.rows)}, {total.rows - caps.rows:,} above its cap of "
                f"{caps.rows:,}. Remove rows from the list, or raise the cap (caps.rows, --max-rows)."
            )
        checks.append(GuardCheck(guard="caps.rows", unit=None, limit=limit, figure=rows, message=message))
    checks += _check_cap("caps.amounts", "--max-amount", "The run requests", caps.amounts, total.amounts)
    checks += _check_cap("caps.costs", "--max-cost", "The run costs", caps.costs, total.costs)
    if caps.costs and total.unpriced:
        message = (
            f"The cost of {format_rows(total.unpriced)} is unknown, so a cap on costs can't be kept. Choose products "
            "with a price, or cap amounts instead (caps.amounts, --max-amount)."
        )
        unpriced = Decimal(total.unpriced)
        checks.append(GuardCheck(guard="caps.costs", unit=None, limit=Decimal(0), figure=unpriced, message=message))
    return checks


def check_expected(
    expected: Expected, *, rows: int, amounts: Mapping[str, Decimal], unreadable: int
) -> list[GuardCheck]:
    """Compare a list with its control totals.

    Args:
        expected: the declared row count and sums.
        rows: all rows of the list, refused ones included.
        amounts: their requested amounts, where these are readable, per currency.
        unreadable: rows whose amount or currency is not readable.

    Returns:
        A check for each declared total, and for each currency without one.
    """
    checks = []
    if expected.rows is not None:
        declared, found = Decimal(expected.rows), Decimal(rows)
        message = ""
        if found != declared:
            message = (
                f"The list has {format_rows(rows)}, {_format_difference(found - declared)} than the declared "
                f"{expected.rows:,}. "
                "Use the list that the total is for, or correct the total (expect.rows, --expect-rows)."
            )
        checks.append(GuardCheck(guard="expect.rows", unit=None, limit=declared, figure=found, message=message))
    if not expected.totals:
        return checks
    hint = f" The sum lacks {format_rows(unreadable)} without a readable amount." if unreadable else ""
    for unit in _units(expected.totals, amounts):
        total, sum_ = expected.totals.get(unit), amounts.get(unit, Decimal(0))
        message = ""
        if total is None:
            message = (
                f"The list requests {format_money(sum_, unit)}, but there is no declared total in {unit}.{hint} Use "
                f"the list that the totals are for, or declare one (expect.totals, --expect-total {unit}=AMOUNT)."
            )
        elif sum_ != total:
            difference = _format_difference(PRECISE.subtract(sum_, total), unit)
            message = (
                f"The list requests {format_money(sum_, unit)}, {difference} than the declared "
                f"{format_money(total, unit)}.{hint} "
                "Use the list that the total is for, or correct the total (expect.totals, --expect-total)."
            )
        checks.append(GuardCheck(guard="expect.totals", unit=unit, limit=total, figure=sum_, message=message))
    return checks


def row_cap_problem(row_amounts: Mapping[str, Decimal], amount: Decimal, unit: str) -> str | None:
    """Return the message for a row whose requested amount is above the cap for one row; None within it."""
    if not row_amounts:
        return None
    limit = row_amounts.get(unit)
    if limit is None:
        return f"No cap for one row in {unit}. Add one (caps.row_amounts, --max-row-amount)."
    if amount <= limit:
        return None
    return (
        f"{format_money(amount, unit)} is above the cap of {format_money(limit, unit)} for one row. "
        "Correct the amount, or raise the cap (caps.row_amounts, --max-row-amount)."
    )


def _check_cap(
    guard: str, option: str, subject: str, caps: Mapping[str, Decimal], sums: Mapping[str, Decimal]
) -> Iterator[GuardCheck]:
    if not caps:
        return
    for unit in _units(caps, sums):
        limit, sum_ = caps.get(unit), sums.get(unit, Decimal(0))
        message = ""
        if limit is None:
            message = (
                f"{subject} {format_money(sum_, unit)}, but there is no cap in {unit}. "
                f"Add one ({guard}, {option} {unit}=AMOUNT)."
            )
        elif sum_ > limit:
            message = (
                f"{subject} {format_money(sum_, unit)}, {format_money(PRECISE.subtract(sum_, limit), unit)} above its "
                f"cap of {format_money(limit, unit)}. Rows that are already sent count too. "
                f"Remove rows from the list, or raise the cap ({guard}, {option})."
            )
        yield GuardCheck(guard=guard, unit=unit, limit=limit, figure=sum_, message=message)


def _units(*tables: Collection[str]) -> list[str]:
    return sorted({unit for table in tables for unit in table})


def _format_difference(difference: Decimal, unit: str = "") -> str:
    size = difference.copy_abs()
    if unit:
        return f"{format_money(size, unit)} {'more' if difference > 0 else 'less'}"
    return f"{size:,} {'more' if difference > 0 else 'fewer'}"
