"""The progress of a running run: bar, rows by state, rate, money, pauses on a terminal; one line in a log."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from rich.console import Console
from rich.text import Text

from bulk_topup.cli.screens.forecast import FINAL_STATES, Forecast, RequestRate, format_remaining
from bulk_topup.cli.screens.style import bar_of, escape_markup, states_text
from bulk_topup.domain.guards import Caps
from bulk_topup.domain.money import PRECISE, format_amount
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import named_counts
from bulk_topup.dvs.learned_rate import LEARNED_CEILING, RateSource
from bulk_topup.engine import Progress

_ZERO: Final = Decimal(0)
#: Columns of the bar, and of the text beside it.
_MIN_BAR, _MAX_BAR, _BESIDE_BAR = 10, 80, 34
#: The limiter stays a little below the limit; below this share of it, other processes or --rate lower the rate.
_NEARLY_ALL: Final = 0.95

#: The words for rows of a state during a run.
NAMES: Final = {
    RowState.COMPLETED: "completed",
    RowState.FAILED: "failed",
    RowState.REVERSED: "reversed",
    RowState.CONFLICT: "in conflict",
    RowState.ACCEPTED: "accepted",
    RowState.IN_FLIGHT: "outcome unknown",
    RowState.PENDING: "not sent",
    RowState.REFUSED: "refused",
}
_WORDS: Final = {state.value: word for state, word in NAMES.items()}


@dataclass(kw_only=True, slots=True)
class RunScreen:
    """Renders one snapshot of a run after the other."""

    caps: Caps
    #: What was available in the wallets when the run was planned, by currency; empty where unknown.
    available: Mapping[str, Decimal]
    #: When the run was first shown, in seconds of a monotonic clock.
    started: float
    _requests: RequestRate = field(default_factory=RequestRate)
    _forecast: Forecast = field(default_factory=Forecast)

    def render(self, snapshot: Progress, moment: float, console: Console) -> Text:
        """Return what the terminal shows of a snapshot; no line is wider than the console.

        Args:
            snapshot: the run's progress.
            moment: when it was taken, in seconds of the same clock as `started`.
            console: where it is shown.
        """
        details = (Text.from_markup(line, emoji=False) for line in self._details(snapshot, moment))
        lines = [self._bar(snapshot, console), *details]
        for line in lines:
            line.truncate(console.width, overflow="ellipsis")
        return Text("\n").join(lines)

    @staticmethod
    def _bar(snapshot: Progress, console: Console) -> Text:
        counts = {**snapshot.counts, RowState.REFUSED: 0}
        total, final = sum(counts.values()), sum(counts[state] for state in FINAL_STATES)
        width = min(max(console.width - _BESIDE_BAR, _MIN_BAR), _MAX_BAR)
        bar = bar_of(counts, width, is_ascii=console.options.ascii_only)
        share = f"{100 * final // total}%" if total else "100%"
        return Text.assemble(bar, " ", (f"{share:>4}", "bold"), f" {final:,} of {total:,} final")

    def _details(self, snapshot: Progress, moment: float) -> Iterator[str]:
        yield states_text(snapshot.counts, snapshot.nothing_due, snapshot.duplicates, names=NAMES)
        yield "  ".join(filter(None, (self._rate(snapshot, moment), self._time(snapshot, moment))))
        yield from money_lines(snapshot, self.caps, self.available)
        for sentence in filter(None, (snapshot.message, snapshot.warning, snapshot.low_balance)):
            yield f"[bold yellow]{escape_markup(sentence)}[/]"

    def _rate(self, snapshot: Progress, moment: float) -> str:
        used = self._requests.update(moment, snapshot.requests)
        is_whole = snapshot.limit is not None and snapshot.rate >= _NEARLY_ALL * snapshot.limit
        allowed = f"{snapshot.limit}" if is_whole else f"{snapshot.rate:.0f}"
        limit = f" (rate limit {snapshot.limit})" if snapshot.limit is not None and not is_whole else ""
        throttled = f", {snapshot.throttled:,} throttled" if snapshot.throttled else ""
        return f"{used:.0f}/{allowed} requests/s{limit}{throttled}"

    def _time(self, snapshot: Progress, moment: float) -> str:
        elapsed = timedelta(seconds=int(moment - self.started))
        remaining = self._forecast.update(moment, snapshot)
        return f"{elapsed} elapsed" + (f", {format_remaining(remaining)} left" if remaining is not None else "")


def rate_text(rate: float, limit: int | None, source: RateSource, *, is_answered: bool) -> str:
    """Return which rate is used, and why, as the rest of a sentence.

    Args:
        rate: the present rate in requests per second.
        limit: the limit that DVS states; None if it states none.
        source: where the rate comes from.
        is_answered: whether there was any response yet.
    """
    match source:
        case RateSource.CONFIGURED:
            allowed = "" if limit is None else f"; DVS allows {limit:,}"
            return f"{rate:,.3g} requests/s at most, as set by --rate or the job{allowed}"
        case RateSource.STATED:
            return f"{limit:,} requests/s at most, DVS's rate limit"
        case RateSource.LEARNED if not is_answered:
            return (
                f"{rate:,.0f} requests/s at first, since DVS has not responded yet; then DVS's rate limit, or up to "
                f"{LEARNED_CEILING:,.0f} if it states none"
            )
        case RateSource.LEARNED:
            return (
                f"{rate:,.0f} requests/s, rising to {LEARNED_CEILING:,.0f} while DVS responds well: it states no rate "
                "limit. Set one with --rate"
            )


def money_lines(snapshot: Progress, caps: Caps, available: Mapping[str, Decimal]) -> Iterator[str]:
    """Yield lines of markup: per currency what is charged or on hold and what is still available, then each cap."""
    for unit in sorted({*snapshot.taken, *caps.costs}):
        taken = snapshot.taken.get(unit, _ZERO)
        planned = f" (planned {format_amount(snapshot.planned[unit], unit)})" if unit in snapshot.planned else ""
        parts = [f"{format_amount(taken, unit)} charged or on hold{planned}"]
        if unit in available:
            parts.append(f"about {format_amount(PRECISE.subtract(available[unit], taken), unit)} available")
        yield f"[bold]{escape_markup(unit)}[/]: {', '.join(parts)}"
    for name, limits, used in (("cost", caps.costs, snapshot.costs), ("amount", caps.amounts, snapshot.amounts)):
        for unit, cap in sorted(limits.items()):
            amount = format_amount(used.get(unit, _ZERO), unit)
            yield f"[bold]{escape_markup(unit)}[/] {name} cap: {amount} of {format_amount(cap, unit)}"


def progress_line(run: str, snapshot: Progress, seconds: float) -> str:
    """Return the line of a log.

    Args:
        run: the run's name.
        snapshot: its progress.
        seconds: since the run was first shown.
    """
    named = named_counts(snapshot.counts, snapshot.nothing_due, snapshot.duplicates)
    states = ", ".join(f"{count:,} {_WORDS.get(name, name)}" for name, count in named if count)
    sentences = (snapshot.message, snapshot.warning, snapshot.low_balance)
    message = "".join(f" {sentence}" for sentence in sentences if sentence)
    requests = f"{snapshot.requests:,} {'request' if snapshot.requests == 1 else 'requests'}"
    return f"[{seconds:.0f} s] Run {run}: {states}; {requests}.{message}"


def progress_json(run: str, snapshot: Progress, seconds: float) -> dict[str, object]:
    """Return the line of a log as plain JSON values; `seconds` since the run was first shown."""
    return {
        "run": run,
        "seconds": round(seconds),
        **{state.value: snapshot.counts[state] for state in RowState},
        "nothing_due": snapshot.nothing_due,
        "duplicates_left_out": snapshot.duplicates,
        "requests": snapshot.requests,
        "throttled": snapshot.throttled,
        "rate": round(snapshot.rate),
        "rate_source": snapshot.rate_source.value,
        "message": snapshot.message,
        "warning": snapshot.warning,
        "low_balance": snapshot.low_balance,
    }
