"""The end of a run on a terminal: verdict, charges, totals, files and next steps."""

from __future__ import annotations  # the run is heavy to import, and only named here

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from bulk_topup.cli.command_line import repeated_run
from bulk_topup.cli.screens.style import STATE_STYLES, escape_markup, framed, next_steps
from bulk_topup.cli.screens.tables import ReadableTable, simple_table
from bulk_topup.cli.whole_commands import with_whole_commands
from bulk_topup.domain.charge import CHARGED_STATES
from bulk_topup.domain.decline_advice import decline_sentence
from bulk_topup.domain.environment import format_account
from bulk_topup.domain.money import format_money
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.verdict import format_rows, verdict_of_summary

#: Most reasons of failed rows that a terminal shows; the report has all.
MAX_REASONS_SHOWN: Final = 10

if TYPE_CHECKING:
    from bulk_topup.app.execute import FinishedRun


def charged_lines(summary: Summary) -> Iterator[str]:
    """Yield lines of markup: what the wallet was charged, and what is on hold, per currency."""
    for label, sums in summary.money.items():
        for unit, amount in sums.items():
            yield f"{label}: [bold]{escape_markup(format_money(amount, unit))}[/]"


def failure_lines(summary: Summary) -> Iterator[str]:
    """Yield lines of markup: how many rows failed for which reason, and what to do, the most frequent first."""
    named = [(status, rows) for status, rows in summary.failures.items() if status]
    for status, rows in named[:MAX_REASONS_SHOWN]:
        yield f"{format_rows(rows)} failed: {escape_markup(decline_sentence(status))}"
    if others := sum(rows for _, rows in named[MAX_REASONS_SHOWN:]):
        yield f"{format_rows(others)} failed for other reasons; see the report."


def summary_table(summary: Summary) -> ReadableTable:
    """Return a table of rows and charges per state and product."""
    rows = []
    for total in summary.totals:
        has_cost = total.state in CHARGED_STATES and bool(total.price_unit)
        rows.append(
            (
                Text(total.name, style="dim" if total.set_aside == total.rows else STATE_STYLES[total.state]),
                total.product_id,
                f"{total.rows:,}",
                format_money(total.amount, total.unit) if total.unit else "",
                format_money(total.price + total.fee, total.price_unit) if has_cost and total.price_unit else "",
            )
        )
    headings = ("state", "product", "rows", "amount", "charged or on hold")
    return simple_table(headings, rows, right=headings[2:], title=f"Run {summary.run}: {format_rows(summary.rows)}")


def show_summary(console: Console, finished: FinishedRun) -> None:
    """Print how a run ended, and the files of its report."""
    result, summary = finished.result, finished.report.summary
    verdict = verdict_of_summary(
        finished.run,
        summary,
        contradicted=result.contradicted,
        command=repeated_run("--pay-again", "REASON"),
    )
    run = finished.run
    lines = [escape_markup(verdict.headline), escape_markup(format_account(run.environment, run.account))]
    if result.message:
        lines.append(f"[bold yellow]{escape_markup(with_whole_commands(result.message))}[/]")
    if result.contradicted:
        verb = "differs" if result.contradicted == 1 else "differ"
        lines.append(f"[red]{format_rows(result.contradicted)} {verb} from the list; see `note` in the report.[/]")
    lines += [*charged_lines(summary), *failure_lines(summary)]
    console.print(framed(f"Run {finished.run.name}", verdict.severity, lines, console), crop=False)
    console.print(summary_table(finished.report.summary))
    if finished.is_report_current:
        console.print("Unchanged since this report was written:", highlight=False)
    for file in finished.report.files:
        console.print(f"  {escape_markup(file)}", highlight=False, soft_wrap=True)
    archived = None if finished.archiving is None else finished.archiving.path
    for label, path in (
        ("Rows not completed, ready to correct", finished.report.not_completed),
        ("The same as a workbook", finished.report.not_completed_workbook),
        ("Rows left out", finished.left_out),
        ("Archived list", archived),
    ):
        if path is not None:
            console.print(f"{label}: {escape_markup(path)}", highlight=False, soft_wrap=True)
    if verdict.steps:
        console.print(next_steps(verdict), crop=False)
