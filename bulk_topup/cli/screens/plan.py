"""What people see: the plan, the progress of a run and its summary; decides nothing."""

from __future__ import annotations  # what is shown is heavy to import, and only named here

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bulk_topup.cli.screens.plan_verdict import plan_verdict
from bulk_topup.cli.screens.style import escape_markup, framed
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run

if TYPE_CHECKING:
    from bulk_topup.app.prepare import Prepared
    from bulk_topup.jobs.job import Job
    from bulk_topup.plan import BalanceCheck

#: Refused rows that a terminal shows; all of them are in the plan's file.
REFUSED_SHOWN = 20


def show_plan(console: Console, job: Job, run: Run | None, prepared: Prepared) -> None:
    """Show what a start would do: whether it can run, what it costs and leaves, refused rows, totals per product."""
    tone, headline = plan_verdict(job, run, prepared)
    lines = [escape_markup(headline), *map(_balance_line, prepared.balances), *_list_lines(job, prepared)]
    lines += _run_lines(job, run, prepared)
    console.print(framed(f"Plan of {job.name}/{job.run_key}", tone, lines, console), crop=False)
    if prepared.plan.refused_rows:
        console.print(_refused_table(prepared))
        if prepared.plan.refused > REFUSED_SHOWN:
            more = prepared.plan.refused - REFUSED_SHOWN
            console.print(f"… and {more} more refused rows; the plan's file names them.")
    if prepared.checks:
        console.print(_checks_table(prepared))
    if prepared.plan.products:
        console.print(_products_table(prepared))


def _balance_line(check: BalanceCheck) -> str:
    has = "no wallet" if check.available is None else f"{format_plain(check.available)} available"
    left = "" if check.after is None else f", {format_plain(check.after)} after"
    style = "green" if check.is_enough else "bold red"
    return f"[{style}]{escape_markup(check.unit)}: {format_plain(check.cost)} still to be paid, {has}{left}[/]"


def _list_lines(job: Job, prepared: Prepared) -> Iterator[str]:
    plan = prepared.plan
    refused = f"[bold red]{plan.refused} refused[/]" if plan.refused else "0 refused"
    yield f"{escape_markup(job.list)}: {plan.rows} rows, {plan.accepted} accepted, {refused}."
    for filter_, count in prepared.left_out.items():
        yield f"  {count} more rows are left out, as they are not {escape_markup(filter_)}."
    if repeated := prepared.difference.velocity_refused:
        yield f"  [red]{repeated} of the refused rows would pay somebody more often than the velocity limit allows.[/]"


def _run_lines(job: Job, run: Run | None, prepared: Prepared) -> Iterator[str]:
    if run is None:
        yield f"Run [bold]{escape_markup(job.name)}/{escape_markup(job.run_key)}[/] is new."
        return
    difference = prepared.difference
    yield f"Run [bold]{escape_markup(run.name)}[/] began {run.created_at:%Y-%m-%d %H:%M} UTC and goes on."
    yield (
        f"  {difference.completed} rows are completed, {difference.failed} failed, {difference.open} open, "
        f"{difference.needs_review} need review; "
        f"{difference.new + difference.waiting} are still to be sent ({difference.new} of them new in this list), "
        f"{difference.removed_from_list} are no longer in the list."
    )
    if difference.changed_after_sending:
        yield (
            f"  [red]{difference.changed_after_sending} rows changed in the list after they were sent; "
            "they are not paid again, and the report names them.[/]"
        )
    if difference.possible_duplicates:
        yield (
            f"  [red]{difference.possible_duplicates} rows credit somebody whom the run paid under another "
            "reference or line that the list no longer has; they are refused.[/]"
        )
    yield "  To pay this list again on purpose, name a new run: --run-key NAME"


def _products_table(prepared: Prepared) -> Table:
    table = Table()
    for heading in ("product", "name", "rows", "amount", "expected cost"):
        table.add_column(heading, justify="left" if heading in {"product", "name"} else "right")
    for total in prepared.plan.products.values():
        unpriced = f" + {total.unpriced} rows without a known price" if total.unpriced else ""
        table.add_row(
            str(total.product_id),
            escape_markup(total.name),
            str(total.rows),
            f"{format_plain(total.amount)} {total.unit}",
            f"{format_plain(total.cost)} {total.cost_unit}{unpriced}",
        )
    return table


def _checks_table(prepared: Prepared) -> Table:
    table = Table(title="Guards")
    for heading in ("guard", "states", "figure", ""):
        table.add_column(heading, justify="right" if heading in {"states", "figure"} else "left", overflow="fold")
    for check in prepared.checks:
        unit = f" {check.unit}" if check.unit else ""
        limit = "nothing" if check.limit is None else f"{format_plain(check.limit)}{unit}"
        outcome = "[green]kept[/]" if check.is_kept else f"[red]{escape_markup(check.message)}[/]"
        table.add_row(check.guard, limit, f"{format_plain(check.figure)}{unit}", outcome)
    return table


def _refused_table(prepared: Prepared) -> Table:
    table = Table(title="Refused rows", title_style="bold red")
    table.add_column("line", justify="right")
    table.add_column("column")
    table.add_column("what is wrong", overflow="fold")
    for row in prepared.plan.refused_rows[:REFUSED_SHOWN]:
        for index, problem in enumerate(row.problems):
            table.add_row(
                str(row.line) if index == 0 else "", escape_markup(problem.column), escape_markup(problem.message)
            )
    return table


def plan_json(job: Job, prepared: Prepared) -> dict[str, object]:
    """Give what a start would do as plain JSON values."""
    difference = prepared.difference
    return {
        "run": f"{job.name}/{job.run_key}",
        "list": job.list,
        **prepared.plan.as_json(),
        "new": difference.new,
        "waiting": difference.waiting,
        "completed": difference.completed,
        "failed": difference.failed,
        "open": difference.open,
        "needs_review": difference.needs_review,
        "changed_after_sending": difference.changed_after_sending,
        "removed_from_list": difference.removed_from_list,
        "held": difference.possible_duplicates,
        "velocity_refused": difference.velocity_refused,
        "left_out": dict(prepared.left_out),
        "guards": [check.as_json() for check in prepared.checks],
        "balances": [
            {
                "unit": check.unit,
                "available": check.available,
                "remaining_cost": check.cost,
                "after": check.after,
                "is_enough": check.is_enough,
            }
            for check in prepared.balances
        ],
    }
