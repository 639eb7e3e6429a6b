"""Resumes a run as the ledger knows it, and retries its failed rows."""

from dataclasses import replace
from datetime import datetime

from filelock import FileLock

from bulk_topup.app.preflight import (
    PayingAccount,
    add_costs,
    check_balance,
    check_not_purged,
    check_run_caps,
    check_same_account,
)
from bulk_topup.app.prepare import compare_balances
from bulk_topup.app.report import ReportOptions, make_report_folder
from bulk_topup.app.run import FinishedRun, Watcher, execute
from bulk_topup.domain.guards import guards_of
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import RunOptions
from bulk_topup.errors import RunNotFoundError
from bulk_topup.ledger import LedgerStore, RetryChoice, run_lock
from bulk_topup.system.clock import Clock


def run_to_retry(ledger: LedgerStore, name: str) -> Run:
    """Give the run of that name, or the run of a job of that name that was begun last.

    Raises:
        RunNotFoundError: the ledger has none.
    """
    if "/" in name:
        return ledger.runs.named(name)
    runs = [run for run in ledger.runs.all() if run.job == name]
    if not runs:
        raise RunNotFoundError(f"The ledger has no run of the job {name} yet; `bulk-topup status` lists those it has.")
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
    held: FileLock | None = None,
) -> FinishedRun:
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
    with run_lock(ledger.path, run.job, run.run_key, locked=held):
        check_not_purged(ledger.runs.find(run.job, run.run_key) or run)
        check_same_account(run, payer)
        if run.account != payer.account:
            ledger.runs.set_account(run, payer.account)
        make_report_folder(report.folder)
        chosen, costs = ledger.retries.choose(run, retry) if retry else (0, {})
        guards = guards_of(run.guards)
        if to_send := ledger.rows.counts(run)[RowState.PENDING] + chosen:
            check_run_caps(guards.caps, run, ledger)
            watcher.confirm(run.name, to_send)
        check_balance(await compare_balances(dvs, add_costs(costs, ledger.spending.pending_costs(run))))
        if chosen:
            ledger.retries.apply("retry asked for", not_before=not_before)
        return await execute(run, dvs, ledger, replace(options, guards=guards), report, watcher, clock)
