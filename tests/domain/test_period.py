"""When a period begins and how long it is."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bulk_topup.domain.period import Period

#: A Thursday in the middle of a quarter, near midnight in UTC.
MOMENT = datetime(2026, 11, 26, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("day", (2026, 11, 26)),
        ("week", (2026, 11, 23)),
        ("month", (2026, 11, 1)),
        ("quarter", (2026, 10, 1)),
        ("year", (2026, 1, 1)),
    ],
)
def test_a_calendar_period_begins_at_midnight_of_its_zone(name: str, start: tuple[int, int, int]) -> None:
    assert Period(name).start(MOMENT) == datetime(*start, tzinfo=ZoneInfo("Europe/Berlin"))


def test_a_span_begins_its_length_before() -> None:
    assert Period("14d").start(MOMENT) == MOMENT - timedelta(days=14)
    assert Period("12h").start(MOMENT) == MOMENT - timedelta(hours=12)


def test_once_never_begins_and_never_ends() -> None:
    assert Period.once().start(MOMENT) is None
    assert Period.once().length is None


@pytest.mark.parametrize(
    ("name", "days"), [("day", 1), ("week", 7), ("month", 28), ("quarter", 90), ("year", 365), ("10d", 10)]
)
def test_a_period_has_its_shortest_length(name: str, days: int) -> None:
    assert Period(name).length == timedelta(days=days)


def test_a_length_becomes_a_span() -> None:
    assert Period.of_length(timedelta(days=7)).length == timedelta(days=7)
    assert Period.of_length(timedelta(minutes=5)).length == timedelta(hours=1)


@pytest.mark.parametrize("name", ["", "Month", "fortnight", "0d", "14", "d", "1.5d", "-1d", "99999d"])
def test_other_texts_are_no_period(name: str) -> None:
    with pytest.raises(ValueError, match="Write day, week, month"):
        Period(name)
