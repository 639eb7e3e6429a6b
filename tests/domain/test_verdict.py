import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import RunVerdict, Severity, Step, verdict_of


def _verdict(run: Run, *, contradicted: int = 0, is_under_way: bool = False, **counts: int) -> RunVerdict:
    known = {state: counts.get(state.value, 0) for state in RowState}
    return verdict_of(run, known, contradicted=contradicted, is_under_way=is_under_way)


def test_a_run_that_paid_everybody_leaves_nothing_to_do(run: Run) -> None:
    verdict = _verdict(run, completed=1_200)
    assert (verdict.tone, verdict.headline, verdict.steps) == (
        Severity.GOOD,
        "All done: 1,200 of 1,200 rows are completed.",
        (),
    )
    assert "exit code 0" in verdict.ending


def test_rows_that_failed_are_named_with_the_commands_that_may_cure_them(run: Run) -> None:
    verdict = _verdict(run, completed=1, failed=2, refused=1)
    assert verdict.tone is Severity.BAD
    assert verdict.headline == "Finished: 1 of 4 rows is completed, 3 did not complete."
    assert "exit code 1" in verdict.ending
    retry, correct = verdict.steps
    assert retry.command == "bulk-topup retry payroll/2026-11"
    assert "payroll-2026-11-not-completed.csv" in correct.text


def test_open_rows_are_not_to_be_paid_by_other_means(run: Run) -> None:
    verdict = _verdict(run, completed=1, pending=2, in_flight=3, accepted=4)
    assert (verdict.tone, verdict.headline) == (
        Severity.OPEN,
        "Not finished: 1 of 10 rows is completed, 9 still open.",
    )
    assert "exit code 75" in verdict.ending
    [step] = verdict.steps
    assert step.text == "Go on with 9 rows still open, and pay none of them by other means:"
    assert step.command == "bulk-topup resume payroll/2026-11"


def test_a_conflict_and_what_the_list_contradicts_come_first(run: Run) -> None:
    first, *_ = _verdict(run, completed=1, failed=1, conflict=1, contradicted=2).steps
    assert first == Step(text="A person has to look at 3 rows:", command="bulk-topup conflict list payroll/2026-11")
    assert _verdict(run, completed=3, contradicted=2).tone is Severity.BAD


def test_a_run_under_way_asks_for_nothing(run: Run) -> None:
    verdict = _verdict(run, completed=1, pending=2, is_under_way=True)
    assert (verdict.tone, verdict.headline, verdict.steps) == (
        Severity.OPEN,
        "Under way: 1 of 3 rows is completed, 2 are open.",
        (),
    )


def test_commands_name_the_environment_where_it_is_not_the_sandbox(run: Run) -> None:
    [step, _] = _verdict(replace(run, environment="production", run_key="a b"), failed=1).steps
    assert step.command == "bulk-topup retry 'payroll/a b' --env production"


def test_a_purged_run_is_never_gone_on_with(run: Run) -> None:
    purged = replace(run, purged_at=datetime(2026, 12, 24, tzinfo=UTC))
    [step] = _verdict(purged, completed=1, failed=1).steps
    assert "never sent again" in step.text
    assert not step.command
    assert _verdict(purged, completed=1).steps == ()


@pytest.mark.parametrize("state", [state for state in RowState if state is not RowState.COMPLETED])
def test_every_state_but_completed_has_a_next_step(run: Run, state: RowState) -> None:
    assert verdict_of(run, {**dict.fromkeys(RowState, 0), state: 1}, contradicted=0).steps


def test_commands_name_the_ledger_where_it_is_not_the_environments_own(run: Run, tmp_path: Path) -> None:
    ledger = tmp_path / "july's ledger.db"
    [step, *_] = _verdict(replace(run, ledger=ledger), pending=1).steps
    assert step.command == f"bulk-topup resume {run.name} --ledger {shlex.quote(str(ledger))}"
    [step, *_] = _verdict(replace(run, ledger=default_ledger(Environment.SANDBOX)), pending=1).steps
    assert step.command == f"bulk-topup resume {run.name}"
    [step, *_] = _verdict(replace(run, environment="preprod", ledger=ledger), pending=1).steps
    assert "--env preprod --ledger" in step.command
