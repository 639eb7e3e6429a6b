"""Checks a list and returns what a run would do; sends nothing."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bulk_topup.__version__ import __version__
from bulk_topup.app.preflight import PayingAccount, check_not_purged, check_velocity_history
from bulk_topup.app.prepare import Prepared, prepare
from bulk_topup.approvals.approval import user_name
from bulk_topup.approvals.statement import PlanStatement
from bulk_topup.domain.fields import PRODUCT_ID
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS
from bulk_topup.errors import ListError, MappingError, RunNotFoundError
from bulk_topup.intake import ListReader, Table, open_table, read_list
from bulk_topup.intake.corrections import CorrectedTable, read_corrections
from bulk_topup.intake.filters import FilteredTable
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock, SystemClock
from bulk_topup.system.files import sha256_of


def _filtered(job: Job, table: Table) -> Table:
    return FilteredTable(table, job.source.path.name, job.filters) if job.filters else table


def open_job_list(job: Job, table: Table | None = None) -> ListReader:
    """Open a job's list with its mapping; `table` is the list where it is open already.

    Raises:
        ListError, MappingError: the list cannot be read or mapped.
    """
    if table is None:
        table = _filtered(job, open_table(job.source))
    reader = read_list(
        job.source,
        mapping=job.columns,
        constants=job.all_constants,
        formats=job.formats,
        table=table,
        doubts=table.doubts if isinstance(table, FilteredTable) else {},
    )
    if job.auto_product is not None and PRODUCT_ID in reader.mapped:
        raise MappingError(
            f'Column "{reader.column_of(PRODUCT_ID)}" of {job.source.path.name} states products, and the job has '
            "[auto_product] choose them; leave out one of them."
        )
    return reader


def open_job_table(job: Job, run: Run | None, ledger: LedgerStore, corrections: Path | None) -> Table:
    """Open a job's list, with corrected rows laid over it where there are any, and without those that it leaves out."""
    _ = job.formats  # what is wrong with the job is told before what is wrong with its list
    if corrections is None:
        return _filtered(job, open_table(job.source))
    if run is None:
        raise RunNotFoundError(f"There is no run {job.name}/{job.run_key} yet whose rows could be corrected.")
    found = read_corrections(corrections)
    known = ledger.rows.cells(run, found.rows.keys())
    sent = ledger.rows.sent_lines(run, found.rows.keys())
    return _filtered(job, CorrectedTable(open_table(job.source), job.source.path.name, found, known, sent))


def left_out_counts(table: Table) -> Mapping[str, int]:
    """Return the number of rows that each filter of the job leaves out."""
    return dict(table.counts) if isinstance(table, FilteredTable) else {}


async def prepare_job(job: Job, reader: ListReader, *, dvs: AsyncDVS, ledger: LedgerStore, run: Run | None) -> Prepared:
    """Check and stage a job's list by what the job states; nothing is sent."""
    return await prepare(
        reader=reader,
        dvs=dvs,
        ledger=ledger,
        run=run,
        options=job.plan_options,
        guards=job.guards,
        auto_product=job.auto_product,
    )


async def _plan(
    job: Job, dvs: AsyncDVS, ledger: LedgerStore, corrections: Path | None, clock: Clock
) -> tuple[Run | None, Prepared]:
    run = ledger.runs.find(job.name, str(job.run_key))
    if run is not None:
        check_not_purged(run)
    check_velocity_history(job, ledger, clock.now())
    table = open_job_table(job, run, ledger, corrections)
    prepared = await prepare_job(job, open_job_list(job, table), dvs=dvs, ledger=ledger, run=run)
    return run, replace(prepared, left_out=left_out_counts(table))


async def plan_job(
    job: Job, *, dvs: AsyncDVS, ledger: LedgerStore, corrections: Path | None = None, clock: Clock | None = None
) -> tuple[Run | None, Prepared]:
    """Check a list and say what a run would do; nothing is sent, and no run is begun or changed.

    Args:
        job: the job, its dates filled in by `Job.at`.
        dvs: an open client.
        ledger: an open ledger, where the run may have begun already.
        corrections: a file of rows of the run that did not complete, corrected.
        clock: where time comes from.

    Raises:
        PurgedRunError: whom the run paid, or whom a limit on repeated payments concerns, is not known any more.
    """
    run, prepared = await _plan(job, dvs, ledger, corrections, clock or SystemClock())
    ledger.staging.clear()
    return run, prepared


def statement_of(job: Job, payer: PayingAccount, ledger: LedgerStore, clock: Clock) -> PlanStatement:
    """State what the staged list pays, in figures that two computations share only when all is the same."""
    run_key = str(job.run_key)
    digest = ledger.staging.digest(job.name, run_key)
    try:
        list_sha256 = sha256_of(Path(job.list))
    except OSError as error:
        raise ListError(f"{job.list} cannot be read: {error.strerror}.") from None
    return PlanStatement(
        version=__version__,
        job=job.name,
        run_key=run_key,
        environment=payer.environment,
        account=payer.account,
        list=Path(job.list).name,
        list_sha256=list_sha256,
        rows=digest.total.rows,
        amounts={unit: format_plain(amount) for unit, amount in sorted(digest.total.amounts.items())},
        costs={unit: format_plain(cost) for unit, cost in sorted(digest.total.costs.items())},
        rows_without_known_cost=digest.total.unpriced,
        requests_sha256=digest.requests,
        costs_sha256=digest.costs,
        guards=json.dumps(job.guards.model_dump(mode="json"), sort_keys=True),
        not_by=job.approval.not_by,
        planned_by=user_name(),
        planned_at=clock.now().isoformat(),
    )


async def plan_for_approval(
    job: Job,
    *,
    dvs: AsyncDVS,
    payer: PayingAccount,
    ledger: LedgerStore,
    clock: Clock | None = None,
    corrections: Path | None = None,
) -> tuple[Run | None, Prepared, PlanStatement]:
    """Do what `plan_job` does, and state what would be paid, for somebody else to approve.

    Args:
        job: the job, its dates filled in by `Job.at`.
        dvs: an open client.
        payer: whose account the client is for.
        ledger: an open ledger, where the run may have begun already.
        clock: where time comes from.
        corrections: a file of rows of the run that did not complete, corrected.
    """
    run, prepared = await _plan(job, dvs, ledger, corrections, clock or SystemClock())
    statement = statement_of(job, payer, ledger, clock or SystemClock())
    ledger.staging.clear()
    return run, prepared, statement
