"""The command that says what a run would do, and sends nothing."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bulk_topup.app.plan import plan_for_approval, plan_job
from bulk_topup.app.provider import open_client, payer_of
from bulk_topup.app.report import make_report_folder
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.monitoring import notify_plan
from bulk_topup.cli.options.list import job_from, list_options, start_of
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.cli.options.report import report_from
from bulk_topup.cli.screens.plan import plan_json, show_plan
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.dvs import codec
from bulk_topup.errors import ReportError
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.files import atomic_write


@click.command("plan")
@list_options
@provider_options
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the plan, fit to be approved.  [default: reports/<job>-<run key>/plan.json]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan_command(output: Path | None, as_json: bool, **values: Any) -> None:
    """Say what a run would do, without sending: what is wrong, what it costs, what is left; as a table and a file.

    \b
    Example:
      bulk-topup plan sample_files/rewards.csv --product 6418
    """
    with exit_on_error():
        job, folder = job_from(values)
        corrections: Path | None = values.pop("corrections")
        provider = provider_from(values, job.environment)
        job = job.at(start_of(values, job.schedule), folder)
        unstated = {"report_dir": None, "formats": (), "reveal_pins": False}
        report = report_from(unstated, job.name, str(job.run_key), folder=job.report_folder)
        file = output or report.folder / "plan.json"

        async def check() -> Any:  # noqa: ANN401
            async with open_client(provider, rate=job.rate) as dvs:
                with LedgerStore(provider.ledger) as ledger:
                    if output is None and not job.approval.required:
                        return *await plan_job(job, dvs=dvs, ledger=ledger, corrections=corrections), None
                    payer = payer_of(provider, dvs, same_account=False)
                    return await plan_for_approval(job, dvs=dvs, payer=payer, ledger=ledger, corrections=corrections)

        run, prepared, statement = run_async(check())
        console = Console(stderr=as_json, emoji=False)
        show_plan(console, job, run, prepared)
        to_approve = {} if statement is None else {"to_approve": statement.model_dump()}
        body = codec.encode({**plan_json(job, prepared), **to_approve})
        make_report_folder(file.parent)
        try:
            with atomic_write(file) as temporary:
                temporary.write_bytes(body + b"\n")
        except OSError as error:
            raise ReportError(
                f"The plan cannot be written to {file}: {error.strerror}. Name another with --output."
            ) from None
        console.print(f"The plan as a file: {escape_markup(file)}", highlight=False, soft_wrap=True)
        if as_json:
            click.echo(body)
        if (prepared.plan.refused and not job.skip_refused) or not prepared.guards_are_kept:
            raise click.exceptions.Exit(ExitCode.INVALID_INPUT)
        if not prepared.balance_is_enough:
            raise click.exceptions.Exit(ExitCode.STOPPED_BY_PROVIDER)
        if statement is not None and job.approval.required:
            notify_plan(job, folder, provider.credentials, statement, file)
