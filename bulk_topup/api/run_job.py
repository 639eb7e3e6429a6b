"""Runs a job for scripts and orchestrators: what `bulk-topup run` does, with a result in place of an exit code."""

from collections.abc import Callable, Collection
from datetime import date, datetime
from pathlib import Path

from bulk_topup.api.arguments import decision_of
from bulk_topup.api.invocation import Invocation
from bulk_topup.api.job_result import JobResult
from bulk_topup.api.worker_thread import Work
from bulk_topup.app.credentials import Credentials
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.reason import checked_reason
from bulk_topup.engine import Progress, RunOptions
from bulk_topup.jobs.job import Job


def run_job(
    job: Path | str | Job,
    *,
    today: date | None = None,
    run_key: str | None = None,
    environment: Environment | str | None = None,
    base_url: str | None = None,
    credentials: Path | str | Credentials | None = None,
    ledger: Path | str | None = None,
    confirm: str | None = None,
    approval: Path | str | None = None,
    corrections: Path | str | None = None,
    add: bool = False,
    report_folder: Path | str | None = None,
    deadline: datetime | None = None,
    poll_interval: float | None = None,
    tracking_timeout: float = RunOptions().tracking_timeout,
    same_account: bool = False,
    pay_again: str | None = None,
    leave_open: str | None = None,
    not_the_same: Collection[int] = (),
    reason: str | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    progress_interval: float = 1.0,
) -> JobResult:
    """Pay a job's list, or continue where an earlier call ended; the same call again never pays a row twice.

    It waits for the end of the run, in any thread, with or without a running event loop. An exception that is raised
    in the waiting thread, by Ctrl-C, a signal handler or `on_progress`, stops the run safely: nothing new is sent, rows
    in flight get their outcome, the report is written, and then the exception is raised. The job's notifications,
    pings, metrics and log work as they do for commands, but nothing is printed.

    Long because of its arguments and errors.

    Args:
        job: a job file that ends in .toml, a list, or a `Job`.
        today: the day that `{today}` stands for; None for today in the job's time zone.
        run_key: the run key, in place of the job's own; a new key is a new run.
        environment: the environment, in place of the job's.
        base_url: another address of the API, up to and with /v1.
        credentials: API credentials, or a file with them; None for the environment's variables or `.env`.
        ledger: the ledger's file; None for `BULK_TOPUP_LEDGER`, or the environment's usual one.
        confirm: the run's name, which is required to send rows in production without an approval.
        approval: the file of an approved plan; exactly that is paid.
        corrections: a not-completed file of the run with corrected rows.
        add: add the list to a run that has paid other rows, which stay as they are; for a list in parts.
        report_folder: the report's folder, in place of the job's.
        deadline: the time after which nothing is sent, in UTC.
        poll_interval: seconds between two polls of open rows.
        tracking_timeout: seconds without any status change after which open rows are left to the next call.
        same_account: whether the run's account is unchanged although its credentials or URL changed.
        pay_again: why rows that other runs have paid are paid again, as `plan_list` shows them; None to refuse them.
        leave_open: why earlier runs of the job stay open beside a new one; None if they stop it.
        not_the_same: lines of the list whose rows are others than those that they are refused for as possible
            duplicates; kept in the ledger.
        reason: why they are.
        on_progress: called in this thread with the run's progress, regularly and once at its end.
        progress_interval: seconds between two such calls.

    Returns:
        How it ended; check `exit_code` first.

    Raises:
        AlreadyPaidError: other runs have paid the list, or this one did long ago; nothing was sent.
        OtherListError: the list has other rows than its run, or is another list; nothing was sent.
        JobError, ListError, MappingError, RowsRefusedError, GuardError, ApprovalError: invalid input; nothing was
            sent.
        ProductsChangedError: a product changed after the list was checked; nothing was sent.
        EarlierRunOpenError: an earlier run of the job has rows pending or in flight; nothing was sent.
        ClosedRunError: the run is closed; nothing was sent.
        ValueError: the deadline has no time zone, a reason is empty, or lines are named without one; nothing was sent.
        ConfirmationRequiredError: production, and `confirm` does not name the run; nothing was sent.
        BalanceTooLowError, AccountMismatchError, EnvironmentMismatchError, ModeMismatchError, PurgedRunError: nothing
            was sent.
        RunLockedError: another process, or another thread, works on the run.
        InterruptedRunError: ledger or report cannot be written any more; call again to resume.
        ConfigurationError, LedgerError, DVSError: DVS, ledger or credentials cannot be used.
    """
    if deadline is not None and deadline.tzinfo is None:
        raise ValueError("The deadline has no time zone. Add one, e.g. datetime.now(UTC) + timedelta(hours=2).")
    invocation = Invocation(
        job=job,
        today=today,
        run_key=run_key,
        environment=environment,
        base_url=base_url,
        credentials=credentials,
        ledger=ledger,
        confirm=confirm,
        approval=approval,
        corrections=corrections,
        add=add,
        report_folder=report_folder,
        deadline=deadline,
        poll_interval=poll_interval,
        tracking_timeout=tracking_timeout,
        same_account=same_account,
        pay_again=None if pay_again is None else checked_reason(pay_again),
        leave_open=None if leave_open is None else checked_reason(leave_open),
        not_the_same=decision_of(not_the_same, reason),
    )

    def report_progress() -> None:
        if on_progress is not None and invocation.runner is not None:
            on_progress(invocation.runner.progress())

    result = Work(invocation.pay).result(on_wait=report_progress, interval=progress_interval)
    report_progress()
    return result
