"""The command that prints what runs a job automatically: crontab lines or systemd units."""

import getpass
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
import cloup

from bulk_topup.app.credentials import CREDENTIAL_NAMES
from bulk_topup.app.time_zone import zone_of
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.options.monitoring import MonitoringOptions, monitoring_options
from bulk_topup.domain.environment import Environment, default_ledger
from bulk_topup.errors import ConfigurationError, EnvironmentNotNamedError, JobError
from bulk_topup.jobs.cron_and_systemd import ScheduledCommand, belongs_to_another_job, crontab, systemd_units
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.load import load_any_job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.jobs.schedule import Schedule
from bulk_topup.monitoring.log_writer import STANDARD_OUTPUT
from bulk_topup.security.env_file import read_env_file

_PROGRAM: Final = "bulk-topup"


@cloup.group("schedule")
def schedule_group() -> None:
    """Print what runs a job automatically.

    \b
    Example:
      bulk-topup schedule print jobs/payroll.toml --cron
    """


@schedule_group.command("print")
@cloup.argument("path", metavar="JOB", type=click.Path(dir_okay=False, path_type=Path))
@cloup.option("--cron", "is_cron", is_flag=True, help="Print lines for crontab -e.")
@cloup.option("--systemd", "is_systemd", is_flag=True, help="Print a service and a timer for /etc/systemd/system.")
@cloup.option(
    "--output-dir", type=click.Path(file_okay=False, path_type=Path), help="Write the systemd units into this folder."
)
@cloup.option(
    "--environment-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with DVS_API_KEY=… and DVS_API_SECRET=…; required outside the sandbox, refused for an embedded one.",
)
@cloup.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="BULK_TOPUP_LEDGER",
    help="Ledger file.  [default: this user's for the job's environment]",
)
@cloup.option("--base-url", help="Another URL of the API, up to and with /v1.")
@cloup.option(
    "--log-file", type=click.Path(dir_okay=False, path_type=Path), help="Append all output to this file, too."
)
@monitoring_options
@cloup.option("--user", help="User that runs it.  [default: the current user]")
@cloup.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Working directory; reports are written below it.  [default: the current one]",
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
    monitoring: MonitoringOptions,
    user: str | None,
    directory: Path | None,
) -> None:
    """Print crontab lines or systemd units that run a job at the times of its [schedule], with absolute paths.

    \b
    Example:
      bulk-topup schedule print jobs/payroll.toml --cron
      bulk-topup schedule print jobs/payroll.toml --systemd
    """
    if is_cron is is_systemd:
        raise click.UsageError("Choose --cron or --systemd.")
    if output_dir is not None and is_cron:
        raise click.UsageError("--output-dir is for systemd units. Paste crontab lines into `crontab -e`.")
    with exit_on_error():
        job = load_any_job(path)
        environment = _environment_of(job, path)
        _check_credentials(job, environment_file, is_embedded=environment is Environment.SANDBOX and base_url is None)
        now = command_clock().now()
        ledger = ledger or default_ledger(environment)
        zone = zone_of(job, ledger)
        is_machines = zone.is_machines(now)
        if is_cron and not is_machines:
            raise JobError(
                f"The job's times are in {zone.name}{'' if zone.run is None else f', as those of run {zone.run}'}, and "
                "cron would start it by this machine's clock. Print units with --systemd, which has time zones, or set "
                "time_zone in the job file to this machine's."
            )
        command = ScheduledCommand(
            name=job.name,
            job=path.absolute(),
            schedule=_schedule_of(job, path),
            time_zone=None if is_machines and job.time_zone is None else zone.name,
            arguments=[*_words(job, path, ledger, base_url), *_monitoring_words(monitoring)],
            directory=(directory or Path()).absolute(),
            is_retry=isinstance(job, RetryJob),
            user=user or getpass.getuser(),
            environment_file=None if environment_file is None else environment_file.absolute(),
            log=None if log_file is None else log_file.absolute(),
        )
        if is_cron:
            click.echo(crontab(command), nl=False)
            return
        units = systemd_units(command)
        if output_dir is None:
            click.echo("\n".join(units.values()), nl=False)
            return
        _write(units, output_dir)


def _environment_of(job: Job | RetryJob, path: Path) -> Environment:
    """Return the environment that a job names; exit if it names none."""
    if job.environment is None:
        raise EnvironmentNotNamedError(
            f'The job file {path} names no environment, which a schedule needs. Add e.g. environment = "preprod".'
        )
    return job.environment


def _check_credentials(job: Job | RetryJob, file: Path | None, *, is_embedded: bool) -> None:
    """Exit if API credentials are missing, or if they are given for an embedded sandbox, which uses none."""
    if file is None:
        if job.environment is not Environment.SANDBOX:
            raise click.UsageError(
                f"The job pays in {job.environment}. Add --environment-file with its API credentials."
            )
        return
    if is_embedded and (_has_credentials(file) or not (job.notifications or job.ping)):
        raise click.UsageError(
            "The job pays in an embedded sandbox, which uses no API credentials: nobody would be paid. Set the "
            "environment that they belong to in the job file, or remove --environment-file. For a sandbox, it may have "
            "the ${NAME}s of notifications alone."
        )


def _has_credentials(file: Path) -> bool:
    """Return True if a file has API credentials; False as well for one that only the machine that pays has."""
    try:
        return any(name.upper() in CREDENTIAL_NAMES for name in read_env_file(file))
    except ConfigurationError:
        return False


def _write(units: Mapping[str, str], folder: Path) -> None:
    """Write units into a folder; if one of them belongs to another job, write none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in units.items():
            file = folder / name
            if file.exists() and belongs_to_another_job(file.read_text(encoding="utf-8", errors="replace"), text):
                raise JobError(
                    f"{file} already exists and runs another job. Rename one of the jobs, remove the file, or choose "
                    "another folder."
                )
        for name, text in units.items():
            (folder / name).write_text(text, encoding="utf-8")
            click.echo(folder / name)
    except OSError as error:
        raise JobError(f"Can't write to {folder}: {error.strerror}. Choose another folder with --output-dir.") from None


def _schedule_of(job: Job | RetryJob, path: Path) -> Schedule:
    if job.schedule is None:
        raise JobError(f'The job file {path} has no [schedule]; add one, e.g. at = "0 17 28 * *".')
    if isinstance(job, Job) and job.approval.required:
        raise JobError(f"The job {path} needs an approval for each run, so it can't run automatically.")
    job.schedule.times.last(command_clock().now())  # raises for a day that no month has
    return job.schedule


def _words(job: Job | RetryJob, path: Path, ledger: Path, base_url: str | None) -> list[str]:
    beside = Path(sys.executable).with_name(_PROGRAM)
    program = str(beside) if beside.exists() else shutil.which(_PROGRAM) or _PROGRAM
    command = "run" if isinstance(job, Job) else "retry"
    words = [program, command, str(path.absolute()), "--scheduled", "--quiet", "--ledger", str(ledger.absolute())]
    if base_url is not None:
        words += ["--base-url", base_url]
    if job.environment is Environment.PRODUCTION:
        words.append("--yes")
    return words


def _monitoring_words(monitoring: MonitoringOptions) -> list[str]:
    metrics, log = monitoring.metrics, monitoring.log_json
    words = [] if metrics is None else ["--metrics", str(Path(metrics).absolute())]
    if log is not None:
        words += ["--log-json", log if log == STANDARD_OUTPUT else str(Path(log).absolute())]
    return words
