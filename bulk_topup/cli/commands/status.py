"""The command that shows runs and their progress."""

import click
import cloup
from rich.console import Console, RenderableType

from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.screens.status import load_counts, load_status, render_runs, render_status
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
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@cloup.option(
    "--watch",
    "watch_every",
    callback=_parse_seconds,
    is_flag=False,
    flag_value=str(WATCH_EVERY),
    metavar="[SECONDS]",
    help="Refresh every SECONDS until no row is open.  [default: 2]",
)
def status_command(run_name: str | None, provider: ProviderArguments, as_json: bool, watch_every: float | None) -> None:
    """Show the ledger's runs and their progress, or one run and what to do next.

    The ledger is only read, so a run can be watched while another process pays it.

    \b
    Example:
      bulk-topup status list/rewards
      bulk-topup status list/rewards --watch
    """
    if as_json and watch_every is not None:
        raise click.UsageError("Choose --json or --watch.")
    with exit_on_error(), open_existing_ledger(provider.resolve(), read_only=True) as ledger:
        if as_json:
            click.echo(codec.encode(_as_json(run_name, ledger)))
            return
        console = Console(emoji=False)
        run = None if run_name is None else ledger.runs.named(run_name)

        def snapshot() -> tuple[RenderableType, bool]:
            if run is None:
                runs = load_counts(ledger)
                return render_runs(runs, console), all(each.is_final for each in runs)
            status = load_status(run, ledger)
            return render_status(status, console), status.is_final

        if watch_every is None:
            console.print(snapshot()[0], crop=False)
        else:
            from bulk_topup.cli.screens.live import watch

            watch(snapshot, watch_every, console)


def _as_json(run_name: str | None, ledger: LedgerStore) -> object:
    if run_name is not None:
        run = ledger.runs.named(run_name)
        return summarise_groups(run, ledger.outcomes.groups(run)).as_json()
    return [
        {
            "run": run.name,
            "environment": run.environment,
            "account": run.account or None,
            "list": run.list_path,
            "created_at": run.created_at,
            "purged": run.purged_at,
            "closed": None if run.closing is None else run.closing.as_json(),
            "left_open": None if run.left_open is None else run.left_open.as_json(),
            "paid_again": [each.as_json() for each in run.paid_again],
            "counts": {state.value: count for state, count in ledger.rows.counts(run).items()},
            "nothing_due": ledger.rows.nothing_due(run),
        }
        for run in ledger.runs.all()
    ]
