"""Reads the times of options: a time in UTC, or a duration from now; touches only the clock."""

from datetime import UTC, date, datetime

import click

from bulk_topup.cli.clock import command_clock
from bulk_topup.jobs.durations import parse_duration


def parse_time(_context: click.Context, _option: click.Parameter, text: str | None) -> datetime | None:
    """Return a time; one without a time zone is in UTC."""
    if text is None:
        return None
    if (time := _read_time(text)) is None:
        raise click.BadParameter(f'"{text}" is not a time; write it like 2026-11-24 or 2026-11-24T20:05:00Z.')
    return time


def parse_day(_context: click.Context, _option: click.Parameter, text: str | None) -> date | None:
    """Return a day."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise click.BadParameter(f'"{text}" is not a day; write it like 2026-11-28.') from None


def parse_time_or_duration(_context: click.Context, _option: click.Parameter, text: str | None) -> datetime | None:
    """Return a time, read from a duration from now such as 30m, or a time in UTC such as 2026-11-24T22:00."""
    if text is None:
        return None
    if (duration := parse_duration(text)) is not None:
        return command_clock().now() + duration
    if (time := _read_time(text)) is None:
        raise click.BadParameter(
            f'"{text}" is neither a duration such as 30m, 2h or 1d nor a time such as 2026-11-24T22:00.'
        )
    return time


def parse_time_or_age(_context: click.Context, _option: click.Parameter, text: str | None) -> datetime | None:
    """Return a time, read from an age such as 7d, or a time in UTC such as 2026-11-24."""
    if text is None:
        return None
    time = _read_time(text)
    if time is None and (age := parse_duration(text)) is not None:
        time = command_clock().now() - age
    if time is None:
        raise click.BadParameter(f'"{text}" is neither an age such as 7d or 12h nor a time such as 2026-11-24.')
    return time


def _read_time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
