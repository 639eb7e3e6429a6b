"""A job's day is that of its time zone, also for a user in another one: they meet the same run, or are stopped."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bulk_topup import plan_list
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock
from tests.helpers.private_files import write_private

#: November's last evening in Berlin, December's first morning in Singapore, and later than the sandbox's time.
EVENING = datetime(2027, 11, 30, 17, 30, tzinfo=UTC)
JOB = 'name = "payroll"\nenvironment = "sandbox"\nrun_key = "{today:%Y-%m}"\nlist = "pay.csv"\nproduct = 6418\n'
STOPPED = ("--deadline", "2020-01-01")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "pay.csv").write_text("reference,phone,amount\nA-1,+6595123001,5\nA-2,+6595123002,5\n")
    (tmp_path / "payroll.toml").write_text(JOB)
    return tmp_path / "payroll.toml"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Iterator[Callable[..., None]]:
    """Return a function that sets the time, and the time zone of the user."""

    def put(now: datetime, zone: str) -> None:
        started = datetime.now(UTC)
        monkeypatch.setattr(SystemClock, "now", lambda _self: now + (datetime.now(UTC) - started))
        monkeypatch.setenv("TZ", zone)
        environment["TZ"] = zone
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


def _runs(folder: Path) -> dict[str, str | None]:
    with LedgerStore(folder / "ledger.db") as ledger:
        return {run.name: run.time_zone for run in ledger.runs.all()}


def test_a_user_in_another_time_zone_meets_the_run_of_the_jobs_day(
    pay: Any, job: Path, at: Any, books: Any, tmp_path: Path
) -> None:
    at(EVENING, "Europe/Berlin")
    pay("run", job, *STOPPED, code=75)
    at(EVENING, "Asia/Singapore")
    assert "Resuming run payroll/2027-11" in pay("plan", job).stdout
    pay("run", job)
    assert _runs(tmp_path) == {"payroll/2027-11": "Europe/Berlin"}
    assert len(books()["transactions"]) == 2
    # The zone stays that of the job's latest run: for its next run, too.
    at(datetime(2027, 12, 31, 17, 30, tzinfo=UTC), "Asia/Singapore")
    planned = pay("plan", job).stdout
    assert "Run payroll/2027-12 is new." in planned
    assert "Its days are those of the time zone Europe/Berlin." in planned


def test_a_user_in_another_time_zone_is_stopped_by_the_open_run_where_the_day_is_not_known(
    pay: Any, job: Path, at: Any, books: Any, tmp_path: Path
) -> None:
    """A run of an earlier version has no time zone in the ledger."""
    at(EVENING, "Europe/Berlin")
    pay("run", job, *STOPPED, code=75)
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        ledger.file.connection.execute("UPDATE runs SET time_zone = NULL")
    at(EVENING, "Asia/Singapore")
    assert "Run payroll/2027-11 of this job is open" in pay("run", job, code=3).stderr
    assert books()["transactions"] == []


def test_a_job_says_which_time_zone_its_days_have(pay: Any, job: Path, at: Any, tmp_path: Path, sandbox: Any) -> None:
    at(EVENING, "Europe/Berlin")
    job.write_text(f'time_zone = "Asia/Singapore"\n{JOB}')
    pay("run", job, *STOPPED, code=75)
    assert _runs(tmp_path) == {"payroll/2027-12": "Asia/Singapore"}
    planned = plan_list(job, base_url=sandbox.base_url, ledger=tmp_path / "ledger.db", credentials=_keys(tmp_path))
    assert (planned.run, planned.is_begun) == ("payroll/2027-12", True)
    job.write_text(f'time_zone = "Europe/London"\n{JOB}')
    assert "payroll/2027-12 of this job is open" in pay("run", job, code=3).stderr
    job.write_text(f'time_zone = "Europa/London"\n{JOB}')
    assert "not a time zone. Did you mean Europe/London? Write its IANA name" in pay("run", job, code=3).stderr


def _keys(folder: Path) -> Path:
    write_private(folder / "keys.env", "DVS_API_KEY=test-key\nDVS_API_SECRET=test-secret-9f3a\n")
    return folder / "keys.env"


def test_a_schedule_is_in_the_jobs_time_zone(pay: Any, invoke: Any, job: Path, at: Any, tmp_path: Path) -> None:
    text = f'time_zone = "Asia/Singapore"\n{JOB}[schedule]\nat = "0 1 1 * *"\n'
    job.write_text(text)
    at(EVENING, "Europe/Berlin")  # 01:30 on the 1st in Singapore
    pay("run", job, "--scheduled")
    assert set(_runs(tmp_path)) == {"payroll/2027-12"}
    units = invoke("schedule", "print", job, "--systemd", "--ledger", "ledger.db").stdout
    assert "OnCalendar=*-*-01 01:00:00 Asia/Singapore" in units
    assert "OnCalendar=*-*-01 02,03,04,05,06,07,08,09,10,11,12,13:00:00 Asia/Singapore" in units
    errors = invoke("schedule", "print", job, "--cron", "--ledger", "ledger.db", code=3).stderr
    assert "The job's times are in Asia/Singapore, and cron would start it by this machine's clock" in errors
    job.write_text(text.replace("Asia/Singapore", "Europe/Paris"))  # another name for the same clock
    assert "0 1 1 * * " in invoke("schedule", "print", job, "--cron", "--ledger", "ledger.db").stdout
    job.write_text(text.partition("\n")[2])
    errors = invoke("schedule", "print", job, "--cron", "--ledger", "ledger.db", code=3).stderr
    assert "in Asia/Singapore, as those of run payroll/2027-12" in errors
    units = invoke("schedule", "print", job, "--systemd", "--ledger", "other.db").stdout
    assert "OnCalendar=*-*-01 01:00:00\n" in units


def test_a_time_zone_that_a_run_brought_along_is_named_when_nothing_is_due(
    pay: Any, job: Path, at: Any, books: Any
) -> None:
    job.write_text(f'{JOB}[schedule]\nat = "0 18 30 * *"\ncatch_up = "1h"\n')
    at(EVENING, "America/New_York")
    pay("run", job, *STOPPED, code=75)
    at(EVENING, "Europe/Berlin")
    errors = pay("run", job, "--scheduled", code=3).stderr
    assert "2027-10-30 18:00 America/New_York" in errors
    assert "The time zone America/New_York is that of run payroll/2027-11" in errors
    assert books()["transactions"] == []


def test_a_list_without_a_job_file_has_no_time_zone(pay: Any, job: Path, at: Any, tmp_path: Path) -> None:
    at(EVENING, "Europe/Berlin")
    pay("run", job.with_name("pay.csv"), "--product", 6418)
    assert _runs(tmp_path) == {"list/pay": None}


def test_a_retry_job_means_the_day_of_the_job_that_it_retries(pay: Any, job: Path, at: Any, tmp_path: Path) -> None:
    (tmp_path / "retry.toml").write_text('retry_of = "payroll/{today:%Y-%m}"\n')
    at(EVENING, "Europe/Berlin")
    (tmp_path / "pay.csv").write_text("reference,phone,amount\nA-1,+6595123102,5\n")
    pay("run", job, code=1)
    at(EVENING, "Asia/Singapore")
    pay("retry", "retry.toml", "--json")


def test_a_job_check_uses_the_day_of_the_jobs_time_zone(invoke: Any, job: Path, at: Any) -> None:
    job.write_text(f'time_zone = "Asia/Singapore"\n{JOB}')
    at(EVENING, "Europe/Berlin")
    assert "payroll/2027-12" in invoke("job", "check", job).stdout
    assert json.loads(invoke("job", "check", job, "--json").stdout)[0]["warnings"] == []
