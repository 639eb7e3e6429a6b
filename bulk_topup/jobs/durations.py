"""Durations as people write them, such as 30m, 2h or 1d; pure."""

import re
from datetime import timedelta

_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_TIME_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta | None:
    """Return the duration a text names, or None if it names none."""
    match = _DURATION.fullmatch(text)
    return timedelta(**{_TIME_UNITS[match[2]]: int(match[1])}) if match else None


def parse_age(text: str) -> timedelta | None:
    """Return the duration a text names, which may be 0, or None if it names none."""
    return timedelta() if text == "0" else parse_duration(text)
