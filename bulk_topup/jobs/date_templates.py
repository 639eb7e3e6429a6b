"""Templates in job files that contain dates, and whether days of a schedule share a run by mistake; pure."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

_TODAY: Final = re.compile(r"\{today(?::([^{}]*))?\}")
#: The parts of a date that name a period, and what they look like.
_DIRECTIVE: Final = re.compile("(%-?[A-Za-z%])")
_TWO, _ONE_OR_TWO, _WORD = "[0-9]{2}", "[0-9]{1,2}", r"[^\W\d_]+\.?"
_PATTERNS: Final = {
    **dict.fromkeys(("%Y", "%G"), "[0-9]{4}"),
    **dict.fromkeys(("%y", "%g", "%m", "%d", "%V", "%U", "%W", "%H", "%M"), _TWO),
    **dict.fromkeys(("%-m", "%-d", "%-V"), _ONE_OR_TWO),
    **dict.fromkeys(("%B", "%b", "%A", "%a"), _WORD),
    "%j": "[0-9]{3}",
    "%F": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "%%": "%",
}
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
    """Return a regular expression of the results of a template; None for one without dates, or with unusual ones."""
    parts: list[str] = []
    end = 0
    for found in _TODAY.finditer(template):
        parts.append(re.escape(template[end : found.start()]))
        end = found.end()
        format_ = found[1] or "%Y-%m-%d"
        directives = _DIRECTIVE.split(format_)
        if any(directive not in _PATTERNS for directive in directives[1::2]):
            return None
        parts += [_PATTERNS[text] if index % 2 else re.escape(text) for index, text in enumerate(directives)]
    return "".join([*parts, re.escape(template[end:])]) if end else None


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
