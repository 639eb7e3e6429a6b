"""Watches a run for a person: shows plan and progress, prompts for confirmation, stops the run on signals.

Real time because a person reads it: the display is refreshed, and counts, while they look at it.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.live import Live

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import Prepared
from bulk_topup.cli.account_line import account_line
from bulk_topup.cli.confirmation import confirm_by_typing
from bulk_topup.cli.notices import show_notices
from bulk_topup.cli.screens.plan import show_plan
from bulk_topup.cli.screens.progress import RunScreen, progress_json, progress_line, rate_text
from bulk_topup.cli.screens.style import escape_markup, is_live
from bulk_topup.cli.standard_streams import never_waiting
from bulk_topup.cli.stop_signals import stopped_by_signals
from bulk_topup.domain.environment import Environment, ProviderOptions
from bulk_topup.domain.guards import guards_of
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import Runner
from bulk_topup.errors import ConfirmationRequiredError
from bulk_topup.jobs.job import Job
from bulk_topup.system.clock import Clock

#: Seconds between two updates on a terminal, and between two lines in a log.
SCREEN_INTERVAL: Final = 0.3
LOG_INTERVAL: Final = 5.0


@dataclass(kw_only=True)
class ConsoleWatcher:
    """A watcher that prints: the plan to standard output, progress to standard error."""

    out: Console
    err: Console
    #: Environment and ledger.
    provider: ProviderOptions
    #: The report's folder.
    report: Path
    #: Whether standard output is for JSON alone.
    json: bool
    #: Whether production is confirmed by an option.
    yes: bool
    #: Whether output is kept back until the end.
    quiet: bool = False
    #: Last send time, in UTC; None for none.
    deadline: datetime | None = None
    #: The plan; None until the list is checked.
    plan: tuple[Job, Prepared] | None = None
    #: The account that pays; None until its client is open.
    payer: PayingAccount | None = None
    #: Whether rows were open when the run started or resumed.
    had_open_rows: bool = False
    #: The client of the run; None until it is open.
    dvs: AsyncDVS | None = None
    _runner: Runner | None = None

    def follow(self, dvs: AsyncDVS, clock: Clock) -> None:
        """Show the pauses and the unreadable entries of the run's client."""
        self.dvs = dvs
        show_notices(dvs, clock)

    def wake(self) -> None:
        """Wake the run, because a callback came."""
        if self._runner is not None:
            self._runner.wake()

    def opened(self, payer: PayingAccount) -> None:
        """Show where the money is."""
        self.payer = payer
        console = self.err if self.json else self.out
        console.print(escape_markup(account_line(self.provider, payer.account)), highlight=False)

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """Show the plan."""
        self.plan = job, prepared
        show_plan(self.err if self.json else self.out, job, run, prepared)

    def confirm(self, run_name: str, rows: int) -> None:
        """Prompt for the run's name before production rows are sent, unless they are confirmed by an option.

        Raises:
            ConfirmationRequiredError: there is no terminal, or output is kept back.
            DeclinedError: another name is typed, or Ctrl-C.
        """
        if self.provider.environment is not Environment.PRODUCTION or self.yes:
            return
        if self.quiet:
            raise ConfirmationRequiredError("Production needs confirmation, but --quiet prints no prompt. Add --yes.")
        confirm_by_typing(
            run_name,
            f"{format_rows(rows)} will be paid with real money. Type {run_name} to confirm",
            needs="Production",
        )

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        """Show progress during the block; SIGINT and SIGTERM stop the run safely."""
        self._runner = runner
        self.had_open_rows = any(runner.progress().counts[state] for state in OPEN_STATES)
        show = self._show_on_terminal if is_live(self.err) and not self.json else self._show_in_log
        with stopped_by_signals(runner.stop), never_waiting():
            display = None if self.quiet else asyncio.get_running_loop().create_task(show(run, runner))
            deadline = None if self.deadline is None else runner.stop_at(self.deadline)
            try:
                yield
            finally:
                for each in (display, deadline):
                    if each is not None:
                        each.cancel()

    async def _show_on_terminal(self, run: Run, runner: Runner) -> None:
        screen = RunScreen(caps=guards_of(run.guards).caps, available=self._available(), started=time.monotonic())
        self.err.print(
            f"Run [bold]{escape_markup(run.name)}[/] ({self.provider.environment}); Ctrl-C stops it safely. "
            f"{_rate_line(runner)}",
            highlight=False,
        )
        with Live(console=self.err, auto_refresh=False) as live:

            def draw() -> None:
                live.update(screen.render(runner.progress(), time.monotonic(), self.err), refresh=True)

            try:
                while True:
                    draw()
                    await asyncio.sleep(SCREEN_INTERVAL)
            finally:
                draw()

    def _available(self) -> dict[str, Decimal]:
        """Return what was available in the wallets when the list was checked; empty where no list was read."""
        checks = () if self.plan is None else self.plan[1].balances
        return {check.unit: check.available for check in checks if check.available is not None}

    async def _show_in_log(self, run: Run, runner: Runner) -> None:
        started = time.monotonic()
        if not self.json:
            click.echo(_rate_line(runner), err=True)
        while True:
            progress, seconds = runner.progress(), time.monotonic() - started
            if self.json:
                line = msgspec.json.encode(progress_json(run.name, progress, seconds)).decode()
            else:
                line = progress_line(run.name, progress, seconds)
            click.echo(line, err=True)
            await asyncio.sleep(LOG_INTERVAL)


def _rate_line(runner: Runner) -> str:
    progress = runner.progress()
    is_answered = progress.responses > 0
    return f"Rate: {rate_text(progress.rate, progress.limit, progress.rate_source, is_answered=is_answered)}."
