"""Reads and validates job files; touches only the file that it reads."""

import shlex
import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from bulk_topup.errors import JobError
from bulk_topup.jobs.base_job import BaseJob
from bulk_topup.jobs.diagnostics import InvalidJobError, diagnostics_from, syntax_diagnostic
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.jobs.toml_lines import KeyPath, line_numbers
from bulk_topup.system.files import similar_to

#: Maximum bytes of a job file; a usual one has a few hundred.
MAX_JOB_BYTES: Final = 1024 * 1024

_AnyJob = TypeVar("_AnyJob", bound=BaseJob)


def load_any_job(path: Path) -> Job | RetryJob:
    """Read a job file of either kind.

    Raises:
        JobError: the file cannot be read.
        InvalidJobError: the file is not TOML, or has an invalid key or value; the message names all of them.
    """
    text = _read(path)
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except (RecursionError, InvalidOperation) as error:
        what = "Its values are nested too deeply" if isinstance(error, RecursionError) else "A number is too large"
        raise JobError(f"The job file {path} is not valid TOML: {what}.") from error
    except ValueError as error:  # syntax errors, and integers with too many digits
        raise InvalidJobError(
            f"The job file {path} is not valid TOML:", (syntax_diagnostic(str(error), text),)
        ) from error
    named, where, lines = {"name": path.stem, **values}, f"The job file {path}", line_numbers(text)
    if "retry_of" in values:
        return _validate(RetryJob, named, where, lines)
    return _validate(Job, named, where, lines)


def load_job(path: Path) -> Job:
    """Read the job file that pays a list.

    Raises:
        JobError: as for `load_any_job`, or the file retries a run.
    """
    job = load_any_job(path)
    if isinstance(job, RetryJob):
        raise JobError(
            f"The job file {path} retries rows of a run. Start it with `bulk-topup retry {shlex.quote(str(path))}`."
        )
    return job


def load_retry_job(path: Path) -> RetryJob:
    """Read the job file that retries a run.

    Raises:
        JobError: as for `load_any_job`, or the file pays a list.
    """
    job = load_any_job(path)
    if isinstance(job, Job):
        raise JobError(
            f"The job file {path} has no retry_of. Add the run to retry, or start it with `bulk-topup run "
            f"{shlex.quote(str(path))}`."
        )
    return job


def make_job(values: Mapping[str, object], where: str) -> Job:
    """Create a job from its settings.

    Args:
        values: the settings of a job file or a command line.
        where: where they come from, the subject of the error message.

    Raises:
        InvalidJobError: a setting is unknown or has an invalid value; the message names all of them.
    """
    return _validate(Job, values, where, {})


def _read(path: Path) -> str:
    try:
        # Do not open a pipe or a device: reading it may never end.
        if path.exists() and not path.is_file():
            raise JobError(f"The job file {path} is not a file.")
        with path.open("rb") as file:
            content = file.read(MAX_JOB_BYTES + 1)
    except OSError as error:
        raise JobError(f"Can't read the job file {path}: {error.strerror}.{similar_to(path)}") from error
    if len(content) > MAX_JOB_BYTES:
        raise JobError(f"The job file {path} has more than {MAX_JOB_BYTES:,} bytes. Check that it is a job file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JobError(f"The job file {path} is not valid TOML: {error}. Save it as UTF-8.") from error


def _validate(model: type[_AnyJob], values: Mapping[str, object], where: str, lines: Mapping[KeyPath, int]) -> _AnyJob:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidJobError(f"{where} is invalid:", diagnostics_from(error, model, lines)) from None
