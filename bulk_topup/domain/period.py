"""Define periods: the time in which a beneficiary is paid the same only once; pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

#: The calendar periods, each with its shortest length.
_LENGTHS: Final = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=28),
    "quarter": timedelta(days=90),
    "year": timedelta(days=365),
}
_ONCE: Final = "once"
_SPAN: Final = re.compile(r"([1-9][0-9]{0,3})([hd])")


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar period, a span of time, or all time.

    Args:
        name: `day`, `week`, `month`, `quarter`, `year`, `once`, or a span such as `14d` or `12h`.

    Raises:
        ValueError: the name is none of these.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in _LENGTHS and self.name != _ONCE and not _SPAN.fullmatch(self.name):
            raise ValueError("Write day, week, month, quarter, year, once, or a span such as 14d.")

    @classmethod
    def once(cls) -> Self:
        """Return the period without an end."""
        return cls(_ONCE)

    @classmethod
    def of_length(cls, length: timedelta) -> Self:
        """Return the span of a length of at least an hour, in whole hours."""
        return cls(f"{max(1, length // timedelta(hours=1))}h")

    @property
    def length(self) -> timedelta | None:
        """Its shortest length; None for `once`, which never ends."""
        if self.name in _LENGTHS:
            return _LENGTHS[self.name]
        found = _SPAN.fullmatch(self.name)
        if found is None:
            return None
        return timedelta(days=int(found[1])) if found[2] == "d" else timedelta(hours=int(found[1]))

    def start(self, moment: datetime) -> datetime | None:
        """Return when the period of a moment began; None for `once`, which has no beginning.

        Args:
            moment: a time in the time zone whose days, weeks and months are meant; weeks begin on Monday.
        """
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if self.name == "day":
            return day
        if self.name == "week":
            return day - timedelta(days=day.weekday())
        if self.name == "month":
            return day.replace(day=1)
        if self.name == "quarter":
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        if self.name == "year":
            return day.replace(month=1, day=1)
        return None if self.length is None else moment - self.length
