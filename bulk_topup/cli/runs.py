"""The commands that only look: plan says what a run would do, status and report what it did."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bulk_topup.cli.display import plan_json, show_charged, show_plan, shown, simple_table, summary_table
from bulk_topup.cli.exits import NOT_ACCEPTABLE, STOPPED_BY_PROVIDER, plain_errors
from bulk_topup.cli.options import (
    job_from,
    list_options,
    provider_from,
    provider_options,
    report_from,
    report_options,
)
from bulk_topup.cli.provider import existing_ledger, open_client, payer_of, run_async
from bulk_topup.clock import SystemClock
from bulk_topup.dvs import codec
from bulk_topup.files import replacing
from bulk_topup.ledger import Ledger
from bulk_topup.records import Run
from bulk_topup.report import ReportError, summarise
from bulk_topup.runs import (
    make_report_folder,
    plan_for_approval,
    plan_list,
    report_run,
)
from bulk_topup.states import RowState


@click.command("plan")
@list_options
@provider_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the plan, fit to be approved.  [default: reports/<job>-<run key>/plan.json]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan_command(out: Path | None, as_json: bool, **values: Any) -> None:
    """Say what a run would do, without sending: what is wrong, what it costs, what is left; as a table and a file.

    \b
    Example:
      bulk-topup plan sample_files/rewards.csv --product 6418
    """
    with plain_errors():
        job, folder = job_from(values)
        corrections: Path | None = values.pop("corrections")
        provider = provider_from(values, job.environment)
        job = job.at(SystemClock().now(), folder)
        file = (
            out
            or report_from({"report_dir": None, "formats": (), "reveal_pins": False}, job.name, str(job.run_key)).folder
            / "plan.json"
        )

        async def check() -> Any:  # noqa: ANN401
            async with open_client(provider, rate=job.rate) as dvs:
                with Ledger(provider.ledger) as ledger:
                    if out is None and not job.approval.required:
                        return *await plan_list(job, dvs=dvs, ledger=ledger, corrections=corrections), None
                    payer = payer_of(provider, dvs, is_same_account=False)
                    return await plan_for_approval(job, dvs=dvs, payer=payer, ledger=ledger, corrections=corrections)

        run, prepared, statement = run_async(check())
        console = Console(stderr=as_json, emoji=False)
        show_plan(console, job, run, prepared)
        to_approve = {} if statement is None else {"to_approve": statement.model_dump()}
        body = codec.encode({**plan_json(job, prepared), **to_approve})
        make_report_folder(file.parent)
        try:
            with replacing(file) as temporary:
                temporary.write_bytes(body + b"\n")
        except OSError as error:
            raise ReportError(
                f"The plan cannot be written to {file}: {error.strerror}. Name another with --out."
            ) from None
        console.print(f"The plan as a file: {shown(file)}", highlight=False, soft_wrap=True)
        if as_json:
            click.echo(body)
        if (prepared.plan.refused and not job.skip_refused) or not prepared.guards_are_kept:
            raise click.exceptions.Exit(NOT_ACCEPTABLE)
        if not prepared.balance_is_enough:
            raise click.exceptions.Exit(STOPPED_BY_PROVIDER)


@click.command("status")
@click.argument("run_name", metavar="[RUN]", required=False)
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
            summary = summarise(run, ledger.outcomes(run))
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
@click.argument("run_name", metavar="RUN")
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
