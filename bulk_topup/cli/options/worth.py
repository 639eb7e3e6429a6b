"""The option that gives everybody the same worth, whatever the operator."""

import re
from typing import Final, NamedTuple

import click
import cloup

from bulk_topup.cli.options.groups import LIST

_WORTH: Final = re.compile(r"([A-Z]{3}) ([0-9]{1,9}(?:\.[0-9]{1,9})?)")


class Worth(NamedTuple):
    """What each row costs at its source."""

    #: ISO 4217.
    currency: str
    #: A plain number, as in a cell.
    amount: str


def _parse(_context: click.Context, _option: click.Parameter, text: str | None) -> Worth | None:
    if text is None:
        return None
    found = _WORTH.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f'"{text}" is not a currency and an amount; write it like "USD 5".')
    return Worth(found[1], found[2])


worth_option = cloup.option(
    "--auto-product",
    "worth",
    group=LIST,
    metavar="'CURRENCY AMOUNT'",
    callback=_parse,
    help="Give everybody the same worth, whatever the operator: its product with exactly this source amount, e.g. "
    "'USD 5'. Needs --map reference=COLUMN.",
)
