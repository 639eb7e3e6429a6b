"""The options of how fast, how long and how loudly a command pays."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from bulk_topup.cli.options.times import moment_or_span
from bulk_topup.system.asgi_server import Address

F = TypeVar("F", bound=Callable[..., Any])


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
