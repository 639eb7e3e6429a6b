"""Renames a run, while its external IDs stay those of the old name; writes the ledger."""

from pydantic import TypeAdapter, ValidationError

from bulk_topup.domain.run import Run
from bulk_topup.domain.run_names import is_usable_name
from bulk_topup.errors import InvalidInputError
from bulk_topup.jobs.base_job import Name
from bulk_topup.ledger import LedgerStore, run_lock


def rename(ledger: LedgerStore, run: Run, name: str) -> Run:
    """Rename a run in one transaction, and return it.

    What was sent keeps its external IDs, and rows that are sent later get IDs of the name that the run was created
    with, so that DVS refuses to pay a row twice.

    Args:
        ledger: an open ledger.
        run: the run.
        name: the new name, `job/run-key`, or another run key of the same job.

    Raises:
        InvalidInputError: the name is empty, too long, or has invisible characters.
        RunNameError: another run has, or had, the name.
        RunLockedError: another process works on the run, or on one with the new name.
    """
    job, slash, run_key = name.partition("/")
    if not slash:
        job, run_key = run.job, name
    if not (_is_job_name(job) and is_usable_name(run_key)):
        raise InvalidInputError(
            f"{name[:80]!a} can't be the name of a run. Nothing was renamed. Write JOB/RUN-KEY, or only another run "
            "key, without invisible characters."
        )
    with run_lock(ledger.path, run.job, run.run_key) as lock:
        run = ledger.runs.again(run)
        # Nobody starts a run under the new name in the meantime.
        with run_lock(ledger.path, job, run_key, locked=lock):
            return ledger.runs.rename(run, job, run_key)


def _is_job_name(text: str) -> bool:
    try:
        TypeAdapter(Name).validate_python(text)
    except ValidationError:
        return False
    return True
