"""What the commands that pay share: their options, callbacks meanwhile, and how a run's end is told."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import click
from rich.console import Console

from bulk_topup.app.archive import Archiving
from bulk_topup.app.callbacks import receiving
from bulk_topup.app.monitor import Teller
from bulk_topup.app.provider import poll_policy
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import Finished
from bulk_topup.app.run_ending import exit_code
from bulk_topup.approvals.approval import approver_of
from bulk_topup.cli.display import show_summary
from bulk_topup.cli.progress import ConsoleWatcher
from bulk_topup.cli.quiet import Ended, Mark
from bulk_topup.cli.times import moment_or_span
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.dvs import codec
from bulk_topup.engine import RunOptions
from bulk_topup.ledger import Ledger
from bulk_topup.security.redaction import hide
from bulk_topup.security.terminal_text import printable
from bulk_topup.system.asgi_server import Address
from bulk_topup.system.files import sha256_of

F = TypeVar("F", bound=Callable[..., Any])

#: Only what no callback came for is polled.
POLL_INTERVAL_WITH_CALLBACKS = 30.0


def _address(_context: click.Context, _option: click.Parameter, text: str | None) -> Address | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f'"{text}" is not HOST:PORT; write it like 127.0.0.1:8443.')
    return Address(host=host.strip("[]"), port=int(port))


def pace_options(command: F) -> F:
    """Add the options that say how fast, how long and how loudly a command pays."""
    for decorate in (
        click.option("--yes", is_flag=True, help="Confirm production beforehand."),
        click.option(
            "--quiet",
            is_flag=True,
            help="Print nothing unless there is trouble, then all of it to standard error, once; for cron.",
        ),
        click.option(
            "--deadline",
            callback=moment_or_span,
            metavar="TIME",
            help="Send nothing later and end with code 75: a span such as 2h, or a time in UTC.",
        ),
        click.option(
            "--same-account",
            "is_same_account",
            is_flag=True,
            help="The account's key or address changed since the run began; the account did not.",
        ),
        click.option(
            "--listen",
            "listen_at",
            metavar="HOST:PORT",
            callback=_address,
            help="Receive callbacks here while the run is on.  [default: `bulk-topup listen` may, elsewhere]",
        ),
        click.option(
            "--callback-url",
            metavar="URL",
            help="Where DVS is to post changes of status; its path is the token.  [default: what --listen says]",
        ),
        click.option(
            "--json", "as_json", is_flag=True, help="Print the result as JSON; progress goes to standard error."
        ),
        click.option(
            "--tracking-timeout",
            type=click.FloatRange(min=0),
            default=1800.0,
            show_default=True,
            help="Seconds without any change before open rows are left to the next start.",
        ),
        click.option(
            "--poll-interval",
            type=click.FloatRange(min=0.05),
            help="Seconds between questions for open rows.  [default: 2]",
        ),
        click.option(
            "--concurrency",
            type=click.IntRange(1, 1000),
            help="Requests on their way at once.  [default: as many as the allowed rate needs]",
        ),
        click.option(
            "--rate",
            type=click.FloatRange(min=0.01),
            help="Requests a second, never exceeded.  [default: what the provider allows]",
        ),
    ):
        command = decorate(command)
    return command


#: Takes the day that is due.
scheduled_option = click.option(
    "--scheduled",
    "is_scheduled",
    is_flag=True,
    help="A start by the job's [schedule]: {today} is the day that is due, and nothing is sent when none is.",
)


class Callbacks:
    """What a command states about callbacks, taken out of its values."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._url: str | None = values.pop("callback_url")
        self.address: Address | None = values.pop("listen_at")
        if self._url is not None and urlsplit(self._url).scheme not in {"http", "https"}:
            raise click.UsageError(f'"{self._url}" is not a URL that DVS could post to; write it like https://…/TOKEN.')
        if self._url is not None:
            hide(urlsplit(self._url).path.strip("/"))

    @contextmanager
    def received(self, ledger: Ledger, options: RunOptions, watcher: ConsoleWatcher) -> Iterator[RunOptions]:
        """Receive callbacks while the block lasts, where that is asked for; give the options with their address."""
        if self.address is None:
            yield replace(options, callback_url=self._url)
            return
        token = urlsplit(self._url).path.strip("/") if self._url else secrets.token_urlsafe(24)
        with receiving(ledger, self.address, token, watcher.wake) as url:
            yield replace(options, callback_url=self._url or url)


def watching(
    values: dict[str, Any],
    provider: ProviderOptions,
    concurrency: int | None,
    callbacks: Callbacks,
    report: ReportOptions,
    teller: Teller,
) -> tuple[ConsoleWatcher, RunOptions]:
    """Give who looks on, and how the run goes, of what a command states."""
    teller.reports_to(report)
    interval = values.pop("poll_interval")
    if interval is None and callbacks.address is not None:
        interval = POLL_INTERVAL_WITH_CALLBACKS
    options = RunOptions(
        concurrency=concurrency,
        polling=poll_policy(provider, interval),
        tracking_timeout=values.pop("tracking_timeout"),
        on_moves=teller.on_moves,
    )
    watcher = ConsoleWatcher(
        out=Console(stderr=teller.is_on_stdout, emoji=False),
        err=Console(stderr=True, emoji=False),
        environment=provider.environment,
        json=values.pop("as_json"),
        yes=values.pop("yes"),
        quiet=values.pop("quiet"),
        deadline=values.pop("deadline"),
        ledger=provider.ledger,
        report=report.folder,
    )
    return watcher, options


def show(finished: Finished, watcher: ConsoleWatcher) -> None:
    """Print how a run ended."""
    archiving = finished.archiving or Archiving()
    if watcher.json:
        result, report = finished.result, finished.report
        click.echo(
            codec.encode(
                {
                    **report.summary.as_json(),
                    "approved_by": approver_of(finished.run),
                    "stopped": result.reason,
                    "message": result.message,
                    "contradicted": result.contradicted,
                    "files": [str(file) for file in report.files],
                    "not_completed": None if report.not_completed is None else str(report.not_completed),
                    "left_out": None if finished.left_out is None else str(finished.left_out),
                    "archived": None if archiving.path is None else str(archiving.path),
                    "not_archived": archiving.why_not or None,
                }
            )
        )
    else:
        show_summary(watcher.out, finished)
    if archiving.why_not:
        click.echo(f"Warning: {printable(archiving.why_not)}", err=True)


def finish(finished: Finished, watcher: ConsoleWatcher) -> NoReturn:
    """Print how a run ended, and end the command with its exit code."""
    show(finished, watcher)
    result, archiving = finished.result, finished.archiving or Archiving()
    code = exit_code(result, archiving)
    # Which rows are contradicted, the results tell.
    contradicted = sha256_of(finished.report.files[0]) if result.contradicted else ""
    trouble = (code, *filter(None, (result.message, contradicted, archiving.why_not)))
    mark = Mark.of(finished.run, watcher.ledger, watcher.report, *trouble)
    raise Ended(code, mark, is_news=watcher.had_open_rows or bool(archiving.why_not))
