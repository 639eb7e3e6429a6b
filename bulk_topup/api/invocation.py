"""One call of `run_job`: loads its job, monitors it and runs it, all in the thread of its work."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final

from bulk_topup.api.arguments import credentials_file, key_pair, load_argument, options_of, render_job
from bulk_topup.api.job_result import JobResult, archived_result, result_of
from bulk_topup.api.worker_thread import Work
from bulk_topup.app.approval import load_approval
from bulk_topup.app.archived_run import find_archived_run
from bulk_topup.app.catalogue import Asking
from bulk_topup.app.credentials import Credentials
from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.monitor import RunMonitor
from bulk_topup.app.monitored_run import MonitoredWatcher, monitored_run
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.provider import check_environment, poll_policy
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import run_list
from bulk_topup.app.run_ending import InvocationEnd, end_of
from bulk_topup.app.run_name import named_as_known_run
from bulk_topup.app.session import open_session
from bulk_topup.domain.earlier_payments import Repetition
from bulk_topup.domain.environment import Environment, ProviderOptions
from bulk_topup.domain.not_the_same import NotTheSame
from bulk_topup.domain.run import Run
from bulk_topup.domain.run_names import fold_name
from bulk_topup.domain.verdict import format_rows
from bulk_topup.engine import Runner, RunOptions
from bulk_topup.errors import ConfirmationRequiredError
from bulk_topup.jobs.job import Job, NoListError
from bulk_topup.security.redaction import redact_secrets
from bulk_topup.system.files import file_name

#: Why a run stops if its caller gives up.
_INTERRUPTED: Final = "Interrupted"
#: Where warnings go: a script's standard output and standard error are its own.
_LOGGER: Final = logging.getLogger("bulk_topup.api")
# Without a handler of the caller's, logging itself would print them.
_LOGGER.addHandler(logging.NullHandler())


@dataclass(kw_only=True, slots=True)
class Invocation:
    """The arguments of a call of `run_job`, and the run that is running."""

    job: Path | str | Job
    today: date | None
    run_key: str | None
    environment: Environment | str | None
    base_url: str | None
    credentials: Path | str | Credentials | None
    ledger: Path | str | None
    confirm: str | None
    approval: Path | str | None
    corrections: Path | str | None
    add: bool
    report_folder: Path | str | None
    deadline: datetime | None
    poll_interval: float | None
    tracking_timeout: float
    same_account: bool
    pay_again: str | None
    leave_open: str | None
    not_the_same: NotTheSame | None
    #: The run; None until its rows are sent.
    runner: Runner | None = field(default=None, init=False)
    _result: JobResult | None = field(default=None, init=False)
    _monitor: RunMonitor = field(default_factory=RunMonitor, init=False)

    async def pay(self, work: Work[JobResult]) -> JobResult:
        """Run the job and report its end as the job asks; called in the thread of the work."""
        with monitored_run(self._monitor, self._end_of, _warn):
            self._result = await self._run(work, self._monitor)
        return self._result

    async def _run(self, work: Work[JobResult], monitor: RunMonitor) -> JobResult:
        job, folder = load_argument(self.job, self.run_key)
        monitor.configure(
            job,
            folder,
            environment=None if self.environment is None else str(self.environment),
            credentials=credentials_file(self.credentials),
        )
        check_environment(self._provider_options(job), key_pair(self.credentials))
        try:
            job = render_job(job, folder, self.today, self._provider_options(job).ledger)
        except NoListError as missing:
            if (archived := find_archived_run(missing.job, self._provider_options(missing.job))) is None:
                raise
            return archived_result(missing.job, *archived)
        job = named_as_known_run(job, self._provider_options(job).ledger)
        monitor.set_run(job.name, str(job.run_key))
        monitor.finished = await self._pay_list(job, work, monitor)
        return result_of(monitor.finished)

    async def _pay_list(self, job: Job, work: Work[JobResult], monitor: RunMonitor) -> FinishedRun:
        provider = self._provider_options(job)
        approval = None if self.approval is None else load_approval(Path(self.approval), job.approval)
        report = self._report_options(job)
        monitor.set_report(report)
        options = RunOptions(
            concurrency=job.concurrency,
            polling=poll_policy(provider, self.poll_interval),
            tracking_timeout=self.tracking_timeout,
            on_moves=monitor.on_moves,
        )
        async with open_session(
            provider,
            job.name,
            str(job.run_key),
            rate=job.rate,
            connections=job.concurrency,
            same_account=self.same_account,
            credentials=key_pair(self.credentials),
        ) as session:
            monitor.follow(session.dvs, session.payer)
            return await run_list(
                job,
                dvs=session.dvs,
                payer=session.payer,
                ledger=session.ledger,
                options=options,
                report=report,
                watcher=MonitoredWatcher(monitor, _Watcher(self, work, provider.environment)),
                corrections=None if self.corrections is None else Path(self.corrections),
                approval=approval,
                lock=session.lock,
                repetition=Repetition(
                    pay_again=self.pay_again,
                    leave_open=self.leave_open,
                    not_the_same=self.not_the_same,
                    add=self.add,
                ),
                asking=Asking(keeps_answers=not provider.is_embedded),
            )

    def _provider_options(self, job: Job) -> ProviderOptions:
        return options_of(job, self.environment, self.base_url, self.credentials, self.ledger)

    def _report_options(self, job: Job) -> ReportOptions:
        folder = self.report_folder or job.report_folder or Path("reports") / file_name(job.name, str(job.run_key))
        return ReportOptions(folder=Path(folder), formats=job.reports)

    def _end_of(self, error: BaseException | None, finished: FinishedRun | None) -> InvocationEnd:
        if error is None and self._result is not None:
            return InvocationEnd(code=self._result.exit_code)
        return end_of(error, finished, has_started=self._monitor.has_started)


class _Watcher:
    """Follows a run for a script, which has confirmed it before or not at all."""

    def __init__(self, invocation: Invocation, work: Work[JobResult], environment: Environment) -> None:
        self._invocation = invocation
        self._work = work
        self._environment = environment

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """Ignore the plan, which `plan_list` returns."""

    def confirm(self, run_name: str, rows: int) -> None:
        """Raise ConfirmationRequiredError unless the script named the run, if rows are sent in production."""
        confirmed = self._invocation.confirm
        if self._environment is Environment.PRODUCTION and (
            confirmed is None or fold_name(confirmed) != fold_name(run_name)
        ):
            given = "" if confirmed is None else f" The given confirm is {confirmed!r}."
            raise ConfirmationRequiredError(
                f"Run {run_name} would pay {format_rows(rows)} with real money. Nothing was sent.{given} If that is "
                f"intended, add confirm={run_name!r}, or an approval."
            )

    @contextmanager
    def running(self, _run: Run, runner: Runner) -> Iterator[None]:
        """Stop the run, not the work, if the caller gives up; after the run, let its report be written."""
        self._invocation.runner = runner
        self._work.stop = lambda: runner.stop(_INTERRUPTED)
        deadline = self._invocation.deadline
        end = None if deadline is None else runner.stop_at(deadline)
        try:
            yield
        finally:
            if end is not None:
                end.cancel()
            self._work.stop = lambda: None


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        _LOGGER.warning("%s", redact_secrets(warning))
