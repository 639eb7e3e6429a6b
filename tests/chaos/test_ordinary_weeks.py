"""Ordinary weeks, in which nothing may stop that should go, and proof that the campaign notices what does."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bulk_topup.jobs import comparison
from chaos.office import Office, Start
from chaos.ordinary_weeks import Lived, Weeks, in_order, live, offices
from chaos.stories import (
    STORIES,
    Allowance,
    Bills,
    Campaigns,
    DailyShifts,
    GiftCards,
    HalfMonthlyBonus,
    Payroll,
    Story,
    WagesByHand,
    YearEnd,
    csv_text,
    numbers,
    on,
    payments,
)

#: What happens once or twice a month.
MONTHLY = (Payroll, Allowance, WagesByHand, HalfMonthlyBonus, Campaigns, GiftCards, Bills, YearEnd)
ZONE = ZoneInfo("Europe/Berlin")


def _check(lived: Lived) -> None:
    assert lived.complaints == []
    assert lived.payments


def test_nothing_stops_in_an_ordinary_week_with_a_change_of_the_clock(tmp_path: Path) -> None:
    weekly = [story for story in STORIES if story not in MONTHLY]
    _check(live(Weeks(seed=3, zone="Europe/Berlin", first_day=date(2027, 3, 22), weeks=1), tmp_path / "office", weekly))


def test_nothing_stops_from_month_to_month(tmp_path: Path) -> None:
    _check(
        live(
            Weeks(seed=1, zone="America/New_York", first_day=date(2026, 12, 14), weeks=5), tmp_path / "office", MONTHLY
        )
    )


@pytest.mark.parametrize("story", [HalfMonthlyBonus, WagesByHand])
def test_a_false_alarm_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: type[Story]) -> None:
    monkeypatch.setattr(comparison, "default_period", lambda *_: "once")
    lived = live(Weeks(seed=2, zone="UTC", first_day=date(2026, 11, 23), weeks=6), tmp_path / "office", [story])
    (complaint,) = lived.complaints
    assert "exit code 3, not 0" in complaint
    assert "repeat" in complaint


def test_a_payment_too_many_is_noticed(tmp_path: Path) -> None:
    rows = numbers(1, 2, "5")
    start = Start(
        at=on(date(2026, 11, 2), 9),
        words=("run", "list.csv", "--product", "6418"),
        pays=payments(rows[:1]),
        files={"list.csv": csv_text(rows)},
    )
    folder = tmp_path / "office"
    folder.mkdir()
    with Office(folder, "UTC", datetime(2026, 11, 1, tzinfo=UTC)) as office:
        assert "paid too much: +6595011401 (5, 1 times)" in str(office.play(start))


def test_everything_that_a_command_writes_is_of_the_time_of_its_clock(tmp_path: Path) -> None:
    rows = numbers(1, 2, "5")
    words = ("run", "list.csv", "--product", "6418")
    files = {"list.csv": csv_text(rows)}
    with Office(tmp_path, "UTC", datetime(2031, 5, 1, tzinfo=UTC)) as office:
        assert office.play(Start(at=on(date(2031, 5, 2), 9), words=words, pays=payments(rows), files=files)) is None
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        times = [at for (at,) in ledger.execute("SELECT created_at FROM runs UNION ALL SELECT at FROM events")]
    books = [json.loads(line)["at"] for line in (tmp_path / "books.jsonl").read_text().splitlines()]
    assert len(times) > 3
    assert {at[:11] for at in (*times, *books[1:])} == {"2031-05-02T"}


def test_weeks_are_the_same_every_time_and_come_in_order_of_their_times() -> None:
    for weeks in offices(200):
        zone = ZoneInfo(weeks.zone)
        first, again = (list(in_order([story(weeks.seed, zone) for story in STORIES], weeks, zone)) for _ in range(2))
        assert [start for _, start in first] == [start for _, start in again]
        times = [start.at.replace(tzinfo=zone).timestamp() for _, start in first]
        assert times == sorted(times)
    assert sum(weeks.weeks for weeks in offices(200)) == 200


def test_a_daily_list_meets_both_changes_of_the_clock() -> None:
    days = [date(2027, 1, 1) + timedelta(days=each) for each in range(365)]
    starts: Iterator[Start] = (start for day in days for start in DailyShifts(0, ZONE).starts(day))
    assert {f"{start.at:%Y-%m-%d}" for start in starts} >= {"2027-03-28", "2027-10-31"}
