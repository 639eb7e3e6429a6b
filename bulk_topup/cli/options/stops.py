"""The options of when a run stops, holds or repeats what it sends, and the job settings that they change."""

from dataclasses import dataclass
from typing import Any, Final

import click
import cloup

from bulk_topup.cli.options.groups import GUARDS, PACE, collect

#: The values of `Mode` in domain/guards, whose import is too heavy for a help text.
MODES: Final = ("auto_confirm", "hold")

#: Each option's key in a job, or its table and its key there.
_JOB_KEYS: Final = {
    "mode": ("mode",),
    "min_interval": ("spacing",),
    "canary": ("stops", "canary"),
    "canary_share": ("stops", "canary_share"),
    "max_failure_rate": ("stops", "failed_share"),
    "price_drift": ("stops", "price_drift"),
    "max_attempts": ("retry", "attempts"),
    "retry_wait": ("retry", "wait"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StopOptions:
    """The stops and retries that a command line sets; None for the job's own, or the default."""

    #: auto_confirm or hold.
    mode: str | None = None
    #: Rows sent first, and the share of them that must complete.
    canary: int | None = None
    canary_share: str | None = None
    #: Shares: of failed rows among the final ones, and of a price's change.
    max_failure_rate: str | None = None
    price_drift: str | None = None
    #: Attempts of one row in all, and seconds between two of them.
    max_attempts: int | None = None
    retry_wait: float | None = None
    #: Seconds between two payments to one number.
    min_interval: float | None = None

    def settings(self) -> dict[str, Any]:
        """Return the job settings that the options change."""
        changed: dict[str, Any] = {}
        for name, (key, *rest) in _JOB_KEYS.items():
            value = getattr(self, name)
            if value is not None and rest:
                changed.setdefault(key, {})[rest[0]] = value
            elif value is not None:
                changed[key] = value
        return changed


stop_options = collect(
    "stops",
    StopOptions,
    cloup.option(
        "--mode",
        group=GUARDS,
        type=click.Choice(MODES),
        help="hold: create all, compare prices, then confirm all or cancel all.  [default: auto_confirm]",
    ),
    cloup.option(
        "--canary",
        group=GUARDS,
        type=click.IntRange(min=0),
        metavar="N",
        help="Send N rows first, spread over all operators; continue only if enough of them complete.",
    ),
    cloup.option(
        "--canary-share",
        group=GUARDS,
        metavar="SHARE",
        help="Share of the canaries that must complete.  [default: 0.8]",
    ),
    cloup.option(
        "--max-failure-rate",
        group=GUARDS,
        metavar="SHARE",
        help="Stop when a larger share of the final rows failed, e.g. 0.2.",
    ),
    cloup.option(
        "--price-drift",
        group=GUARDS,
        metavar="SHARE",
        help="Stop when a price differs from the plan's by more, e.g. 0.02.  [default: warn above 0.01]",
    ),
    cloup.option(
        "--max-attempts",
        group=PACE,
        type=click.IntRange(1, 100),
        help="Most attempts for a row whose operator is unavailable.  [default: 1]",
    ),
    cloup.option(
        "--retry-wait",
        group=PACE,
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="Time between a failure and the next attempt.  [default: 600]",
    ),
    cloup.option(
        "--min-interval",
        group=PACE,
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="Time between two payments to one number.  [default: none, but never two at once]",
    ),
)
