"""What a start has to tell elsewhere, and when; what cannot be told is a warning, and changes nothing."""

import asyncio
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

from bulk_topup.app.prepare import Prepared
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import FinishedRun
from bulk_topup.app.run_ending import ending_of
from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.report_files import SUMMARY, not_completed_name
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import Runner
from bulk_topup.errors import RunLockedError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.monitoring.apprise_sender import send
from bulk_topup.monitoring.background_tasks import BackgroundTasks
from bulk_topup.monitoring.channels import Channel, Variables, channels_of, ping_url
from bulk_topup.monitoring.json_log import STANDARD_OUTPUT, JSONLog, log_to
from bulk_topup.monitoring.messages import Message, MessageContext, end_message, start_message
from bulk_topup.monitoring.ping import START, ping
from bulk_topup.monitoring.prometheus import Figures, write_metrics
from bulk_topup.system.files import sha256_of

#: Seconds between looks at a run that is on, for its metrics and its log.
LOOK: Final = 10.0
#: Seconds that the end of a start waits for what was begun at its beginning, and as many for what is told of its end.
PATIENCE: Final = 20.0


class RunMonitor:
    """What a start has to tell, and to whom; tells nobody before `take` says so."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._began_at = Decimal(time.time_ns() // 10**6) / 1000
        #: As it is now: what is printed may be kept back, and a log is for whoever follows it.
        self._output = sys.stdout
        self._job = ""
        self._run = ""
        self._environment = ""
        self._channels: tuple[Channel, ...] = ()
        self._ping: str | None = None
        self._metrics: Path | None = None
        self._log: JSONLog | None = None
        self._errands = BackgroundTasks()
        self._dvs: AsyncDVS | None = None
        self._costs: Mapping[str, Decimal] = {}
        self._counts: Mapping[RowState, int] = {}
        self._had_open_rows = False
        self._why_no_metrics: str | None = None
        #: Standard output belongs to the log.
        self.is_on_stdout = False
        self._report: ReportOptions | None = None
        #: What an earlier start reported, as hashes.
        self._reported: Sequence[str | None] = ()
        #: How the run ended; None while it has not.
        self.finished: FinishedRun | None = None

    def take(self, values: dict[str, Any], job: Job | RetryJob | None, folder: Path = Path()) -> None:
        """Take out of a command's values, and of its job, who is told what.

        Args:
            values: of the command.
            job: None for a run that no job file describes.
            folder: where the job file's relative paths begin.

        Raises:
            JobError: somebody could never be told.
        """
        metrics, log = values.pop("metrics"), values.pop("log_json")
        if job is None:
            self._open(metrics, log, Path())
            return
        self._job, self._environment = job.name, str(values["environment"] or job.environment)
        self._open(metrics, log, Path())
        self._open(None if metrics else job.metrics, None if log else job.logs, folder)
        if job.ping is None and not job.notifications:
            return
        variables = Variables.read(values["credentials"])
        if job.ping is not None:
            self._ping = ping_url(job.ping, variables)
        self._channels = channels_of(job.notifications, folder, variables)

    def _open(self, metrics: str | None, log: str | None, folder: Path) -> None:
        if metrics is not None:
            self._metrics = folder / metrics
        if log is not None:
            self.is_on_stdout = log == STANDARD_OUTPUT
            self._log = JSONLog(log_to(self._output if self.is_on_stdout else folder / log), self._job)
            self._log.write("start", environment=self._environment)

    def is_of(self, job: str, run_key: str) -> None:
        """Take in which run it is."""
        self._job, self._run = job, run_key
        if self._log is not None:
            self._log.is_of(job, run_key)

    def reports_to(self, report: ReportOptions) -> None:
        """Take in where the report will be."""
        self._report = report

    def follow(self, dvs: AsyncDVS) -> None:
        """Look at a client's requests."""
        self._dvs = dvs
        if self._log is not None:
            dvs.on_try = self._log.tried

    @property
    def on_moves(self) -> Callable[[Sequence[tuple[Attempt, Move]]], None] | None:
        """What is to be told of rows that moved; None for nothing."""
        return None if self._log is None else self._log.moved

    def planned(self, prepared: Prepared) -> None:
        """Take in what a start would do."""
        self._costs = prepared.difference.costs
        if self._log is not None:
            plan, difference = prepared.plan, prepared.difference
            self._log.write(
                "planned",
                rows=plan.rows,
                accepted=plan.accepted,
                refused=plan.refused,
                to_send=difference.new + difference.waiting,
            )

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        """Tell that a run goes on, and look at it from time to time."""
        self.is_of(run.job, run.run_key)
        self._environment = run.environment
        self._counts = runner.progress().counts
        open_rows = sum(self._counts[state] for state in OPEN_STATES)
        self._had_open_rows = open_rows > 0
        self._reported = self._reported_now(run)
        if self._ping is not None:
            self._errands.begin("The ping at the start", partial(ping, self._ping, START))
        if open_rows:
            self._send(start_message(self._told(), open_rows, self._costs))
        looking = asyncio.get_running_loop().create_task(self._look(runner))
        try:
            yield
        finally:
            looking.cancel()

    async def _look(self, runner: Runner) -> None:
        message = ""
        while True:
            look = runner.progress()
            self._counts = look.counts
            if self._log is not None:
                counts = {state.value: count for state, count in look.counts.items()}
                self._log.write("progress", **counts, requests=look.requests, throttled=look.throttled)
                if look.message != message:
                    message = look.message
                    self._log.told("held up" if message else "goes on", message)
            if self._metrics is not None:
                await asyncio.to_thread(self._write_metrics, None)
            await asyncio.sleep(LOOK)

    def ended(
        self, code: int, error: BaseException | None, *, is_news: bool = True, is_crash: bool = False
    ) -> list[str]:
        """Tell how the start ended; return a warning for whatever goes wrong with that."""
        try:
            return self._ended(code, error, is_news=is_news, is_crash=is_crash)
        except Exception as trouble:  # noqa: BLE001 - it must not change how the command ends
            return [f"How it ended could not be told everywhere: {type(trouble).__name__}."]

    def _ended(self, code: int, error: BaseException | None, *, is_news: bool, is_crash: bool) -> list[str]:
        if self.finished is not None:
            self._counts = self.finished.result.counts
        lost = self._log_end(code, error)
        warnings = [] if lost is None else [f"The log is not whole: {lost}."]
        if isinstance(error, RunLockedError):
            return warnings  # the process that works on the run reports it
        if self._metrics is not None:
            self._write_metrics(code)
        warnings += self._errands.wait(PATIENCE)
        if self._ping is not None:
            self._errands.begin("The ping at the end", partial(ping, self._ping, str(code) if code else ""))
        if is_news and self._is_news(error):
            ending = ending_of(
                code,
                error,
                self.finished,
                self._report,
                seconds=round(self._seconds),
                requests=self._requests,
                is_crash=is_crash,
            )
            self._send(end_message(self._told(), ending))
        warnings += self._errands.wait(PATIENCE)
        if self._why_no_metrics is not None:
            warnings.append(f"The metrics {self._metrics} could not be written: {self._why_no_metrics}.")
        return warnings

    def _is_news(self, error: BaseException | None) -> bool:
        """Tell whether nobody has been told of this end; who finds nothing to do ends as the start before did."""
        finished = self.finished
        if finished is None:
            return error is not None
        stays = finished.archiving is not None and bool(finished.archiving.why_not)
        return self._had_open_rows or stays or self._reported != self._reported_now(finished.run)

    def _log_end(self, code: int, error: BaseException | None) -> str | None:
        if self._log is None:
            return None
        reason = None if self.finished is None else self.finished.result.reason
        if error is not None:
            self._log.told("error", f"{type(error).__name__}: {error}")
        self._log.write(
            "end",
            exit_code=code,
            stopped=None if reason is None else reason.value,
            **{state.value: count for state, count in self._counts.items()},
            requests=self._requests,
            seconds=round(self._seconds),
        )
        return self._log.close()

    def _reported_now(self, run: Run) -> Sequence[str | None]:
        folder = Path() if self._report is None else self._report.folder
        return [_hash_of(folder / name) for name in (SUMMARY, not_completed_name(run))]

    def _send(self, message: Message) -> None:
        for channel in self._channels:
            if channel.on & message.occasions:
                self._errands.begin(channel.name.capitalize(), partial(send, channel, message))

    def _told(self) -> MessageContext:
        return MessageContext(
            run=f"{self._job}/{self._run}" if self._run else self._job,
            environment=self._environment,
            host=socket.gethostname(),
        )

    def _write_metrics(self, code: int | None) -> None:
        summary = None if self.finished is None else self.finished.report.summary
        figures = Figures(
            job=self._job,
            run=self._run,
            environment=self._environment,
            started_at=self._began_at,
            seconds=Decimal(round(self._seconds * 1000)) / 1000,
            exit_code=code,
            counts=self._counts,
            requests=self._requests,
            throttled=0 if self._dvs is None else self._dvs.traffic.throttled,
            charged={} if summary is None else summary.charged,
            held={} if summary is None else summary.held,
        )
        try:
            write_metrics(self._metrics or Path(), figures)
            self._why_no_metrics = None
        except OSError as error:
            self._why_no_metrics = error.strerror

    @property
    def _requests(self) -> int:
        return 0 if self._dvs is None else self._dvs.traffic.requests

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began


def _hash_of(file: Path) -> str | None:
    try:
        return sha256_of(file)
    except OSError:
        return None
