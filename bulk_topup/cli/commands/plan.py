"""The command that checks a list and shows its costs, and sends nothing."""

from pathlib import Path

import click
import cloup
from rich.console import Console

from bulk_topup.app.catalogue import Asking
from bulk_topup.app.mark_list import Marking, prepare_marking
from bulk_topup.app.open_ledger import open_or_create_ledger
from bulk_topup.app.plan import plan_for_approval, plan_job
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.prepare import Prepared
from bulk_topup.app.provider import check_environment, check_scheduled_environment, open_client, payer_of
from bulk_topup.app.report import make_report_folder
from bulk_topup.app.run_name import named_as_known_run
from bulk_topup.app.time_zone import in_zone, zone_of
from bulk_topup.approvals.statement import PlanStatement
from bulk_topup.cli.account_line import account_line
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.job_from_options import job_from, start_day
from bulk_topup.cli.monitoring import notify_plan
from bulk_topup.cli.notices import show_notices
from bulk_topup.cli.options.list import (
    JobOptions,
    add_option,
    corrections_option,
    job_options,
    leave_open_option,
    list_argument,
    pay_again_option,
)
from bulk_topup.cli.options.not_the_same import NotTheSameOptions, not_the_same_options
from bulk_topup.cli.options.pace import callback_url_option, scheduled_option
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.options.repetition import repetition_of
from bulk_topup.cli.options.report import ReportArguments
from bulk_topup.cli.screens.marked import show_marked
from bulk_topup.cli.screens.plan import plan_json, show_plan
from bulk_topup.cli.screens.questions import shown_asking
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.callback_address import approved_address
from bulk_topup.domain.earlier_payments import Repetition
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.run import Run
from bulk_topup.dvs import codec
from bulk_topup.errors import ReportError
from bulk_topup.jobs.job import Job
from bulk_topup.system.clock import Clock
from bulk_topup.system.files import atomic_write


@cloup.command("plan")
@list_argument
@job_options
@corrections_option
@add_option
@pay_again_option
@leave_open_option
@not_the_same_options
@scheduled_option
@provider_options
@callback_url_option
@cloup.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the plan, which can be approved.  [default: reports/<job>-<run key>/plan.json]",
)
@cloup.option(
    "--marked",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Workbook to write: the list with its wrong cells coloured and commented, and a sheet of problems by kind.",
)
@cloup.option("--force", is_flag=True, help="Replace an existing file of --marked.")
@cloup.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan_command(
    list_or_job: str,
    given: JobOptions,
    corrections: Path | None,
    add: bool,
    pay_again: str | None,
    leave_open: str | None,
    different: NotTheSameOptions,
    is_scheduled: bool,
    provider: ProviderArguments,
    callback_url: str | None,
    output: Path | None,
    marked: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Check a list and show its costs; sends nothing.

    Shows refused rows, guards, costs and balances, and writes the plan to a file.

    \b
    Example:
      bulk-topup plan sample_files/rewards.csv --product 6418
    """
    with exit_on_error():
        job, folder = job_from(list_or_job, given, provider.environment)
        options = provider.resolve(job.environment)
        check_environment(options)
        if is_scheduled:
            check_scheduled_environment(options)
        zone = zone_of(job, options.ledger)
        job = in_zone(job, zone).at(start_day(job, zone, given.list_.today, is_scheduled=is_scheduled)[0], folder)
        job = named_as_known_run(job, options.ledger)
        file = output or ReportArguments().resolve_job(job).folder / "plan.json"
        marking = _marking(job, marked, force=force)
        repetition = repetition_of(pay_again, leave_open, different, is_scheduled=is_scheduled, add=add)
        to_approve = output is not None or job.approval.required
        run, prepared, statement, payer, unreadable = run_async(
            _plan(
                job,
                options,
                repetition,
                corrections,
                to_approve=to_approve,
                callback_address=approved_address(callback_url),
                clock=command_clock(),
            )
        )
        console = Console(stderr=as_json, emoji=False)
        console.print(escape_markup(account_line(options, payer.account)), highlight=False)
        show_plan(console, job, run, prepared)
        body = _body(plan_json(job, prepared, payer), unreadable, statement)
        _write(body, file)
        console.print(f"Plan written to {escape_markup(file)}", highlight=False, soft_wrap=True)
        show_marked(console, job, list_or_job, prepared.plan, marking)
        if as_json:
            click.echo(body)
        _exit_unless_ready(job, prepared)
        if statement is not None and job.approval.required:
            notify_plan(job, folder, options.credentials, statement, file)


async def _plan(
    job: Job,
    options: ProviderOptions,
    repetition: Repetition,
    corrections: Path | None,
    *,
    to_approve: bool,
    callback_address: str,
    clock: Clock,
) -> tuple[Run | None, Prepared, PlanStatement | None, PayingAccount, list[dict[str, object]]]:
    """Return the job's run, its list as checked, any statement to approve, who would pay, and what was skipped."""
    async with open_client(options, rate=job.rate, clock=clock) as dvs:
        show_notices(dvs, clock)
        payer = payer_of(options, dvs, same_account=False)
        with open_or_create_ledger(options, clock=clock) as ledger, shown_asking() as on_progress:
            asking = Asking(keeps_answers=not options.is_embedded, on_progress=on_progress)
            if to_approve:
                run, prepared, statement = await plan_for_approval(
                    job,
                    dvs=dvs,
                    payer=payer,
                    ledger=ledger,
                    clock=clock,
                    corrections=corrections,
                    repetition=repetition,
                    callback_address=callback_address,
                    asking=asking,
                )
                return run, prepared, statement, payer, dvs.unreadable.as_json()
            run, prepared = await plan_job(
                job,
                dvs=dvs,
                ledger=ledger,
                environment=options.environment,
                corrections=corrections,
                clock=clock,
                repetition=repetition,
                asking=asking,
            )
            return run, prepared, None, payer, dvs.unreadable.as_json()


def _marking(job: Job, marked: Path | None, *, force: bool) -> Marking | None:
    if marked is not None:
        if job.address is not None:
            raise click.UsageError("--marked is for a list that is a file. Save this list as one, and plan that.")
        return prepare_marking(job, marked, force=force)
    if force:
        raise click.UsageError("--force is for the file of --marked. Add --marked FILE, or remove --force.")
    return None


def _exit_unless_ready(job: Job, prepared: Prepared) -> None:
    if not prepared.is_acceptable(skip_refused=job.skip_refused):
        raise click.exceptions.Exit(ExitCode.INVALID_INPUT)
    if not prepared.balance_is_enough:
        raise click.exceptions.Exit(ExitCode.STOPPED_BY_PROVIDER)


def _body(plan: dict[str, object], unreadable: list[dict[str, object]], statement: PlanStatement | None) -> bytes:
    approved = {} if statement is None else {"to_approve": statement.model_dump()}
    return codec.encode({**plan, "unreadable_entries": unreadable, **approved})


def _write(body: bytes, file: Path) -> None:
    make_report_folder(file.parent)
    try:
        with atomic_write(file) as temporary:
            temporary.write_bytes(body + b"\n")
    except OSError as error:
        raise ReportError(f"Can't write {file}: {error.strerror}. Choose another with --output.") from None
