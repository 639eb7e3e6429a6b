"""Sends and tracks the rows of a run, and writes its report; also of a start that a check ends, which sends nothing."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from bulk_topup.app.archive import ArchiveResult
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.report import ReportOptions, current_report, make_report_folder, write_current_report
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import format_rows, run_arguments
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import Runner, RunOptions, RunResult, StopReason
from bulk_topup.errors import BalanceTooLowError, GuardError, InterruptedRunError, LedgerError, ReportError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.kept_answers import AnswersOf
from bulk_topup.ledger.pause_note import remove_pause, write_pause
from bulk_topup.report import Report
from bulk_topup.system.clock import Clock, SystemClock


class Watcher(Protocol):
    """Follows a run for its user: may show the plan, confirm it, and stop the run."""

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """Receive the plan; called before a check can fail and before anything is sent."""
        ...

    def confirm(self, run_name: str, rows: int) -> None:
        """Return if that many rows may be sent, else raise."""
        ...

    def running(self, run: Run, runner: Runner) -> AbstractContextManager[None]:
        """Return a context that follows the run while its rows are sent and tracked."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedRun:
    """The end of an invocation on a run, with its report."""

    run: Run
    result: RunResult
    report: Report
    #: The file of rows that are left out, by the job's filters or as they are hidden; None without either.
    left_out: Path | None = None
    #: Where the list went, if the job has an archive.
    archiving: ArchiveResult | None = None
    #: Transactions that DVS lists under the job's name and that are of another ledger, as far as the list was read.
    others: int = 0
    #: Whether an earlier invocation wrote this report, and nothing changed since.
    is_report_current: bool = False


async def execute(
    run: Run,
    dvs: AsyncDVS,
    ledger: LedgerStore,
    options: RunOptions,
    report: ReportOptions,
    watcher: Watcher,
    clock: Clock | None,
) -> FinishedRun:
    """Send and track the run's rows, then write its report, unless the current one is still correct.

    Args:
        run: the run, whose lock this process has.
        dvs: an open client.
        ledger: an open ledger.
        options: how rows are sent and tracked.
        report: where results are written.
        watcher: follows the run for its user.
        clock: the source of time.

    Raises:
        InterruptedRunError: ledger or report cannot be written; run again to resume.
    """
    runner = Runner(dvs=dvs, ledger=ledger, run=run, options=options, clock=clock or SystemClock())
    note_pause = partial(write_pause, ledger.path, run.job, run.run_key)
    try:
        with watcher.running(run, runner), runner.report_pauses(note_pause):
            result = await runner.execute()
        if result.reason is StopReason.PRICE:  # by prices that the plan may have from an answer that is kept
            ledger.kept_answers.forget_products(AnswersOf(environment=run.environment, account=dvs.account))
    except LedgerError as error:
        raise InterruptedRunError(f"{error} Resume with `bulk-topup resume {run_arguments(run)}`.") from error
    finally:
        remove_pause(ledger.path, run.job, run.run_key)
    try:
        if current := current_report(run, ledger=ledger, options=report):
            return FinishedRun(run=run, result=result, report=current, is_report_current=True)
        return FinishedRun(run=run, result=result, report=write_current_report(run, ledger=ledger, options=report))
    except (ReportError, LedgerError) as error:
        raise InterruptedRunError(f"Run {run.name} ended, and its report is missing. {error}") from error


async def follow_before(
    error: GuardError | BalanceTooLowError,
    run: Run | None,
    dvs: AsyncDVS,
    ledger: LedgerStore,
    options: RunOptions,
    report: ReportOptions,
    watcher: Watcher,
    clock: Clock,
) -> FinishedRun:
    """Follow what a run has sent to its end, before the error is raised with which a check ends a start.

    Args:
        error: the error; nothing new is sent.
        run: the run, whose lock this process has; None for a new one.
        dvs: an open client.
        ledger: an open ledger.
        options: how rows are tracked.
        report: where results are written.
        watcher: follows the run for its user.
        clock: the source of time.

    Returns:
        The end of the run, if it stopped before the outcome of what was sent is known.

    Raises:
        GuardError, BalanceTooLowError: the error.
        InterruptedRunError: ledger or report cannot be written; run again to resume.
    """
    counts = {} if run is None else ledger.rows.counts(run)
    if run is None or not (rows := counts[RowState.IN_FLIGHT] + counts[RowState.ACCEPTED]):
        raise error
    make_report_folder(report.folder)
    finished = await execute(run, dvs, ledger, replace(options, follows_only=True), report, watcher, clock)
    if finished.result.reason is not None:
        return finished
    held = finished.result.counts[RowState.ACCEPTED]
    ends = (rows - held, "followed to the end, and in the report"), (held, "left unconfirmed")
    text = " ".join(f"{format_rows(n)} sent before: {end}." for n, end in ends if n)
    raise type(error)(f"{error}\n{text}") from error
