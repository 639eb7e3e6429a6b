"""Texts of job files in which dates are filled in, and whether a year of them keeps runs apart; pure."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

_TODAY: Final = re.compile(r"\{today(?::([^{}]*))?\}")
_BRACES: Final = re.compile(r"[{}]")


def _checked_template(text: str) -> str:
    if _BRACES.search(_TODAY.sub("", text)):
        raise ValueError("only {today} and {today:FORMAT} may stand in braces, e.g. {today:%Y-%m}")
    return text


Template = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(_checked_template)]


def render_dates(template: str, today: date) -> str:
    """Fill in the dates of a text.

    Args:
        template: a text with {today} or {today:FORMAT} in it.
        today: a day, or a time as calendar and clock of its zone show it.
    """
    return _TODAY.sub(lambda match: today.strftime(match[1] or "%Y-%m-%d"), template)


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedRun:
    """Two days that would share a run although they are not meant to."""

    first: date
    second: date
    key: str
    #: The lists of the two days; the same where only the key comes again.
    lists: tuple[str, str]


def first_shared_run(
    days: Iterable[date], key_on: Callable[[date], str], list_on: Callable[[date], str]
) -> SharedRun | None:
    """Find the first day that would go on with another day's run, for another list or after other runs; None for none.

    Whoever is in both lists would count as paid on the second day.

    Args:
        days: on which the job is started, in their order.
        key_on: gives the run key of a day.
        list_on: gives the list of a day.
    """
    first: dict[str, date] = {}
    last_key = ""
    for day in days:
        key = key_on(day)
        known = first.setdefault(key, day)
        lists = list_on(known), list_on(day)
        if lists[0] != lists[1] or (key != last_key and known != day):
            return SharedRun(first=known, second=day, key=key, lists=lists)
        last_key = key
    return None
