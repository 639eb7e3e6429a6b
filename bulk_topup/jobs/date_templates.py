"""Templates in job files that contain dates, and whether days of a schedule share a run by mistake; pure."""

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
        raise ValueError("Unknown text in braces. Use only {today} and {today:FORMAT}, e.g. {today:%Y-%m}.")
    return text


Template = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(_checked_template)]


def render_dates(template: str, today: date) -> str:
    """Return a template with its dates filled in.

    Args:
        template: a text that may contain {today} or {today:FORMAT}.
        today: a day, or a time in the time zone that its day is taken from.
    """
    return _TODAY.sub(lambda match: today.strftime(match[1] or "%Y-%m-%d"), template)


def template_pattern(template: str) -> str | None:
    """Return a regular expression that all results of a template match; None for one without dates."""
    texts = _TODAY.split(template)[::2]
    return None if len(texts) == 1 else ".+".join(map(re.escape, texts))


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedRun:
    """Two days whose run key is the same although their runs should differ."""

    first: date
    second: date
    key: str
    #: Lists of the two days; the same text if only the key repeats.
    lists: tuple[str, str]


def first_shared_run(
    days: Iterable[date], key_on: Callable[[date], str], list_on: Callable[[date], str]
) -> SharedRun | None:
    """Return the first day that would resume an earlier day's run with another list or after other runs, or None.

    On that day, everyone whom the earlier run paid would count as paid.

    Args:
        days: the days on which the job runs, in order.
        key_on: returns the run key of a day.
        list_on: returns the list of a day.
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
