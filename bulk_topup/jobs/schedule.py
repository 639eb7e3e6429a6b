"""When a job is due: crontab times in the job's time zone, else the machine's; reads the machine's time zone."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import product
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from bulk_topup.errors import JobError
from bulk_topup.jobs.durations import parse_duration

#: Maximum days to look back for the last due time: the 29th of February can be eight years ago.
MAX_DAYS_BACK: Final = 9 * 366

#: Tolerance at the end of the catch-up window, because cron and the command need time to start.
LATENESS: Final = timedelta(minutes=1)

#: Maximum time that clocks are set back at the end of daylight saving time.
SET_BACK: Final = timedelta(hours=3)

_MINUTE: Final = timedelta(minutes=1)

_WEEKDAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY: Final = "day of the month"
#: For each field its name, smallest and largest number, and names of its numbers.
_FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    (_DAY, 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A due time in the past."""

    #: The time in UTC.
    at: datetime
    #: The same time in the job's time zone, without a zone; its day replaces `{today}`.
    wall: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CronTimes:
    """Times of the five fields of a crontab line."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    #: From 0 (Sunday) to 6.
    weekdays: tuple[int, ...]

    def last(self, now: datetime, zone: tzinfo | None = None) -> Due:
        """Return the latest time that is not after `now`, as cron would run it.

        A time that the clock skips is due at the skip; a time that the clock shows twice is due the first time.

        Args:
            now: in UTC.
            zone: the times' time zone; None for the machine's.

        Raises:
            JobError: no such time exists.
        """
        # If the clock was set back over midnight, it has already shown later times than now.
        latest = _shown(now, zone) + SET_BACK
        for back in range(MAX_DAYS_BACK):
            day = latest.date() - timedelta(days=back)
            if not self.is_on(day):
                continue
            for hour, minute in product(reversed(self.hours), reversed(self.minutes)):
                wall = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - local time
                if wall <= latest and (moment := _first_shown(wall, zone)) <= now:
                    return Due(at=moment, wall=wall)
        raise JobError("The schedule has a day that no month has. Fix schedule.at in the job file.")

    def is_on(self, day: date) -> bool:
        """Return True if there are times on a day."""
        return day.day in self.days and day.month in self.months and day.isoweekday() % 7 in self.weekdays

    def later_hours(self, window: timedelta) -> tuple[int, ...]:
        """Return the hours within a window after the last time of a day, until midnight."""
        last = self.hours[-1]
        return tuple(range(last + 1, min(23, last + int(window / timedelta(hours=1))) + 1))

    @property
    def count_a_day(self) -> int:
        """Number of times on each of the days."""
        return len(self.hours) * len(self.minutes)

    def at_hours(self, hours: tuple[int, ...]) -> "CronTimes":
        """Return times on the same days at other hours, once per hour."""
        return replace(self, hours=hours, minutes=self.minutes[:1])

    def on_calendar(self, zone: str | None = None) -> str:
        """Return the times as a systemd calendar expression.

        Args:
            zone: the IANA name of their time zone; None for the machine's.
        """
        weekdays = "" if len(self.weekdays) == 7 else ",".join(_WEEKDAYS[each] for each in self.weekdays) + " "
        months, days = _numbers(self.months, 12), _numbers(self.days, 31)
        times = f"{_numbers(self.hours, 24)}:{_numbers(self.minutes, 60)}:00"
        return f"{weekdays}*-{months}-{days} {times}{'' if zone is None else f' {zone}'}"


def _first_shown(wall: datetime, zone: tzinfo | None) -> datetime:
    """Return when a zone's clock first shows a local time, or the next later one if it skips it; in UTC."""
    moment, last = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if moment == last or _shown(moment, zone) >= wall:
        return moment
    minutes = range((last - moment) // _MINUTE + 1)  # clocks are set on whole minutes
    return moment + _MINUTE * bisect_left(minutes, wall, key=lambda count: _shown(moment + _MINUTE * count, zone))


def _shown(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return a time as a zone's clock shows it, None for the machine's, without a zone."""
    return moment.astimezone(zone).replace(tzinfo=None)


def cron_times(text: str) -> CronTimes:
    """Read the five fields of a crontab line: numbers, names, ranges, steps and lists.

    Raises:
        ValueError: a field is invalid, or both days of the month and weekdays are set, which cron combines with "or".
    """
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError("A time has five fields: minute, hour, day of the month, month and weekday, e.g. 0 17 28 * *.")
    minutes, hours, days, months, weekdays = (
        tuple(sorted(set(_field(word, *field)))) for word, field in zip(words, _FIELDS, strict=True)
    )
    weekdays = tuple(sorted({day % 7 for day in weekdays}))
    if words[2] != "*" and words[4] != "*":
        raise ValueError("Cron would run on the days of the month and on the weekdays. Use only one of them.")
    return CronTimes(minutes=minutes, hours=hours, days=days, months=months, weekdays=weekdays)


def _field(word: str, name: str, low: int, high: int, names: tuple[str, ...]) -> Iterator[int]:
    if name == _DAY and "L" in word.upper():
        # Cron knows no last day of a month; some other schedulers write it so.
        raise ValueError(
            f'"{word}" is not a {name}, because cron has no last day of the month. Use 28, which every month has, or '
            "1, the first of the next month, on which {today} is in that next month."
        )
    for part in word.split(","):
        base, slash, step = part.partition("/")
        first, dash, last = base.partition("-")
        if slash and not dash and base != "*":
            raise ValueError(f'"{word}" has a step after a single {name}. Write the range: {base}-{high}/{step}.')
        if base == "*":
            start, end = low, high
        else:
            start = _number(first, names)
            end = _number(last, names) if dash else start
        by = _number(step, ()) if slash else 1
        if not low <= start <= end <= high or by < 1:
            raise ValueError(
                f'"{word}" is not a {name}. Write a number from {low} to {high}, a range such as 1-5, or *.'
            )
        yield from range(start, end + 1, by)


def _number(text: str, names: tuple[str, ...]) -> int:
    """Return a number, or the number of a name; -1 for any other text."""
    if text.isascii() and text.isdigit() and len(text) <= 2:
        return int(text)
    found = [number for number, name in enumerate(names) if name and name.casefold() == text.casefold()]
    return found[0] if found else -1


def _numbers(numbers: tuple[int, ...], count: int) -> str:
    return "*" if len(numbers) == count else ",".join(f"{number:02d}" for number in numbers)


def _checked_times(text: str) -> str:
    times = cron_times(text)
    if not any(times.is_on(date(2024, 1, 1) + timedelta(days=each)) for each in range(366)):  # a leap year
        raise ValueError("None of these months has such a day, so the job would never be due.")
    return " ".join(text.split())  # a line break would end the crontab line


def _checked_duration(text: str) -> str:
    if not parse_duration(text):
        raise ValueError("Write a duration as 30m, 2h or 1d.")
    return text


Duration = Annotated[str, AfterValidator(_checked_duration)]


class Schedule(BaseModel):
    """When cron or systemd runs a job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Crontab time in the job's time zone: minute, hour, day of the month, month, weekday; e.g. "0 17 28 * *".
    at: Annotated[str, AfterValidator(_checked_times)]
    #: Late-run window: how long after its time a missed run still starts, e.g. "12h".
    catch_up: Duration = "12h"
    #: How long after its time rows are sent, e.g. "6h"; rows left then stay open until someone resumes the run.
    deadline: Duration | None = None

    @model_validator(mode="after")
    def _check_catch_up_ends_before_deadline(self) -> Self:
        if self.deadline is not None and self.catch_up_window > self.sending_window:
            raise ValueError("A run after the deadline would send nothing. Make catch_up at most as long as deadline.")
        return self

    @property
    def times(self) -> CronTimes:
        """The due times."""
        return cron_times(self.at)

    @property
    def catch_up_window(self) -> timedelta:
        """How long after its time a missed run still starts."""
        return parse_duration(self.catch_up) or timedelta()

    @property
    def sending_window(self) -> timedelta:
        """How long after its time rows are sent; without a deadline, without limit."""
        return timedelta.max if self.deadline is None else parse_duration(self.deadline) or timedelta()

    def due(self, now: datetime, zone: tzinfo | None = None) -> Due:
        """Return the due time that a run at `now` is for.

        Its day replaces `{today}`, even if the machine was down and the run starts on a later day.

        Args:
            now: in UTC.
            zone: the time zone of the times; None for the machine's.

        Raises:
            JobError: the late-run window of the last due time has ended.
        """
        due = self.times.last(now, zone)
        if now - due.at >= self.catch_up_window + LATENESS:
            raise JobError(
                "No run is due. The last due time was "
                f"{due.wall:%Y-%m-%d %H:%M} {zone or 'local time'} ({due.at:%Y-%m-%d %H:%M} UTC), "
                f"and its catch-up ended {self.catch_up} later. Nothing was sent. If that run was missed, run the job "
                f"with --today {due.wall:%Y-%m-%d}. If cron or systemd does not use schedule.at, install the output "
                "of `bulk-topup schedule print` again."
            )
        return due
