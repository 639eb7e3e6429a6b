"""The command that prints what starts a job by itself: crontab lines or systemd units."""

import getpass
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.monitoring import monitoring_options
from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.errors import JobError
from bulk_topup.jobs.cron_and_systemd import ScheduledCommand, belongs_to_another_job, crontab, systemd_units
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.load import load_any_job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.jobs.schedule import Schedule
from bulk_topup.monitoring.json_log import STANDARD_OUTPUT
from bulk_topup.system.clock import SystemClock

_PROGRAM: Final = "bulk-topup"


@click.group("schedule")
def schedule_group() -> None:
    """Print what starts a job by itself.

    \b
    Example:
      bulk-topup schedule print jobs/payroll.toml --cron
    """


@schedule_group.command("print")
@click.argument("path", metavar="JOB", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--cron", "is_cron", is_flag=True, help="Lines for crontab -e.")
@click.option("--systemd", "is_systemd", is_flag=True, help="A service and a timer for /etc/systemd/system.")
@click.option(
    "--output-dir", type=click.Path(file_okay=False, path_type=Path), help="Write the units into this folder."
)
@click.option(
    "--environment-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Lines DVS_API_KEY=… and DVS_API_SECRET=…; needed unless the job pays in the sandbox.",
)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="BULK_TOPUP_LEDGER",
    help="The ledger file.  [default: this user's for the job's environment]",
)
@click.option("--base-url", help="Another address of the API, up to and with /v1.")
@click.option("--log-file", type=click.Path(dir_okay=False, path_type=Path), help="Keep all that is printed here, too.")
@monitoring_options
@click.option("--user", help="Who starts it.  [default: you]")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it is started; reports go below it.  [default: here]",
)
def print_command(
    path: Path,
    is_cron: bool,
    is_systemd: bool,
    output_dir: Path | None,
    environment_file: Path | None,
    ledger: Path | None,
    base_url: str | None,
    log_file: Path | None,
    metrics: str | None,
    log_json: str | None,
    user: str | None,
    directory: Path | None,
) -> None:
    """Print crontab lines or systemd units that start a job at the times of its [schedule], all paths absolute.

    \b
    Example:
      bulk-topup schedule print jobs/payroll.toml --cron
      bulk-topup schedule print jobs/payroll.toml --systemd
    """
    if is_cron is is_systemd:
        raise click.UsageError("State one of --cron and --systemd.")
    if output_dir is not None and is_cron:
        raise click.UsageError("--output-dir is for units; give crontab lines to `crontab -e`.")
    with exit_on_error():
        job = load_any_job(path)
        if environment_file is None and job.environment is not Environment.SANDBOX:
            raise click.UsageError(f"The job pays in {job.environment}: name its credentials with --environment-file.")
        started = ScheduledCommand(
            name=job.name,
            job=path.absolute(),
            schedule=_schedule_of(job, path),
            arguments=[*_words(job, path, ledger, base_url), *_told(metrics, log_json)],
            directory=(directory or Path()).absolute(),
            is_retry=isinstance(job, RetryJob),
            user=user or getpass.getuser(),
            environment_file=None if environment_file is None else environment_file.absolute(),
            log=None if log_file is None else log_file.absolute(),
        )
        if is_cron:
            click.echo(crontab(started), nl=False)
            return
        units = systemd_units(started)
        if output_dir is None:
            click.echo("\n".join(units.values()), nl=False)
            return
        _write(units, output_dir)


def _write(units: Mapping[str, str], folder: Path) -> None:
    """Write units into a folder; those of another job stay, and then none is written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in units.items():
            file = folder / name
            if file.exists() and belongs_to_another_job(file.read_text(encoding="utf-8", errors="replace"), text):
                raise JobError(
                    f"{file} is there already and does not say that it starts this job, so it stays as it is. "
                    "Give one of the jobs another name, remove the file, or name another folder."
                )
        for name, text in units.items():
            (folder / name).write_text(text, encoding="utf-8")
            click.echo(folder / name)
    except OSError as error:
        raise JobError(f"{folder} cannot be written to: {error.strerror}; name another folder.") from None


def _schedule_of(job: Job | RetryJob, path: Path) -> Schedule:
    if job.schedule is None:
        raise JobError(f'The job file {path} has no [schedule]; add one, e.g. at = "0 17 28 * *".')
    if isinstance(job, Job) and job.approval.required:
        raise JobError(f"The job {path} needs an approval of each start, so it cannot be started by itself.")
    job.schedule.times.last(SystemClock().now())  # a day that no month has is told here, and not by silence
    return job.schedule


def _words(job: Job | RetryJob, path: Path, ledger: Path | None, base_url: str | None) -> list[str]:
    beside = Path(sys.executable).with_name(_PROGRAM)
    program = str(beside) if beside.exists() else shutil.which(_PROGRAM) or _PROGRAM
    command = "run" if isinstance(job, Job) else "retry"
    book = str((ledger or default_ledger(job.environment)).absolute())
    words = [program, command, str(path.absolute()), "--scheduled", "--quiet", "--ledger", book]
    if base_url is not None:
        words += ["--base-url", base_url]
    if job.environment is Environment.PRODUCTION:
        words.append("--yes")
    return words


def _told(metrics: str | None, log: str | None) -> list[str]:
    words = [] if metrics is None else ["--metrics", str(Path(metrics).absolute())]
    if log is not None:
        words += ["--log-json", log if log == STANDARD_OUTPUT else str(Path(log).absolute())]
    return words
