"""The commands for job files: check them, begin one, and print what they may hold."""

import json
from pathlib import Path
from typing import Any

import click

from bulk_topup.app.check_job import TRIED_ROWS, CheckedJob, check_choices, check_job, check_product
from bulk_topup.app.provider import open_client
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.dvs import codec
from bulk_topup.errors import JobError
from bulk_topup.intake import ListSource
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.json_schema import job_schema
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.jobs.scaffold import Answers, Frequency, job_text
from bulk_topup.security.terminal_text import printable
from bulk_topup.system.clock import SystemClock


@click.group("job")
def job_group() -> None:
    """Check job files, begin one, or print what they may hold.

    \b
    Example:
      bulk-topup job check jobs/payroll.toml
    """


@job_group.command("check")
@click.argument("paths", metavar="JOB...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--online",
    is_flag=True,
    help="Ask the provider too: whether the account has the product, or which the first rows get by [auto_product].",
)
@provider_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_command(paths: tuple[Path, ...], online: bool, as_json: bool, **values: Any) -> None:
    """Say everything that would keep a job from starting now: each mistake with its line and its cure.

    The list has to be there, with its sheet and every column that the job names, and the folders have to be writable.
    Exits 3 when there is a mistake.

    \b
    Example:
      bulk-topup job check jobs/payroll.toml jobs/rewards.toml
    """
    with exit_on_error():
        today = SystemClock().now().astimezone()
        checked = [check_job(path, today, values["credentials"]) for path in paths]
        if online:
            checked = [_asked(each, values) for each in checked]
        if as_json:
            click.echo(codec.encode([_as_json(each) for each in checked]))
        else:
            for each in checked:
                click.echo(printable("\n".join(_result_lines(each, online=online)), keep="\n"))
        if any(each.errors for each in checked):
            raise click.exceptions.Exit(ExitCode.INVALID_INPUT)


@job_group.command("new")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--list",
    "list_path",
    prompt="The list, a CSV or XLSX file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="The list, of which the columns are taken.",
)
@click.option("--sheet", help="XLSX: which sheet.  [default: the only one with cells]")
@click.option("--encoding", help="CSV: e.g. latin-1.  [default: UTF-8]")
@click.option(
    "--product",
    prompt="The product of every row (0 if the list has a column for it)",
    type=click.IntRange(min=0),
    help="The product of every row; 0 if the list has a column for it.",
)
@click.option(
    "--every",
    prompt="Paid once in which time",
    type=click.Choice([often.value for often in Frequency]),
    help="How often a list is paid: one run a month, week or day, or once for all.",
)
@click.option(
    "--env",
    "environment",
    prompt="Where to pay",
    type=click.Choice([environment.value for environment in Environment]),
    default=Environment.SANDBOX.value,
    help="Where to pay.",
)
def new_command(
    file: Path, list_path: Path, sheet: str | None, encoding: str | None, product: int, every: str, environment: str
) -> None:
    """Ask a few things, write them and the list's columns into a new job FILE, and check it.

    \b
    Example:
      bulk-topup job new rewards.toml --list sample_files/rewards.csv --product 6418 --every week --env sandbox
    """
    with exit_on_error():
        answers = Answers(
            file=file,
            source=ListSource(path=list_path, sheet=sheet, encoding=encoding),
            product=product or None,
            often=Frequency(every),
            environment=Environment(environment),
        )
        today = SystemClock().now().astimezone()
        text = job_text(answers, today)
        try:
            with file.open("x", encoding="utf-8") as written:
                written.write(text)
        except FileExistsError:
            raise JobError(f"{file} is there already and stays as it is; name another file.") from None
        except OSError as error:
            raise JobError(f"{file} cannot be written: {error.strerror}.") from None
        click.echo(f"Written to {file}. `bulk-topup plan {file}` says what it would do.")
        click.echo(printable("\n".join(_result_lines(check_job(file, today), online=False)), keep="\n"))


@job_group.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of job files, by which editors complete and check them.

    \b
    Example:
      bulk-topup job schema > job.schema.json
    """
    click.echo(json.dumps(job_schema(), indent=2))


def _asked(checked: CheckedJob, values: dict[str, Any]) -> CheckedJob:
    if checked.job is None:
        return checked
    provider = provider_from(dict(values), checked.job.environment)

    async def ask() -> CheckedJob:
        async with open_client(provider) as dvs:
            return await check_choices(await check_product(checked, dvs), dvs)

    return run_async(ask(), interrupted="Interrupted before the provider's answer came.")


def _result_lines(checked: CheckedJob, *, online: bool) -> list[str]:
    warnings = [f"Warning: {checked.path} {warning}" for warning in checked.warnings]
    if checked.errors:
        return [*(f"{checked.path} {mistake}" for mistake in checked.errors), *warnings]
    told = f"{checked.path} is in order: it {_does(checked.job)}."
    if isinstance(checked.job, Job) and checked.job.auto_product is not None:
        tried = f"the first {TRIED_ROWS} rows got theirs" if online else f"--online tries the first {TRIED_ROWS} rows"
        told += f" Each row's product is chosen when it is planned; {tried}."
    return [told, *warnings]


def _does(job: Job | RetryJob | None) -> str:
    if isinstance(job, RetryJob):
        return f"retries failed rows of {job.retry_of} in {job.environment}"
    return "" if job is None else f"pays {job.list} as the run {job.name}/{job.run_key} in {job.environment}"


def _as_json(checked: CheckedJob) -> dict[str, object]:
    mistakes, warnings = (
        [{"line": each.line, "key": each.key, "message": each.message} for each in found]
        for found in (checked.errors, checked.warnings)
    )
    return {"file": str(checked.path), "valid": not mistakes, "mistakes": mistakes, "warnings": warnings}
