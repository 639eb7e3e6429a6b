"""The commands of the ledger itself: purge the personal data of finished runs, and rename a run."""

import re
from datetime import timedelta
from typing import Final

import click
import cloup
from rich.console import Console

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.purge import Candidate, candidates, purge
from bulk_topup.app.rename import rename
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.confirmation import confirm
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.domain.run import Run
from bulk_topup.dvs import codec
from bulk_topup.security.terminal_text import printable

_HEADINGS: Final = ("run", "rows", "last changed (UTC)", "personal data")


def _parse_days(_context: click.Context, _option: click.Parameter, text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,5})d", text)
    if match is None:
        raise click.BadParameter(f'"{text}" is not a number of days; write it like 90d.')
    return timedelta(days=int(match[1]))


@cloup.group("ledger")
def ledger_group() -> None:
    """Purge personal data of finished runs, and rename runs.

    \b
    Example:
      bulk-topup ledger purge --older-than 90d --dry-run
      bulk-topup ledger rename rewards/2026-11 2026-11-second
    """


@ledger_group.command("purge")
@run_argument(required=False)
@cloup.option(
    "--older-than",
    metavar="DAYS",
    callback=_parse_days,
    required=True,
    help="Only runs without a change for so long, e.g. 90d.",
)
@cloup.option("--dry-run", is_flag=True, help="Show what would be purged, and purge nothing.")
@cloup.option("--yes", is_flag=True, help="Skip the confirmation prompt.")
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def purge_command(
    run_name: str | None, older_than: timedelta, dry_run: bool, yes: bool, as_json: bool, provider: ProviderArguments
) -> None:
    """Purge the personal data of finished runs; amounts, prices, IDs, states and times stay.

    Purged are the list's cells and columns, credit parties, requests, PINs, and all messages that could quote any of
    them. It can't be undone, and a purged run can't be sent again. Reports, lists, plans and copies of the ledger are
    separate files and stay.

    \b
    Example:
      bulk-topup ledger purge --older-than 90d --dry-run
    """
    with exit_on_error(), open_existing_ledger(provider.resolve(), read_only=dry_run, clock=command_clock()) as ledger:
        now = ledger.file.clock.now()
        runs = ledger.runs.all() if run_name is None else [ledger.runs.named(run_name)]
        found = candidates(ledger, runs, older_than=older_than, now=now)
        ready = [each for each in found if not each.why_not]
        if dry_run:
            _show(found, "would be purged", as_json)
            return
        if ready and not yes:
            names = ", ".join(each.run.name for each in ready)
            confirm(f"Purge the personal data of {names} for good?", needs="Purging")
        done = {each.run.id: each for each in purge(ledger, found, older_than=older_than, now=now)}
        _show([done.get(each.run.id, each) for each in found], "purged", as_json)


@ledger_group.command("rename")
@run_argument()
@click.argument("new_name", metavar="NEW")
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def rename_command(run_name: str, new_name: str, as_json: bool, provider: ProviderArguments) -> None:
    """Rename a run: NEW is JOB/RUN-KEY, or another run key of its job.

    What was sent stays as it is: the run's external IDs remain those of its first name. A start under the old name is
    then refused, so change the job file or --run-key as well.

    \b
    Example:
      bulk-topup ledger rename rewards/2026-11 2026-11-second
    """
    with exit_on_error(), open_existing_ledger(provider.resolve(), clock=command_clock()) as ledger:
        run = ledger.runs.named(run_name)
        renamed = rename(ledger, run, new_name)
        if as_json:
            click.echo(codec.encode({"run": renamed.name, "was": run.name, "external_ids_of": _name_of_ids(renamed)}))
            return
        click.echo(
            printable(
                f"Run {run.name} is now {renamed.name}. Continue it under the new name. Its external IDs remain those "
                f"of {_name_of_ids(renamed)}, which a rebuild after a lost ledger needs."
            )
        )


def _name_of_ids(run: Run) -> str:
    return f"{run.ids.job}/{run.ids.run_key}"


def _show(found: list[Candidate], purged: str, as_json: bool) -> None:
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
            f"kept: {each.why_not}" if each.why_not else purged,
        )
        for each in found
    )
    Console().print(simple_table(_HEADINGS, rows, unbroken=("run",)))
