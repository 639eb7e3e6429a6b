"""When a job is due: the same times for cron, for systemd and for the job itself, whatever happened to the machine."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bulk_topup.errors import JobError
from bulk_topup.schedules import Schedule, cron_times


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
def test_the_last_time_is_the_latest_that_is_over(text: str, now: str, last: str) -> None:
    found = cron_times(text).last(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(last).replace(tzinfo=UTC)


def test_times_are_those_of_the_machines_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Singapore")
    time.tzset()
    found = cron_times("0 17 28 * *").last(datetime(2026, 11, 28, 9, 0, tzinfo=UTC))
    assert found == datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    # The hour that is skipped in spring: cron starts it as soon as it is over.
    assert cron_times("30 2 * * *").last(datetime(2027, 3, 28, 1, 31, tzinfo=UTC)).day == 28


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001 - made aware below
def test_a_time_that_comes_every_minute_is_never_long_ago(now: datetime) -> None:
    moment = now.replace(tzinfo=UTC)
    assert timedelta() <= moment - cron_times("* * * * *").last(moment) < timedelta(minutes=1)


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
    ("text", "told"),
    [
        ("0 17 28 *", "five fields"),
        ("60 17 28 * *", '"60" is no minute'),
        ("0 17 0 * *", '"0" is no day'),
        ("0 17 * 13 *", '"13" is no month'),
        ("0 17 * * Fry", '"Fry" is no weekday'),
        ("0 5-1 * * *", '"5-1" is no hour'),
        ("*/0 5 * * *", "is no minute"),
        ("0 17 1 * Fri", "state one of them"),
        ("@reboot", "five fields"),
    ],
)
def test_what_is_no_time_is_refused_with_its_field(text: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Schedule(at=text)


def test_a_day_that_no_month_has_is_refused() -> None:
    with pytest.raises(JobError, match="no month has"):
        cron_times("0 0 31 2 *").last(datetime(2026, 11, 24, tzinfo=UTC))


def test_a_start_that_is_made_up_for_after_the_month_has_ended_is_for_the_day_that_was_due() -> None:
    schedule = Schedule(at="0 17 30 * *", catch_up="12h")
    assert schedule.due(datetime(2026, 12, 1, 4, 0, tzinfo=UTC)) == datetime(2026, 11, 30, 17, tzinfo=UTC)


def test_a_start_that_is_too_late_is_refused_and_says_how_to_make_up_for_it() -> None:
    with pytest.raises(JobError, match=r"2026-11-30 17:00.*within 12h.*--today 2026-11-30"):
        Schedule(at="0 17 30 * *", catch_up="12h").due(datetime(2026, 12, 1, 5, 1, tzinfo=UTC))


def test_a_start_that_is_made_up_for_after_the_deadline_is_refused_beforehand() -> None:
    with pytest.raises(ValidationError, match="would send nothing"):
        Schedule(at="0 17 28 * *", catch_up="4h", deadline="2h")
