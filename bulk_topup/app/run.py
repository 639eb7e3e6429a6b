"""Runs a list from the checks to the report: check, plan, merge, send, track, report; prints nothing."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from bulk_topup.app.approval import check_approval, check_same_callbacks
from bulk_topup.app.archive import ListFile, fingerprint
from bulk_topup.app.catalogue import Asking
from bulk_topup.app.execute import FinishedRun, Watcher, execute, follow_before
from bulk_topup.app.list_of_run import check_list
from bulk_topup.app.merge import merge_or_interrupt
from bulk_topup.app.open_list import with_kept_choice
from bulk_topup.app.paid_elsewhere import check_not_paid_elsewhere
from bulk_topup.app.plan import prepare_start
from bulk_topup.app.preflight import (
    PayingAccount,
    check_before_reading,
    check_plan,
)
from bulk_topup.app.prepare_job import PlannedList
from bulk_topup.app.product_changes import check_products
from bulk_topup.app.remote_list.fetch import fetched_list
from bulk_topup.app.remote_list.kept_copies import remove_ended_copies
from bulk_topup.app.report import ReportOptions, make_report_folder
from bulk_topup.app.restored_ledger import check_not_restored, has_rows_to_send
from bulk_topup.app.run_name import named_as_run
from bulk_topup.approvals.approval import Presented, check_valid
from bulk_topup.domain.earlier_payments import NO_REPETITION, Repetition
from bulk_topup.domain.guards import Guards
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import is_open
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import RunOptions, StopReason
from bulk_topup.errors import BalanceTooLowError, GuardError, ListError, RunLockedError
from bulk_topup.intake.filters import left_out_rows
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore, RunLock, run_lock
from bulk_topup.report.left_out import write_left_out
from bulk_topup.system.clock import Clock, SystemClock


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
    lock: RunLock | None = None,
    repetition: Repetition = NO_REPETITION,
    asking: Asking = Asking(),  # noqa: B008 - frozen
) -> FinishedRun:
    """Pay a list, or continue where an earlier invocation ended.

    Long because of its arguments and errors; its body is the order of the checks.

    Args:
        job: the job, its dates rendered by `Job.at`.
        dvs: an open client.
        payer: the account that pays.
        ledger: an open ledger.
        options: how rows are sent and tracked.
        report: where results are written; the folder is created before anything is sent.
        watcher: follows the run for its user.
        clock: the source of time.
        corrections: a not-completed file of the run with corrected rows; rows that changed are sent.
        approval: an approval of exactly this plan; it replaces the watcher's confirmation.
        lock: the run's lock, if the caller has it from `run_lock`; None to lock the run here.
        repetition: what is said about other runs, and about rows that they have paid.
        asking: how DVS is asked about products and numbers.

    Raises:
        RunLockedError: another process works on the run.
        RunNameError: the run's name could mean more than one run; nothing was sent.
        AlreadyPaidError: other runs have paid the list, or this one did long ago; nothing was sent.
        OtherListError: the list has other rows than its run, or is another list; nothing was sent.
        HiddenRowsError, ListError: the list has hidden rows, cannot be read, or changes while it is read.
        ProductsChangedError: a product changed while the plan waited for its confirmation; nothing was sent.
        StatementsChangedError: what is due changed while the plan waited for its confirmation; nothing was sent.
        RowsRefusedError, GuardError, ApprovalError, BalanceTooLowError, EnvironmentMismatchError,
            AccountMismatchError, ModeMismatchError, EarlierRunOpenError: a check failed; nothing was sent.
        PurgedRunError: the beneficiaries of the run, or of payments that a velocity limit counts, are purged; nothing
            was sent.
        ClosedRunError: the run is closed; nothing was sent.
        LedgerBehindError: DVS has transactions of the run that the ledger lacks; nothing was sent.
        NotComparedError: DVS's list of transactions can't be read; nothing was sent.
        InterruptedRunError: ledger or report cannot be written; run again to resume.
    """
    clock = clock or SystemClock()
    job = named_as_run(job, ledger)
    async with AsyncExitStack() as stack:
        stack.enter_context(run_lock(ledger.path, job.name, str(job.run_key), locked=lock))
        found = _found_run(job, ledger)
        job = with_kept_choice(job, found, add=repetition.add)
        earlier = check_before_reading(job, found, payer, ledger, clock.now(), leave_open=repetition.leave_open)
        if approval is not None:
            check_valid(approval, job.approval, clock.now())
        file = None if job.archive is None else ListFile.inspect(Path(job.list), Path(job.archive))
        job = await stack.enter_async_context(fetched_list(job, ledger.path))
        before = _list_fingerprint(job)
        ages = job.answer_ages.before_sending(has_cost_cap=bool(job.caps.costs))
        catalogue = asking.catalogue(dvs, ledger, payer.environment, ages, clock)
        planned = await prepare_start(
            job,
            found,
            dvs=dvs,
            catalogue=catalogue,
            ledger=ledger,
            environment=payer.environment,
            clock=clock,
            corrections=corrections,
            repetition=repetition,
            earlier=earlier,
        )
        prepared = planned.prepared
        watcher.prepared(job, found, prepared)
        if _list_fingerprint(job) != before:
            raise ListError(f"{job.list} changed while being read. Nothing was sent. Run again once it is complete.")
        check_list(prepared)
        try:
            check_plan(job, prepared, ledger)
        except (GuardError, BalanceTooLowError) as error:
            options = replace(options, guards=Guards(mode=job.mode))
            return await follow_before(error, found, dvs, ledger, options, report, watcher, clock)
        check_not_paid_elsewhere(job, prepared.elsewhere, pay_again=repetition.pay_again, ledger=ledger)
        check_approval(
            job,
            found,
            prepared,
            approval,
            ids=planned.ids,
            payer=payer,
            ledger=ledger,
            clock=clock,
            callback_address=options.callback_address,
        )
        if approval is None and found is not None:
            check_same_callbacks(found, options.callback_address)
        make_report_folder(report.folder)
        left_out = _write_left_out(planned, report.folder)
        if approval is None and prepared.difference.to_send:
            watcher.confirm(f"{job.name}/{job.run_key}", prepared.difference.to_send)
        if prepared.difference.to_send:
            await check_products(prepared, catalogue)
            if prepared.amounts is not None:
                await prepared.amounts.check_before_sending()
        run = merge_or_interrupt(job, ledger, payer, planned, approval, clock, repetition)
        others = 0
        if found is not None and has_rows_to_send(run, ledger):
            others = await check_not_restored(run, dvs=dvs, ledger=ledger, now=clock.now())
        options = replace(options, guards=job.guards, balances=prepared.balances)
        finished = await execute(run, dvs, ledger, options, report, watcher, clock)
        is_ended = not is_open(finished.result.counts) and finished.result.reason is not StopReason.LEDGER_MOVED
        remove_ended_copies(run, ledger)
        archiving = file.archive() if file is not None and is_ended else None
        return replace(finished, left_out=left_out, archiving=archiving, others=others)


def _found_run(job: Job, ledger: LedgerStore) -> Run | None:
    """Return the job's run, whose lock this process has; None for a new one."""
    found = ledger.runs.find(job.name, str(job.run_key))
    if found is not None and (found.job, found.run_key) != (job.name, job.run_key):
        raise RunLockedError(f"Another process has just created the run {found.name}. Run again to continue it.")
    return found


def _list_fingerprint(job: Job) -> tuple[int, ...] | None:
    """Return what changes while the job's list is written; None without such a file."""
    try:
        return fingerprint(job.source.path)
    except OSError:
        return None


def _write_left_out(planned: PlannedList, folder: Path) -> Path | None:
    rows = left_out_rows(planned.table, planned.reader)
    return None if rows is None else write_left_out(planned.table.header, rows, folder)
