import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import RunVerdict, Severity, Step, run_arguments, verdict_of

#: The options of the sample run's environment and address.
PLACE = "--env sandbox --base-url https://dvs.example/v1"


def _verdict(
    run: Run, *, contradicted: int = 0, is_running: bool = False, may_succeed: int = 0, **counts: int
) -> RunVerdict:
    known = {state: counts.get(state.value, 0) for state in RowState}
    return verdict_of(run, known, contradicted=contradicted, is_running=is_running, may_succeed=may_succeed)


def test_a_run_with_all_rows_completed_leaves_nothing_to_do(run: Run) -> None:
    verdict = _verdict(run, completed=1_200)
    assert (verdict.severity, verdict.headline, verdict.steps) == (
        Severity.GOOD,
        "All done: 1,200 of 1,200 rows completed.",
        (),
    )
    assert "Exit code 0" in verdict.ending


def test_failed_rows_come_with_the_commands_that_may_complete_them(run: Run) -> None:
    verdict = _verdict(run, completed=1, failed=2, may_succeed=1, refused=1)
    assert verdict.severity is Severity.BAD
    assert verdict.headline == "1 of 4 rows completed, 2 failed, 1 refused."
    assert "Exit code 1" in verdict.ending
    retry, correct = verdict.steps
    assert retry.command == f"bulk-topup retry payroll/2026-11 {PLACE}"
    assert "payroll-2026-11-not-completed.csv" in correct.text


def test_outcomes_are_counted_by_what_is_known_of_them(run: Run) -> None:
    verdict = _verdict(run, completed=230, failed=18, conflict=2)
    assert verdict.headline == "230 of 250 rows completed, 18 failed, 2 need review."
    assert _verdict(run, completed=2, reversed=1).headline == "2 of 3 rows completed, 1 needs review."
    assert _verdict(run, completed=1, contradicted=1).headline == "1 of 1 row completed, 1 needs review."
    everything = _verdict(run, completed=1, failed=2, refused=3, pending=1_000, conflict=1)
    assert everything.headline == (
        "Incomplete: 1 of 1,007 rows completed, 1,000 open, 2 failed, 3 refused, 1 needs review."
    )


def test_unknown_charges_are_in_the_headline_and_have_a_step(run: Run) -> None:
    counts = {**dict.fromkeys(RowState, 0), RowState.COMPLETED: 3}
    verdict = verdict_of(run, counts, contradicted=0, unknown_charges=2)
    assert verdict.headline == "All done: 3 of 3 rows completed, charge of 2 rows unknown."
    [step] = verdict.steps
    assert step.text.startswith("No price from DVS for 2 rows.")
    assert step.command == f"bulk-topup reconcile payroll/2026-11 {PLACE}"


def test_rows_with_nothing_due_are_counted_on_their_own_and_need_nothing(run: Run) -> None:
    counts = {**dict.fromkeys(RowState, 0), RowState.COMPLETED: 3, RowState.REFUSED: 2}
    verdict = verdict_of(run, counts, contradicted=0, nothing_due=2)
    assert (verdict.severity, verdict.steps) == (Severity.GOOD, ())
    assert verdict.headline == "All done: 3 of 5 rows completed, 2 with nothing due."
    mixed = verdict_of(run, counts, contradicted=0, nothing_due=1)
    assert (mixed.severity, mixed.headline) == (Severity.BAD, "3 of 5 rows completed, 1 refused, 1 with nothing due.")
    assert [step.text[:12] for step in mixed.steps] == ["1 row to fix"]
    assert verdict_of(run, counts, contradicted=1, nothing_due=2).severity is Severity.BAD
    # One that is left out as a duplicate of a row with nothing due hides not that nothing was paid.
    unpaid = {**dict.fromkeys(RowState, 0), RowState.REFUSED: 3}
    idle = verdict_of(run, unpaid, contradicted=0, nothing_due=2, duplicates=1)
    assert (idle.severity, idle.headline[:16]) == (Severity.OPEN, "Nothing was paid")


def test_each_step_has_the_singular_and_the_plural(run: Run) -> None:
    one = _verdict(run, conflict=1, pending=1, failed=2, may_succeed=1, reversed=1).steps
    assert [step.text for step in one] == [
        "1 row needs review:",
        "Resume 1 open row; do not pay it by other means:",
        "Retry 1 row that may succeed (2 failed):",
        (
            "1 row to fix in payroll-2026-11-not-completed.csv, in the report folder. Fix it, "
            "then run the list with --corrections and that file."
        ),
        "1 row reversed. Ask DT One why before paying again.",
    ]
    many = _verdict(run, conflict=2, pending=2, failed=2_000, may_succeed=500, refused=2, reversed=2).steps
    assert [step.text for step in many] == [
        "2 rows need review:",
        "Resume 2 open rows; do not pay them by other means:",
        "Retry 500 rows that may succeed (2,000 failed):",
        (
            "1,502 rows to fix in payroll-2026-11-not-completed.csv, in the report folder. Fix them, "
            "then run the list with --corrections and that file."
        ),
        "2 rows reversed. Ask DT One why before paying again.",
    ]


def test_open_rows_are_not_to_be_paid_by_other_means(run: Run) -> None:
    verdict = _verdict(run, completed=1, pending=2, in_flight=3, accepted=4)
    assert (verdict.severity, verdict.headline) == (
        Severity.OPEN,
        "Incomplete: 1 of 10 rows completed, 9 open.",
    )
    assert "Exit code 75" in verdict.ending
    [step] = verdict.steps
    assert step.text == "Resume 9 open rows; do not pay them by other means:"
    assert step.command == f"bulk-topup resume payroll/2026-11 {PLACE}"


def test_a_conflict_and_what_the_list_contradicts_come_first(run: Run) -> None:
    first, *_ = _verdict(run, completed=1, failed=1, conflict=1, contradicted=2).steps
    assert first == Step(text="3 rows need review:", command=f"bulk-topup conflict list payroll/2026-11 {PLACE}")
    assert _verdict(run, completed=3, contradicted=2).severity is Severity.BAD


def test_a_running_run_needs_no_step(run: Run) -> None:
    verdict = _verdict(run, completed=1, pending=2, is_running=True)
    assert (verdict.severity, verdict.headline, verdict.steps) == (
        Severity.OPEN,
        "Running: 1 of 3 rows completed, 2 open.",
        (),
    )


def test_commands_name_the_environment(run: Run) -> None:
    [step, _] = _verdict(replace(run, environment="production", run_key="a b"), failed=2, may_succeed=1).steps
    assert step.command == "bulk-topup retry 'payroll/a b' --env production --base-url https://dvs.example/v1"


@pytest.mark.parametrize(
    ("environment", "account", "options"),
    [
        ("sandbox", "the embedded sandbox", "--env sandbox"),
        ("sandbox", "", "--env sandbox"),
        ("sandbox", "http://127.0.0.1:4010/v1 (key 1a2b3c4d)", "--env sandbox --base-url http://127.0.0.1:4010/v1"),
        ("preprod", "https://preprod-dvs-api.dtone.com/v1 (key 1a2b3c4d)", "--env preprod"),
        ("preprod", "https://dvs.example/v1 (key 1a2b3c4d)", "--env preprod --base-url https://dvs.example/v1"),
    ],
)
def test_commands_name_the_address_where_it_is_not_the_environments_own(
    run: Run, environment: str, account: str, options: str
) -> None:
    assert run_arguments(replace(run, environment=environment, account=account)) == f"{run.name} {options}"


def test_a_purged_run_is_never_resumed(run: Run) -> None:
    purged = replace(run, purged_at=datetime(2026, 12, 24, tzinfo=UTC))
    [step] = _verdict(purged, completed=1, failed=1).steps
    assert "the run can't be sent again" in step.text
    assert not step.command
    assert _verdict(purged, completed=1).steps == ()


@pytest.mark.parametrize("state", [state for state in RowState if state is not RowState.COMPLETED])
def test_every_state_but_completed_has_a_next_step(run: Run, state: RowState) -> None:
    assert verdict_of(run, {**dict.fromkeys(RowState, 0), state: 1}, contradicted=0).steps


def test_commands_name_the_ledger_where_it_is_not_the_environments_own(run: Run, tmp_path: Path) -> None:
    ledger = tmp_path / "july's ledger.db"
    [step, *_] = _verdict(replace(run, ledger=ledger), pending=1).steps
    assert step.command == f"bulk-topup resume {run.name} {PLACE} --ledger {shlex.quote(str(ledger))}"
    [step, *_] = _verdict(replace(run, ledger=default_ledger(Environment.SANDBOX)), pending=1).steps
    assert step.command == f"bulk-topup resume {run.name} {PLACE}"
    [step, *_] = _verdict(replace(run, environment="preprod", ledger=ledger), pending=1).steps
    assert "--env preprod --base-url https://dvs.example/v1 --ledger" in step.command
