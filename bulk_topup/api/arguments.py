"""From what a script states to a job, a provider, a report and an approval; reads job files and the environment."""

import os
from datetime import date
from pathlib import Path
from typing import Final

from bulk_topup.app.credentials import Credentials
from bulk_topup.domain.environment import Environment, ProviderOptions, default_ledger
from bulk_topup.errors import ConfigurationError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.list_pattern import escape_pattern
from bulk_topup.jobs.load import load_job, make_job
from bulk_topup.system.clock import SystemClock

#: Seconds to wait for an answer of the provider.
TIMEOUT: Final = 60.0


def job_of(job: Path | str | Job, today: date | None, run_key: str | None) -> Job:
    """Give a job with its dates filled in.

    Args:
        job: a job file that ends in .toml, a list, or a job that is made already, whose paths begin here.
        today: the day that its dates are filled in with; None for today as this machine's calendar has it.
        run_key: the run's key, in place of the job's own.

    Raises:
        JobError, ListError: the job is not acceptable, or its list is not there.
    """
    folder = Path()
    if not isinstance(job, Job):
        path = Path(job)
        if path.suffix.lower() == ".toml":
            job, folder = load_job(path), path.parent
        else:
            job = make_job({"list": escape_pattern(str(path))}, "The list's name")
    if run_key is not None:
        job = make_job({**job.model_dump(), "run_key": run_key}, "The job with the run key that is stated")
    return job.at(today or SystemClock().now().astimezone(), folder)


def options_of(
    job: Job,
    environment: Environment | str | None,
    base_url: str | None,
    credentials: Path | str | Credentials | None,
    ledger: Path | str | None,
) -> ProviderOptions:
    """Give the provider that a script and its job name: production has to be named by one of them.

    Raises:
        ConfigurationError: there is no such environment.
    """
    chosen = environment_of(environment or job.environment)
    return ProviderOptions(
        environment=chosen,
        base_url=base_url,
        credentials=None if credentials is None or isinstance(credentials, Credentials) else Path(credentials),
        timeout=TIMEOUT,
        ledger=ledger_of(ledger, chosen),
    )


def environment_of(text: Environment | str) -> Environment:
    """Read the name of an environment.

    Raises:
        ConfigurationError: there is none of that name.
    """
    try:
        return Environment(text)
    except ValueError:
        raise ConfigurationError(f'"{text}" is no environment; name one of {", ".join(Environment)}.') from None


def ledger_of(path: Path | str | None, environment: Environment) -> Path:
    """Give the ledger's file: what is stated, else the one that commands use here."""
    return Path(path or os.environ.get("BULK_TOPUP_LEDGER") or default_ledger(environment))
