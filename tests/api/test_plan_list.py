"""What a run would do, as a script reads it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bulk_topup import Environment, Job, Refusal, plan_list, run_job


def test_a_plan_has_rows_costs_and_balances(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    plan = plan_list(job_of(2), **options)
    assert (plan.run, plan.environment, plan.is_begun) == ("bonus/may", Environment.SANDBOX, False)
    assert (plan.rows, plan.accepted, plan.refused, plan.to_send) == (2, 2, 0, 2)
    assert plan.costs == {"USD": Decimal("7.42")}
    assert [(check.unit, check.after) for check in plan.balances] == [("USD", Decimal("99992.58"))]
    assert plan.is_acceptable
    assert plan.is_balance_enough
    assert plan.rows_without_known_cost == plan.refused_not_named == 0
    assert list(plan.refusals()) == []


def test_a_plan_of_a_run_that_ended_has_nothing_to_send(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    run_job(job_of(2), poll_interval=0.05, **options)
    plan = plan_list(job_of(2), **options)
    assert (plan.is_begun, plan.accepted, plan.to_send, plan.costs) == (True, 2, 0, {})


def test_refusals_are_returned_one_by_one_or_as_a_frame(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    plan = plan_list(job_of(1, last="R-9,06595123,1000\n"), **options)
    refusals = list(plan.refusals())
    assert [(refusal.line, refusal.column) for refusal in refusals] == [(3, "phone"), (3, "amount")]
    assert refusals[0] == Refusal(line=3, column="phone", message=refusals[0].message)
    assert "E.164" in refusals[0].message
    frame = plan.refusals_frame()
    assert frame.schema == {"line": pl.Int64, "column": pl.String, "message": pl.String}
    assert frame.rows() == [(refusal.line, refusal.column, refusal.message) for refusal in refusals]
    assert not plan.is_acceptable
    assert plan_list(job_of(1, last="R-9,06595123,1000\n", skip_refused=True), **options).is_acceptable


def test_a_failed_guard_and_a_low_balance_are_in_the_plan(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    capped = plan_list(job_of(2, caps={"rows": 1}), **options)
    assert not capped.is_acceptable
    assert [check.guard for check in capped.guards if not check.is_kept] == ["caps.rows"]
    rich = job_of(1, last="".join(f"L-{row},+6595{130_000 + row},100\n" for row in range(1_500)))
    assert not plan_list(rich, **options).is_balance_enough


def test_a_list_without_a_job_file_is_planned(options: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "may.csv").write_text("reference,phone,amount,product\nR-1,+6595123400,5,6418\n")
    assert plan_list("may.csv", **options).run == "list/may"


def test_rows_that_filters_leave_out_are_counted(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    plan = plan_list(job_of(3, filters=[{"column": "reference", "not_equals": "R-1"}]), **options)
    assert (plan.rows, dict(plan.left_out)) == (2, {'"reference" is not "R-1"': 1})


def test_the_default_ledger_is_that_of_the_commands(
    options: dict[str, Any], job_of: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULK_TOPUP_LEDGER", str(tmp_path / "usual.db"))
    plan_list(job_of(1), **{**options, "ledger": None})
    assert (tmp_path / "usual.db").exists()
