"""The command that shows runs and their progress."""

from datetime import datetime

import click
import cloup
from rich.console import Console, RenderableType

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.options.times import parse_time_or_age
from bulk_topup.cli.screens.status import (
    MAX_RUNS_SHOWN,
    RunChoice,
    load_counts,
    load_status,
    render_runs,
    render_status,
)
from bulk_topup.domain.summary import summarise_groups
from bulk_topup.dvs import codec
from bulk_topup.ledger import LedgerStore

#: Seconds between two refreshes of --watch: by default, at least, at most.
WATCH_EVERY = 2
SHORTEST_WATCH, LONGEST_WATCH = 0.1, 86_400


def _parse_seconds(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        raise click.BadParameter(f'"{text}" is not a number of seconds. Name the run before --watch.') from None
    if not SHORTEST_WATCH <= seconds <= LONGEST_WATCH:
        raise click.BadParameter(f"{text} is not between {SHORTEST_WATCH} and {LONGEST_WATCH} seconds.")
    return seconds


@cloup.command("status")
@run_argument(required=False)
@provider_options
@cloup.option("--job", metavar="JOB", help="Only runs of this job.")
@cloup.option(
    "--since",
    callback=parse_time_or_age,
    metavar="TIME",
    help="Only runs created since then: an age such as 7d, or a time in UTC such as 2026-11-24.",
)
@cloup.option("--open", "is_open", is_flag=True, help="Only runs with open rows, and those being paid.")
@cloup.option("--all", "is_every_one", is_flag=True, help=f"Every run, not only the newest {MAX_RUNS_SHOWN}.")
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON; lists every run.")
@cloup.option(
    "--watch",
    "watch_every",
    callback=_parse_seconds,
    is_flag=False,
    flag_value=str(WATCH_EVERY),
    metavar="[SECONDS]",
    help="Refresh every SECONDS until no row is open.  [default: 2]",
)
def status_command(
    run_name: str | None,
    provider: ProviderArguments,
    job: str | None,
    since: datetime | None,
    is_open: bool,
    is_every_one: bool,
    as_json: bool,
    watch_every: float | None,
) -> None:
    """Show the ledger's runs and their progress, newest first, or one run and what to do next.

    The ledger is only read, so a run can be watched while another process pays it.

    \b
    Example:
      bulk-topup status --open
      bulk-topup status list/rewards
      bulk-topup status list/rewards --watch
    """
    if as_json and watch_every is not None:
        raise click.UsageError("Choose --json or --watch.")
    choice = RunChoice(job=job or "", since=since, is_open=is_open)
    if run_name is not None and (choice != RunChoice() or is_every_one):
        raise click.UsageError("--job, --since, --open and --all choose among runs. Remove them, or the run's name.")
    with exit_on_error(), open_existing_ledger(provider.resolve(), read_only=True) as ledger:
        if as_json:
            click.echo(codec.encode(_as_json(run_name, choice, ledger)))
            return
        console = Console(emoji=False)
        run = None if run_name is None else ledger.runs.named(run_name)

        def snapshot() -> tuple[RenderableType, bool]:
            if run is None:
                runs = load_counts(ledger, choice)
                return render_runs(runs, console, is_every_one=is_every_one), all(each.is_final for each in runs)
            status = load_status(run, ledger)
            return render_status(status, console), status.is_final

        if watch_every is None:
            console.print(snapshot()[0], crop=False)
        else:
            from bulk_topup.cli.screens.live import watch

            watch(snapshot, watch_every, console)


def _as_json(run_name: str | None, choice: RunChoice, ledger: LedgerStore) -> object:
    if run_name is not None:
        run = ledger.runs.named(run_name)
        return summarise_groups(run, ledger.outcomes.groups(run)).as_json()
    return [
        {
            "run": each.run.name,
            "environment": each.run.environment,
            "account": each.run.account or None,
            "list": each.run.list_path,
            "created_at": each.run.created_at,
            "purged": each.run.purged_at,
            "closed": None if each.run.closing is None else each.run.closing.as_json(),
            "left_open": None if each.run.left_open is None else each.run.left_open.as_json(),
            "paid_again": [again.as_json() for again in each.run.paid_again],
            "counts": {state.value: count for state, count in each.counts.items()},
            "nothing_due": each.nothing_due,
            "duplicates_left_out": each.duplicates,
        }
        for each in load_counts(ledger, choice)
    ]
