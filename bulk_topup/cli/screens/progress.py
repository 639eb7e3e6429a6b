"""What a terminal shows of a run under way: bar, rows by state, pace, money, pauses; decides nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final

from rich.console import Console
from rich.text import Text

from bulk_topup.cli.screens.forecast import FINAL_STATES, Forecast, Pace, about
from bulk_topup.cli.screens.style import bar_of, escape_markup, states_text
from bulk_topup.domain.guards import Caps
from bulk_topup.domain.money import PRECISE, format_amount
from bulk_topup.domain.states import RowState
from bulk_topup.engine import Progress

_NOTHING: Final = Decimal(0)
#: Columns of the bar: at least, at most, and what stands beside it.
_NARROWEST, _WIDEST, _BESIDE = 10, 80, 34
#: The limiter keeps a little below the limit; that far below it, others take a part of it or --rate is stated.
_NEARLY_ALL: Final = 0.95

#: What rows of a state are called while the run is on.
NAMES: Final = {
    RowState.COMPLETED: "completed",
    RowState.FAILED: "failed",
    RowState.REVERSED: "reversed",
    RowState.CONFLICT: "in conflict",
    RowState.ACCEPTED: "accepted",
    RowState.IN_FLIGHT: "on their way",
    RowState.PENDING: "waiting",
    RowState.REFUSED: "refused",
}


@dataclass(kw_only=True, slots=True)
class RunScreen:
    """Draws one look at a run after the other."""

    caps: Caps
    #: What the wallets held when the run was planned, by unit; empty where that is not known.
    available: Mapping[str, Decimal]
    #: When the run began to be shown, in seconds of a clock that never goes back.
    began: float
    _pace: Pace = field(default_factory=Pace)
    _forecast: Forecast = field(default_factory=Forecast)

    def drawn(self, look: Progress, moment: float, console: Console) -> Text:
        """Give what a look at this moment shows, no line of it wider than the console."""
        lines = [self._bar(look, console), *(Text.from_markup(line, emoji=False) for line in self._told(look, moment))]
        for line in lines:
            line.truncate(console.width, overflow="ellipsis")
        return Text("\n").join(lines)

    @staticmethod
    def _bar(look: Progress, console: Console) -> Text:
        counts = {**look.counts, RowState.REFUSED: 0}
        total, final = sum(counts.values()), sum(counts[state] for state in FINAL_STATES)
        width = min(max(console.width - _BESIDE, _NARROWEST), _WIDEST)
        bar = bar_of(counts, width, is_ascii=console.options.ascii_only)
        share = f"{100 * final // total}%" if total else "100%"
        return Text.assemble(bar, " ", (f"{share:>4}", "bold"), f" {final:,} of {total:,} final")

    def _told(self, look: Progress, moment: float) -> Iterator[str]:
        yield states_text(look.counts, names=NAMES)
        yield "  ".join(filter(None, (self._rate(look, moment), self._time(look, moment))))
        yield from money_lines(look, self.caps, self.available)
        if look.message:
            yield f"[bold yellow]{escape_markup(look.message)}[/]"

    def _rate(self, look: Progress, moment: float) -> str:
        used = self._pace.of(moment, look.requests)
        is_whole = look.limit is not None and look.rate >= _NEARLY_ALL * look.limit
        allowed = f"{look.limit}" if is_whole else f"{look.rate:.0f}"
        below = f" (the limit is {look.limit})" if look.limit is not None and not is_whole else ""
        throttled = f", {look.throttled:,} answers 429" if look.throttled else ""
        return f"{used:.0f}/{allowed} requests/s{below}{throttled}"

    def _time(self, look: Progress, moment: float) -> str:
        passed = timedelta(seconds=int(moment - self.began))
        left = self._forecast.seconds(moment, look)
        return f"{passed} so far" + (f", {about(left)} left" if left is not None else "")


def money_lines(look: Progress, caps: Caps, available: Mapping[str, Decimal]) -> Iterator[str]:
    """Say in markup, a line a currency, what is taken from the wallet, what is left there, and how much of a cap."""
    for unit in sorted({*look.taken, *caps.costs}):
        taken = look.taken.get(unit, _NOTHING)
        told = [f"{format_amount(taken, unit)} taken"]
        if unit in available:
            told.append(f"about {format_amount(PRECISE.subtract(available[unit], taken), unit)} left")
        if unit in caps.costs:
            told.append(
                f"cap: {format_amount(look.costs.get(unit, _NOTHING), unit)} of {format_amount(caps.costs[unit], unit)}"
            )
        yield f"[bold]{escape_markup(unit)}[/]: {', '.join(told)}"
    for unit, cap in sorted(caps.amounts.items()):
        asked = look.amounts.get(unit, _NOTHING)
        yield f"[bold]{escape_markup(unit)}[/]: {format_amount(asked, unit)} asked for, cap: {format_amount(cap, unit)}"
