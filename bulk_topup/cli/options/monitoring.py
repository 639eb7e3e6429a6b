"""The options that say where else than on the terminal a start is told of."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def monitoring_options(command: F) -> F:
    """Add the options that say where else a start is told of."""
    for decorate in (
        click.option(
            "--log-json",
            metavar="FILE",
            help='Append a line of JSON for each thing that happens; "-" for standard output.  [default: what the job '
            "file says, or nowhere]",
        ),
        click.option(
            "--metrics",
            metavar="FILE.prom",
            callback=_metrics_file,
            help="Write figures for Prometheus' text file collector.  [default: what the job file says, or nowhere]",
        ),
    ):
        command = decorate(command)
    return command


def _metrics_file(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not text.endswith(".prom"):
        raise click.BadParameter(f'"{text}" does not end in .prom, and the collector takes no other files.')
    return text
