"""Rebuilds the run of a lost or an old ledger from its list or its rows, and the transactions at DVS; sends nothing."""

from dataclasses import replace
from datetime import datetime

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.merge import merge_list
from bulk_topup.app.open_list import with_kept_choice
from bulk_topup.app.preflight import PayingAccount, check_not_closed, check_not_purged, check_same_account
from bulk_topup.app.prepare_job import JobStager, PlannedList, prepare_job
from bulk_topup.app.reading_version import find_reading_version
from bulk_topup.app.reconcile import window_of
from bulk_topup.app.restored_ledger import window_to_read
from bulk_topup.app.run_name import named_as_run
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.list_command import rebuild_way
from bulk_topup.domain.list_problem import hidden_rows
from bulk_topup.domain.run import Run
from bulk_topup.domain.verdict import run_arguments
from bulk_topup.dvs import AsyncDVS
from bulk_topup.errors import HiddenRowsError, InvalidInputError, RunNotRebuiltError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore, run_lock
from bulk_topup.reconcile.rebuild import rebuild_attempts
from bulk_topup.system.clock import Clock, SystemClock


class AlreadySentError(InvalidInputError):
    """The ledger has sent rows of the run. There is nothing to rebuild."""


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
    """Create a run again from its list and from what DVS has of its rows; nothing is sent.

    Args:
        job: the job, its dates rendered by `Job.at`.
        dvs: an open client.
        payer: the account that paid.
        ledger: an open ledger.
        start, end: the window of DVS's transaction list, in UTC; rows outside of it are fetched one by one. By default
            the last 24 hours.
        clock: the source of time.

    Returns:
        The run, and the number of its rows that DVS has.

    Raises:
        AlreadySentError: the ledger has sent rows of the run.
        ClosedRunError: the run is closed.
        RunLockedError: another process works on the run.
        RunNameError: the run's name could mean more than one run.
        ListError, MappingError: the list cannot be read or mapped.
        DVSError: DVS did not respond.
        InvalidInputError: the window ends before it begins.
    """
    clock = clock or SystemClock()
    window = window_of(None, ledger, clock.now(), start, end)
    job = named_as_run(job, ledger)
    run_key = str(job.run_key)
    with run_lock(ledger.path, job.name, run_key):
        found = ledger.runs.find(job.name, run_key)
        if found is not None:
            check_not_closed(found, ledger)
            check_same_account(found, payer)
            if ledger.runs.is_sent(found) and not found.is_rebuilding:
                raise AlreadySentError(
                    f"The ledger {ledger.path} has sent rows of run {found.name}. Nothing was rebuilt. Compare the run "
                    f"with `bulk-topup reconcile {run_arguments(found)}`, or run it again to continue. If the ledger "
                    "is an old copy, add what it lacks with "
                    f"`bulk-topup reconcile --rebuild {run_arguments(found)}`."
                )
        planned, run = await _merge_as_sent(job, found, dvs=dvs, payer=payer, ledger=ledger, clock=clock)
        rows = await rebuild_attempts(run, dvs=dvs, ledger=ledger, start=window.start, end=window.end)
        if any(note.production_refuses for note in planned.prepared.plan.numbers.concerns):
            stager = _stager(job, run, dvs, ledger, payer.environment, clock)
            await prepare_job(stager, clock=clock, is_rebuilt=True)
            columns = planned.reader.columns
            run = merge_list(job, ledger=ledger, payer=payer, columns=columns, ids=run.ids, clock=clock, is_start=False)
        ledger.rebuild.end(run)
    return run, rows


async def rebuild_run(
    run: Run,
    *,
    dvs: AsyncDVS,
    payer: PayingAccount,
    ledger: LedgerStore,
    start: datetime | None = None,
    end: datetime | None = None,
    clock: Clock | None = None,
) -> int:
    """Add what DVS has of a run's rows to a ledger that lacks it, as an old backup does; nothing is sent.

    Args:
        run: the run.
        dvs: an open client.
        payer: the account that paid.
        ledger: an open ledger.
        start, end: the window of DVS's transaction list, in UTC; rows outside of it that were never sent are fetched
            one by one. By default from the newest transaction that the ledger has of the run until now.
        clock: the source of time.

    Returns:
        The number of rows of which DVS has more than the ledger had.

    Raises:
        ClosedRunError: the run is closed.
        PurgedRunError: the run's personal data is purged.
        RunNotRebuiltError: a rebuild from the run's list was interrupted.
        RunLockedError: another process works on the run.
        DVSError: DVS did not respond.
    """
    with run_lock(ledger.path, run.job, run.run_key):
        run = ledger.runs.again(run)
        check_not_closed(run, ledger)
        check_not_purged(run)
        _check_needs_no_list(run)
        check_same_account(run, payer)
        first, last = window_to_read(run, ledger, (clock or SystemClock()).now())
        first = start or first
        rows = await rebuild_attempts(run, dvs=dvs, ledger=ledger, start=first, end=end or max(last, first))
        ledger.rebuild.end(run)
    return rows


def _check_needs_no_list(run: Run) -> None:
    """Raise RunNotRebuiltError if a rebuild from the run's list was interrupted, since only the list has all IDs."""
    if run.is_rebuilding:
        raise RunNotRebuiltError(
            f"A rebuild of run {run.name} from its list was interrupted. Only the list tells under which external IDs "
            f"DVS may have its rows. Rebuild it from the list again: {rebuild_way(run)}"
        )


async def _merge_as_sent(
    job: Job, found: Run | None, *, dvs: AsyncDVS, payer: PayingAccount, ledger: LedgerStore, clock: Clock
) -> tuple[PlannedList, Run]:
    """Merge the list as the lost run read it, under the external IDs that DVS has; return both."""
    job = with_kept_choice(job, found)
    version = await find_reading_version(job, dvs)
    if found is not None:
        ledger.runs.set_reading_version(found, version)
    # What was paid is looked up although its number would be refused today.
    stager = _stager(job, found, dvs, ledger, Environment.SANDBOX, clock)
    planned = await prepare_job(replace(stager, reading_version=version), clock=clock, is_rebuilt=True)
    if planned.prepared.unseen.is_undecided:
        raise HiddenRowsError(hidden_rows(job.list, planned.prepared.unseen).message)
    ledger.rebuild.remember_spellings()
    columns, ids = planned.reader.columns, planned.ids
    run = merge_list(
        job,
        ledger=ledger,
        payer=payer,
        columns=columns,
        ids=ids,
        clock=clock,
        reading_version=version,
        hidden_columns=planned.prepared.unseen.columns,
        is_start=False,
    )
    return planned, run


def _stager(
    job: Job, run: Run | None, dvs: AsyncDVS, ledger: LedgerStore, environment: Environment, clock: Clock
) -> JobStager:
    catalogue = Catalogue(dvs, clock=clock)
    return JobStager(
        job=job,
        run=run,
        dvs=dvs,
        catalogue=catalogue,
        ledger=ledger,
        environment=environment,
        asks_bills=False,
    )
