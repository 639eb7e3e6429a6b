"""Whole runs for scripts and for the command line: check, plan, merge, submit, track, report; prints nothing."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from bulk_topup.__version__ import __version__
from bulk_topup.approvals.approval import Presented, demand_valid, user_name
from bulk_topup.approvals.statement import Statement, demand_same
from bulk_topup.archiving import Archiving, ListFile, mark_of
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.exit_codes import ExitMeaning
from bulk_topup.domain.fields import PRODUCT_ID
from bulk_topup.domain.guards import Caps, Mode, guards_of
from bulk_topup.domain.money import PRECISE, plain
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState, is_open
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import Prepared, Runner, RunOptions, RunResult, StopReason, compare_balances
from bulk_topup.engine.prepare import prepare
from bulk_topup.errors import (
    ApprovalNeededError,
    BalanceTooLowError,
    GuardError,
    InterruptedRunError,
    LedgerError,
    ListError,
    MappingError,
    OtherAccountError,
    OtherEnvironmentError,
    OtherModeError,
    PurgedRunError,
    RowsRefusedError,
    RunNotFoundError,
)
from bulk_topup.intake import ListReader, Table, open_table, read_list
from bulk_topup.intake.corrections import CorrectedTable, read_corrections
from bulk_topup.intake.filters import FilteredTable
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.snapshot import reading_of, reporting_of
from bulk_topup.ledger import Ledger, RetryChoice, run_lock
from bulk_topup.plan import BalanceCheck, GuardCheck, check_caps
from bulk_topup.report import Report, ReportError
from bulk_topup.report.left_out import write_left_out
from bulk_topup.reporting import ReportOptions, make_report_folder, standing_report, write_standing_report
from bulk_topup.system.clock import Clock, SystemClock
from bulk_topup.system.files import sha256_of


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
class Finished:
    """How a start ended, and where its report lies."""

    run: Run
    result: RunResult
    report: Report
    #: The rows that the job's filters leave out; None where there are no filters.
    left_out: Path | None = None
    #: What became of the list, where the job has an archive.
    archiving: Archiving | None = None
    #: Nothing changed since an earlier start wrote the report, so that it was not written again.
    is_report_standing: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Payer:
    """Whose money it is: a run is paid by one account, from its first start to its end."""

    environment: Environment
    #: Names the account, e.g. `AsyncDVS.account`.
    account: str
    #: The account is the one that the run was begun with, although its name changed.
    is_same_account: bool = False


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


def _filtered(job: Job, table: Table) -> Table:
    return FilteredTable(table, job.source.path.name, job.filters) if job.filters else table


def _open_table(job: Job, run: Run | None, ledger: Ledger, corrections: Path | None) -> Table:
    """Open a job's list, with corrected rows laid over it where there are any, and without those that it leaves out."""
    _ = job.formats  # what is wrong with the job is told before what is wrong with its list
    if corrections is None:
        return _filtered(job, open_table(job.source))
    if run is None:
        raise RunNotFoundError(f"There is no run {job.name}/{job.run_key} yet whose rows could be corrected.")
    found = read_corrections(corrections)
    known = ledger.cells_of(run, found.rows.keys())
    sent = ledger.sent_among(run, found.rows.keys())
    return _filtered(job, CorrectedTable(open_table(job.source), job.source.path.name, found, known, sent))


def _left_out(table: Table) -> Mapping[str, int]:
    return dict(table.counts) if isinstance(table, FilteredTable) else {}


async def plan_list(
    job: Job, *, dvs: AsyncDVS, ledger: Ledger, corrections: Path | None = None, clock: Clock | None = None
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
    ledger.clear_staged()
    return run, prepared


async def plan_for_approval(
    job: Job,
    *,
    dvs: AsyncDVS,
    payer: Payer,
    ledger: Ledger,
    clock: Clock | None = None,
    corrections: Path | None = None,
) -> tuple[Run | None, Prepared, Statement]:
    """Do what `plan_list` does, and state what would be paid, for somebody else to approve.

    Args:
        job: the job, its dates filled in by `Job.at`.
        dvs: an open client.
        payer: whose account the client is for.
        ledger: an open ledger, where the run may have begun already.
        clock: where time comes from.
        corrections: a file of rows of the run that did not complete, corrected.
    """
    run, prepared = await _plan(job, dvs, ledger, corrections, clock or SystemClock())
    statement = _statement(job, payer, ledger, clock or SystemClock())
    ledger.clear_staged()
    return run, prepared, statement


async def _plan(
    job: Job, dvs: AsyncDVS, ledger: Ledger, corrections: Path | None, clock: Clock
) -> tuple[Run | None, Prepared]:
    run = ledger.find_run(job.name, str(job.run_key))
    if run is not None:
        _demand_not_purged(run)
    _demand_memory(job, ledger, clock.now())
    table = _open_table(job, run, ledger, corrections)
    prepared = await prepare_job(job, open_job_list(job, table), dvs=dvs, ledger=ledger, run=run)
    return run, replace(prepared, left_out=_left_out(table))


async def run_list(
    job: Job,
    *,
    dvs: AsyncDVS,
    payer: Payer,
    ledger: Ledger,
    options: RunOptions,
    report: ReportOptions,
    watcher: Watcher,
    clock: Clock | None = None,
    corrections: Path | None = None,
    approval: Presented | None = None,
    held: FileLock | None = None,
) -> Finished:
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
    with run_lock(ledger.path, job.name, run_key, held=held):
        found = ledger.find_run(job.name, run_key)
        _demand_memory(job, ledger, (clock or SystemClock()).now())
        if found is not None:
            _demand_not_purged(found)
            demand_same_payer(found, payer)
            _demand_same_mode(found, job.mode, ledger)
        if approval is not None:
            demand_valid(approval, job.approval, (clock or SystemClock()).now())
        file = None if job.archive is None else ListFile.look(Path(job.list), Path(job.archive))
        mark = _mark_of(job)
        table = _open_table(job, found, ledger, corrections)
        reader = open_job_list(job, table)
        prepared = await prepare_job(job, reader, dvs=dvs, ledger=ledger, run=found)
        prepared = replace(prepared, left_out=_left_out(table))
        watcher.prepared(job, found, prepared)
        if _mark_of(job) != mark:
            raise ListError(
                f"{job.list} was changed while it was read, so nothing was sent; start again once it is complete."
            )
        if prepared.plan.refused and not job.skip_refused:
            raise RowsRefusedError(
                f"{prepared.plan.refused} of {prepared.plan.rows} rows are refused, so nothing was sent. "
                "Correct them, or state --skip-refused to pay the others."
            )
        _demand_kept(prepared.checks)
        _demand_balance(prepared.balances)
        if approval is not None:
            demand_same(approval.plan.statement, _statement(job, payer, ledger, clock or SystemClock()))
        else:
            _demand_no_approval_needed(job, found, prepared)
        make_report_folder(report.folder)
        left_out = write_left_out(table, report.folder) if isinstance(table, FilteredTable) else None
        to_send = prepared.difference.new + prepared.difference.waiting
        if corrections is not None:
            to_send += prepared.difference.corrected
        if to_send and approval is None:
            watcher.confirm(f"{job.name}/{run_key}", to_send)
        run = _merged(job, ledger, payer, reader.columns, approval)
        if corrections is not None:
            _, costs = ledger.choose_retries(run, RetryChoice(statuses=(), or_corrected=True))
            _demand_balance(await compare_balances(dvs, _together(costs, ledger.pending_costs(run))))
            _demand_caps(job.caps, run, ledger)
            ledger.retry_chosen("corrected")
        finished = await _execute(run, dvs, ledger, replace(options, guards=job.guards), report, watcher, clock)
        archiving = None if file is None or is_open(finished.result.counts) else file.archive()
        return replace(finished, left_out=left_out, archiving=archiving)


def _mark_of(job: Job) -> tuple[int, ...] | None:
    """Give what tells whether a job's list is still being written; None where it is not there."""
    try:
        return mark_of(Path(job.list))
    except OSError:
        return None


def _merged(job: Job, ledger: Ledger, payer: Payer, columns: Sequence[str], approval: Presented | None) -> Run:
    """Merge the list; where it cannot be written, a start that finds the disk well again does it all."""
    try:
        return merge_list(job, ledger=ledger, payer=payer, columns=columns, approval=approval)
    except PurgedRunError:
        raise
    except LedgerError as error:
        raise InterruptedRunError(f"{error} Nothing was sent; start again once that is mended.") from error


async def prepare_job(job: Job, reader: ListReader, *, dvs: AsyncDVS, ledger: Ledger, run: Run | None) -> Prepared:
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


def merge_list(
    job: Job, *, ledger: Ledger, payer: Payer, columns: Sequence[str], approval: Presented | None = None
) -> Run:
    """Make the list that is staged the list of the job's run, which is begun where it is new."""
    return ledger.merge(
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


async def resume_run(
    run: Run,
    *,
    dvs: AsyncDVS,
    payer: Payer,
    ledger: Ledger,
    options: RunOptions,
    report: ReportOptions,
    watcher: Watcher,
    clock: Clock | None = None,
    retry: RetryChoice | None = None,
    not_before: datetime | None = None,
    held: FileLock | None = None,
) -> Finished:
    """Go on with a run as the ledger knows it, its list is not read again; with `retry`, failed rows get a new attempt.

    Args:
        run: the run.
        dvs: an open client.
        payer: whose account the client is for.
        ledger: an open ledger.
        options: how to submit and track.
        report: where results are written.
        watcher: who looks on.
        clock: where time comes from.
        retry: which failed rows get a new attempt; None for none.
        not_before: when they get it at the earliest, in UTC; None for at once.
        held: as of `run_list`.

    Raises:
        RunLockedError: another process holds the run.
        GuardError, BalanceTooLowError, OtherEnvironmentError, OtherAccountError: nothing was sent.
        PurgedRunError: nothing was sent; whom it paid is not known any more.
        InterruptedRunError: the ledger could not be written any more.
    """
    with run_lock(ledger.path, run.job, run.run_key, held=held):
        _demand_not_purged(ledger.find_run(run.job, run.run_key) or run)
        demand_same_payer(run, payer)
        if run.account != payer.account:
            ledger.set_account(run, payer.account)
        make_report_folder(report.folder)
        chosen, costs = ledger.choose_retries(run, retry) if retry else (0, {})
        guards = guards_of(run.guards)
        if to_send := ledger.counts(run)[RowState.PENDING] + chosen:
            _demand_caps(guards.caps, run, ledger)
            watcher.confirm(run.name, to_send)
        _demand_balance(await compare_balances(dvs, _together(costs, ledger.pending_costs(run))))
        if chosen:
            ledger.retry_chosen("retry asked for", not_before=not_before)
        return await _execute(run, dvs, ledger, replace(options, guards=guards), report, watcher, clock)


def _together(first: Mapping[str, Decimal], second: Mapping[str, Decimal]) -> dict[str, Decimal]:
    units = {**first, **second}
    return {unit: PRECISE.add(first.get(unit, Decimal(0)), second.get(unit, Decimal(0))) for unit in units}


async def _execute(
    run: Run,
    dvs: AsyncDVS,
    ledger: Ledger,
    options: RunOptions,
    report: ReportOptions,
    watcher: Watcher,
    clock: Clock | None,
) -> Finished:
    runner = Runner(dvs=dvs, ledger=ledger, run=run, options=options, clock=clock or SystemClock())
    try:
        with watcher.running(run, runner):
            result = await runner.execute()
    except LedgerError as error:
        raise InterruptedRunError(f"{error} Start again to resume run {run.name}.") from error
    try:
        if standing := standing_report(run, ledger=ledger, options=report):
            return Finished(run=run, result=result, report=standing, is_report_standing=True)
        return Finished(run=run, result=result, report=write_standing_report(run, ledger=ledger, options=report))
    except ReportError as error:
        raise InterruptedRunError(f"Run {run.name} ended, and its report is missing. {error}") from error


def demand_same_payer(run: Run, payer: Payer) -> None:
    """Demand that a run goes on where its money is: elsewhere its external ids are unknown, and all is paid anew."""
    if run.environment != payer.environment:
        raise OtherEnvironmentError(
            f"Run {run.name} was begun in {run.environment}, not in {payer.environment}; "
            f"state --env {run.environment}, or name another run with --run-key, or another ledger with --ledger."
        )
    if run.account and run.account != payer.account and not payer.is_same_account:
        raise OtherAccountError(
            f"Run {run.name} was begun with {run.account}, and this is {payer.account}. Another account does not know "
            "what was paid: go on with the first one. If only its key or its address changed, state --same-account."
        )


def _demand_not_purged(run: Run) -> None:
    """Demand that a run knows whom it paid: otherwise every row of its list would be new to it."""
    if run.purged_at is not None:
        raise PurgedRunError(
            f"The personal data of run {run.name} was removed at {run.purged_at:%Y-%m-%d %H:%M} UTC, so nobody can "
            "tell whom it paid, and nothing was sent. To pay a list on purpose, name another run with --run-key."
        )


def _demand_memory(job: Job, ledger: Ledger, now: datetime) -> None:
    """Demand that all payments which a limit on repeated ones looks back at are known with their beneficiaries."""
    if job.velocity is None:
        return
    forgotten = ledger.last_purged_payment()
    if forgotten is not None and now - forgotten <= job.velocity.period:
        raise PurgedRunError(
            f"The limit on repeated payments looks back {job.velocity.days} days, and whom the ledger's runs paid "
            f"until {forgotten:%Y-%m-%d} was purged, so nothing was sent. Let it look back fewer days, or wait."
        )


def _demand_same_mode(run: Run, mode: Mode, ledger: Ledger) -> None:
    """Demand the mode that rows were sent in: their requests say it, and an unknown one is sent again as it was."""
    begun = guards_of(run.guards).mode
    if mode is not begun and any(ledger.attempted(run).values()):
        raise OtherModeError(
            f"Run {run.name} was begun in the mode {begun}, not {mode}; state --mode {begun}, "
            "or name another run with --run-key."
        )


def exit_code(result: RunResult, archiving: Archiving | None = None) -> ExitMeaning:
    """Give the code that a start ends with.

    Args:
        result: how the run ended.
        archiving: what became of the list; one that should have been archived and stays is no good end.
    """
    if result.reason in {StopReason.UNAUTHORIZED, StopReason.BALANCE, StopReason.CIRCUIT}:
        return ExitMeaning.STOPPED_BY_PROVIDER
    is_changed = archiving is not None and archiving.is_changed
    if is_changed or (result.reason is not None and is_open(result.counts)):
        return ExitMeaning.RESUME_ME
    stays = archiving is not None and archiving.why_not
    done = result.counts[RowState.COMPLETED] == sum(result.counts.values()) and not result.contradicted
    return ExitMeaning.ALL_COMPLETED if done and not stays else ExitMeaning.SOME_DID_NOT_COMPLETE


def _demand_kept(checks: Collection[GuardCheck]) -> None:
    if broken := [check.message for check in checks if not check.is_kept]:
        raise GuardError("\n".join(["The run's guards do not allow it, so nothing was sent.", *broken]))


def _demand_caps(caps: Caps, run: Run, ledger: Ledger) -> None:
    """Demand that what a run has sent, what waits in it and what was chosen for a retry stay within its caps."""
    if caps != Caps():
        _demand_kept(check_caps(caps, ledger.spending(run)))


def _demand_no_approval_needed(job: Job, found: Run | None, prepared: Prepared) -> None:
    """Demand that nothing of a list that nobody approved could ever be sent, where approvals are needed.

    Failed rows take what the list says now and may be retried, so they count too.
    """
    is_needed = job.approval.required or (found is not None and found.approval is not None)
    difference = prepared.difference
    to_send = difference.new + difference.waiting + difference.failed
    if found is not None and job.guards != guards_of(found.guards):
        # By other guards, what is on its way may be confirmed, or tried again when it fails.
        to_send += difference.open
    if is_needed and to_send:
        raise ApprovalNeededError(
            f"Run {job.name}/{job.run_key} needs an approval, so nothing was sent. Write its plan with "
            "`bulk-topup plan --out plan.json`, have somebody else `bulk-topup approve` it, and state --approved FILE. "
            "What was approved before goes on with `bulk-topup resume`."
        )


def _statement(job: Job, payer: Payer, ledger: Ledger, clock: Clock) -> Statement:
    """State what the staged list pays, in figures that two computations share only when all is the same."""
    run_key = str(job.run_key)
    digest = ledger.staged_digest(job.name, run_key)
    try:
        list_sha256 = sha256_of(Path(job.list))
    except OSError as error:
        raise ListError(f"{job.list} cannot be read: {error.strerror}.") from None
    return Statement(
        version=__version__,
        job=job.name,
        run_key=run_key,
        environment=payer.environment,
        account=payer.account,
        list=Path(job.list).name,
        list_sha256=list_sha256,
        rows=digest.total.rows,
        amounts={unit: plain(amount) for unit, amount in sorted(digest.total.amounts.items())},
        costs={unit: plain(cost) for unit, cost in sorted(digest.total.costs.items())},
        rows_without_known_cost=digest.total.unpriced,
        requests_sha256=digest.requests,
        costs_sha256=digest.costs,
        guards=json.dumps(job.guards.model_dump(mode="json"), sort_keys=True),
        not_by=job.approval.not_by,
        planned_by=user_name(),
        planned_at=clock.now().isoformat(),
    )


def _demand_balance(checks: Collection[BalanceCheck]) -> None:
    for check in checks:
        if not check.is_enough:
            has = "no wallet" if check.available is None else f"{check.available} {check.unit} available"
            raise BalanceTooLowError(
                f"The rows still to be paid cost about {check.cost} {check.unit}, and there is {has}; "
                "nothing was sent. Top up and start again."
            )
