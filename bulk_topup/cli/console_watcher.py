"""Shows a run under way: a bar on a terminal, a line every few seconds elsewhere; and turns signals into stops."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.live import Live

from bulk_topup.app.prepare import Prepared
from bulk_topup.cli.event_loop import STOP_SIGNALS
from bulk_topup.cli.screens.plan import show_plan
from bulk_topup.cli.screens.progress import RunScreen
from bulk_topup.cli.screens.style import escape_markup, is_live
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.guards import guards_of
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.engine import Runner
from bulk_topup.errors import ConfirmationRequiredError, DeclinedError
from bulk_topup.jobs.job import Job

#: Seconds between looks at the run: on a terminal, and for lines in a log.
ON_TERMINAL = 0.3
IN_LOG = 5.0


@dataclass(kw_only=True)
class ConsoleWatcher:
    """Looks on for a person or a log: plan to standard output, progress to standard error."""

    out: Console
    err: Console
    environment: Environment
    #: The ledger's file, and where the report goes.
    ledger: Path
    report: Path
    #: Standard output is for JSON alone.
    json: bool
    #: Confirmed beforehand.
    yes: bool
    #: What is printed is kept back until the end.
    quiet: bool = False
    #: When nothing more is to be sent, in UTC; None for no such time.
    deadline: datetime | None = None
    #: What a start would do; None until the list is checked.
    plan: tuple[Job, Prepared] | None = None
    #: Whether rows were open when the run went on.
    had_open_rows: bool = False
    _runner: Runner | None = None

    def wake(self) -> None:
        """Tell the run that a callback came."""
        if self._runner is not None:
            self._runner.wake()

    def prepared(self, job: Job, run: Run | None, prepared: Prepared) -> None:
        """Show the plan."""
        self.plan = job, prepared
        show_plan(self.err if self.json else self.out, job, run, prepared)

    def confirm(self, run_name: str, rows: int) -> None:
        """Demand that a person types the run's name before production rows are sent, unless confirmed beforehand."""
        if self.environment is not Environment.PRODUCTION or self.yes:
            return
        if self.quiet or not sys.stdin.isatty():
            raise ConfirmationRequiredError("Production needs confirmation, but there is no terminal. Add --yes.")
        typed = click.prompt(f"{rows} rows will be paid with real money. Type {run_name} to go on", err=True)
        if typed.strip() != run_name:
            raise DeclinedError

    @contextmanager
    def running(self, run: Run, runner: Runner) -> Iterator[None]:
        """Show progress while the run is on; SIGINT and SIGTERM stop it safely."""
        self._runner = runner
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, runner.stop)
        self.had_open_rows = any(runner.progress().counts[state] for state in OPEN_STATES)
        show = self._on_terminal if is_live(self.err) and not self.json else self._in_log
        display = None if self.quiet else loop.create_task(show(run, runner))
        end = None if self.deadline is None else runner.stop_at(self.deadline)
        try:
            yield
        finally:
            for each in (display, end):
                if each is not None:
                    each.cancel()
            # Only the report is left, which is written to its end.
            for number in STOP_SIGNALS:
                loop.add_signal_handler(number, lambda: None)

    async def _on_terminal(self, run: Run, runner: Runner) -> None:
        screen = RunScreen(caps=guards_of(run.guards).caps, available=self._available(), began=time.monotonic())
        self.err.print(
            f"Run [bold]{escape_markup(run.name)}[/] ({self.environment}); Ctrl-C stops it safely.", highlight=False
        )
        with Live(console=self.err, auto_refresh=False) as live:

            def draw() -> None:
                live.update(screen.drawn(runner.progress(), time.monotonic(), self.err), refresh=True)

            try:
                while True:
                    draw()
                    await asyncio.sleep(ON_TERMINAL)
            finally:
                draw()

    def _available(self) -> dict[str, Decimal]:
        """Give what the wallets held when the list was checked; nothing where a run goes on without its list."""
        checks = () if self.plan is None else self.plan[1].balances
        return {check.unit: check.available for check in checks if check.available is not None}

    async def _in_log(self, run: Run, runner: Runner) -> None:
        started = time.monotonic()
        while True:
            look = runner.progress()
            seconds = time.monotonic() - started
            if self.json:
                line = {
                    "run": run.name,
                    "seconds": round(seconds),
                    **{state.value: look.counts[state] for state in RowState},
                    "requests": look.requests,
                    "throttled": look.throttled,
                    "rate": round(look.rate),
                    "message": look.message,
                }
                click.echo(msgspec.json.encode(line).decode(), err=True)
            else:
                states = ", ".join(f"{count} {state}" for state, count in look.counts.items() if count)
                note = f" {look.message}" if look.message else ""
                click.echo(f"[{seconds:.0f} s] run {run.name}: {states}; {look.requests} requests.{note}", err=True)
            await asyncio.sleep(IN_LOG)
