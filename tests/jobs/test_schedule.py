"""When a job is due: the same times for cron, for systemd and for the job itself, whatever the clock does."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bulk_topup.errors import JobError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.schedule import Schedule, cron_times

ZONES = ("Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "UTC")


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "now", "last"),
    [
        ("0 17 28 * *", "2026-11-28T17:00", "2026-11-28T17:00"),
        ("0 17 28 * *", "2026-11-28T16:59", "2026-10-28T17:00"),
        ("0 17 28 * *", "2026-12-01T00:10", "2026-11-28T17:00"),
        ("0 16 * * Fri", "2026-11-24T12:00", "2026-11-20T16:00"),
        ("0 16 * * 7", "2026-11-24T12:00", "2026-11-22T16:00"),
        ("*/15 8-18/2 * * 1-5", "2026-11-23T07:00", "2026-11-20T18:45"),
        ("30 2 * * *", "2026-11-24T02:29", "2026-11-23T02:30"),
        ("0 0 29 2 *", "2026-11-24T00:00", "2024-02-29T00:00"),
        ("5,10 0 1 jan,jul *", "2026-11-24T00:00", "2026-07-01T00:10"),
    ],
)
def test_the_last_time_is_the_latest_in_the_past(text: str, now: str, last: str) -> None:
    found = cron_times(text).last(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found.at == datetime.fromisoformat(last).replace(tzinfo=UTC)
    assert found.wall == datetime.fromisoformat(last)


@contextmanager
def _in_zone(name: str) -> Iterator[ZoneInfo]:
    before = os.environ["TZ"]
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield ZoneInfo(name)
    finally:
        os.environ["TZ"] = before
        time.tzset()


def test_times_are_those_of_the_machines_zone() -> None:
    with _in_zone("Asia/Singapore"):
        found = cron_times("0 17 28 * *").last(datetime(2026, 11, 28, 9, 0, tzinfo=UTC))
        assert (found.at, found.wall) == (datetime(2026, 11, 28, 9, 0, tzinfo=UTC), _wall("2026-11-28T17:00"))
    with _in_zone("Europe/Berlin"):
        # The hour that the clock skips in spring: cron runs it right after the skip.
        assert cron_times("30 2 * * *").last(datetime(2027, 3, 28, 1, 31, tzinfo=UTC)).wall.day == 28


def _wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("zone", ZONES)
def test_the_first_of_a_month_belongs_to_that_month_although_utc_is_still_on_the_last_day_before(zone: str) -> None:
    job = Job(list="pay.csv", run_key="{today:%Y-%m}", schedule=Schedule(at="0 1 1 * *"))
    assert job.schedule is not None
    keys = []
    with _in_zone(zone) as there:
        for month in range(1, 13):
            now = datetime(2026, month, 1, 1, 0, 3, tzinfo=there).astimezone(UTC)
            due = job.schedule.due(now)
            assert due.at == now - timedelta(seconds=3)
            keys.append(job.key_on(due.wall))
    assert keys == [f"2026-{month:02d}" for month in range(1, 13)]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2027-03-28"),
        ("Europe/Berlin", "2027-10-31"),
        ("America/St_Johns", "2027-03-14"),
        ("America/St_Johns", "2010-11-07"),  # set back from 00:01 to 23:01 of the day before
        ("Australia/Lord_Howe", "2027-04-04"),  # by half an hour
        ("America/Havana", "2026-03-08"),  # from 00:00 on
        ("Pacific/Apia", "2011-12-30"),  # a day that never was
        ("Pacific/Kiritimati", "2027-03-28"),
        ("UTC", "2027-03-28"),
    ],
)
@pytest.mark.parametrize("at", ["02:30", "00:00", "00:30", "23:30", "12:00"])
def test_a_day_with_a_clock_change_has_each_time_once(zone: str, day: str, at: str) -> None:
    hour, minute = map(int, at.split(":"))
    times = cron_times(f"{minute} {hour} * * *")
    middle = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    furthest = _wall("2000-01-01T00:00")
    due: dict[datetime, datetime] = {}
    with _in_zone(zone) as there:
        for step in range(-36 * 4, 36 * 4):
            now = middle + timedelta(minutes=15 * step)
            # As in cron: a time is due once the clock has passed it, by running or by a skip, and only once.
            furthest = max(furthest, now.astimezone(there).replace(tzinfo=None))
            expected = datetime.combine(furthest.date(), datetime.min.time()).replace(hour=hour, minute=minute)
            if expected > furthest:
                expected -= timedelta(days=1)
            found = times.last(now)
            assert found.wall == expected
            assert found.at <= now
            assert due.setdefault(found.wall, found.at) == found.at


@given(st.sampled_from(ZONES), st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)))  # noqa: DTZ001
def test_a_scheduled_run_is_for_the_same_day_as_a_manual_run(zone: str, moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC, second=0, microsecond=0)
    with _in_zone(zone) as there:
        shown = now.astimezone(there)
        found = cron_times(f"{shown.minute} {shown.hour} * * *").last(now)
        assert found.wall.date() == shown.date() == now.astimezone().date()
        assert now - found.at in {timedelta(), timedelta(hours=1)}  # the clock shows it twice in autumn


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001 - made aware below
def test_a_schedule_of_every_minute_was_due_less_than_a_minute_ago(now: datetime) -> None:
    moment = now.replace(tzinfo=UTC)
    assert timedelta() <= moment - cron_times("* * * * *").last(moment).at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "calendar"),
    [
        ("0 17 28 * *", "*-*-28 17:00:00"),
        ("0 16 * * Fri", "Fri *-*-* 16:00:00"),
        ("0 9 * * 0,6", "Sun,Sat *-*-* 09:00:00"),
        ("*/30 * 1 1-3 *", "*-01,02,03-01 *:00,30:00"),
    ],
)
def test_systemd_gets_the_same_times(text: str, calendar: str) -> None:
    assert cron_times(text).on_calendar() == calendar


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 17 28 *", "five fields"),
        ("60 17 28 * *", '"60" is not a minute'),
        ("0 17 0 * *", '"0" is not a day'),
        ("0 17 * 13 *", '"13" is not a month'),
        ("0 17 * * Fry", '"Fry" is not a weekday'),
        ("0 5-1 * * *", '"5-1" is not a hour'),
        ("*/0 5 * * *", "is not a minute"),
        ("0 17 1 * Fri", "Use only one of them"),
        ("@reboot", "five fields"),
        ("5/15 5 * * *", "Write the range: 5-59/15"),
        ("0 5/2 * * *", "Write the range: 5-23/2"),
        ("0 5 * * Mon/2", "Write the range: Mon-7/2"),
        ("0 5 31 2,4 *", "would never be due"),
        ("0 5 30 Feb *", "would never be due"),
    ],
)
def test_an_invalid_time_is_refused_with_its_field(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Schedule(at=text)


def test_a_day_that_no_month_has_is_refused() -> None:
    with pytest.raises(JobError, match="no month has"):
        cron_times("0 0 31 2 *").last(datetime(2026, 11, 24, tzinfo=UTC))


def test_a_catch_up_run_in_the_next_month_is_for_the_day_that_was_due() -> None:
    schedule = Schedule(at="0 17 30 * *", catch_up="12h")
    due = schedule.due(datetime(2026, 12, 1, 4, 0, tzinfo=UTC))
    assert (due.at, due.wall) == (datetime(2026, 11, 30, 17, tzinfo=UTC), _wall("2026-11-30T17:00"))


def test_a_run_after_its_catch_up_is_refused_with_the_option_to_run_it() -> None:
    with pytest.raises(
        JobError, match=r"2026-11-30 17:00 local time \(2026-11-30 17:00 UTC\).*ended 12h later.*--today 2026-11-30"
    ):
        Schedule(at="0 17 30 * *", catch_up="12h").due(datetime(2026, 12, 1, 5, 1, tzinfo=UTC))


def test_a_catch_up_longer_than_the_deadline_is_refused() -> None:
    with pytest.raises(ValidationError, match="would send nothing"):
        Schedule(at="0 17 28 * *", catch_up="4h", deadline="2h")


def test_the_last_catch_up_run_is_in_time() -> None:
    schedule = Schedule(at="0 17 30 * *", catch_up="2h")
    last = max(schedule.times.later_hours(schedule.catch_up_window))
    assert last == 19
    assert schedule.due(datetime(2026, 11, 30, last, 0, 59, tzinfo=UTC)).wall == _wall("2026-11-30T17:00")
    with pytest.raises(JobError, match="No run is due"):
        schedule.due(datetime(2026, 11, 30, last, 1, tzinfo=UTC))


def test_the_day_to_run_manually_is_in_the_machines_time_zone() -> None:
    with (
        _in_zone("Europe/Berlin"),
        pytest.raises(JobError, match=r"2026-03-01 00:30 local time \(2026-02-28 23:30 UTC\).*--today 2026-03-01"),
    ):
        Schedule(at="30 0 1 * *", catch_up="1h").due(datetime(2026, 3, 2, tzinfo=UTC))


def test_a_line_break_between_the_fields_is_read_as_a_space() -> None:
    assert Schedule(at="0 17\n28\t* *").at == "0 17 28 * *"


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31)),  # noqa: DTZ001 - made aware below
    name=st.sampled_from(ZONES),
    at=st.sampled_from(("30 2 * * *", "0 0 1 * *", "15 23 28-31 * *", "*/20 1-3 * * Sun")),
)
def test_a_jobs_time_zone_gives_the_times_of_a_machine_in_it(now: datetime, name: str, at: str) -> None:
    moment = now.replace(tzinfo=UTC)
    with _in_zone(name) as zone:
        expected = cron_times(at).last(moment)
    assert cron_times(at).last(moment, zone) == expected
