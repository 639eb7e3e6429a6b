"""Which other runs' payments count for a run, and when so many match that it is the same list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bulk_topup.domain.earlier_payments import (
    ComparisonPolicy,
    compared_runs,
    compared_runs_of_earlier_version,
    is_same_list,
)
from bulk_topup.domain.run import Run

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
MONTHLY = ComparisonPolicy(period="month", period_keys="[0-9]{4}-[0-9]{2}", time_zone="UTC")


def _run(name: str, **more: Any) -> Run:
    job, key = name.split("/")
    return Run(
        id=1, job=job, run_key=key, environment="sandbox", list_path="pay.csv", columns=(), created_at=NOW, **more
    )


def _since(policy: ComparisonPolicy, *others: str, job: str = "payroll", key: str = "2026-11") -> dict[str, Any]:
    found = compared_runs(policy, [_run(name) for name in others], job=job, run_key=key, moment=NOW)
    return {each.run.name: each.since for each in found}


def test_payments_of_other_jobs_count_from_the_beginning_of_the_period() -> None:
    assert _since(MONTHLY, "bonus/2026-11", "list/rewards") == dict.fromkeys(
        ("bonus/2026-11", "list/rewards"), datetime(2026, 11, 1, tzinfo=UTC)
    )


def test_all_payments_count_for_a_list_without_a_period() -> None:
    assert _since(ComparisonPolicy(), "bonus/2026-11", "list/a", job="list", key="b") == {
        "bonus/2026-11": None,
        "list/a": None,
    }


def test_a_job_beside_is_not_compared() -> None:
    policy = replace(MONTHLY, beside=("bonus",))
    assert list(_since(policy, "bonus/2026-11", "list/rewards")) == ["list/rewards"]


def test_jobs_and_keys_are_compared_in_any_spelling() -> None:
    assert list(_since(replace(MONTHLY, beside=("Bonus ",)), "bonus/2026-11", "list/rewards")) == ["list/rewards"]
    scheduled = replace(MONTHLY, is_scheduled=True)
    assert list(_since(scheduled, "PAYROLL/2026-10", "Payroll/2026–11")) == ["Payroll/2026–11"]


def test_another_period_of_the_job_counts_for_half_a_period_if_a_person_starts_it() -> None:
    assert _since(MONTHLY, "payroll/2026-10") == {"payroll/2026-10": NOW - timedelta(days=14)}


def test_another_period_of_the_job_does_not_count_if_the_schedule_starts_it() -> None:
    policy = replace(MONTHLY, is_scheduled=True)
    assert _since(policy, "payroll/2026-10", "bonus/x") == {"bonus/x": datetime(2026, 11, 1, tzinfo=UTC)}


@pytest.mark.parametrize("key", ["extra", "2026-10b", "november"])
def test_a_key_that_names_no_period_is_compared_as_any_other_run(key: str) -> None:
    scheduled, start = replace(MONTHLY, is_scheduled=True), datetime(2026, 11, 1, tzinfo=UTC)
    assert _since(scheduled, f"payroll/{key}") == {f"payroll/{key}": start}
    assert _since(scheduled, "payroll/2026-10", key=key) == {"payroll/2026-10": start}


@pytest.mark.parametrize(
    ("day", "other_day", "compared"),
    [
        ("2026-11-28", "2026-10-31", False),  # a month later, as usual
        ("2026-12-01", "2026-11-30", True),  # a moment after midnight
        ("2026-10-30", "2026-11-28", False),  # a late catch-up
        ("2026-11-28", "2026-11-14", False),
        ("2026-11-28", "2026-11-15", True),
    ],
)
def test_runs_of_a_job_for_other_periods_are_compared_if_their_days_are_near(
    day: str, other_day: str, compared: bool
) -> None:
    other = _run("payroll/2026-10", comparison=replace(MONTHLY, day=other_day).as_json())
    found = compared_runs(replace(MONTHLY, day=day), [other], job="payroll", run_key="2026-11", moment=NOW)
    assert [each.since for each in found] == ([None] if compared else [])


def test_a_job_that_names_this_one_beside_itself_is_not_compared() -> None:
    allowance = _run("allowance/2026-11", comparison=replace(MONTHLY, beside=("Payroll",)).as_json())
    assert compared_runs(MONTHLY, [allowance], job="payroll", run_key="2026-11", moment=NOW) == ()


def test_the_period_of_a_catch_up_begins_with_its_day() -> None:
    october = replace(MONTHLY, day="2026-10-31")
    found = compared_runs(october, [_run("bonus/2026-10")], job="payroll", run_key="2026-10", moment=NOW)
    assert [each.since for each in found] == [datetime(2026, 10, 1, tzinfo=UTC)]


def test_a_period_begins_at_midnight_of_its_zone_whatever_the_clocks_show_later() -> None:
    new_york = replace(MONTHLY, time_zone="America/New_York")
    assert _since(new_york, "bonus/x") == {"bonus/x": datetime(2026, 11, 1, 4, tzinfo=UTC)}


def test_a_run_of_an_earlier_version_is_compared_by_what_is_known_of_it() -> None:
    others = [_run("payroll/2026-10"), _run("bonus/x"), _run("list/a")]
    found = compared_runs_of_earlier_version(_run("payroll/2026-11"), others)
    assert [each.since for each in found] == [NOW, *[datetime(2026, 11, 1, tzinfo=UTC)] * 2]
    assert {each.since for each in compared_runs_of_earlier_version(_run("list/b"), others)} == {None}


@pytest.mark.parametrize(
    ("matched", "rows", "same"),
    [
        (0, 0, False),
        (0, 5, False),
        (1, 1, True),
        (1, 2, False),
        (2, 3, False),
        (3, 3, True),
        (2, 4, True),
        (2, 5, False),
    ],
)
def test_half_of_the_rows_make_it_the_same_list_and_all_of_a_short_one(matched: int, rows: int, same: bool) -> None:
    assert is_same_list(matched, rows) is same


def test_a_policy_is_the_same_when_it_is_read_again() -> None:
    policy = replace(MONTHLY, beside=("bonus", "extra"), is_scheduled=True, any_product=True)
    assert ComparisonPolicy.from_json(policy.as_json()) == policy
