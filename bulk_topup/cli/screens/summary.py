"""How a run ended, as panels and tables for the terminal."""

from __future__ import annotations  # the run is heavy to import, and only named here

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bulk_topup.cli.screens.style import STATE_STYLES, escape_markup, framed, next_steps
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.verdict import verdict_of

if TYPE_CHECKING:
    from bulk_topup.app.run import FinishedRun

#: States in which a row's price is charged or held; of a failed one it is released, of a reversed one given back.
_COSTS = frozenset({RowState.ACCEPTED, RowState.COMPLETED})


def charged_lines(summary: Summary) -> Iterator[str]:
    """Say what the wallet was charged, and what it still holds."""
    for verb, sums in (("Charged", summary.charged), ("Held for open rows", summary.held)):
        for unit, amount in sums.items():
            yield f"{verb}: [bold]{format_plain(amount)} {escape_markup(unit)}[/]"


def summary_table(summary: Summary) -> Table:
    """Give rows and charges per state and product."""
    table = Table(title=f"Run {escape_markup(summary.run)}: {summary.rows} rows")
    for heading in ("state", "product", "rows", "amount", "charged or held"):
        table.add_column(heading, justify="left" if heading in {"state", "product"} else "right")
    for total in summary.totals:
        cost = format_plain(total.price + total.fee) if total.state in _COSTS else ""
        table.add_row(
            f"[{STATE_STYLES[total.state]}]{total.state}[/]",
            "" if total.product_id is None else str(total.product_id),
            str(total.rows),
            f"{format_plain(total.amount)} {total.unit}" if total.unit else "",
            f"{cost} {total.price_unit}" if cost and total.price_unit else "",
        )
    return table


def show_summary(console: Console, finished: FinishedRun) -> None:
    """Show how a run ended and where its report lies."""
    result = finished.result
    verdict = verdict_of(finished.run, finished.report.summary.counts, contradicted=result.contradicted)
    lines = [escape_markup(verdict.headline)]
    if result.message:
        lines.append(f"[bold yellow]{escape_markup(result.message)}[/]")
    if result.contradicted:
        lines.append(f"[red]{result.contradicted} rows are contradicted by the list; see `note` in the report.[/]")
    lines += charged_lines(finished.report.summary)
    console.print(framed(f"Run {finished.run.name}", verdict.tone, lines, console), crop=False)
    console.print(summary_table(finished.report.summary))
    if finished.is_report_current:
        console.print("Nothing changed since this report was written:", highlight=False)
    for file in finished.report.files:
        console.print(f"  {escape_markup(file)}", highlight=False, soft_wrap=True)
    if finished.report.not_completed is not None:
        console.print(
            f"Rows that did not complete, ready to correct: {escape_markup(finished.report.not_completed)}",
            highlight=False,
            soft_wrap=True,
        )
    if finished.left_out is not None:
        console.print(
            f"Rows that the job leaves out: {escape_markup(finished.left_out)}", highlight=False, soft_wrap=True
        )
    if finished.archiving is not None and finished.archiving.path is not None:
        console.print(
            f"The list is archived: {escape_markup(finished.archiving.path)}", highlight=False, soft_wrap=True
        )
    if verdict.steps:
        console.print(next_steps(verdict), crop=False)
