"""The page of the HTML report, built from collected rows; pure, `html_parts` escapes its texts."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bulk_topup.__version__ import __version__
from bulk_topup.domain.charge import CHARGED_STATES
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.money import PRECISE, format_money
from bulk_topup.domain.report_files import not_completed_name
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.total import named_aside
from bulk_topup.domain.verdict import RunVerdict, Severity, format_rows, verdict_of_summary
from bulk_topup.report.formats.html_figures import STATES_IN_ORDER, TONES, bar, legend, state_name, tiles
from bulk_topup.report.formats.html_parts import Html, element, html, joined, time_text
from bulk_topup.report.formats.html_style import STYLE
from bulk_topup.report.reason_counts import LINES_NAMED, ReasonGroup
from bulk_topup.report.reasons import note, reason

#: Groups of reasons that are shown.
GROUPS_SHOWN: Final = 30
#: Characters of a cell and of a reason that are shown, and cells of a row.
CELL_SHOWN: Final = 120
REASON_SHOWN: Final = 600
CELLS_SHOWN: Final = 16

_ENVIRONMENTS: Final = {
    Environment.SANDBOX: ("Sandbox: no real money moved", Severity.OPEN),
    Environment.PREPROD: ("Test environment: no real money moved", Severity.OPEN),
    Environment.PRODUCTION: ("Production", Severity.GOOD),
}
_MARKS: Final = {Severity.GOOD: "✓ ", Severity.OPEN: "", Severity.BAD: "! "}
#: Style classes of columns: figures, and texts that are not broken.
_COLUMN_CLASSES: Final = {
    **dict.fromkeys(("Rows", "Requested", "Charged or on hold", "Line", "Amount"), "number"),
    **dict.fromkeys(("Credit party", "Lines"), "whole"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PageData:
    """What the page shows in addition to the summary."""

    #: Why rows are not completed, the most frequent reason first.
    reasons: Sequence[ReasonGroup]
    #: The first rows that are not completed.
    not_completed: Sequence[Outcome]
    #: All rows; empty where they are too many to be shown.
    rows: Sequence[Outcome]
    #: Paid or open rows with a list mismatch.
    contradicted: int
    #: Time of the last change of a row, in ISO 8601; empty where nothing was sent.
    last_change: str


def page(run: Run, summary: Summary, data: PageData) -> Html:
    """Return the whole page."""
    verdict = verdict_of_summary(run, summary, contradicted=data.contradicted)
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    # Even if a cell smuggled markup in, the browser would not run, load or send anything.
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("title", f"{run.name}: {verdict.headline}"),
        element("style", STYLE),
    )
    body = element("body", element("main", joined(_sections(run, summary, data, verdict))))
    return joined((Html("<!doctype html>\n"), element("html", head, body, lang="en"), "\n"))


def _sections(run: Run, summary: Summary, data: PageData, verdict: RunVerdict) -> Iterator[Html]:
    environment, tone = _ENVIRONMENTS[Environment(run.environment)]
    yield element(
        "header",
        element("p", "bulk-topup · results of the run"),
        element("h1", element("bdi", run.name)),
        element("p", *(element("span", fact, class_="fact") for fact in _facts(run, data))),
        element("span", environment, class_=f"tag {tone}"),
    )
    yield element(
        "section",
        element("h2", f"{_MARKS[verdict.severity]}{verdict.headline}"),
        element("p", verdict.ending),
        class_=f"verdict {verdict.severity}",
    )
    yield element("div", joined(tiles(summary)), class_="tiles")
    yield _section("Rows", bar(summary), legend(summary))
    if verdict.steps:
        steps = joined(element("li", f"{step.text} ", _code(step.command)) for step in verdict.steps)
        yield _section("What to do next", element("ol", steps))
    if data.reasons:
        yield _section("Why rows are not completed", *_reasons(data.reasons), is_long=True)
    yield _section("Rows and money by state", _totals(summary), is_long=True)
    if data.not_completed:
        yield _not_completed(run, summary, data)
    if data.rows:
        rows = element("details", element("summary", "Show"), _rows(run, data.rows))
        yield _section(f"All {format_rows(len(data.rows))}", rows, is_long=True)
    yield element(
        "footer", f"Written from the ledger by bulk-topup {__version__}. Contains personal data, but no PIN codes."
    )


def _section(heading: str, *content: Html, is_long: bool = False) -> Html:
    return element("section", element("h2", heading), *content, class_="long" if is_long else None)


def _reasons(groups: Sequence[ReasonGroup]) -> Iterator[Html]:
    rows = []
    for group in groups[:GROUPS_SHOWN]:
        lines = ", ".join(map(str, group.lines)) + (", …" if group.rows > LINES_NAMED else "")
        rows.append({"Rows": f"{group.rows:,}", "State": group.state, "Reason": group.reason, "Lines": lines})
    yield _table(rows)
    if len(groups) > GROUPS_SHOWN:
        yield element("p", f"and {len(groups) - GROUPS_SHOWN:,} more reasons.", class_="quiet small")


def _totals(summary: Summary) -> Html:
    """Return a table of sums by state and currency; the other files have them by product."""
    sums: dict[tuple[RowState, str, str], tuple[int, int, int, Decimal, Decimal]] = {}
    for total in summary.totals:
        key = (total.state, total.unit or "", total.price_unit or "")
        rows, idle, same, amount, price = sums.get(key, (0, 0, 0, Decimal(0), Decimal(0)))
        cost = PRECISE.add(total.price, total.fee)
        counts = rows + total.rows, idle + total.nothing_due, same + total.duplicates
        sums[key] = (*counts, PRECISE.add(amount, total.amount), PRECISE.add(price, cost))
    return _table(
        {
            "State": state,
            "Rows": f"{rows:,}{named_aside(idle, same)}",
            "Requested": _money(amount, unit),
            "Charged or on hold": _money(price, price_unit) if state in CHARGED_STATES else "",
        }
        for (state, unit, price_unit), (rows, idle, same, amount, price) in sorted(
            sums.items(), key=lambda item: STATES_IN_ORDER.index(item[0][0])
        )
    )


def _money(amount: Decimal, unit: str) -> str:
    return format_money(amount, unit) if unit else ""


def _facts(run: Run, data: PageData) -> Iterator[str]:
    yield run.list_path
    yield f"account {run.account or 'unknown'}"
    yield f"started {time_text(run.created_at)}"
    if data.last_change:
        yield f"last change {time_text(datetime.fromisoformat(data.last_change))}"
    yield from run.decisions()


def _not_completed(run: Run, summary: Summary, data: PageData) -> Html:
    number, shown = summary.rows - summary.counts[RowState.COMPLETED] - summary.set_aside, len(data.not_completed)
    file = not_completed_name(run) if run.purged_at is None else "results.csv"
    rest = f"The first {shown:,} of {format_rows(number)}. All rows: " if number > shown else ""
    pointer = [element("p", rest, _code(file), class_="quiet")] if rest else []
    return _section("Rows not completed", *pointer, _rows(run, data.not_completed), is_long=True)


def _rows(run: Run, outcomes: Iterable[Outcome]) -> Html:
    return _table(
        {
            "Line": str(outcome.line),
            "State": outcome.state,
            "Credit party": outcome.credit_party or "",
            "Amount": _money(outcome.amount, outcome.unit or "") if outcome.amount is not None else "",
            "Outcome": joined((_cut(_explanation(run, outcome), REASON_SHOWN), _cells(run, outcome))),
        }
        for outcome in outcomes
    )


def _explanation(run: Run, outcome: Outcome) -> str:
    """Return the reason of a row's state, with the transaction ID for enquiries to DT One."""
    own = reason(outcome.message, outcome.problems)
    status = outcome.status_message or ""
    parts = [own, note(outcome.note, outcome.cells, len(run.columns))]
    if status and status not in own:
        parts.insert(0, f"{status}.")
    if outcome.transaction_id is not None:
        parts.append(f"Transaction {outcome.transaction_id}.")
    return " ".join(filter(None, parts))


def _cells(run: Run, outcome: Outcome) -> Html:
    """Return the cells of the list's row, without those that other columns of the table show."""
    known = {outcome.credit_party, ""}
    shown = [
        f"{column or 'no name'}: {_cut(cell, CELL_SHOWN)}"
        for column, cell in zip(run.columns, outcome.cells, strict=False)
        if cell not in known
    ]
    if len(shown) > CELLS_SHOWN:
        shown[CELLS_SHOWN:] = [f"{len(shown) - CELLS_SHOWN} more cells"]
    parts = [part for cell in shown for part in (" · ", element("bdi", cell))]
    return element("span", *parts[1:], class_="cells quiet small") if shown else html("")


def _code(text: str) -> Html:
    return element("code", text) if text else html("")


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"


def _table(rows: Iterable[Mapping[str, object]]) -> Html:
    """Return a table of rows with a value for each heading; a narrow screen shows each row as a card."""
    body: list[Html] = []
    headings: Sequence[str] = ()
    for row in rows:
        headings = headings or tuple(row)
        body.append(element("tr", joined(_cell(heading, value) for heading, value in row.items())))
    titles = (element("th", heading, class_=_COLUMN_CLASSES.get(heading)) for heading in headings)
    head = element("thead", element("tr", joined(titles)))
    return element("table", head, element("tbody", joined(body)))


def _cell(heading: str, value: object) -> Html:
    if isinstance(value, RowState):
        return element("td", state_name(value), class_=f"state {TONES[value]}", data_label=heading)
    return element("td", value, class_=_COLUMN_CLASSES.get(heading), data_label=heading)
