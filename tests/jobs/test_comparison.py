"""The period of a job that names none: by its schedule, else by its run key."""

from datetime import date
from pathlib import Path

import pytest

from bulk_topup.domain.period import Period
from bulk_topup.jobs.comparison import comparison_policy, default_period
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.schedule import Schedule


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
    ("at", "period"),
    [
        ("0 17 28 * *", "28d"),
        ("0 9 * * Mon", "7d"),
        ("0 9 * * Mon,Wed,Fri", "2d"),
        ("0 9 * * *", "1d"),
        ("0 9,15 * * *", "6h"),
        ("30 23 1,15 * *", "14d"),
        ("0 9 1 1 *", "365d"),
    ],
)
def test_a_schedule_has_its_shortest_gap(at: str, period: str) -> None:
    found = Period(default_period(Schedule(at=at), "{today:%Y}"))
    assert found.length == Period(period).length


def test_a_stated_period_counts_and_a_key_of_dates_names_periods(tmp_path: Path) -> None:
    job = Job(list="pay.csv", run_key="v1-{today:%Y-%m}", period="14d", beside=("bonus",))
    policy = comparison_policy(job.at(date(2026, 11, 28), tmp_path), is_scheduled=True)
    assert (policy.period, policy.period_keys, policy.is_scheduled, policy.beside) == (
        "14d",
        r"v1\-.+",
        True,
        ("bonus",),
    )
    plain = comparison_policy(Job(list="pay.csv", run_key="may").at(date(2026, 11, 28), tmp_path), is_scheduled=False)
    assert (plain.period, plain.period_keys) == ("once", None)


def test_another_text_is_no_period_of_a_job() -> None:
    with pytest.raises(ValueError, match="Write day, week, month"):
        Job(list="pay.csv", period="fortnight")
