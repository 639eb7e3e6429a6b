"""The plan on a terminal, and as JSON: verdict, costs, the list, the run, refused rows, guards, products."""

from __future__ import annotations  # what is shown is heavy to import, and only named here

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bulk_topup.cli.command_line import join_lines, repeated_command
from bulk_topup.cli.screens.plan_bills import bill_lines
from bulk_topup.cli.screens.plan_choices import choice_lines
from bulk_topup.cli.screens.plan_columns import amount_lines, column_lines, column_options
from bulk_topup.cli.screens.plan_corrections import correction_lines
from bulk_topup.cli.screens.plan_earlier import earlier_lines, elsewhere_lines, open_run_lines
from bulk_topup.cli.screens.plan_numbers import number_lines
from bulk_topup.cli.screens.plan_prices import price_lines
from bulk_topup.cli.screens.plan_problems import show_problems
from bulk_topup.cli.screens.plan_verdict import plan_verdict
from bulk_topup.cli.screens.style import escape_markup, framed, printable_cell
from bulk_topup.cli.screens.tables import ReadableTable, simple_table
from bulk_topup.domain.list_problem import ListProblemKind
from bulk_topup.domain.money import format_amount, format_money, format_plain
from bulk_topup.domain.problems import position_word
from bulk_topup.domain.run import Run
from bulk_topup.domain.verdict import format_rows
from bulk_topup.system.time_zones import machine_zone_name

if TYPE_CHECKING:
    from bulk_topup.app.preflight import PayingAccount
    from bulk_topup.app.prepare import Prepared
    from bulk_topup.jobs.job import Job
    from bulk_topup.plan import BalanceCheck, GuardCheck


def show_plan(console: Console, job: Job, run: Run | None, prepared: Prepared) -> None:
    """Print a plan.

    Args:
        console: where it is printed.
        job: the job.
        run: the run as it is in the ledger; None for a new one.
        prepared: the list, checked.
    """
    severity, headline = plan_verdict(job, run, prepared)
    lines = [escape_markup(headline), *map(_balance_line, prepared.balances), *_list_lines(job, prepared)]
    lines += _run_lines(job, run, prepared)
    console.print(framed(f"Plan of {job.name}/{job.run_key}", severity, lines, console), crop=False)
    if prepared.plan.refused_rows:
        show_problems(console, prepared.plan, position_word(job.list))
    for when, words in _ways_on(job, prepared):
        if command := repeated_command(*words):
            console.print(f"{when}:\n  {escape_markup(command)}", highlight=False, soft_wrap=True)
    if prepared.checks:
        console.print(_guards_table(prepared))
    # What a run has sent already is in its report: the whole list would look as if it were sent again.
    if prepared.plan.products and prepared.difference.new == prepared.plan.accepted:
        console.print(_products_table(prepared))


def _ways_on(job: Job, prepared: Prepared) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what a person may decide about a list that is refused, each with the words that say so."""
    if prepared.plan.refused:
        yield from column_options(prepared.plan.columns)
    problem = None if prepared.list_problem is None else prepared.list_problem.kind
    if problem is ListProblemKind.OTHER_ROWS:
        yield "To pay the new rows in this run", ("--add",)
    if problem is ListProblemKind.PAID_OUT:
        yield "To pay the list again on purpose", ("--run-key", "NAME", "--pay-again", "REASON")
    if problem is ListProblemKind.HIDDEN_ROWS:
        yield "To pay only what the workbook shows", ("--hidden-rows", "leave-out")
        yield "To pay these rows too", ("--hidden-rows", "pay")
    if prepared.undecided:
        yield "If they are not the same", ("--not-the-same", join_lines(prepared.undecided), "--reason", "TEXT")
    is_paid = prepared.difference.earlier.refused or (prepared.elsewhere.payments and prepared.pay_again is None)
    if problem is None and is_paid and not prepared.is_acceptable(skip_refused=job.skip_refused):
        yield "If these are other payments", ("--pay-again", "REASON")


def _balance_line(check: BalanceCheck) -> str:
    unit = check.unit
    parts = [f"Cost {format_amount(check.cost, unit)}"]
    if check.available is None or check.after is None:
        parts.append("no wallet")
    else:
        parts.append(f"available {format_amount(check.available, unit)}")
        if check.credit_limit:
            parts.append(f"credit limit {format_amount(check.credit_limit, unit)}")
        parts.append(f"then {format_amount(check.after, unit)}")
    style = "green" if check.is_enough else "bold red"
    return f"[{style}]{escape_markup(unit)}: {', '.join(parts)}[/]"


def _list_lines(job: Job, prepared: Prepared) -> Iterator[str]:
    plan = prepared.plan
    refused = f", [bold red]{plan.to_fix:,} refused[/]" if plan.to_fix else ""
    refused += f", {plan.nothing_due:,} with nothing due" if plan.nothing_due else ""
    refused += f", {plan.duplicates:,} left out as duplicates" if plan.duplicates else ""
    prices = "" if plan.prices_at is None else f" Prices of {plan.prices_at:%Y-%m-%d %H:%M} UTC."
    yield f"{escape_markup(job.list)}: {format_rows(plan.rows)}, {plan.accepted:,} valid{refused}.{prices}"
    yield from column_lines(plan.columns)
    yield from amount_lines(plan.amount_notes)
    for filter_, count in prepared.left_out.items():
        yield f"  {format_rows(count)} left out by filter {escape_markup(filter_)}."
    if outside := prepared.outside.sentence():
        yield f"  Left out, as no part of the list: {escape_markup(outside)}."
    if (unseen := prepared.unseen).choice is not None and unseen.rows:
        fate = "paid all the same" if unseen.choice == "pay" else "left out"
        yield f"  {escape_markup(unseen.sentence())}, {fate}."
    if hidden := prepared.unseen.columns:
        yield f"  Columns hidden in the workbook, and left out of the report: {escape_markup(', '.join(hidden))}."
    yield from earlier_lines(prepared.difference.earlier)
    yield from elsewhere_lines(prepared)
    if duplicates := prepared.difference.possible_duplicates:
        what = "possible duplicate" if duplicates == 1 else "possible duplicates"
        yield f"  [red]{duplicates:,} {what}, refused: another row of the list or of the run may pay the same.[/]"
    if repeated := prepared.difference.velocity_refused:
        verb = "exceeds" if repeated == 1 else "exceed"
        yield f"  [red]{repeated:,} of the refused rows {verb} the velocity limit.[/]"
    if (same := prepared.same_list) is not None:
        yield f"  [yellow]The same list as run {escape_markup(same.run)}, sent {same.times}.[/]"
    yield from price_lines(prepared.price_changes)
    yield from number_lines(plan.numbers)
    if plan.choices is not None:
        yield from choice_lines(plan.choices)
    if plan.bills is not None:
        yield from bill_lines(plan.bills)
    yield from correction_lines(job.list, prepared)


def _run_lines(job: Job, run: Run | None, prepared: Prepared) -> Iterator[str]:
    if run is None:
        yield f"Run [bold]{escape_markup(job.name)}/{escape_markup(job.run_key)}[/] is new."
        if job.time_zone is not None and job.time_zone != machine_zone_name():
            yield f"  Its days are those of the time zone {escape_markup(job.time_zone)}."
        yield from open_run_lines(prepared)
        return
    difference = prepared.difference
    parts = (
        (difference.completed, "completed"),
        (difference.failed, "failed"),
        (difference.open, "in progress"),
        (difference.needs_review, "in review"),
        (difference.removed_from_list, "no longer in the list"),
    )
    known = "".join(f"{number:,} {what}, " for number, what in parts if number)
    rows = difference.new - difference.replacing
    new = f" ({rows:,} new in this list)" if rows else ""
    yield f"Resuming run [bold]{escape_markup(run.name)}[/]; started {run.created_at:%Y-%m-%d %H:%M} UTC."
    yield f"  {known}{difference.to_send - difference.kept_waiting:,} to send{new}."
    if difference.kept:
        waiting = f", {difference.kept_waiting:,} of them to send" if difference.kept_waiting else ""
        yield f"  {format_rows(difference.kept)} of other lists of the run, which stay as they are{waiting}."
    if (before := prepared.sent_before) is not None and rows:
        yield f"  {format_rows(before.rows)} of the run sent before, {before.times}."
    if changed := difference.changed_after_sending:
        yield f"  [red]{format_rows(changed)} changed in the list after sending: not paid again; see the report.[/]"
    yield "  To pay this list again: --run-key NAME --pay-again REASON"


def _products_table(prepared: Prepared) -> ReadableTable:
    rows = []
    for total in prepared.plan.products.values():
        unpriced = f" + {format_rows(total.unpriced)} of unknown price" if total.unpriced else ""
        benefits = f"\n{total.benefits}" if total.benefits else ""
        rounding = f"\n+/- {_money(total.rounding, total.cost_unit)} by rounding" if total.rounded else ""
        cost = f"{_money(total.cost, total.cost_unit)}{unpriced}{rounding}"
        amount = _money(total.amount, total.unit)
        rows.append((total.product_id, f"{total.name}{benefits}", f"{total.rows:,}", amount, cost))
    headings = ("product", "name", "rows", "amount", "expected cost")
    return simple_table(headings, rows, right=headings[2:])


def _money(amount: Decimal, unit: str | None) -> str:
    return format_plain(amount) if unit is None else format_money(amount, unit)


def _guards_table(prepared: Prepared) -> ReadableTable:
    rows = [
        (
            check.guard,
            *_guard_figures(check),
            Text("passed", style="green") if check.is_kept else Text(printable_cell(check.message), style="red"),
        )
        for check in prepared.checks
    ]
    return simple_table(("guard", "limit", "plan", "result"), rows, right=("limit", "plan"), title="Guards")


def _guard_figures(check: GuardCheck) -> tuple[str, str]:
    """Return a guard's limit and what the plan has, as amounts where the guard has a currency."""
    if check.unit is None:
        return "none" if check.limit is None else f"{check.limit:,f}", f"{check.figure:,f}"
    limit = "none" if check.limit is None else format_money(check.limit, check.unit)
    return limit, format_money(check.figure, check.unit)


def plan_json(job: Job, prepared: Prepared, payer: PayingAccount) -> dict[str, object]:
    """Return a plan as plain JSON values; amounts are texts in plain notation.

    Long because of its keys.
    """
    difference = prepared.difference
    return {
        "run": f"{job.name}/{job.run_key}",
        "environment": payer.environment,
        "account": payer.account,
        "list": job.list,
        **prepared.plan.as_json(),
        "new": difference.new,
        "waiting": difference.waiting,
        "resent": difference.resent,
        "completed": difference.completed,
        "failed": difference.failed,
        "open": difference.waiting + difference.open,
        "in_progress": difference.open,
        "needs_review": difference.needs_review,
        "changed_after_sending": difference.changed_after_sending,
        "removed_from_list": difference.removed_from_list,
        "kept": difference.kept,
        "kept_waiting": difference.kept_waiting,
        "sent_before": None if prepared.sent_before is None else prepared.sent_before.as_json(),
        "same_list": None if prepared.same_list is None else prepared.same_list.as_json(),
        "price_changes": [change.as_json() for change in prepared.price_changes],
        "list_problem": None if prepared.list_problem is None else prepared.list_problem.kind.value,
        "held": difference.possible_duplicates,
        "velocity_refused": difference.velocity_refused,
        "earlier_payments": {
            "refused": difference.earlier.refused,
            "paid_again": difference.earlier.paid_again,
            "is_same_list": difference.earlier.is_same_list,
            "runs": [run.as_json() for run in difference.earlier.runs],
            "repeated": [run.as_json() for run in difference.earlier.repeated],
            "more_repeated": difference.earlier.more_repeated,
            "unknown_until": None
            if difference.earlier.unknown_until is None
            else difference.earlier.unknown_until.isoformat(),
        },
        "paid_elsewhere": {
            "asked": prepared.elsewhere.asked,
            "payments": [payment.as_json() for payment in prepared.elsewhere.payments],
            "unanswerable": prepared.elsewhere.unanswerable,
        },
        "corrected": [{"line": row.line, "note": row.note} for row in prepared.corrected],
        "uncorrected": [row.as_json() for row in prepared.uncorrected],
        "left_out": dict(prepared.left_out),
        "outside_rows": prepared.outside.as_json(),
        "hidden_rows": prepared.unseen.as_json(),
        "hidden_columns": list(prepared.unseen.columns),
        "earlier_runs": [each.as_json() for each in prepared.earlier_runs],
        "guards": [check.as_json() for check in prepared.checks],
        "balances": [
            {
                "unit": check.unit,
                "available": None if check.available is None else format_plain(check.available),
                "credit_limit": None if check.credit_limit is None else format_plain(check.credit_limit),
                "remaining_cost": format_plain(check.cost),
                "after": None if check.after is None else format_plain(check.after),
                "is_enough": check.is_enough,
            }
            for check in prepared.balances
        ],
    }
