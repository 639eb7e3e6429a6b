"""The end of a run on a terminal: verdict, charges, totals, files and next steps."""

from __future__ import annotations  # the run is heavy to import, and only named here

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bulk_topup.cli.command_line import repeated_run
from bulk_topup.cli.screens.style import STATE_STYLES, escape_markup, framed, next_steps
from bulk_topup.cli.whole_commands import with_whole_commands
from bulk_topup.domain.charge import CHARGED_STATES
from bulk_topup.domain.environment import format_account
from bulk_topup.domain.money import format_money
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.verdict import format_rows, verdict_of

if TYPE_CHECKING:
    from bulk_topup.app.execute import FinishedRun


def charged_lines(summary: Summary) -> Iterator[str]:
    """Yield lines of markup: what the wallet was charged, and what is on hold, per currency."""
    for label, sums in summary.money.items():
        for unit, amount in sums.items():
            yield f"{label}: [bold]{escape_markup(format_money(amount, unit))}[/]"


def summary_table(summary: Summary) -> Table:
    """Return a table of rows and charges per state and product."""
    table = Table(title=f"Run {escape_markup(summary.run)}: {format_rows(summary.rows)}")
    for heading in ("state", "product", "rows", "amount", "charged or on hold"):
        table.add_column(heading, justify="left" if heading in {"state", "product"} else "right")
    for total in summary.totals:
        has_cost = total.state in CHARGED_STATES and bool(total.price_unit)
        table.add_row(
            f"[{STATE_STYLES[total.state]}]{total.state}[/]",
            "" if total.product_id is None else str(total.product_id),
            f"{total.rows:,}",
            format_money(total.amount, total.unit) if total.unit else "",
            format_money(total.price + total.fee, total.price_unit) if has_cost and total.price_unit else "",
        )
    return table


def show_summary(console: Console, finished: FinishedRun) -> None:
    """Print how a run ended, and the files of its report."""
    result, summary = finished.result, finished.report.summary
    verdict = verdict_of(
        finished.run,
        summary.counts,
        contradicted=result.contradicted,
        repeats=summary.repeats,
        nothing_due=summary.nothing_due,
        unknown_charges=summary.unknown_charges,
        command=repeated_run("--pay-again", "REASON"),
    )
    run = finished.run
    lines = [escape_markup(verdict.headline), escape_markup(format_account(run.environment, run.account))]
    if result.message:
        lines.append(f"[bold yellow]{escape_markup(with_whole_commands(result.message))}[/]")
    if result.contradicted:
        verb = "differs" if result.contradicted == 1 else "differ"
        lines.append(f"[red]{format_rows(result.contradicted)} {verb} from the list; see `note` in the report.[/]")
    lines += charged_lines(finished.report.summary)
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
