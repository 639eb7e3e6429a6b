"""Prints what a client meets while a command waits for it: long pauses, and entries of lists that can't be read."""

from datetime import UTC, timedelta
from typing import Final

import click

from bulk_topup.cli.screens.progress import rate_text
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.unreadable import UnreadableEntry
from bulk_topup.engine.control import format_seconds
from bulk_topup.security.terminal_text import printable
from bulk_topup.system.clock import Clock, SystemClock

#: Most entries of lists that are named; more are only counted at the end.
MAX_NAMED: Final = 5


def client_rate(dvs: AsyncDVS) -> str:
    """Return which rate a client uses, and why, as a sentence."""
    limiter = dvs.limiter
    is_answered = dvs.traffic.answered > 0
    return f"Rate: {rate_text(limiter.rate, limiter.limit, limiter.source, is_answered=is_answered)}."


def show_notices(dvs: AsyncDVS, clock: Clock | None = None) -> None:
    """Print a client's pauses and unreadable entries to standard error, each when it comes.

    Args:
        dvs: an open client.
        clock: the source of time; None for this machine's clock.
    """
    clock = clock or SystemClock()

    def show_wait(seconds: float) -> None:
        until = (clock.now() + timedelta(seconds=seconds)).astimezone(UTC)
        click.echo(
            f"DVS throttles this account (HTTP 429): waiting {format_seconds(round(seconds))}, until "
            f"{until:%H:%M:%S} UTC. Ctrl-C ends the command.",
            err=True,
        )

    def show_unreadable(entry: UnreadableEntry) -> None:
        number = dvs.unreadable.count
        if number <= MAX_NAMED:
            click.echo(f"Warning: {printable(entry.sentence())}. It is skipped.", err=True)
        elif number == MAX_NAMED + 1:
            click.echo("Warning: more entries can't be read, and are skipped; --json names them.", err=True)

    dvs.waits.on_wait = show_wait
    dvs.on_unreadable = show_unreadable
