"""Paying a job for scripts and orchestrators: what `bulk-topup run` does, with a result in place of an exit code."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from bulk_topup.api.arguments import job_of, options_of
from bulk_topup.api.worker_thread import Work
from bulk_topup.app.approval import load_approval
from bulk_topup.app.archived_run import find_archived_run
from bulk_topup.app.credentials import Credentials
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.provider import poll_policy
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import FinishedRun, run_list
from bulk_topup.app.run_ending import exit_code
from bulk_topup.app.session import open_session
from bulk_topup.approvals.approval import Presented
from bulk_topup.domain.environment import Environment, ProviderOptions
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.engine import Progress, Runner, RunOptions
from bulk_topup.errors import ConfirmationRequiredError
from bulk_topup.jobs.job import Job, NoListError
from bulk_topup.system.files import file_name

#: Why a run stops whose caller gave up, and one whose time is up.
_INTERRUPTED = "Interrupted"


@dataclass(frozen=True, kw_only=True, slots=True)
class JobResult:
    """How a start ended, and where its report lies."""

    #: The run's name, job/run key.
    run: str
    #: What its exit code would say: all completed, some did not, stopped by the provider, or resume me.
    exit_code: ExitCode
    #: Rows in each state.
    counts: Mapping[RowState, int]
    #: Price and fee of the completed rows together, per currency.
    charged: Mapping[str, Decimal]
    #: Paid or open rows that the list contradicts, which a person has to look at.
    contradicted: int
    #: A sentence about why it stopped, or why the list was not archived; empty when there is nothing to say.
    message: str
    #: The report: results in each format, and a summary. Empty where the list was archived by an earlier start.
    files: tuple[Path, ...]
    #: The rows that did not complete, ready to correct; None where all did.
    not_completed: Path | None
    #: The rows that the job's filters leave out; None without filters.
    left_out: Path | None
    #: Where the list is now; None where it stays.
    archived: Path | None

    def as_json(self) -> dict[str, object]:
        """Give plain values, for logs and for what orchestrators keep; amounts as text in plain notation."""
        paths = {"not_completed": self.not_completed, "left_out": self.left_out, "archived": self.archived}
        return {
            "run": self.run,
            "exit_code": int(self.exit_code),
            "counts": {state.value: count for state, count in self.counts.items()},
            "charged": {unit: format_plain(amount) for unit, amount in self.charged.items()},
            "contradicted": self.contradicted,
            "message": self.message,
            "files": [str(file) for file in self.files],
            **{name: None if path is None else str(path) for name, path in paths.items()},
        }


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
    report_folder: Path | str | None = None,
    deadline: datetime | None = None,
    poll_interval: float | None = None,
    tracking_timeout: float = RunOptions().tracking_timeout,
    same_account: bool = False,
    on_progress: Callable[[Progress], object] | None = None,
    progress_interval: float = 1.0,
) -> JobResult:
    """Pay a job's list, or go on with it where an earlier start ended; the same call again never pays a row twice.

    It waits for the run's end, in whatever thread and with or without an event loop that is on. What is raised here
    meanwhile, by Ctrl-C, a handler of a signal or `on_progress`, stops the run safely: nothing new is sent, what is on
    its way lands, the report is written, and then it is raised.

    Args:
        job: a job file that ends in .toml, a list as it stands, or a `Job`.
        today: the day that `{today}` stands for; else today, as this machine's calendar has it.
        run_key: the run's key, in place of the job's own; a new key pays again.
        environment: where the money is, in place of what the job says.
        base_url: another address of the API, up to and with /v1.
        credentials: the account's key pair, or a file that holds it; else from the environment or .env.
        ledger: the ledger's file; else `BULK_TOPUP_LEDGER`, or the environment's usual one.
        confirm: the run's name, which has to be stated for rows to be sent in production, unless they are approved.
        approval: the file of an approved plan; exactly that is paid.
        corrections: a file of rows of the run that did not complete, corrected.
        report_folder: where the report goes, in place of what the job says.
        deadline: when nothing more is sent, in UTC.
        poll_interval: seconds between questions for open rows.
        tracking_timeout: seconds without any change before open rows are left to the next start.
        same_account: the account's key or address changed since the run began; the account did not.
        on_progress: called in this thread with a look at the run, every so often and once at its end.
        progress_interval: seconds between two such calls.

    Returns:
        How it ended; read `exit_code` before anything else.

    Raises:
        JobError, ListError, MappingError, RowsRefusedError, GuardError, ApprovalError: not acceptable; nothing was
            sent.
        ValueError: the deadline is without a time zone; nothing was sent.
        ConfirmationRequiredError: production, and `confirm` does not name the run; nothing was sent.
        BalanceTooLowError, OtherAccountError, OtherEnvironmentError, PurgedRunError: nothing was sent.
        RunLockedError: another process, or another thread, works on the run.
        InterruptedRunError: the ledger or the report could not be written any more; start again to resume.
        ConfigurationError, LedgerError, DVSError: provider, ledger or credentials cannot be used.
    """
    if deadline is not None and deadline.tzinfo is None:
        raise ValueError("The deadline has no time zone; give it one, e.g. datetime.now(UTC) + timedelta(hours=2).")
    try:
        ready = job_of(job, today, run_key)
    except NoListError as missing:
        options = options_of(missing.job, environment, base_url, credentials, ledger)
        if (ended := find_archived_run(missing.job, options)) is None:
            raise
        return _ended_before(missing.job, *ended)
    options = options_of(ready, environment, base_url, credentials, ledger)
    watcher = _Watcher(environment=options.environment, confirmed=confirm, deadline=deadline)
    start = _Start(
        job=ready,
        options=options,
        credentials=credentials if isinstance(credentials, Credentials) else None,
        approval=None if approval is None else load_approval(Path(approval), ready.approval),
        corrections=None if corrections is None else Path(corrections),
        report=_report(ready, report_folder),
        run_options=_run_options(ready, options, poll_interval, tracking_timeout),
        same_account=same_account,
        watcher=watcher,
    )

    def look() -> None:
        if on_progress is not None and watcher.runner is not None:
            on_progress(watcher.runner.progress())

    finished = Work(start.pay).result(look=look, seconds=progress_interval)
    look()
    return _result(finished)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Start:
    """All that a start needs."""

    job: Job
    options: ProviderOptions
    credentials: Credentials | None
    approval: Presented | None
    corrections: Path | None
    report: ReportOptions
    run_options: RunOptions
    same_account: bool
    watcher: "_Watcher"

    async def pay(self, work: Work[FinishedRun]) -> FinishedRun:
        """Pay, in the thread of the work."""
        self.watcher.work = work
        job = self.job
        async with open_session(
            self.options,
            job.name,
            str(job.run_key),
            rate=job.rate,
            connections=job.concurrency,
            same_account=self.same_account,
            credentials=self.credentials,
        ) as session:
            return await run_list(
                job,
                dvs=session.dvs,
                payer=session.payer,
                ledger=session.ledger,
                options=self.run_options,
                report=self.report,
                watcher=self.watcher,
                corrections=self.corrections,
                approval=self.approval,
                lock=session.lock,
            )


@dataclass(kw_only=True)
class _Watcher:
    """Looks on for a script, which nobody asks: what has to be confirmed it has stated before."""

    environment: Environment
    confirmed: str | None
    deadline: datetime | None
    work: Work[FinishedRun] | None = None
    runner: Runner | None = None

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """See what a start would do; `plan_list` tells it."""

    def confirm(self, run_name: str, rows: int) -> None:
        """Demand that the script named the run before production rows are sent."""
        if self.environment is Environment.PRODUCTION and self.confirmed != run_name:
            stated = "" if self.confirmed is None else f" What is confirmed is {self.confirmed!r}."
            raise ConfirmationRequiredError(
                f"Run {run_name} would pay {rows} rows with real money, and nothing was sent.{stated} Where that is "
                f"meant, state confirm={run_name!r}, or an approval."
            )

    @contextmanager
    def running(self, _run: Run, runner: Runner) -> Iterator[None]:
        """Stop the run, and no more the work, where the caller gives up; once it ended, let the report be written."""
        assert self.work is not None  # noqa: S101 - it runs this
        self.runner = runner
        self.work.stop = lambda: runner.stop(_INTERRUPTED)
        end = None if self.deadline is None else runner.stop_at(self.deadline)
        try:
            yield
        finally:
            if end is not None:
                end.cancel()
            self.work.stop = lambda: None


def _report(job: Job, stated: Path | str | None) -> ReportOptions:
    folder = stated or job.report_folder or Path("reports") / file_name(job.name, str(job.run_key))
    return ReportOptions(folder=Path(folder), formats=job.reports)


def _run_options(job: Job, options: ProviderOptions, poll_interval: float | None, timeout: float) -> RunOptions:
    return RunOptions(
        concurrency=job.concurrency,
        polling=poll_policy(options, poll_interval),
        tracking_timeout=timeout,
    )


def _result(finished: FinishedRun) -> JobResult:
    result, report, archiving = finished.result, finished.report, finished.archiving
    return JobResult(
        run=finished.run.name,
        exit_code=exit_code(result, archiving),
        counts=result.counts,
        charged=report.summary.charged,
        contradicted=result.contradicted,
        message=result.message or ("" if archiving is None else archiving.why_not),
        files=report.files,
        not_completed=report.not_completed,
        left_out=finished.left_out,
        archived=None if archiving is None else archiving.path,
    )


def _ended_before(job: Job, run: Run, summary: Summary) -> JobResult:
    """Tell of a run that has ended, and whose list an earlier start archived."""
    is_all = summary.counts[RowState.COMPLETED] == summary.rows
    return JobResult(
        run=run.name,
        exit_code=ExitCode.ALL_COMPLETED if is_all else ExitCode.INCOMPLETE,
        counts=summary.counts,
        charged=summary.charged,
        contradicted=0,
        message=f"The run has ended, and its list is in the archive {job.archive}; nothing was sent.",
        files=(),
        not_completed=None,
        left_out=None,
        archived=None,
    )
