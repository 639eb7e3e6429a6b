"""Reading and validating job files; touches the one file that it reads."""

import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from bulk_topup.errors import JobError
from bulk_topup.jobs.diagnostics import InvalidJobError, mistakes_of, syntax_mistake
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.jobs.toml_lines import Path as Place
from bulk_topup.jobs.toml_lines import line_numbers
from bulk_topup.system.files import similar_to

#: Bytes of a job file that are read; one has a few hundred.
MAX_JOB_BYTES: Final = 1024 * 1024


AnyJob = TypeVar("AnyJob", Job, RetryJob)


def _read(path: Path) -> str:
    try:
        # A pipe or a device may never end, so that it is not even opened.
        if path.exists() and not path.is_file():
            raise JobError(f"The job file {path} is not a file.")
        with path.open("rb") as file:
            content = file.read(MAX_JOB_BYTES + 1)
    except OSError as error:
        raise JobError(f"The job file {path} cannot be read: {error.strerror}.{similar_to(path)}") from error
    if len(content) > MAX_JOB_BYTES:
        raise JobError(f"The job file {path} has more than {MAX_JOB_BYTES} bytes; most likely it is no job file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JobError(f"The job file {path} is not valid TOML: {error}; save it as UTF-8.") from error


def _made(model: type[AnyJob], values: Mapping[str, object], where: str, lines: Mapping[Place, int]) -> AnyJob:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidJobError(f"{where} is not acceptable:", mistakes_of(error, model, lines)) from None


def load_any_job(path: Path) -> Job | RetryJob:
    """Read a job file of either kind.

    Raises:
        JobError: as of `load_job`.
    """
    text = _read(path)
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except (RecursionError, InvalidOperation) as error:
        what = (
            "its values are nested too deeply" if isinstance(error, RecursionError) else "a number is beyond any bound"
        )
        raise JobError(f"The job file {path} is not valid TOML: {what}.") from error
    except ValueError as error:  # of its TOML or its numbers
        mistake = syntax_mistake(str(error), text)
        raise InvalidJobError(f"The job file {path} is not valid TOML:", (mistake,)) from error
    named, where, lines = {"name": path.stem, **values}, f"The job file {path}", line_numbers(text)
    return _made(RetryJob, named, where, lines) if "retry_of" in values else _made(Job, named, where, lines)


def load_job(path: Path) -> Job:
    """Read the job file of a list.

    Raises:
        JobError: the file cannot be read, is not TOML, or holds something that a job has not; all mistakes are named.
    """
    job = load_any_job(path)
    if isinstance(job, RetryJob):
        raise JobError(f"The job file {path} retries the rows of a run; start it with `bulk-topup retry {path}`.")
    return job


def load_retry_job(path: Path) -> RetryJob:
    """Read a job file that says what is retried.

    Raises:
        JobError: as of `load_job`.
    """
    job = load_any_job(path)
    if isinstance(job, Job):
        raise JobError(f"The job file {path} has no retry_of, which says whose rows are retried.")
    return job


def make_job(values: Mapping[str, object], where: str) -> Job:
    """Make a job of its keys and values.

    Args:
        values: what a job file or a command line states.
        where: what states it, the subject of the error's sentence.

    Raises:
        JobError: a key or a value is none that a job has; all mistakes are named.
    """
    return _made(Job, values, where, {})
