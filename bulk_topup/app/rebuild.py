"""Rebuilds the run of a lost ledger from its list and the transactions at DVS."""

from datetime import datetime

from bulk_topup.app.plan import open_job_list, prepare_job
from bulk_topup.app.preflight import PayingAccount, check_same_account
from bulk_topup.app.reconcile import _window
from bulk_topup.app.run import merge_list
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS
from bulk_topup.errors import BulkTopupError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore, run_lock
from bulk_topup.reconcile.rebuild import rebuild_attempts
from bulk_topup.system.clock import Clock, SystemClock


class AlreadySentError(BulkTopupError):
    """The ledger has the run with rows that were sent, so there is nothing to rebuild."""


async def rebuild(
    job: Job,
    *,
    dvs: AsyncDVS,
    payer: PayingAccount,
    ledger: LedgerStore,
    start: datetime | None = None,
    end: datetime | None = None,
    clock: Clock | None = None,
) -> tuple[Run, int]:
    """Make a run anew in the ledger from its list and what the provider has of its rows; nothing is sent.

    Args:
        job: the job, its dates filled in by `Job.at`.
        dvs: an open client.
        payer: whose account the client is for.
        ledger: an open ledger.
        start, end: the window of the provider's list that is read, in UTC; rows that it does not show are asked for
            one by one. By default the last 24 hours.
        clock: where time comes from.

    Returns:
        The run, and how many of its rows the provider knows.

    Raises:
        AlreadySentError: the ledger has the run, with rows that were sent.
        RunLockedError: another process holds the run.
        ListError, MappingError: the list cannot be read or mapped.
        DVSError: the provider did not answer.
    """
    now = (clock or SystemClock()).now()
    run_key = str(job.run_key)
    with run_lock(ledger.path, job.name, run_key):
        found = ledger.runs.find(job.name, run_key)
        if found is not None:
            check_same_account(found, payer)
            if ledger.runs.is_sent(found):
                raise AlreadySentError(
                    f"The ledger {ledger.path} has run {found.name} with rows that were sent; nothing is rebuilt. "
                    f"Compare it with `bulk-topup reconcile {found.name}`, or start it again to go on."
                )
        reader = open_job_list(job)
        await prepare_job(job, reader, dvs=dvs, ledger=ledger, run=found)
        run = merge_list(job, ledger=ledger, payer=payer, columns=reader.columns)
        window = _window(None, ledger, now, start, end)
        rows = await rebuild_attempts(run, dvs=dvs, ledger=ledger, start=window.start, end=window.end)
    return run, rows
