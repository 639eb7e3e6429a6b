"""The commands that look at what the ledger knows of runs: status tells it, report writes it down."""

from typing import Any

import click
from rich.console import Console

from bulk_topup.cli.completion import run_argument
from bulk_topup.cli.display import show_charged, shown, simple_table, summary_table
from bulk_topup.cli.existing import existing_ledger
from bulk_topup.cli.exits import plain_errors
from bulk_topup.cli.provider_options import provider_from, provider_options
from bulk_topup.cli.report_options import report_from, report_options
from bulk_topup.dvs import codec
from bulk_topup.records import Run
from bulk_topup.report import summarise_groups
from bulk_topup.reporting import make_report_folder, report_run
from bulk_topup.states import RowState


@click.command("status")
@run_argument(required=False)
@provider_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status_command(run_name: str | None, as_json: bool, **values: Any) -> None:
    """Show the ledger's runs and their progress, or one run's totals.

    \b
    Example:
      bulk-topup status list/rewards
    """
    with plain_errors(), existing_ledger(provider_from(values), read_only=True) as ledger:
        console = Console(emoji=False)
        if run_name is not None:
            run = ledger.run_named(run_name)
            summary = summarise_groups(run, ledger.outcome_groups(run))
            if as_json:
                click.echo(codec.encode(summary.as_json()))
                return
            console.print(summary_table(summary))
            show_charged(console, summary)
            _tell_of_purge(console, run)
            if summary.counts[RowState.CONFLICT] or ledger.count_notes(run):
                console.print(f"A person has to look: `bulk-topup conflict list {shown(run.name)}`", highlight=False)
            return
        runs = [(run, ledger.counts(run)) for run in ledger.runs()]
        if as_json:
            described = [
                {
                    "run": run.name,
                    "environment": run.environment,
                    "list": run.list_path,
                    "begun": run.created_at,
                    "purged": run.purged_at,
                    "counts": {state.value: count for state, count in counts.items()},
                }
                for run, counts in runs
            ]
            click.echo(codec.encode(described))
            return
        headings = ("run", "environment", "begun (UTC)", "rows", "progress")
        console.print(simple_table(headings, (_progress_row(run, counts) for run, counts in runs), unbroken=("run",)))


@click.command("report")
@run_argument()
@provider_options
@report_options
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def report_command(run_name: str, as_json: bool, **values: Any) -> None:
    """Write a run's report again from the ledger, in any format.

    \b
    Example:
      bulk-topup report list/rewards --format xlsx --report-dir /tmp/rewards
    """
    with plain_errors(), existing_ledger(provider_from(values), read_only=True) as ledger:
        run = ledger.run_named(run_name)
        options = report_from(values, run.job, run.run_key)
        make_report_folder(options.folder)
        report = report_run(run, ledger=ledger, options=options)
        if as_json:
            click.echo(codec.encode({**report.summary.as_json(), "files": [str(file) for file in report.files]}))
            return
        console = Console(emoji=False)
        console.print(summary_table(report.summary))
        show_charged(console, report.summary)
        _tell_of_purge(console, run)
        for file in report.files:
            console.print(f"  {shown(file)}", highlight=False, soft_wrap=True)


def _tell_of_purge(console: Console, run: Run) -> None:
    if run.purged_at is not None:
        console.print(
            f"The personal data of this run was removed at {run.purged_at:%Y-%m-%d %H:%M} UTC; it is never sent again.",
            highlight=False,
            soft_wrap=True,
        )


def _progress_row(run: Run, counts: dict[RowState, int]) -> tuple[object, ...]:
    states = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    if run.purged_at is not None:
        states += "; purged"
    return run.name, run.environment, run.created_at.strftime("%Y-%m-%d %H:%M"), sum(counts.values()), states
