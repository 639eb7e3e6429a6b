"""A run that is renamed while another command has already read it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bulk_topup.app.purge import candidates, purge
from bulk_topup.app.rename import rename
from bulk_topup.app.run import _found_run
from bulk_topup.app.run_name import named_as_known_run, named_as_run
from bulk_topup.domain.run import Run
from bulk_topup.errors import RunLockedError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore, is_locked, run_lock

#: A year after the runs of these tests were created.
LATER = datetime.now(UTC) + timedelta(days=365)


def merge(ledger: LedgerStore, job: str, run_key: str) -> Run:
    ledger.staging.clear()
    return ledger.staging.merge(job=job, run_key=run_key, environment="sandbox", list_path="x.csv", columns=())


def test_a_run_is_renamed_under_the_locks_of_both_names(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with LedgerStore(path) as ledger:
        run = merge(ledger, "pay", "1")
        for name in ("1", "2"):
            with run_lock(path, "pay", name), pytest.raises(RunLockedError):
                rename(ledger, run, "2")
        assert rename(ledger, run, "2").name == "pay/2"
        assert rename(ledger, ledger.runs.all()[0], "Pay/2").name == "Pay/2"  # the lock of its folded name is its own
    assert not is_locked(path, "pay", "2")


def test_a_run_that_was_renamed_since_it_was_chosen_is_not_purged(tmp_path: Path) -> None:
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        run = merge(ledger, "pay", "1")
        chosen = candidates(ledger, [run], older_than=timedelta(days=1), now=LATER)
        assert chosen[0].why_not == ""
        rename(ledger, run, "2")
        [kept] = purge(ledger, chosen, older_than=timedelta(days=1), now=LATER)
        assert "Run pay/1 was just renamed to pay/2" in kept.why_not
        assert ledger.runs.all()[0].purged_at is None


def test_a_job_gets_the_name_of_its_run(tmp_path: Path) -> None:
    job = Job(name="PAY", run_key=" 1", list="x.csv")
    assert named_as_known_run(job, tmp_path / "ledger.db") is job
    assert not (tmp_path / "ledger.db").exists()
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        assert named_as_run(job, ledger) is job
        merge(ledger, "Pay", "1")
        found = named_as_run(job, ledger)
    assert (found.name, found.run_key) == ("Pay", "1")
    assert named_as_known_run(job, tmp_path / "ledger.db") == found


def test_a_run_that_another_process_creates_under_another_spelling_meanwhile_is_not_taken_over(tmp_path: Path) -> None:
    """The report and the locks are those of this spelling, and the run's are others."""
    job = Job(name="PAY", run_key="1", list="x.csv")
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        assert _found_run(job, ledger) is None
        run = merge(ledger, "Pay", "1")
        with pytest.raises(RunLockedError, match="has just created the run Pay/1"):
            _found_run(job, ledger)
        assert _found_run(named_as_run(job, ledger), ledger) == run
