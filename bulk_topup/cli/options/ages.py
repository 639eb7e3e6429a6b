"""The options of how old answers of DVS may be that are used again, for commands that only ask."""

from datetime import timedelta

import click
import cloup

from bulk_topup.jobs.durations import parse_age

#: The text that all commands share.
MAX_AGE_HELP = "Use answers about products again that are not older, e.g. 2h; 0 asks DVS each time.  [default: 24h]"


def check_age(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return the text of an age."""
    if text is not None and parse_age(text) is None:
        raise click.BadParameter(f'"{text}" is not an age; write it like 30m, 2h or 1d, or 0.')
    return text


def _parse_age(context: click.Context, option: click.Parameter, text: str | None) -> timedelta | None:
    checked = check_age(context, option, text)
    return None if checked is None else parse_age(checked)


max_age_option = cloup.option("--max-age", metavar="AGE", callback=_parse_age, help=MAX_AGE_HELP)
