"""Earlier payments and runs in the plan on a terminal: what rows repeat, who else paid today, and runs left open."""

from __future__ import annotations  # what is shown is heavy to import, and only named here

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.cli.whole_commands import whole_command, with_whole_commands
from bulk_topup.domain.earlier_payments import ELSEWHERE, MAX_RUNS_NAMED
from bulk_topup.domain.earlier_run import MAX_NAMED, ways_on
from bulk_topup.domain.verdict import format_rows

if TYPE_CHECKING:
    from bulk_topup.app.prepare import Prepared
    from bulk_topup.domain.earlier_payments import EarlierPayments


def earlier_lines(earlier: EarlierPayments) -> Iterator[str]:
    """Yield a line for each other run whose payments rows repeat, and for what can't be compared."""
    refused = [(run, "refused") for run in earlier.runs] if earlier.refused else []
    again = [(run, f"paid again: {run.reason}") for run in earlier.repeated]
    for found in (refused, again):
        for run, what in found[:MAX_RUNS_NAMED]:
            verb = "repeats a payment" if run.rows == 1 else "repeat payments"
            name = run.run if run.run == ELSEWHERE else f"run {run.run}"
            text = f"{format_rows(run.rows)} {verb} of {name}, sent {run.days}: {what.rstrip('.')}."
            yield f"  [red]{escape_markup(text)}[/]"
        if more := sum(run.rows for run, _ in found[MAX_RUNS_NAMED:]):
            yield f"  [red]{format_rows(more)} more, of other runs.[/]"
    if more := earlier.more_repeated:
        what = "1 more payment" if more == 1 else f"{more:,} more payments"
        yield f"  [red]These rows repeat {what} of other runs as well.[/]"
    if earlier.unknown_until is not None:
        until = f"{earlier.unknown_until:%Y-%m-%d %H:%M} UTC"
        yield f"  [yellow]Payments of purged runs until {until} are not compared: nobody knows whom they paid.[/]"


def elsewhere_lines(prepared: Prepared) -> Iterator[str]:
    """Yield a line for each payment of today that this ledger does not know."""
    elsewhere = prepared.elsewhere
    if elsewhere.payments and prepared.pay_again is None:
        for payment in elsewhere.payments[:MAX_RUNS_NAMED]:
            yield f"  [red]{escape_markup(f'Paid today from elsewhere, {payment.sentence()}.')}[/]"
    if elsewhere.unanswerable:
        text = f"Whether another ledger paid today is not compared: {elsewhere.unanswerable.rstrip('.')}."
        yield f"  [yellow]{escape_markup(text)}[/]"


def open_run_lines(prepared: Prepared) -> Iterator[str]:
    """Yield a line for each earlier run of the job that is not finished."""
    for each in prepared.earlier_runs[:MAX_NAMED]:
        style = "red" if each in prepared.stopping_runs else "yellow"
        left = ", left open" if each.stops and not prepared.stopping_runs else ""
        ways = list(ways_on(each.run))
        way = ", or ".join(ways if each.stops else ways[:1])
        text = f"Earlier run {each.run.name}: {each.description}{left}. {way[:1].upper()}{way[1:]}."
        yield f"  [{style}]{escape_markup(with_whole_commands(text))}[/]"
    if (more := len(prepared.earlier_runs) - MAX_NAMED) > 0:
        status = escape_markup(whole_command("bulk-topup status"))
        yield f"  {more:,} more open runs of the job; `{status}` lists them."
