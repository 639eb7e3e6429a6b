"""Whole runs for scripts and for the command line: check, plan, merge, submit, track, report; prints nothing."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from bulk_topup.app.archive import ArchiveResult, ListFile, fingerprint
from bulk_topup.app.plan import left_out_counts, open_job_list, open_job_table, prepare_job, statement_of
from bulk_topup.app.preflight import (
    PayingAccount,
    add_costs,
    check_approval_not_required,
    check_balance,
    check_guards,
    check_not_purged,
    check_run_caps,
    check_same_account,
    check_same_mode,
    check_velocity_history,
)
from bulk_topup.app.prepare import Prepared, compare_balances
from bulk_topup.app.report import ReportOptions, current_report, make_report_folder, write_current_report
from bulk_topup.approvals.approval import Presented, check_valid
from bulk_topup.approvals.statement import check_same_plan
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import is_open
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import Runner, RunOptions, RunResult
from bulk_topup.errors import (
    InterruptedRunError,
    LedgerError,
    ListError,
    PurgedRunError,
    RowsRefusedError,
)
from bulk_topup.intake.filters import FilteredTable
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.snapshot import reading_of, reporting_of
from bulk_topup.ledger import LedgerStore, RetryChoice, run_lock
from bulk_topup.report import Report, ReportError
from bulk_topup.report.left_out import write_left_out
from bulk_topup.system.clock import Clock, SystemClock


class Watcher(Protocol):
    """Who looks on: may show what comes, ask before anything is sent, and stop the run."""

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """See what a start would do; called before anything is refused or sent."""
        ...

    def confirm(self, run_name: str, rows: int) -> None:
        """Agree to the sending of that many rows, or raise."""
        ...

    def running(self, run: Run, runner: Runner) -> AbstractContextManager[None]:
        """Look on while the run is on."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedRun:
    """How a start ended, and where its report lies."""

    run: Run
    result: RunResult
    report: Report
    #: The rows that the job's filters leave out; None where there are no filters.
    left_out: Path | None = None
    #: What became of the list, where the job has an archive.
    archiving: ArchiveResult | None = None
    #: Nothing changed since an earlier start wrote the report, so that it was not written again.
    is_report_standing: bool = False


async def run_list(
    job: Job,
    *,
    dvs: AsyncDVS,
    payer: PayingAccount,
    ledger: LedgerStore,
    options: RunOptions,
    report: ReportOptions,
    watcher: Watcher,
    clock: Clock | None = None,
    corrections: Path | None = None,
    approval: Presented | None = None,
    held: FileLock | None = None,
) -> FinishedRun:
    """Pay a list, or go on with it where an earlier start ended.

    Args:
        job: the job, its dates filled in by `Job.at`.
        dvs: an open client.
        payer: whose account the client is for.
        ledger: an open ledger.
        options: how to submit and track.
        report: where results are written; the folder is made before anything is sent.
        watcher: who looks on.
        clock: where time comes from.
        corrections: a file of rows of the run that did not complete, corrected; those that changed are sent.
        approval: somebody else's approval of exactly this; it stands for the watcher's agreement.
        held: the run's lock where the caller holds it, which `run_lock` gave; None to lock the run here.

    Raises:
        RunLockedError: another process holds the run.
        ListError: the list cannot be read, or is being written.
        RowsRefusedError, GuardError, ApprovalError, BalanceTooLowError, OtherEnvironmentError, OtherAccountError:
            nothing was sent.
        PurgedRunError: nothing was sent; whom it, or another run that counts, paid is not known any more.
        InterruptedRunError: the ledger could not be written any more.
    """
    run_key = str(job.run_key)
    with run_lock(ledger.path, job.name, run_key, locked=held):
        found = ledger.runs.find(job.name, run_key)
        check_velocity_history(job, ledger, (clock or SystemClock()).now())
        if found is not None:
            check_not_purged(found)
            check_same_account(found, payer)
            check_same_mode(found, job.mode, ledger)
        if approval is not None:
            check_valid(approval, job.approval, (clock or SystemClock()).now())
        file = None if job.archive is None else ListFile.look(Path(job.list), Path(job.archive))
        mark = list_fingerprint(job)
        table = open_job_table(job, found, ledger, corrections)
        reader = open_job_list(job, table)
        prepared = await prepare_job(job, reader, dvs=dvs, ledger=ledger, run=found)
        prepared = replace(prepared, left_out=left_out_counts(table))
        watcher.prepared(job, found, prepared)
        if list_fingerprint(job) != mark:
            raise ListError(
                f"{job.list} was changed while it was read, so nothing was sent; start again once it is complete."
            )
        if prepared.plan.refused and not job.skip_refused:
            raise RowsRefusedError(
                f"{prepared.plan.refused} of {prepared.plan.rows} rows are refused, so nothing was sent. "
                "Correct them, or state --skip-refused to pay the others."
            )
        check_guards(prepared.checks)
        check_balance(prepared.balances)
        if approval is not None:
            check_same_plan(approval.plan.statement, statement_of(job, payer, ledger, clock or SystemClock()))
        else:
            check_approval_not_required(job, found, prepared)
        make_report_folder(report.folder)
        left_out = (
            write_left_out(table.header, table.left_out(), report.folder) if isinstance(table, FilteredTable) else None
        )
        to_send = prepared.difference.new + prepared.difference.waiting
        if corrections is not None:
            to_send += prepared.difference.corrected
        if to_send and approval is None:
            watcher.confirm(f"{job.name}/{run_key}", to_send)
        run = merge_or_interrupt(job, ledger, payer, reader.columns, approval)
        if corrections is not None:
            _, costs = ledger.retries.choose(run, RetryChoice(statuses=(), or_corrected=True))
            check_balance(await compare_balances(dvs, add_costs(costs, ledger.spending.pending_costs(run))))
            check_run_caps(job.caps, run, ledger)
            ledger.retries.apply("corrected")
        finished = await execute(run, dvs, ledger, replace(options, guards=job.guards), report, watcher, clock)
        archiving = None if file is None or is_open(finished.result.counts) else file.archive()
        return replace(finished, left_out=left_out, archiving=archiving)


def list_fingerprint(job: Job) -> tuple[int, ...] | None:
    """Give what tells whether a job's list is still being written; None where it is not there."""
    try:
        return fingerprint(Path(job.list))
    except OSError:
        return None


def merge_or_interrupt(
    job: Job, ledger: LedgerStore, payer: PayingAccount, columns: Sequence[str], approval: Presented | None
) -> Run:
    """Merge the list; where it cannot be written, a start that finds the disk well again does it all."""
    try:
        return merge_list(job, ledger=ledger, payer=payer, columns=columns, approval=approval)
    except PurgedRunError:
        raise
    except LedgerError as error:
        raise InterruptedRunError(f"{error} Nothing was sent; start again once that is mended.") from error


def merge_list(
    job: Job, *, ledger: LedgerStore, payer: PayingAccount, columns: Sequence[str], approval: Presented | None = None
) -> Run:
    """Make the list that is staged the list of the job's run, which is begun where it is new."""
    return ledger.staging.merge(
        job=job.name,
        run_key=str(job.run_key),
        environment=payer.environment,
        account=payer.account,
        guards=job.guards.model_dump_json(),
        approval=None if approval is None else approval.plan.model_dump_json(),
        list_path=job.list,
        columns=columns,
        reading=reading_of(job),
        reporting=reporting_of(job),
    )


async def execute(
    run: Run,
    dvs: AsyncDVS,
    ledger: LedgerStore,
    options: RunOptions,
    report: ReportOptions,
    watcher: Watcher,
    clock: Clock | None,
) -> FinishedRun:
    """Submit and track the run's rows, then write its report."""
    runner = Runner(dvs=dvs, ledger=ledger, run=run, options=options, clock=clock or SystemClock())
    try:
        with watcher.running(run, runner):
            result = await runner.execute()
    except LedgerError as error:
        raise InterruptedRunError(f"{error} Start again to resume run {run.name}.") from error
    try:
        if standing := current_report(run, ledger=ledger, options=report):
            return FinishedRun(run=run, result=result, report=standing, is_report_standing=True)
        return FinishedRun(run=run, result=result, report=write_current_report(run, ledger=ledger, options=report))
    except ReportError as error:
        raise InterruptedRunError(f"Run {run.name} ended, and its report is missing. {error}") from error
