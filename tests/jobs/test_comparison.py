"""How far back a job's runs are compared: its period, by schedule and run key, and the keys that name periods."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bulk_topup.domain.period import Period
from bulk_topup.jobs.comparison import comparison_policy, default_period
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.schedule import Schedule

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "period"),
    [
        (None, "once"),
        ("may", "once"),
        ("{today}", "day"),
        ("{today:%G-W%V}", "week"),
        ("pay-{today:%Y-%m}", "month"),
        ("{today:%Y}", "year"),
    ],
)
def test_a_run_key_has_the_period_that_it_changes_by(key: str | None, period: str) -> None:
    assert default_period(None, key) == period


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("0 17 28 * *", 28),
        ("0 9 * * Mon", 7),
        ("0 9 * * Mon,Wed,Fri", 2),
        ("0 9 * * *", 1),
        ("30 23 1,15 * *", 14),
        ("0 9 1 1 *", 365),
    ],
)
def test_a_schedule_has_nearly_its_shortest_gap_so_that_the_last_due_time_is_before_it(at: str, days: int) -> None:
    found = Period(default_period(Schedule(at=at), None)).length
    assert found is not None
    assert timedelta(days=days) * 8 / 10 < found < timedelta(days=days)


def test_the_longer_period_of_schedule_and_run_key_counts() -> None:
    assert default_period(Schedule(at="0 6 * * *"), "{today:%Y-%m}") == "month"
    assert default_period(Schedule(at="0 6,18 * * *"), "{today}") == "day"
    assert default_period(Schedule(at="0 6 1 * *"), "{today}") == Period.of_length(timedelta(days=28) * 9 / 10).name


def test_a_stated_period_counts_and_a_key_of_dates_names_periods(tmp_path: Path) -> None:
    job = Job(name="pay", list="pay.csv", run_key="v1 {today:%Y-%m}", period="14d", beside=("bonus",))
    policy = comparison_policy(job.at(date(2026, 11, 28), tmp_path), is_scheduled=True, now=NOW)
    assert (policy.period, policy.is_scheduled, policy.beside) == ("14d", True, ("bonus",))
    assert policy.period_keys == r"v1\ [0-9]{4}\-[0-9]{2}"
    later = Job(name="pay", list="pay.csv", run_key="may").at(date(2026, 12, 5), tmp_path)
    plain = comparison_policy(later, is_scheduled=False, now=NOW)
    assert (plain.period, plain.period_keys) == ("once", None)
    assert (policy.day, plain.day) == ("2026-11-28", "2026-11-30")  # never after the first start


def test_a_list_with_a_dated_name_has_its_periods(tmp_path: Path) -> None:
    job = Job(name="rewards", list="rewards {today}.csv").at(date(2026, 11, 28), tmp_path)
    policy = comparison_policy(job, is_scheduled=False, now=NOW)
    assert (policy.period, policy.period_keys) == ("day", r"rewards\ [0-9]{4}\-[0-9]{2}\-[0-9]{2}")


def test_another_text_is_no_period_of_a_job() -> None:
    with pytest.raises(ValueError, match="Write day, week, month"):
        Job(list="pay.csv", period="fortnight")


def test_a_job_is_not_beside_itself() -> None:
    with pytest.raises(ValueError, match="can't be beside itself"):
        Job(name="bonus", list="pay.csv", beside=("Bonus ",))
