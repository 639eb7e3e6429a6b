"""Reads the reasons of options, which the ledger keeps; pure."""

import click

from bulk_topup.domain.reason import checked_reason


def parse_reason(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return a reason with single spaces; None if the option is not given."""
    if text is None:
        return None
    try:
        return checked_reason(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
