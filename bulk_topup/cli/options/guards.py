"""The options that state guards on the command line, and the guards that they make with those of a job file."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import click

from bulk_topup.domain.guards import Guards
from bulk_topup.domain.money import parse_plain_amount

F = TypeVar("F", bound=Callable[..., Any])

_UNIT = re.compile(r"[A-Z]{2,10}")


def _amounts(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> dict[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for text in texts:
        unit, _, figure = text.partition("=")
        amount = parse_plain_amount(figure)
        if not _UNIT.fullmatch(unit) or amount is None:
            raise click.BadParameter(f'"{text}" is not an amount in a currency; write it like USD=1000.')
        if unit in amounts:
            raise click.BadParameter(f"{unit} is given twice; give each currency once.")
        amounts[unit] = amount
    return amounts


def guard_options(command: F) -> F:
    """Add the options that state what a run is allowed to do with money."""
    for decorate in (
        click.option(
            "--no-repeat-within",
            type=click.IntRange(1, 3660),
            metavar="DAYS",
            help="Refuse rows whose beneficiary was paid in the last days, by whatever run of the ledger.",
        ),
        _amount_option("--max-cost", "What all rows may cost with their fees, in a wallet's currency; repeatable."),
        _amount_option("--max-row-amount", "What one row may ask for, in a currency; repeatable."),
        _amount_option("--max-amount", "What all rows may ask for, in a currency; repeatable."),
        click.option("--max-rows", type=click.IntRange(min=0), metavar="N", help="Rows that the run may pay."),
        _amount_option("--expect-total", "What the list must ask for, in a currency; repeatable."),
        click.option("--expect-rows", type=click.IntRange(min=0), metavar="N", help="Rows that the list must have."),
    ):
        command = decorate(command)
    return command


def guards_from(values: dict[str, Any], base: Guards) -> dict[str, Any]:
    """Take the guard options out of a command's values, and give the job's keys that they change.

    Args:
        values: the command's values.
        base: what the job file states; what the command line states wins over it, currency by currency.
    """
    caps, expect = base.caps.model_dump(), base.expect.model_dump()
    for table, key, name in ((caps, "rows", "max_rows"), (expect, "rows", "expect_rows")):
        if (number := values.pop(name)) is not None:
            table[key] = number
    for table, key, name in (
        (caps, "amounts", "max_amount"),
        (caps, "row_amounts", "max_row_amount"),
        (caps, "costs", "max_cost"),
        (expect, "totals", "expect_total"),
    ):
        table[key] = {**table[key], **values.pop(name)}
    changed: dict[str, Any] = {"caps": caps, "expect": expect}
    if (days := values.pop("no_repeat_within")) is not None:
        changed["velocity"] = {"days": days, "payments": 1}
    return changed


def _amount_option(name: str, text: str) -> Callable[[F], F]:
    return click.option(name, metavar="CCC=AMOUNT", multiple=True, callback=_amounts, help=text)
