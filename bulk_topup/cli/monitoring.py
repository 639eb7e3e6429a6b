"""Connects a command to monitoring: notifies how it ends, and that a plan needs an approval; prints warnings."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import click

from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.monitor import PATIENCE, RunMonitor
from bulk_topup.app.monitored_run import monitored_run
from bulk_topup.app.run_ending import InvocationEnd, end_of
from bulk_topup.approvals.statement import PlanStatement
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.crash import record_start
from bulk_topup.cli.errors import warn
from bulk_topup.cli.standard_streams import limit_waiting, unshared_output
from bulk_topup.cli.stop_signals import forget_signals, was_stopped
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.errors import ConfigurationError, JobError
from bulk_topup.jobs.job import Job
from bulk_topup.monitoring.apprise_sender import send
from bulk_topup.monitoring.background_tasks import BackgroundTasks
from bulk_topup.monitoring.channels import Variables, load_channels
from bulk_topup.monitoring.messages import MessageContext, plan_message


@contextmanager
def monitored() -> Iterator[RunMonitor]:
    """Report how the block ends, however it ends; its exit code stays the same."""
    # Standard output as it is now: what is printed may be suppressed later, and a log must not be.
    limit_waiting()
    forget_signals()
    monitor = RunMonitor(unshared_output(), command_clock())

    def end_and_haste(error: BaseException | None, finished: FinishedRun | None) -> InvocationEnd:
        return replace(_end_of(error, finished, has_started=monitor.has_started), is_hurried=was_stopped())

    try:
        with monitored_run(monitor, end_and_haste, warn):
            yield monitor
    finally:
        if monitor.has_started:
            record_start()


def _end_of(error: BaseException | None, finished: FinishedRun | None, *, has_started: bool) -> InvocationEnd:
    """Return how a command ended: click's exceptions have the exit code."""
    if isinstance(error, click.exceptions.Exit):
        is_news = error.exit_code != ExitCode.DECLINED  # User declined; do not notify.
        return InvocationEnd(code=error.exit_code, error=error.__cause__, is_news=is_news)
    if isinstance(error, click.UsageError):
        return InvocationEnd(code=ExitCode.USAGE, error=error)
    if isinstance(error, click.Abort):  # User cancelled; do not notify.
        return InvocationEnd(code=ExitCode.DECLINED, is_news=False)
    if error is None:  # There was nothing to do.
        return InvocationEnd(code=ExitCode.ALL_COMPLETED, is_news=False)
    return end_of(error, finished, has_started=has_started)


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
    except (JobError, ConfigurationError) as error:
        warn([str(error)])
        return
    context = MessageContext(
        run=f"{statement.job}/{statement.run_key}",
        environment=statement.environment,
        account=statement.account,
        host=socket.gethostname(),
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
