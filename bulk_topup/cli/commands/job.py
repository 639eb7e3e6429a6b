"""The commands of job files: check them, create one, and print their JSON Schema."""

import json
import shlex
from datetime import date
from pathlib import Path

import click
import cloup

from bulk_topup.app.check_job import TRIED_ROWS, CheckedJob, check_choices, check_job, check_product
from bulk_topup.app.open_catalogue import open_catalogue
from bulk_topup.app.provider import open_client
from bulk_topup.app.time_zone import zone_of
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.notices import show_notices
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.query import INTERRUPTED
from bulk_topup.cli.screens.questions import shown_asking
from bulk_topup.domain.answer_ages import AnswerAges
from bulk_topup.domain.environment import DEFAULT_ENVIRONMENT, Environment
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.dvs import codec
from bulk_topup.errors import JobError
from bulk_topup.intake import ListSource
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.json_schema import job_schema
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.jobs.scaffold import Answers, Frequency, job_text
from bulk_topup.security.terminal_text import printable


@cloup.group("job")
def job_group() -> None:
    """Check job files, create one, or print their JSON Schema.

    \b
    Example:
      bulk-topup job check jobs/payroll.toml
    """


@job_group.command("check")
@cloup.argument("paths", metavar="JOB...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@cloup.option(
    "--online",
    is_flag=True,
    help="Check with DVS too: that the account has the product, or which products [auto_product] chooses.",
)
@provider_options
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_command(paths: tuple[Path, ...], online: bool, as_json: bool, provider: ProviderArguments) -> None:
    """Show everything that would stop a job from running now: each error with its line and its fix.

    The list must exist, with its sheet and all columns that the job names, and the folders must be writable. The exit
    code is 3 if there is an error.

    \b
    Example:
      bulk-topup job check jobs/payroll.toml jobs/rewards.toml
    """
    with exit_on_error():
        now = command_clock().now()
        checked = [check_job(path, now, provider.credentials, lambda job: _day_of(job, provider)) for path in paths]
        if online:
            checked = [_check_online(each, provider) for each in checked]
        if as_json:
            click.echo(codec.encode([_as_json(each) for each in checked]))
        else:
            for each in checked:
                click.echo(printable("\n".join(_result_lines(each, online=online)), keep="\n"))
        if any(each.errors for each in checked):
            raise click.exceptions.Exit(ExitCode.INVALID_INPUT)


@job_group.command("new")
@cloup.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@cloup.option(
    "--list",
    "list_path",
    prompt="List, a CSV or XLSX file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="List, whose columns the job maps.",
)
@cloup.option("--sheet", help="XLSX: the sheet.  [default: the only one that is not empty]")
@cloup.option("--encoding", help="CSV: e.g. cp1252, as Excel writes.  [default: UTF-8]")
@cloup.option(
    "--product",
    prompt="Product of every row (0 if the list has a column for it)",
    type=click.IntRange(min=0),
    help="Product of every row; 0 if the list has a column for it.",
)
@cloup.option(
    "--every",
    prompt="One run per",
    type=click.Choice([frequency.value for frequency in Frequency]),
    help="How often a list is paid: one run per month, week or day, or only once.",
)
@cloup.option(
    "--env",
    "environment",
    prompt="Environment",
    type=click.Choice([environment.value for environment in Environment]),
    default=Environment.SANDBOX.value,
    help="Environment that the job pays in.",
)
def new_command(
    file: Path, list_path: Path, sheet: str | None, encoding: str | None, product: int, every: str, environment: str
) -> None:
    """Create a job FILE for a list, prompting for what no option sets, and check it.

    \b
    Example:
      bulk-topup job new rewards.toml --list sample_files/rewards.csv --product 6418 --every week --env sandbox
    """
    with exit_on_error():
        answers = Answers(
            file=file,
            source=ListSource(path=list_path, sheet=sheet, encoding=encoding),
            product=product or None,
            frequency=Frequency(every),
            environment=Environment(environment),
        )
        today = command_clock().now().astimezone()
        text = job_text(answers, today)
        try:
            with file.open("x", encoding="utf-8") as written:
                written.write(text)
        except FileExistsError:
            raise JobError(f"{file} already exists. Choose another file.") from None
        except OSError as error:
            raise JobError(f"Can't write {file}: {error.strerror}. Choose another file.") from None
        click.echo(f"Job written to {file}. Check its costs: `bulk-topup plan {shlex.quote(str(file))}`")
        click.echo(printable("\n".join(_result_lines(check_job(file, today), online=False)), keep="\n"))


@job_group.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of job files, for completion and checks in editors.

    \b
    Example:
      bulk-topup job schema > job.schema.json
    """
    click.echo(json.dumps(job_schema(), indent=2))


def _day_of(job: Job | RetryJob, provider: ProviderArguments) -> date:
    return zone_of(job, provider.resolve(job.environment).ledger).today(command_clock())


def _check_online(checked: CheckedJob, provider: ProviderArguments) -> CheckedJob:
    if checked.job is None:
        return checked
    options = provider.resolve(checked.job.environment)

    async def check() -> CheckedJob:
        clock = command_clock()
        async with open_client(options, clock=clock) as dvs:
            show_notices(dvs)
            ages = checked.job.answer_ages if isinstance(checked.job, Job) else AnswerAges()
            with (
                shown_asking() as on_progress,
                open_catalogue(options, dvs, ages=ages, clock=clock, on_progress=on_progress) as catalogue,
            ):
                return await check_choices(await check_product(checked, catalogue), catalogue)

    return run_async(check(), interrupted=INTERRUPTED)


def _result_lines(checked: CheckedJob, *, online: bool) -> list[str]:
    warnings = [f"Warning: {checked.path} {warning}" for warning in checked.warnings]
    if checked.errors:
        return [*(f"{checked.path} {mistake}" for mistake in checked.errors), *warnings]
    line = f"{checked.path} is valid: {_summary(checked.job)}."
    if isinstance(checked.job, Job) and checked.job.auto_product is not None:
        how = "The first rows, up to {n}, have one." if online else "To try the first rows, up to {n}, add --online."
        line += f" The plan chooses each row's product. {how.format(n=TRIED_ROWS)}"
    return [line, *warnings]


def _summary(job: Job | RetryJob | None) -> str:
    if isinstance(job, RetryJob):
        return f"retries failed rows of {job.retry_of} in {job.environment or DEFAULT_ENVIRONMENT}"
    if job is None:
        return ""
    return f"pays {job.list} as run {job.name}/{job.run_key} in {job.environment or DEFAULT_ENVIRONMENT}"


def _as_json(checked: CheckedJob) -> dict[str, object]:
    mistakes, warnings = (
        [{"line": each.line, "key": each.key, "message": each.message} for each in found]
        for found in (checked.errors, checked.warnings)
    )
    return {"file": str(checked.path), "valid": not mistakes, "mistakes": mistakes, "warnings": warnings}
