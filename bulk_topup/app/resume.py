"""Resumes a run without rereading its list, and retries its failed rows; prints nothing."""

from dataclasses import replace
from datetime import datetime

from bulk_topup.app.approval import check_same_callbacks
from bulk_topup.app.balances import compare_balances
from bulk_topup.app.execute import FinishedRun, Watcher, execute, follow_before
from bulk_topup.app.preflight import (
    PayingAccount,
    add_costs,
    check_balance,
    check_is_rebuilt,
    check_not_closed,
    check_not_purged,
    check_run_caps,
    check_same_account,
)
from bulk_topup.app.remote_list.kept_copies import remove_ended_copies
from bulk_topup.app.report import ReportOptions, make_report_folder
from bulk_topup.app.restored_ledger import check_not_restored, has_rows_to_send
from bulk_topup.domain.guards import Guards, guards_of
from bulk_topup.domain.run import Run
from bulk_topup.domain.run_names import fold_name
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import RunOptions
from bulk_topup.errors import BalanceTooLowError, GuardError, RunNotFoundError
from bulk_topup.ledger import LedgerStore, RetryChoice, RunLock, run_lock
from bulk_topup.system.clock import Clock, SystemClock


def run_to_retry(ledger: LedgerStore, name: str) -> Run:
    """Return the run of a name, or the newest run of the job of that name.

    Args:
        ledger: an open ledger.
        name: a run, `job/run-key`, or a job.

    Raises:
        RunNotFoundError: the ledger has no such run.
    """
    if "/" in name:
        return ledger.runs.named(name)
    runs = [run for run in ledger.runs.all() if fold_name(run.job) == fold_name(name)]
    if not runs:
        raise RunNotFoundError(f"No run of the job {name} in {ledger.path}. `bulk-topup status` lists all runs.")
    return max(runs, key=lambda run: run.created_at)


async def resume_run(
    run: Run,
    *,
    dvs: AsyncDVS,
    payer: PayingAccount,
    ledger: LedgerStore,
    options: RunOptions,
    report: ReportOptions,
    watcher: Watcher,
    clock: Clock | None = None,
    retry: RetryChoice | None = None,
    not_before: datetime | None = None,
    lock: RunLock | None = None,
) -> FinishedRun:
    """Resume a run without rereading its list; with `retry`, failed rows get a new attempt.

    Long because of its arguments and errors.

    Args:
        run: the run.
        dvs: an open client.
        payer: the account that pays.
        ledger: an open ledger.
        options: how rows are sent and tracked.
        report: where results are written.
        watcher: follows the run for its user.
        clock: the source of time.
        retry: the failed rows that get a new attempt; None for none.
        not_before: earliest time of the new attempts, in UTC; None for now.
        lock: the run's lock, if the caller has it from `run_lock`; None to lock the run here.

    Raises:
        RunLockedError: another process works on the run.
        RunNameError: another run has its name in another spelling; nothing was sent.
        GuardError, BalanceTooLowError, EnvironmentMismatchError, AccountMismatchError: a check failed; nothing was
            sent.
        ApprovalError: callbacks would be posted elsewhere than was approved; nothing was sent.
        PurgedRunError: the run's personal data is purged; nothing was sent.
        LedgerBehindError: DVS has transactions of the run that the ledger lacks; nothing was sent.
        NotComparedError: DVS's list of transactions can't be read; nothing was sent.
        ClosedRunError: failed rows of a closed run would be retried; nothing was sent.
        InterruptedRunError: ledger or report cannot be written; run again to resume.
    """
    with run_lock(ledger.path, run.job, run.run_key, locked=lock):
        # Before this process had the lock, another one may have changed the run's account or guards.
        run = ledger.runs.again(run)
        ledger.runs.check_is_distinct(run)
        check_not_purged(run)
        check_is_rebuilt(run)
        if retry is not None:
            check_not_closed(run, ledger)
        check_same_account(run, payer)
        check_same_callbacks(run, options.callback_address)
        if run.account != payer.account:
            ledger.runs.set_account(run, payer.account)
        make_report_folder(report.folder)
        chosen, costs = ledger.retries.choose(run, retry) if retry else (0, {})
        guards = guards_of(run.guards)
        if run.closing is not None:  # nothing of it is sent: no retries, no caps, and no canaries
            guards = Guards(mode=guards.mode)
        others = 0
        if has_rows_to_send(run, ledger, retries=chosen):
            now = (clock or SystemClock()).now()
            others = await check_not_restored(run, dvs=dvs, ledger=ledger, now=now, retries=chosen)
        try:
            if to_send := ledger.rows.counts(run)[RowState.PENDING] + chosen:
                check_run_caps(guards.caps, run, ledger)
                watcher.confirm(run.name, to_send)
            balances = await compare_balances(dvs, add_costs(costs, ledger.spending.pending_costs(run)))
            check_balance(balances)
        except (GuardError, BalanceTooLowError) as error:
            options = replace(options, guards=Guards(mode=guards.mode))
            return await follow_before(error, run, dvs, ledger, options, report, watcher, clock or SystemClock())
        if chosen:
            ledger.retries.apply("retry asked for", not_before=not_before)
        options = replace(options, guards=guards, balances=balances)
        finished = await execute(run, dvs, ledger, options, report, watcher, clock)
        remove_ended_copies(run, ledger)
        return replace(finished, others=others)
