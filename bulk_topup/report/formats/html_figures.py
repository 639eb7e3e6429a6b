"""The figures at the top of the HTML report: tiles, a bar of rows by state, and its legend; pure."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from bulk_topup.domain.money import format_money
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.verdict import Severity, named_counts
from bulk_topup.report.formats.html_parts import Html, element, joined

#: The tone in which a state is shown.
TONES: Final[dict[RowState, Severity]] = {
    RowState.REFUSED: Severity.BAD,
    RowState.PENDING: Severity.OPEN,
    RowState.IN_FLIGHT: Severity.OPEN,
    RowState.ACCEPTED: Severity.OPEN,
    RowState.COMPLETED: Severity.GOOD,
    RowState.FAILED: Severity.BAD,
    RowState.REVERSED: Severity.BAD,
    RowState.CONFLICT: Severity.BAD,
}
#: States in the order in which the bar and its legend show them.
STATES_IN_ORDER: Final = (
    RowState.COMPLETED,
    RowState.ACCEPTED,
    RowState.IN_FLIGHT,
    RowState.PENDING,
    RowState.FAILED,
    RowState.REFUSED,
    RowState.REVERSED,
    RowState.CONFLICT,
)


def tiles(summary: Summary) -> Iterator[Html]:
    """Yield a tile for each of the most important figures."""
    completed = summary.counts[RowState.COMPLETED]
    yield _tile("Completed", f"{completed:,} of {summary.rows:,}")
    yield _tile("Not completed", f"{summary.rows - completed - summary.set_aside:,}")
    asides = {"Nothing due": summary.nothing_due, "Duplicates, left out": summary.duplicates}
    yield from (_tile(name, f"{number:,}") for name, number in asides.items() if number)
    for what, sums in summary.money.items():
        for unit, amount in sums.items():
            yield _tile(what, format_money(amount, unit))


def _tile(what: str, figure: str) -> Html:
    return element("div", element("p", what), element("b", figure), class_="tile")


def bar(summary: Summary) -> Html:
    """Return one bar with a part for each state; parts have attributes, as the policy forbids inline styles."""
    parts: list[Html] = []
    start = Decimal(0)
    for _, count, tone in _parts(summary):
        width = Decimal(100 * count) / summary.rows
        parts.append(element("rect", x=f"{start:.4f}%", y="0", width=f"{width:.4f}%", height="100%", class_=tone))
        start += width
    return element("svg", *parts, class_="bar", role="img", aria_label="rows by state", shape_rendering="crispEdges")


def legend(summary: Summary) -> Html:
    """Return the parts of the bar, by name."""
    entries = (
        element("li", "■ ", element("span", f"{count:,} {state_name(name)}"), class_=tone)
        for name, count, tone in _parts(summary)
    )
    return element("ul", joined(entries), class_="legend")


def _parts(summary: Summary) -> Iterator[tuple[str, int, str]]:
    """Yield name, rows and tone of each part of the bar."""
    counts = {state: summary.counts[state] for state in STATES_IN_ORDER}
    tones: dict[str, str] = {state.value: tone for state, tone in TONES.items()}
    for name, count in named_counts(counts, summary.nothing_due, summary.duplicates):
        if count:
            yield name, count, tones.get(name, "quiet")


def state_name(state: str) -> str:
    """Return a state as people write it."""
    return state.replace("_", " ")
