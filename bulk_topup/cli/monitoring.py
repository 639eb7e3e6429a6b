"""Tells elsewhere how a command that pays begins and ends, and that a plan waits for an approval; prints."""

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
from bulk_topup.domain.exit_codes import CRASHED, ExitCode
from bulk_topup.domain.run import Run
from bulk_topup.engine import Runner
from bulk_topup.errors import JobError
from bulk_topup.jobs.job import Job
from bulk_topup.monitoring.apprise_sender import send
from bulk_topup.monitoring.background_tasks import BackgroundTasks
from bulk_topup.monitoring.channels import Variables, load_channels
from bulk_topup.monitoring.messages import MessageContext, plan_message


@contextmanager
def monitored() -> Iterator[RunMonitor]:
    """Tell elsewhere how the block ends, whatever way it ends; its outcome stays what it is."""
    teller = RunMonitor()
    try:
        yield teller
    except click.exceptions.Exit as end:
        warn(teller.ended(end.exit_code, end.__cause__))
        raise
    except click.UsageError as error:
        warn(teller.ended(ExitCode.USAGE, error))
        raise
    except click.Abort:  # somebody at a terminal, who knows
        warn(teller.ended(CRASHED, None, is_news=False))
        raise
    except Exception as error:
        warn(teller.ended(CRASHED, error, is_crash=True))
        raise
    else:  # there was nothing to do
        warn(teller.ended(0, None, is_news=False))


class MonitoredWatcher:
    """Looks on for a teller, beside whoever looks on for a person."""

    def __init__(self, teller: RunMonitor, watcher: Watcher) -> None:
        self._teller = teller
        self._watcher = watcher

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """See what a start would do."""
        self._watcher.prepared(job, run, prepared)
        self._teller.planned(prepared)

    def confirm(self, run_name: str, rows: int) -> None:
        """Leave it to the other one to agree."""
        self._watcher.confirm(run_name, rows)

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        """Look on while the run is on."""
        with self._watcher.running(run, runner), self._teller.running(run, runner):
            yield


def notify_plan(job: Job, folder: Path, credentials: Path | None, statement: PlanStatement, plan: Path) -> None:
    """Tell those whose approval a plan waits for, or say on standard error why they could not be told."""
    if not job.notifications:
        return
    try:
        channels = load_channels(job.notifications, folder, Variables.read(credentials))
    except JobError as error:
        warn([str(error)])
        return
    told = MessageContext(
        run=f"{statement.job}/{statement.run_key}", environment=statement.environment, host=socket.gethostname()
    )
    amounts, costs = (
        {unit: Decimal(text) for unit, text in sums.items()} for sums in (statement.amounts, statement.costs)
    )
    message = plan_message(told, statement.rows, amounts, costs, plan.absolute())
    tasks = BackgroundTasks()
    for channel in channels:
        if channel.on & message.events:
            tasks.start(channel.name.capitalize(), partial(send, channel, message))
    warn(tasks.wait(PATIENCE))
