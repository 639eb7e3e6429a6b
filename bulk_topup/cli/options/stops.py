"""The options that say when a run stops, repeats or holds what it sends, and the part of a job that they make."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from bulk_topup.domain.guards import Mode

F = TypeVar("F", bound=Callable[..., Any])

#: Each option's place in a job: its key, or its table and its key there.
_PLACES = {
    "mode": ("mode",),
    "min_interval": ("spacing",),
    "canary": ("stops", "canary"),
    "canary_share": ("stops", "canary_share"),
    "max_failure_rate": ("stops", "failed_share"),
    "price_drift": ("stops", "price_drift"),
    "max_attempts": ("retry", "attempts"),
    "retry_wait": ("retry", "wait"),
}


def stop_options(command: F) -> F:
    """Add the options that say when a run stops, repeats or holds what it sends."""
    for decorate in (
        click.option(
            "--min-interval",
            type=click.FloatRange(min=0),
            metavar="SECONDS",
            help="Time between two payments to one number.  [default: none, but never side by side]",
        ),
        click.option(
            "--retry-wait",
            type=click.FloatRange(min=0),
            metavar="SECONDS",
            help="Time between a failure and the next attempt.  [default: 600]",
        ),
        click.option(
            "--max-attempts",
            type=click.IntRange(1, 100),
            help="Attempts of a row whose operator was unavailable, in all.  [default: 1]",
        ),
        click.option(
            "--price-drift",
            metavar="SHARE",
            help="Stop when a price differs from the plan's by more, e.g. 0.02.  [default: 0.01 for --mode hold]",
        ),
        click.option(
            "--max-failure-rate", metavar="SHARE", help="Stop when a larger share of the final rows failed, e.g. 0.2."
        ),
        click.option(
            "--canary-share", metavar="SHARE", help="The share of the canaries that must complete.  [default: 0.8]"
        ),
        click.option(
            "--canary",
            type=click.IntRange(min=0),
            metavar="N",
            help="Send N rows first, over all operators; go on only when enough of them completed.",
        ),
        click.option(
            "--mode",
            type=click.Choice([mode.value for mode in Mode]),
            help="hold: create all, compare prices, then confirm all or cancel all.  [default: auto_confirm]",
        ),
    ):
        command = decorate(command)
    return command


def stops_from(values: dict[str, Any]) -> dict[str, Any]:
    """Take these options out of a command's values; give what they state as a job has it."""
    stated: dict[str, Any] = {}
    for name, (key, *rest) in _PLACES.items():
        value = values.pop(name, None)
        if value is not None and rest:
            stated.setdefault(key, {})[rest[0]] = value
        elif value is not None:
            stated[key] = value
    return stated
