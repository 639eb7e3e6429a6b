"""Names a job as its run in the ledger is named, whatever spelling the job file has; reads the ledger."""

from pathlib import Path

from bulk_topup.app.open_ledger import ledger_exists, open_for_reading
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore


def named_as_run(job: Job, ledger: LedgerStore) -> Job:
    """Return the job with the name and the run key of its run, so that one run has one lock and one report.

    Args:
        job: the job, its dates rendered.
        ledger: an open ledger.

    Raises:
        RunNameError: the name could mean more than one run, or a run had it that has another now.
    """
    run = ledger.runs.find(job.name, str(job.run_key))
    return job if run is None else job.model_copy(update={"name": run.job, "run_key": run.run_key})


def named_as_known_run(job: Job, ledger: Path) -> Job:
    """Return the job named as its run in a ledger that is not open; unchanged if there is no ledger yet.

    Raises:
        LedgerError: the ledger cannot be used.
        RunNameError: the name could mean more than one run, or a run had it that has another now.
    """
    if not ledger_exists(ledger):
        return job
    with open_for_reading(ledger) as opened:
        return named_as_run(job, opened)
