"""Checks of a run as a whole, before anything is sent: caps and control totals; pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bulk_topup.domain.guards import Caps, Expected
from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.domain.totals import Total


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardCheck:
    """One figure of a run beside what a guard says of it."""

    #: The guard as a job file names it, e.g. caps.amounts.
    guard: str
    #: What the figures are in; None for rows.
    unit: str | None
    #: What is allowed or declared; None where the guard names other units and not this one.
    limit: Decimal | None
    figure: Decimal
    #: What is wrong, by how much, and the cure; empty when the guard is kept.
    message: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether nothing is wrong."""
        return not self.message

    @property
    def excess(self) -> Decimal:
        """By how much the figure is above the limit; negative below it."""
        return PRECISE.subtract(self.figure, self.limit or Decimal(0))

    def as_json(self) -> dict[str, object]:
        """Give plain values; amounts as text in plain notation."""
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
    """Compare what a run pays from its first start to its end with what it may pay.

    A table of caps that names units must name every unit that occurs: one that it does not name has no money to pay.
    """
    checks = []
    if caps.rows is not None:
        limit, rows = Decimal(caps.rows), Decimal(total.rows)
        message = ""
        if rows > limit:
            message = (
                f"The run would pay {total.rows} rows, {format_plain(rows - limit)} more than the {caps.rows} "
                "that its cap "
                "allows. Take rows out of the list, or raise the cap (caps.rows, --max-rows)."
            )
        checks.append(GuardCheck(guard="caps.rows", unit=None, limit=limit, figure=rows, message=message))
    checks += _capped("caps.amounts", "--max-amount", "The run's rows ask for", caps.amounts, total.amounts)
    checks += _capped("caps.costs", "--max-cost", "The run costs", caps.costs, total.costs)
    if caps.costs and total.unpriced:
        message = (
            f"{total.unpriced} rows have no known cost, so a cap on costs cannot be kept. Choose products with a "
            "price, or cap amounts instead (caps.amounts, --max-amount)."
        )
        unpriced = Decimal(total.unpriced)
        checks.append(GuardCheck(guard="caps.costs", unit=None, limit=Decimal(0), figure=unpriced, message=message))
    return checks


def check_expected(
    expected: Expected, *, rows: int, amounts: Mapping[str, Decimal], unreadable: int
) -> list[GuardCheck]:
    """Compare a list with its control totals.

    Args:
        expected: what is declared.
        rows: all lines of the list, refused ones too.
        amounts: what they ask for, as far as it can be read, per unit.
        unreadable: lines whose amount or currency cannot be read.
    """
    checks = []
    if expected.rows is not None:
        declared, found = Decimal(expected.rows), Decimal(rows)
        message = ""
        if found != declared:
            message = (
                f"The list has {rows} rows, {_off(found - declared)} than the {expected.rows} that are declared. "
                "Use the list that the total was made for, or correct the total (expect.rows, --expect-rows)."
            )
        checks.append(GuardCheck(guard="expect.rows", unit=None, limit=declared, figure=found, message=message))
    if not expected.totals:
        return checks
    hint = f" {unreadable} rows have no readable amount and are not in that sum." if unreadable else ""
    for unit in _units(expected.totals, amounts):
        total, sum_ = expected.totals.get(unit), amounts.get(unit, Decimal(0))
        message = ""
        if total is None:
            message = (
                f"The list asks for {format_plain(sum_)} {unit}, and no total is declared for {unit}.{hint} "
                "Use the list that "
                f"the totals were made for, or declare one (expect.totals, --expect-total {unit}=AMOUNT)."
            )
        elif sum_ != total:
            off = _off(PRECISE.subtract(sum_, total), unit)
            message = (
                f"The list asks for {format_plain(sum_)} {unit}, {off} than the declared "
                f"{format_plain(total)} {unit}.{hint} "
                "Use the list that the total was made for, or correct the total (expect.totals, --expect-total)."
            )
        checks.append(GuardCheck(guard="expect.totals", unit=unit, limit=total, figure=sum_, message=message))
    return checks


def row_cap_problem(row_amounts: Mapping[str, Decimal], amount: Decimal, unit: str) -> str | None:
    """Say why a row asks for more than any row may; None when it does not."""
    if not row_amounts:
        return None
    limit = row_amounts.get(unit)
    cure = "correct the amount, or raise the cap (caps.row_amounts, --max-row-amount)."
    if limit is None:
        return f"The cap of what one row asks for does not name {unit}; state one (caps.row_amounts, --max-row-amount)."
    if amount <= limit:
        return None
    return (
        f"{format_plain(amount)} {unit} is more than the {format_plain(limit)} {unit} that one row may ask for; {cure}"
    )


def _capped(
    guard: str, option: str, subject: str, caps: Mapping[str, Decimal], sums: Mapping[str, Decimal]
) -> Iterator[GuardCheck]:
    if not caps:
        return
    for unit in _units(caps, sums):
        limit, sum_ = caps.get(unit), sums.get(unit, Decimal(0))
        message = ""
        if limit is None:
            message = (
                f"{subject} {format_plain(sum_)} {unit}, and no cap is stated for {unit}. "
                f"State one ({guard}, {option} {unit}=AMOUNT)."
            )
        elif sum_ > limit:
            message = (
                f"{subject} {format_plain(sum_)} {unit}, "
                f"{format_plain(PRECISE.subtract(sum_, limit))} {unit} more than the "
                f"{format_plain(limit)} {unit} that its cap allows; what the run has sent already is counted. "
                f"Take rows out of the list, or raise the cap ({guard}, {option})."
            )
        yield GuardCheck(guard=guard, unit=unit, limit=limit, figure=sum_, message=message)


def _units(*tables: Collection[str]) -> list[str]:
    return sorted({unit for table in tables for unit in table})


def _off(difference: Decimal, unit: str = "") -> str:
    word = "more" if difference > 0 else "fewer" if not unit else "less"
    return f"{format_plain(difference.copy_abs())}{f' {unit}' if unit else ''} {word}"
