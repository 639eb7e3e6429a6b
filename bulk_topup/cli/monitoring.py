"""Connects a command to monitoring: notifies how it ends, and that a plan needs an approval; prints warnings."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

import click

from bulk_topup.app.monitor import PATIENCE, RunMonitor
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.run import Watcher
from bulk_topup.approvals.statement import PlanStatement
from bulk_topup.cli.errors import warn
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.run import Run
from bulk_topup.engine import Runner
from bulk_topup.errors import DeclinedError, JobError
from bulk_topup.jobs.job import Job
from bulk_topup.monitoring.apprise_sender import send
from bulk_topup.monitoring.background_tasks import BackgroundTasks
from bulk_topup.monitoring.channels import Variables, load_channels
from bulk_topup.monitoring.messages import MessageContext, plan_message


@contextmanager
def monitored() -> Iterator[RunMonitor]:
    """Notify how the block ends, however it ends; its outcome is unchanged."""
    monitor = RunMonitor()
    try:
        yield monitor
    except click.exceptions.Exit as end:
        # User declined; do not notify.
        is_news = not isinstance(end.__cause__, DeclinedError)
        warn(monitor.ended(end.exit_code, end.__cause__, is_news=is_news))
        raise
    except click.UsageError as error:
        warn(monitor.ended(ExitCode.USAGE, error))
        raise
    except Exception as error:
        # Python's own exit code of an unexpected error is 1.
        warn(monitor.ended(ExitCode.INCOMPLETE, error, is_crash=True))
        raise
    else:  # there was nothing to do
        warn(monitor.ended(ExitCode.ALL_COMPLETED, None, is_news=False))


class MonitoredWatcher:
    """A watcher that passes everything to another watcher and to a monitor."""

    def __init__(self, monitor: RunMonitor, watcher: Watcher) -> None:
        self._monitor = monitor
        self._watcher = watcher

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """Show and record the plan."""
        self._watcher.prepared(job, run, prepared)
        self._monitor.planned(prepared)

    def confirm(self, run_name: str, rows: int) -> None:
        """Confirm through the other watcher."""
        self._watcher.confirm(run_name, rows)

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        """Watch the run during the block."""
        with self._watcher.running(run, runner), self._monitor.running(run, runner):
            yield


def notify_plan(job: Job, folder: Path, credentials: Path | None, statement: PlanStatement, plan: Path) -> None:
    """Notify the job's channels that a plan needs an approval; failures are warnings on standard error.

    Args:
        job: the job, whose channels are notified.
        folder: the folder that the job's relative paths start in.
        credentials: a file that the channels' variables may come from.
        statement: what the plan pays.
        plan: the plan's file.
    """
    if not job.notifications:
        return
    try:
        channels = load_channels(job.notifications, folder, Variables.read(credentials))
    except JobError as error:
        warn([str(error)])
        return
    context = MessageContext(
        run=f"{statement.job}/{statement.run_key}", environment=statement.environment, host=socket.gethostname()
    )
    amounts, costs = (
        {unit: Decimal(text) for unit, text in sums.items()} for sums in (statement.amounts, statement.costs)
    )
    message = plan_message(context, statement.rows, amounts, costs, plan.absolute())
    tasks = BackgroundTasks()
    for channel in channels:
        if channel.on & message.events:
            tasks.start(channel.name.capitalize(), partial(send, channel, message))
    warn(tasks.wait(PATIENCE))
