"""The commands that look at what the ledger knows of runs: status tells it, report writes it down."""

from typing import Any

import click
from rich.console import Console, RenderableType

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.status import all_counts, load_status, runs_shown, standing_shown
from bulk_topup.domain.summary import summarise_groups
from bulk_topup.dvs import codec
from bulk_topup.ledger import LedgerStore

#: Seconds between looks where --watch states none, and what it may state.
WATCH_EVERY = 2
SHORTEST_WATCH, LONGEST_WATCH = 0.1, 86_400


def _seconds(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        raise click.BadParameter(f'"{text}" is no number of seconds; name a run before --watch.') from None
    if not SHORTEST_WATCH <= seconds <= LONGEST_WATCH:
        raise click.BadParameter(f"{text} is not between {SHORTEST_WATCH} and {LONGEST_WATCH} seconds.")
    return seconds


@click.command("status")
@run_argument(required=False)
@provider_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--watch",
    "watch_every",
    callback=_seconds,
    is_flag=False,
    flag_value=str(WATCH_EVERY),
    metavar="[SECONDS]",
    help="Look again every so many seconds, by default 2, until nothing is open any more, or Ctrl-C.",
)
def status_command(run_name: str | None, as_json: bool, watch_every: float | None, **values: Any) -> None:
    """Show the ledger's runs and their progress, or how one run stands and what to do next.

    --watch may be stated while another process pays the run: the ledger is only read.

    \b
    Example:
      bulk-topup status list/rewards
      bulk-topup status list/rewards --watch
    """
    if as_json and watch_every is not None:
        raise click.UsageError("Choose one of --json and --watch.")
    with exit_on_error(), open_existing_ledger(provider_from(values), read_only=True) as ledger:
        if as_json:
            click.echo(codec.encode(_described(run_name, ledger)))
            return
        console = Console(emoji=False)
        run = None if run_name is None else ledger.runs.named(run_name)

        def look() -> tuple[RenderableType, bool]:
            if run is None:
                runs = all_counts(ledger)
                return runs_shown(runs, console), all(each.is_over for each in runs)
            standing = load_status(run, ledger)
            return standing_shown(standing, console), standing.is_over

        if watch_every is None:
            console.print(look()[0], crop=False)
        else:
            from bulk_topup.cli.screens.live import watch

            watch(look, watch_every, console)


def _described(run_name: str | None, ledger: LedgerStore) -> object:
    if run_name is not None:
        run = ledger.runs.named(run_name)
        return summarise_groups(run, ledger.outcomes.groups(run)).as_json()
    return [
        {
            "run": run.name,
            "environment": run.environment,
            "list": run.list_path,
            "created_at": run.created_at,
            "purged": run.purged_at,
            "counts": {state.value: count for state, count in ledger.rows.counts(run).items()},
        }
        for run in ledger.runs.all()
    ]
