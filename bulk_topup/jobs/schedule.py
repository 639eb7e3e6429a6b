"""When a job is started by itself: times as crontab states them, in the machine's time zone; touches only that zone."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from bulk_topup.errors import JobError
from bulk_topup.jobs.durations import parse_duration

#: Days that are looked back for the last time: the 29th of February may be eight years ago.
MAX_DAYS_BACK: Final = 9 * 366

#: What a start may be late by without being missed: what starts it and its own beginning take their time.
LATENESS: Final = timedelta(minutes=1)

#: What a clock is set back by at most in autumn.
SET_BACK: Final = timedelta(hours=3)

_MINUTE: Final = timedelta(minutes=1)

_WEEKDAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Each field's name, smallest and largest number, and the names that stand for numbers.
_FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A time of a schedule that is over."""

    #: When it was, in UTC.
    at: datetime
    #: What calendar and clock of the machine's zone show then, without a zone; its day is what `{today}` stands for.
    wall: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CronTimes:
    """Times as the five fields of a crontab line state them."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    #: From 0, which is Sunday, to 6.
    weekdays: tuple[int, ...]

    def last(self, now: datetime) -> Due:
        """Give the latest of the times that is not after `now`, which is in UTC.

        A time that the clock skips comes when it skips it, and one that it shows twice the first time, as cron has it.

        Raises:
            JobError: there never was one.
        """
        # Where the clock was set back over midnight, it has shown later times than it shows now.
        latest = _shown(now) + SET_BACK
        for back in range(MAX_DAYS_BACK):
            day = latest.date() - timedelta(days=back)
            if not self.is_on(day):
                continue
            for hour, minute in product(reversed(self.hours), reversed(self.minutes)):
                wall = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - as the clock shows it
                if wall <= latest and (moment := _first_shown(wall)) <= now:
                    return Due(at=moment, wall=wall)
        raise JobError("The schedule names a day that no month has; correct schedule.at in the job file.")

    def is_on(self, day: date) -> bool:
        """Tell whether there are times on a day."""
        return day.day in self.days and day.month in self.months and day.isoweekday() % 7 in self.weekdays

    def later_hours(self, span: timedelta) -> tuple[int, ...]:
        """Give the hours of the same day, after the last of each day's, that lie within a span."""
        last = self.hours[-1]
        return tuple(range(last + 1, min(23, last + int(span / timedelta(hours=1))) + 1))

    @property
    def count_a_day(self) -> int:
        """How many times there are on one of the days."""
        return len(self.hours) * len(self.minutes)

    def at_hours(self, hours: tuple[int, ...]) -> "CronTimes":
        """Give times on the same days at other hours, once in each."""
        return replace(self, hours=hours, minutes=self.minutes[:1])

    def on_calendar(self) -> str:
        """Give the times as systemd states them."""
        weekdays = "" if len(self.weekdays) == 7 else ",".join(_WEEKDAYS[each] for each in self.weekdays) + " "
        months, days = _numbers(self.months, 12), _numbers(self.days, 31)
        return f"{weekdays}*-{months}-{days} {_numbers(self.hours, 24)}:{_numbers(self.minutes, 60)}:00"


def _first_shown(wall: datetime) -> datetime:
    """Give when the machine's clock first shows a time, or a later one where it skips that; in UTC."""
    moment, last = sorted(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if moment == last or _shown(moment) >= wall:
        return moment
    minutes = range((last - moment) // _MINUTE + 1)  # clocks are set on whole minutes
    return moment + _MINUTE * bisect_left(minutes, wall, key=lambda count: _shown(moment + _MINUTE * count))


def _shown(moment: datetime) -> datetime:
    """Give what calendar and clock of the machine's zone show."""
    return moment.astimezone().replace(tzinfo=None)


def cron_times(text: str) -> CronTimes:
    """Read the five fields of a crontab line: numbers, names, ranges, steps and lists.

    Raises:
        ValueError: they are none, or state both days of the month and weekdays, which cron takes as either.
    """
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError("a time has five fields: minute, hour, day of the month, month and weekday, e.g. 0 17 28 * *")
    minutes, hours, days, months, weekdays = (
        tuple(sorted(set(_field(word, *field)))) for word, field in zip(words, _FIELDS, strict=True)
    )
    weekdays = tuple(sorted({day % 7 for day in weekdays}))
    if words[2] != "*" and words[4] != "*":
        raise ValueError("it states days of the month and weekdays; cron would take either, so state one of them")
    return CronTimes(minutes=minutes, hours=hours, days=days, months=months, weekdays=weekdays)


def _field(word: str, name: str, low: int, high: int, names: tuple[str, ...]) -> Iterator[int]:
    for part in word.split(","):
        stated, slash, step = part.partition("/")
        first, dash, last = stated.partition("-")
        if slash and not dash and stated != "*":
            raise ValueError(
                f'"{word}": not every cron takes a step after a single {name}; state the range, {stated}-{high}/{step}'
            )
        if stated == "*":
            start, end = low, high
        else:
            start = _number(first, names)
            end = _number(last, names) if dash else start
        by = _number(step, ()) if slash else 1
        if not low <= start <= end <= high or by < 1:
            raise ValueError(f'"{word}" is no {name}; it is a number from {low} to {high}, a range such as 1-5, or *')
        yield from range(start, end + 1, by)


def _number(text: str, names: tuple[str, ...]) -> int:
    """Read a number or a name; -1 for what is neither."""
    if text.isascii() and text.isdigit() and len(text) <= 2:
        return int(text)
    found = [number for number, name in enumerate(names) if name and name.casefold() == text.casefold()]
    return found[0] if found else -1


def _numbers(numbers: tuple[int, ...], count: int) -> str:
    return "*" if len(numbers) == count else ",".join(f"{number:02d}" for number in numbers)


def _checked_times(text: str) -> str:
    times = cron_times(text)
    if not any(times.is_on(date(2024, 1, 1) + timedelta(days=each)) for each in range(366)):  # a leap year
        raise ValueError("it names a day that none of its months has, so it would never come")
    return " ".join(text.split())  # a line break would end the line of a crontab


def _checked_span(text: str) -> str:
    if not parse_duration(text):
        raise ValueError("a span of time is written like 30m, 2h or 1d")
    return text


Duration = Annotated[str, AfterValidator(_checked_span)]


class Schedule(BaseModel):
    """When a job is started by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: As in crontab, in the machine's time zone: minute, hour, day of the month, month, weekday; e.g. "0 17 28 * *".
    at: Annotated[str, AfterValidator(_checked_times)]
    #: Until when after its time a start that was missed is made up for, e.g. "12h".
    catch_up: Duration = "12h"
    #: Until when after its time rows are sent, e.g. "6h"; what is left then is left to a person.
    deadline: Duration | None = None

    @model_validator(mode="after")
    def _makes_up_in_time(self) -> Self:
        if self.deadline is not None and self.catch_up_window > self.sending_window:
            raise ValueError("a start that is made up for later than deadline would send nothing; shorten catch_up")
        return self

    @property
    def times(self) -> CronTimes:
        """The times as numbers."""
        return cron_times(self.at)

    @property
    def catch_up_window(self) -> timedelta:
        """How long after its time a start is made up for."""
        return parse_duration(self.catch_up) or timedelta()

    @property
    def sending_window(self) -> timedelta:
        """How long after its time rows are sent; without a deadline for ever."""
        return timedelta.max if self.deadline is None else parse_duration(self.deadline) or timedelta()

    def due(self, now: datetime) -> Due:
        """Give the time that a start at `now`, in UTC, is for.

        Its day, and not the day on which the machine came up again, is what `{today}` stands for.

        Raises:
            JobError: the last time is longer ago than starts are made up for.
        """
        due = self.times.last(now)
        if now - due.at >= self.catch_up_window + LATENESS:
            raise JobError(
                f"No start is due: the last time of the schedule was {due.wall:%Y-%m-%d %H:%M}, and starts are "
                f"made up for within {self.catch_up}. Nothing was sent. If that start was missed, make up for it by "
                f"hand with --today {due.wall:%Y-%m-%d}; if what starts this job does not keep to schedule.at, print "
                "it anew with `bulk-topup schedule print`."
            )
        return due
