"""Turns a script's arguments into a job and provider options; reads job files and the environment."""

import os
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Final

from bulk_topup.app.credentials import Credentials
from bulk_topup.app.time_zone import in_zone, zone_of
from bulk_topup.approvals.approval import user_name
from bulk_topup.domain.environment import DEFAULT_ENVIRONMENT, Environment, ProviderOptions, default_ledger
from bulk_topup.domain.list_address import is_fetched, secrets_of
from bulk_topup.domain.not_the_same import NotTheSame
from bulk_topup.domain.reason import checked_reason
from bulk_topup.errors import ConfigurationError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.list_pattern import escape_pattern
from bulk_topup.jobs.load import load_job, make_job
from bulk_topup.security.redaction import register_secret

#: Seconds to wait for a response of DVS.
TIMEOUT: Final = 60.0


def load_argument(job: Path | str | Job, run_key: str | None) -> tuple[Job, Path]:
    """Return a job as it is defined, and the folder where its relative paths begin.

    Args:
        job: a job file that ends in .toml, a list, or a `Job`, whose paths begin in the current folder.
        run_key: the run key, in place of the job's own.

    Raises:
        JobError: the job is invalid.
    """
    folder = Path()
    if not isinstance(job, Job):
        path = Path(job)
        if isinstance(job, str) and is_fetched(job):
            job = make_job({"list": job, "run_key": run_key}, "The list's address")
        elif path.suffix.lower() == ".toml":
            job, folder = load_job(path), path.parent
        else:
            job = make_job({"list": escape_pattern(str(path))}, "The list's name")
    register_secret(*secrets_of(job.list))
    if run_key is not None:
        job = make_job({**job.model_dump(), "run_key": run_key}, "The job with the given run key")
    return job, folder


def render_job(job: Job, folder: Path, today: date | None, ledger: Path) -> Job:
    """Return a job with its time zone set, its dates rendered and its list found.

    Args:
        job: the job as it is defined.
        folder: where its relative paths begin.
        today: the day that its dates stand for; None for today in its time zone.
        ledger: the ledger's file, which may know the time zone.

    Raises:
        JobError: the job is invalid.
        ListError: there is no such list.
        LedgerError: the ledger cannot be read.
    """
    zone = zone_of(job, ledger)
    return in_zone(job, zone).at(today or zone.today(), folder)


def options_of(
    job: Job,
    environment: Environment | str | None,
    base_url: str | None,
    credentials: Path | str | Credentials | None,
    ledger: Path | str | None,
) -> ProviderOptions:
    """Return the provider options of a script and its job.

    Args:
        job: the job, which may name an environment.
        environment: the environment in place of the job's.
        base_url: another address of the API, up to and with /v1.
        credentials: API credentials, or a file with them; None for the environment's variables or `.env`.
        ledger: the ledger's file; None for `BULK_TOPUP_LEDGER`, or the environment's usual one.

    Raises:
        ConfigurationError: there is no such environment.
    """
    named = environment or job.environment
    chosen = environment_of(named or DEFAULT_ENVIRONMENT)
    return ProviderOptions(
        environment=chosen,
        base_url=base_url,
        credentials=credentials_file(credentials),
        timeout=TIMEOUT,
        ledger=ledger_of(ledger, chosen),
        is_named=named is not None,
    )


def environment_of(text: Environment | str) -> Environment:
    """Return the environment of a name.

    Raises:
        ConfigurationError: there is no such environment.
    """
    try:
        return Environment(text)
    except ValueError:
        raise ConfigurationError(f'Unknown environment "{text}". Choose one of {", ".join(Environment)}.') from None


def ledger_of(path: Path | str | None, environment: Environment) -> Path:
    """Return the ledger's file: the given one, else the one that commands use here."""
    return Path(path or os.environ.get("BULK_TOPUP_LEDGER") or default_ledger(environment))


def credentials_file(credentials: Path | str | Credentials | None) -> Path | None:
    """Return the credentials file; None if credentials are given themselves, or not at all."""
    return None if credentials is None or isinstance(credentials, Credentials) else Path(credentials)


def key_pair(credentials: Path | str | Credentials | None) -> Credentials | None:
    """Return the credentials that are given themselves; None if they are read from a file or the environment."""
    return credentials if isinstance(credentials, Credentials) else None


def decision_of(lines: Collection[int], reason: str | None) -> NotTheSame | None:
    """Return the decision that the rows of these lines are others than those that they look like; None for no lines.

    Raises:
        ValueError: lines are named without a reason, or a reason without lines.
    """
    if not lines and reason is None:
        return None
    if not lines or reason is None:
        raise ValueError("not_the_same and reason belong together. Add the other one.")
    return NotTheSame(lines=frozenset(lines), reason=checked_reason(reason), by=user_name())
