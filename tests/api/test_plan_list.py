"""Plans for scripts."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bulk_topup import Environment, Job, Refusal, plan_list, run_job
from bulk_topup.ledger import LedgerStore


def test_a_plan_has_rows_costs_and_balances(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    plan = plan_list(job_of(2), **ways)
    assert (plan.run, plan.environment, plan.is_begun) == ("bonus/may", Environment.SANDBOX, False)
    assert (plan.rows, plan.accepted, plan.refused, plan.to_send) == (2, 2, 0, 2)
    assert plan.costs == {"USD": Decimal("7.42")}
    assert [(check.unit, check.after) for check in plan.balances] == [("USD", Decimal("99992.58"))]
    assert plan.is_acceptable
    assert plan.is_balance_enough
    assert plan.rows_without_known_cost == plan.refused_not_named == 0
    assert list(plan.refusals()) == []


def test_a_plan_of_a_run_that_ended_has_nothing_to_send(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    run_job(job_of(2), poll_interval=0.05, **ways)
    plan = plan_list(job_of(2), **ways)
    assert (plan.is_begun, plan.accepted, plan.to_send, plan.costs) == (True, 2, 0, {})


def test_every_refusal_is_listed_one_by_one_or_as_a_frame(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    plan = plan_list(job_of(1, last="R-9,06595123,1000\n"), **ways)
    told = list(plan.refusals())
    assert [(refusal.line, refusal.column) for refusal in told] == [(3, "phone"), (3, "amount")]
    assert isinstance(told[0], Refusal)
    assert (told[0].kind, told[0].instead) == ("number", None)
    assert "E.164" in told[0].message
    frame = plan.refusals_frame()
    texts = dict.fromkeys(("column", "message", "kind", "instead"), pl.String)
    assert frame.schema == {"line": pl.Int64, **texts}
    assert frame.rows() == [(row.line, row.column, row.message, row.kind, row.instead) for row in told]
    assert not plan.is_acceptable
    assert plan_list(job_of(1, last="R-9,06595123,1000\n", skip_refused=True), **ways).is_acceptable


def test_a_failed_guard_and_an_empty_wallet_are_reported(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    capped = plan_list(job_of(2, caps={"rows": 1}), **ways)
    assert not capped.is_acceptable
    assert [check.guard for check in capped.guards if not check.is_kept] == ["caps.rows"]
    rich = job_of(1, last="".join(f"L-{row},+6595{130_000 + row},100\n" for row in range(1_500)))
    assert not plan_list(rich, **ways).is_balance_enough


def test_a_bare_list_is_planned_as_it_is(ways: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "may.csv").write_text("reference,phone,amount,product\nR-1,+6595123400,5,6418\n")
    assert plan_list("may.csv", **ways).run == "list/may"


def test_rows_that_filters_leave_out_are_counted(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    plan = plan_list(job_of(3, filters=[{"column": "reference", "not_equals": "R-1"}]), **ways)
    assert (plan.rows, dict(plan.left_out)) == (2, {'"reference" is not "R-1"': 1})


def test_the_usual_ledger_is_the_one_that_commands_use(
    ways: dict[str, Any], job_of: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULK_TOPUP_LEDGER", str(tmp_path / "usual.db"))
    assert not plan_list(job_of(1), **{**ways, "ledger": None}).is_begun
    with LedgerStore(tmp_path / "usual.db") as ledger:
        assert ledger.runs.all() == []  # only DVS's answers were kept
    run_job(job_of(1), **{**ways, "ledger": None})
    assert plan_list(job_of(1), **{**ways, "ledger": None}).is_begun


def test_notes_on_numbers_are_those_of_the_plan(ways: dict[str, Any], job_of: Callable[..., Job]) -> None:
    last = "R-7,91000429,5\nR-8,+4915112345678,5\n"
    plan = plan_list(job_of(1, last=last, default_country="SG"), **ways)
    [national] = plan.numbers.national
    assert (national.cell, national.number) == ("91000429", "+6591000429")
    [note] = plan.numbers.concerns
    assert (note.concern.value, note.rows, note.production_refuses) == ("other_country", 1, True)
    strict = plan_list(job_of(1, last=last, default_country="SG"), **{**ways, "environment": "production"})
    assert strict.refused == 1
    accepted = job_of(1, last="R-9,+6507700900649,5\n", accept_number_plan=("+6507700900649",))
    assert plan_list(accepted, **{**ways, "environment": "production"}).refused == 0
