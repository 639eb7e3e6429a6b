"""An earlier run of a job that is not done stops a new one, until it is resumed, closed, or left open on purpose."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup import plan_list, run_job
from bulk_topup.errors import EarlierRunOpenError
from bulk_topup.ledger import LedgerStore

LIST = "reference,phone,amount\nA-1,+6595123001,5\nA-2,+6595123002,5\n"
JOB = 'name = "payroll"\nrun_key = "{today:%Y-%m}"\nlist = "pay.csv"\nproduct = 6418\n'
LAST, FIRST = ("--today", "2026-11-30"), ("--today", "2026-12-01")
STOPPED = ("--deadline", "2020-01-01")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "pay.csv").write_text(LIST)
    (tmp_path / "payroll.toml").write_text(JOB)
    return tmp_path / "payroll.toml"


@pytest.fixture
def november(pay: Any, job: Path) -> Callable[[], dict[str, int]]:
    """Start November's run, stop it before it sends anything, and return a function that counts its rows."""
    pay("run", job, *LAST, *STOPPED, code=75)

    def counts() -> dict[str, int]:
        found = json.loads(pay("status", "payroll/2026-11", "--json").stdout)["counts"]
        return {state: count for state, count in found.items() if count}

    return counts


def _runs(folder: Path) -> list[str]:
    with LedgerStore(folder / "ledger.db") as ledger:
        return [run.name for run in ledger.runs.all()]


@pytest.mark.usefixtures("november")
def test_a_start_just_after_midnight_of_the_last_day_is_stopped_by_the_open_run(
    pay: Any, job: Path, books: Any, sandbox: Any, tmp_path: Path
) -> None:
    place = f"--env sandbox --base-url {sandbox.base_url} --ledger {tmp_path}/ledger.db"
    for words in (("run",), ("run", "--quiet")):
        errors = pay(words[0], job, *words[1:], *FIRST, code=3).stderr
        assert "run payroll/2026-12 was not started" in errors
        assert "Run payroll/2026-11 of this job is open (2 rows pending)" in errors
        assert f"`bulk-topup resume payroll/2026-11 {place}`" in errors
        assert f"`bulk-topup close payroll/2026-11 {place} --reason TEXT`" in errors
        assert "--leave-open REASON" in errors
    assert _runs(tmp_path) == ["payroll/2026-11"]
    assert books()["transactions"] == []
    pay("resume", "payroll/2026-11")
    assert len(books()["transactions"]) == 2
    pay("run", job, *LAST)


@pytest.mark.usefixtures("november")
def test_a_plan_shows_what_stops_the_run(pay: Any, job: Path) -> None:
    planned = pay("plan", job, *FIRST, "--json", code=3)
    shown = " ".join(planned.stderr.split())
    assert "Cannot run: payroll/2026-11 of this job is open." in shown
    assert "Earlier run payroll/2026-11: 2 rows pending. Resume it with" in shown
    assert json.loads(planned.stdout)["earlier_runs"] == [
        {"run": "payroll/2026-11", "pending": 2, "in_flight": 0, "accepted": 0, "stops": True}
    ]
    pay("plan", job, *LAST)
    allowed = pay("plan", job, *FIRST, "--leave-open", "November waits for the bank")
    assert "Earlier run payroll/2026-11: 2 rows pending, left open." in " ".join(allowed.stdout.split())


def test_a_closed_run_stops_no_other(pay: Any, job: Path, november: Any, books: Any) -> None:
    pay("close", "payroll/2026-11", "--reason", "withdrawn")
    pay("run", job, *FIRST)
    assert len(books()["transactions"]) == 2
    assert november() == {"refused": 2}


def test_a_run_is_started_beside_an_open_one_with_a_reason_that_is_kept(
    pay: Any, job: Path, november: Any, books: Any, tmp_path: Path
) -> None:
    pay("run", job, *FIRST, *STOPPED, "--leave-open", "November waits for the bank", code=75)
    found = json.loads(pay("status", "--json").stdout)[0]["left_open"]
    assert (found["runs"], found["reason"]) == (["payroll/2026-11"], "November waits for the bank")
    shown = " ".join(pay("status", "payroll/2026-12").stdout.split())
    assert "Started beside payroll/2026-11, left open by" in shown
    pay("run", job, *FIRST)  # a run that exists is continued without it
    assert len(books()["transactions"]) == 2
    assert november() == {"pending": 2}
    assert _runs(tmp_path) == ["payroll/2026-11", "payroll/2026-12"]


def test_no_schedule_and_no_job_file_leaves_a_run_open(pay: Any, job: Path) -> None:
    job.write_text(JOB + '[schedule]\nat = "* * * * *"\n')
    errors = pay("run", job, "--scheduled", "--leave-open", "always", code=2).stderr
    assert "--leave-open is a decision about one run" in errors
    assert "No such option" in pay("schedule", "print", job, "--cron", "--leave-open", "always", code=2).stderr
    job.write_text(JOB + 'leave_open = "always"\n')
    assert "Unknown key in a job" in pay("run", job, code=3).stderr
    assert "The reason is empty" in pay("run", job, "--leave-open", " ", code=2).stderr


def test_a_row_in_flight_stops_and_accepted_rows_alone_are_named(
    pay: Any, job: Path, books: Any, tmp_path: Path
) -> None:
    pay("run", job, *LAST)
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        ledger.file.connection.execute("UPDATE rows SET state = 'in_flight' WHERE line = 2")
    assert "(1 row in flight)" in pay("run", job, *FIRST, code=3).stderr
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        ledger.file.connection.execute("UPDATE rows SET state = 'accepted' WHERE line = 2")
    (tmp_path / "pay.csv").write_text(LIST.replace("A-", "B-").replace("+6595123", "+6595124"))
    started = " ".join(pay("run", job, *FIRST).stdout.split())
    assert "Earlier run payroll/2026-11: 1 row accepted. Resume it with" in started
    assert len(books()["transactions"]) == 4


def test_other_jobs_other_environments_and_lists_without_a_job_file_stop_nothing(
    pay: Any, job: Path, books: Any, tmp_path: Path
) -> None:
    """Two lists without a job file are two payouts, although their runs have one job name."""
    for prefix, name in (("B", "first.csv"), ("C", "second.csv"), ("D", "rewards.csv")):
        (tmp_path / name).write_text(LIST.replace("A-", f"{prefix}-").replace("+6595123", f"+65951{ord(prefix)}"))
    pay("run", "first.csv", "--product", 6418, *STOPPED, code=75)
    pay("run", "second.csv", "--product", 6418)
    assert len(books()["transactions"]) == 2
    (tmp_path / "rewards.toml").write_text(JOB.replace("payroll", "rewards").replace("pay.csv", "rewards.csv"))
    pay("run", job, *LAST, *STOPPED, code=75)
    pay("run", "rewards.toml", *FIRST)
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        ledger.file.connection.execute("UPDATE runs SET environment = 'preprod' WHERE job = 'payroll'")
    pay("run", job, *FIRST)
    assert len(books()["transactions"]) == 6


def test_scripts_are_stopped_by_an_open_run_too(
    november: Any, job: Path, sandbox: Any, tmp_path: Path, environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DVS_API_KEY", "DVS_API_SECRET"):
        monkeypatch.setenv(name, environment[name])
    places: dict[str, Any] = {"base_url": sandbox.base_url, "ledger": tmp_path / "ledger.db", "run_key": "2026-12"}
    with pytest.raises(EarlierRunOpenError, match="payroll/2026-11 of this job is open"):
        run_job(job, **places)
    plan = plan_list(job, **places)
    assert not plan.is_acceptable
    assert [each.run.name for each in plan.earlier_runs] == ["payroll/2026-11"]
    assert plan_list(job, leave_open="the bank", **places).is_acceptable
    with pytest.raises(ValueError, match="reason is empty"):
        run_job(job, leave_open="", **places)
    assert run_job(job, leave_open="the bank", poll_interval=0.05, **places).exit_code == 0
    assert november() == {"pending": 2}
