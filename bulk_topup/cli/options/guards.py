"""The options of guards: caps, control totals, the velocity limit; and the job settings that they change."""

from __future__ import annotations  # guards are heavy to import, and only named here

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click
import cloup

from bulk_topup.cli.options.groups import GUARDS, collect
from bulk_topup.domain.money import parse_plain_amount
from bulk_topup.domain.period import Period

if TYPE_CHECKING:
    from bulk_topup.domain.guards import Guards

F = TypeVar("F", bound=Callable[..., Any])

_CURRENCY = re.compile(r"[A-Z]{2,10}")


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardOptions:
    """The guards that a command line sets; amounts are Decimals by currency."""

    #: Rows that the list must have; None for any number.
    expect_rows: int | None = None
    #: What the list must ask for.
    expect_total: Mapping[str, Decimal] = field(default_factory=dict)
    #: Most rows that the run may pay; None for no cap.
    max_rows: int | None = None
    #: Most that all rows, and one row, may ask for.
    max_amount: Mapping[str, Decimal] = field(default_factory=dict)
    max_row_amount: Mapping[str, Decimal] = field(default_factory=dict)
    #: Most that all rows may cost with fees, by the wallet's currency.
    max_cost: Mapping[str, Decimal] = field(default_factory=dict)
    #: Days in which a beneficiary is paid once; None for no velocity limit.
    no_repeat_within: int | None = None
    #: The period in which a beneficiary is paid the same only once; None for the job's.
    period: str | None = None

    def settings(self, base: Guards) -> dict[str, Any]:
        """Return the job settings that the options change.

        Args:
            base: the guards of the job file; the command line overrides them currency by currency.
        """
        caps, expect = base.caps.model_dump(), base.expect.model_dump()
        for table, number in ((caps, self.max_rows), (expect, self.expect_rows)):
            if number is not None:
                table["rows"] = number
        for table, key, amounts in (
            (caps, "amounts", self.max_amount),
            (caps, "row_amounts", self.max_row_amount),
            (caps, "costs", self.max_cost),
            (expect, "totals", self.expect_total),
        ):
            table[key] = {**table[key], **amounts}
        changed: dict[str, Any] = {"caps": caps, "expect": expect}
        if self.no_repeat_within is not None:
            changed["velocity"] = {"days": self.no_repeat_within, "payments": 1}
        if self.period is not None:
            changed["period"] = self.period
        return changed


def parse_amounts(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, Decimal]:
    """Return amounts by currency, read from texts such as `USD=1000`."""
    amounts: dict[str, Decimal] = {}
    for text in texts:
        unit, _, figure = text.partition("=")
        amount = parse_plain_amount(figure)
        if not _CURRENCY.fullmatch(unit) or amount is None:
            raise click.BadParameter(f'"{text}" is not an amount in a currency; write it like USD=1000.')
        if unit in amounts:
            raise click.BadParameter(f"{unit} is given twice; give each currency once.")
        amounts[unit] = amount
    return amounts


def _amount_option(name: str, text: str) -> Callable[[F], F]:
    return cloup.option(
        name, group=GUARDS, metavar="CCC=AMOUNT", multiple=True, callback=parse_amounts, help=f"{text}; repeatable."
    )


def _check_period(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    try:
        return None if text is None else Period(text).name
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


guard_options = collect(
    "guards",
    GuardOptions,
    cloup.option(
        "--expect-rows", group=GUARDS, type=click.IntRange(min=0), metavar="N", help="Rows that the list must have."
    ),
    _amount_option("--expect-total", "Total that the list must ask for, by currency"),
    cloup.option(
        "--max-rows", group=GUARDS, type=click.IntRange(min=0), metavar="N", help="Most rows that the run may pay."
    ),
    _amount_option("--max-amount", "Most that all rows may ask for, by currency"),
    _amount_option("--max-row-amount", "Most that one row may ask for, by currency"),
    _amount_option("--max-cost", "Most that all rows may cost with fees, by the wallet's currency"),
    cloup.option(
        "--no-repeat-within",
        group=GUARDS,
        type=click.IntRange(1, 3660),
        metavar="DAYS",
        help="Refuse rows whose beneficiary any run of the ledger paid in the last DAYS.",
    ),
    cloup.option(
        "--period",
        group=GUARDS,
        callback=_check_period,
        metavar="PERIOD",
        help="Time in which any run pays a beneficiary the same only once: day, week, month, quarter, year, once, or a "
        "span such as 14d.  [default: that of the job's schedule or run key; once for a list]",
    ),
)
