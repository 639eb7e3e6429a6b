"""Reports an invocation to its log, metrics, pings and notifications; what fails is a warning and changes nothing."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.progress_log import ProgressLog
from bulk_topup.app.report import ReportOptions, report_digests
from bulk_topup.app.run_ending import InvocationEnd, ending_of
from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.environment import DEFAULT_ENVIRONMENT
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import Runner
from bulk_topup.errors import RunLockedError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.monitoring.apprise_sender import send
from bulk_topup.monitoring.background_tasks import BackgroundTasks
from bulk_topup.monitoring.channels import Channel, Variables, load_channels, ping_url
from bulk_topup.monitoring.json_log import JSONLog
from bulk_topup.monitoring.log_writer import STANDARD_OUTPUT, open_log
from bulk_topup.monitoring.messages import Message, MessageContext, end_message, start_message
from bulk_topup.monitoring.ping import START, ping
from bulk_topup.monitoring.prometheus import MetricsFile, RunMetrics
from bulk_topup.system.clock import Clock, SystemClock

#: Seconds between two updates of metrics and log while a run is running.
UPDATE_INTERVAL: Final = 10.0
#: Seconds that the end of an invocation waits for messages of its start, and again for those of its end.
PATIENCE: Final = 20.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RunMonitor:
    """Reports one invocation; nothing is reported until `configure` says where to.

    Args:
        output: standard output, for a log that asks for it; None where it belongs to the caller.
        clock: the source of time; None for this machine's clock.
    """

    def __init__(self, output: TextIO | None = None, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._started = self._clock.monotonic()
        self._started_at = Decimal((self._clock.now() - _EPOCH) // timedelta(milliseconds=1)) / 1000
        self._output = output
        self._job = ""
        self._run_key = ""
        self._environment = ""
        self._account = ""
        self._channels: tuple[Channel, ...] = ()
        self._ping: str | None = None
        self._metrics: MetricsFile | None = None
        self._log: JSONLog | None = None
        self._tasks = BackgroundTasks()
        self._dvs: AsyncDVS | None = None
        self._costs: Mapping[str, Decimal] = {}
        self._counts: Mapping[RowState, int] = {}
        self._had_open_rows = False
        self._warnings: list[str] = []
        self._report: ReportOptions | None = None
        #: The report of an earlier invocation.
        self._earlier_report: Sequence[str | None] = ()
        #: Whether standard output belongs to the log.
        self.is_on_stdout = False
        #: Whether rows may have been sent.
        self.has_started = False
        #: The end of the run; None while it has not ended.
        self.finished: FinishedRun | None = None

    def configure(
        self,
        job: Job | RetryJob | None,
        folder: Path,
        *,
        environment: str | None,
        metrics: str | None = None,
        log: str | None = None,
        credentials: Path | None = None,
    ) -> None:
        """Set where the invocation is reported to, and open its log.

        Args:
            job: the job with its settings; None for a run without a job file.
            folder: where the job's relative paths begin.
            environment: the environment in place of the job's.
            metrics: the metrics file in place of the job's, relative to the current folder.
            log: the log file in place of the job's, relative to the current folder; "-" for standard output.
            credentials: the file with values for `${NAME}`; None for `.env`.

        Raises:
            JobError: an address or a file of the job cannot be used.
            ConfigurationError: the credentials file cannot be read.
        """
        named = environment or (None if job is None else job.environment)
        self._environment = str(named or DEFAULT_ENVIRONMENT)
        if job is not None:
            self._job = job.name
        self._open(metrics, log, Path())
        if job is None:
            return
        self._open(None if metrics else job.metrics, None if log else job.logs, folder)
        if job.ping is None and not job.notifications:
            return
        variables = Variables.read(credentials)
        if job.ping is not None:
            self._ping = ping_url(job.ping, variables)
        self._channels = load_channels(job.notifications, folder, variables)

    def _open(self, metrics: str | None, log: str | None, folder: Path) -> None:
        if metrics is not None:
            self._metrics = MetricsFile(folder / metrics)
        if log is None:
            return
        is_on_stdout = log == STANDARD_OUTPUT
        if is_on_stdout and self._output is None:
            self._warnings.append("Nothing is logged to standard output here. Set `logs` to a file.")
            return
        self.is_on_stdout = is_on_stdout
        place = self._output if is_on_stdout and self._output is not None else folder / log
        self._log = JSONLog(open_log(place), self._job)
        self._log.write("start", environment=self._environment)

    def set_run(self, job: str, run_key: str) -> None:
        """Set which run it is."""
        self._job, self._run_key = job, run_key
        if self._log is not None:
            self._log.set_run(job, run_key)

    def set_report(self, report: ReportOptions) -> None:
        """Set where the report is written."""
        self._report = report

    def follow(self, dvs: AsyncDVS, payer: PayingAccount) -> None:
        """Count and log the requests of a client, and note its account."""
        self._dvs = dvs
        self._environment, self._account = payer.environment, payer.account
        if self._log is not None:
            self._log.write("account", environment=payer.environment, account=payer.account)
            dvs.on_try = self._log.write_request

    @property
    def on_moves(self) -> Callable[[Sequence[tuple[Attempt, Move]]], None] | None:
        """The function that logs changes of rows; None without a log."""
        return None if self._log is None else self._log.write_moves

    def record_plan(self, prepared: Prepared) -> None:
        """Log the plan, and keep its cost for the message at the start."""
        self._costs = prepared.difference.costs
        if self._log is not None:
            plan, preview = prepared.plan, prepared.difference
            self._log.write(
                "planned",
                rows=plan.rows,
                accepted=plan.accepted,
                refused=plan.refused,
                to_send=preview.to_send,
            )

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        """Report the start of a run, and its progress while the block lasts."""
        self.has_started = True
        self.set_run(run.job, run.run_key)
        self._counts = runner.progress().counts
        open_rows = sum(self._counts[state] for state in OPEN_STATES)
        self._had_open_rows = open_rows > 0
        self._earlier_report = self._current_report(run)
        if self._ping is not None:
            self._tasks.start("The ping at the start", partial(ping, self._ping, START))
        if open_rows:
            self._send(start_message(self._context(), open_rows, self._costs))
        updates = asyncio.get_running_loop().create_task(self._update(runner))
        try:
            yield
        finally:
            updates.cancel()

    async def _update(self, runner: Runner) -> None:
        progress_log = None if self._log is None else ProgressLog(self._log)
        while True:
            self._counts = (progress := runner.progress()).counts
            if progress_log is not None:
                progress_log.write(progress)
            if self._metrics is not None:
                self._metrics.update(self._figures(None))
            await self._clock.sleep(UPDATE_INTERVAL)

    def end(self, end: InvocationEnd) -> list[str]:
        """Report the end of the invocation, and return a warning for everything that could not be reported.

        Nothing is raised: reporting must not change how the invocation ends. Takes 40 s at most (10 s after a signal).
        """
        try:
            return [*self._warnings, *self._end(end)]
        except Exception as error:  # noqa: BLE001 - it must not change how the invocation ends
            return [f"The end could not be reported everywhere: {type(error).__name__}."]

    def _end(self, end: InvocationEnd) -> list[str]:
        if self.finished is not None:
            self._counts = self.finished.result.counts
        if end.is_hurried:
            self._tasks.hurry()
        self._log_end(end)
        if isinstance(end.error, RunLockedError):
            return self._tasks.wait(PATIENCE)  # the process that works on the run reports it
        if self._metrics is not None:
            self._tasks.start("Writing the metrics", partial(self._metrics.finish, self._figures(end.code)))
        # A hook that hangs since the start must not use up what the end has.
        warnings = [] if end.is_hurried else self._tasks.wait(PATIENCE)
        if self._ping is not None:
            self._tasks.start("The ping at the end", partial(ping, self._ping, str(int(end.code)) if end.code else ""))
        if end.is_news and self._is_news(end.error):
            ending = ending_of(end, self.finished, self._report, seconds=round(self._seconds), requests=self._requests)
            self._send(end_message(self._context(), ending))
        warnings += self._tasks.wait(PATIENCE)
        if self._metrics is not None and self._metrics.error is not None:
            warnings.append(f"Can't write the metrics {self._metrics.path}: {self._metrics.error}.")
        return warnings

    def _is_news(self, error: BaseException | None) -> bool:
        """Return True unless an earlier invocation ended, and was reported, in the same way."""
        finished = self.finished
        if finished is None:
            return error is not None
        is_not_archived = finished.archiving is not None and bool(finished.archiving.why_not)
        return self._had_open_rows or is_not_archived or self._earlier_report != self._current_report(finished.run)

    def _log_end(self, end: InvocationEnd) -> None:
        if self._log is None:
            return
        reason = None if self.finished is None else self.finished.result.reason
        if end.error is not None:
            self._log.write_notice("error", f"{type(end.error).__name__}: {end.error}")
        self._log.write(
            "end",
            exit_code=int(end.code),
            stopped=None if reason is None else reason.value,
            **{state.value: count for state, count in self._counts.items()},
            requests=self._requests,
            seconds=round(self._seconds),
        )
        self._tasks.start("The log", self._log.close, failed="is incomplete")

    def _current_report(self, run: Run) -> Sequence[str | None]:
        return report_digests(run, Path() if self._report is None else self._report.folder)

    def _send(self, message: Message) -> None:
        for channel in self._channels:
            if channel.on & message.events:
                self._tasks.start(channel.name.capitalize(), partial(send, channel, message))

    def _context(self) -> MessageContext:
        return MessageContext(
            run=f"{self._job}/{self._run_key}" if self._run_key else self._job,
            environment=self._environment,
            account=self._account,
            host=socket.gethostname(),
        )

    def _figures(self, code: int | None) -> RunMetrics:
        summary = None if self.finished is None else self.finished.report.summary
        return RunMetrics(
            job=self._job,
            run=self._run_key,
            environment=self._environment,
            account=self._account,
            started_at=self._started_at,
            seconds=Decimal(round(self._seconds * 1000)) / 1000,
            exit_code=code,
            counts=self._counts,
            requests=self._requests,
            throttled=0 if self._dvs is None else self._dvs.traffic.throttled,
            charged={} if summary is None else summary.charged,
            on_hold={} if summary is None else summary.held,
        )

    @property
    def _requests(self) -> int:
        return 0 if self._dvs is None else self._dvs.traffic.requests

    @property
    def _seconds(self) -> float:
        return self._clock.monotonic() - self._started
