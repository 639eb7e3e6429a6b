"""Looks after the ledger itself: removes the personal data of runs that are long over."""

import re
import sys
from datetime import timedelta
from typing import Any

import click
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.purge import Candidate, candidates, purge
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.dvs import codec
from bulk_topup.errors import BulkTopupError
from bulk_topup.system.clock import SystemClock

_HEADINGS = ("run", "rows", "last changed (UTC)", "personal data")


def _days(_context: click.Context, _option: click.Parameter, text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,5})d", text)
    if match is None:
        raise click.BadParameter(f'"{text}" is not a number of days; write it like 90d.')
    return timedelta(days=int(match[1]))


@click.group("ledger")
def ledger_group() -> None:
    """Look after the ledger.

    \b
    Example:
      bulk-topup ledger purge --older-than 90d --dry-run
    """


@ledger_group.command("purge")
@run_argument(required=False)
@click.option(
    "--older-than",
    metavar="DAYS",
    callback=_days,
    required=True,
    help="Only runs of which nothing changed for so long, e.g. 90d.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--yes", is_flag=True, help="Confirm beforehand.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def purge_command(
    run_name: str | None, older_than: timedelta, dry_run: bool, yes: bool, as_json: bool, **values: Any
) -> None:
    """Remove the personal data of finished runs, and keep the money: amounts, prices, ids, states and times.

    Removed are the list's cells and columns, whom each row credited, what was asked for them, PINs, and all sentences
    that could quote any of it. It cannot be undone, and a purged run is never sent again. Reports, lists, plans and
    copies of the ledger are files of their own.

    \b
    Example:
      bulk-topup ledger purge --older-than 90d --dry-run
    """
    with exit_on_error(), open_existing_ledger(provider_from(values), read_only=dry_run) as ledger:
        now = SystemClock().now()
        runs = ledger.runs.all() if run_name is None else [ledger.runs.named(run_name)]
        found = candidates(ledger, runs, older_than=older_than, now=now)
        ready = [each for each in found if not each.why_not]
        if dry_run:
            _show(found, "would be removed", as_json)
            return
        if ready and not yes:
            _demand_agreement(ready)
        done = {each.run.id: each for each in purge(ledger, found, older_than=older_than, now=now)}
        _show([done.get(each.run.id, each) for each in found], "removed", as_json)


def _demand_agreement(ready: list[Candidate]) -> None:
    if not sys.stdin.isatty():
        raise BulkTopupError("To purge needs a confirmation, and there is no terminal; state --yes.")
    names = ", ".join(each.run.name for each in ready)
    click.confirm(f"The personal data of {names} is removed for good. Go on?", abort=True, err=True)


def _show(found: list[Candidate], removed: str, as_json: bool) -> None:
    if as_json:
        described = [
            {
                "run": each.run.name,
                "rows": each.rows,
                "last_changed": each.last_at,
                "purged": not each.why_not,
                "reason": each.why_not,
            }
            for each in found
        ]
        click.echo(codec.encode(described))
        return
    rows = (
        (
            each.run.name,
            each.rows,
            f"{each.last_at:%Y-%m-%d %H:%M}",
            f"stays: {each.why_not}" if each.why_not else removed,
        )
        for each in found
    )
    Console().print(simple_table(_HEADINGS, rows, unbroken=("run",)))
