"""Checks what a job file refers to: list, columns, folders, channels and products; reads the list, sends nothing."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.check_list import diagnostic_of, list_errors
from bulk_topup.app.open_list import open_job_list
from bulk_topup.app.product_choice import CHOSEN, Chooser
from bulk_topup.domain.list_address import shown_address
from bulk_topup.domain.run import BARE_LIST
from bulk_topup.errors import ConfigurationError, JobError, ListError
from bulk_topup.jobs.date_templates import first_shared_run, render_dates
from bulk_topup.jobs.diagnostics import Diagnostic, InvalidJobError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.load import load_any_job
from bulk_topup.jobs.rare_days import months_without
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.jobs.toml_lines import KeyPath, line_numbers
from bulk_topup.monitoring.apprise_sender import address_error
from bulk_topup.monitoring.channels import Variables, load_channels, ping_url
from bulk_topup.monitoring.log_writer import STANDARD_OUTPUT

#: Days that are checked for two that share a run: years, as weeks and years do not start together.
_DAYS_AHEAD: Final = 5 * 366
#: Rows whose products are chosen as a trial.
TRIED_ROWS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedJob:
    """A job file with its errors."""

    path: Path
    #: The job with its dates rendered; None if the file is invalid, or has no list to pay.
    job: Job | RetryJob | None
    errors: tuple[Diagnostic, ...]
    #: What blocks no run, but is probably not intended.
    warnings: tuple[Diagnostic, ...] = ()


def check_job(
    path: Path,
    today: date,
    credentials: Path | None = None,
    day_of: Callable[[Job | RetryJob], date] | None = None,
) -> CheckedJob:
    """Check everything that would keep a job from running now; nothing is sent or fetched.

    Args:
        path: the job file.
        today: the day that its dates stand for.
        credentials: the credentials file; None for `.env`.
        day_of: returns the day of a job, by its time zone, in place of `today`.
    """
    try:
        job = load_any_job(path)
        lines = line_numbers(path.read_text(encoding="utf-8-sig"))
    except InvalidJobError as error:
        return CheckedJob(path=path, job=None, errors=error.diagnostics)
    except JobError as error:
        return CheckedJob(path=path, job=None, errors=(Diagnostic(line=None, key="", message=str(error)),))
    if day_of is not None:
        today = day_of(job)
    warnings = tuple(_warnings(job, today, lines))
    try:
        job = job.at(today, path.parent)
    except (JobError, ListError) as error:
        at = "run_key" if isinstance(error, JobError) else "list"
        return CheckedJob(path=path, job=None, errors=(diagnostic_of(error, lines, at),), warnings=warnings)
    errors = [
        *(list_errors(job, lines) if isinstance(job, Job) and job.address is None else ()),  # nothing is fetched
        *_folder_errors(job, lines),
        *_monitoring_errors(job, path.parent, credentials, lines),
    ]
    errors.sort(key=lambda error: error.line or 0)
    return CheckedJob(path=path, job=job, errors=tuple(errors), warnings=warnings)


def _warnings(job: Job | RetryJob, today: date, lines: Mapping[KeyPath, int]) -> Iterator[Diagnostic]:
    if job.schedule is not None and (missing := months_without(job.schedule)):
        yield Diagnostic(line=lines.get(("schedule", "at")), key="schedule.at", message=missing)
    if not isinstance(job, Job):
        return
    if job.is_bare_list:
        text = (
            f'"{BARE_LIST}" is the name of lists without a job file: an open run of this job stops no new one; choose '
            "another name"
        )
        yield Diagnostic(line=lines.get(("name",)), key="name", message=text)
    yield from _shared_runs(job, today, lines)


def _shared_runs(job: Job, today: date, lines: Mapping[KeyPath, int]) -> Iterator[Diagnostic]:
    """Yield a warning if two days of the coming years share a run although their lists or dates differ."""
    times = None if job.schedule is None else job.schedule.times
    coming = (date.fromordinal(today.toordinal() + count) for count in range(_DAYS_AHEAD))
    days = (day for day in coming if times is None or times.is_on(day))
    if (found := first_shared_run(days, job.key_on, lambda day: shown_address(render_dates(job.list, day)))) is None:
        return
    if found.lists[0] != found.lists[1]:
        text = (
            f'the lists "{found.lists[0]}" of {found.first} and "{found.lists[1]}" of {found.second} have the run key '
            f'"{found.key}" in common: who is in both is paid once, by the first; give run_key the same dates as list'
        )
        yield Diagnostic(line=lines.get(("list",)), key="list", message=text)
        return
    text = (
        f'the run key "{found.key}" of {found.first} is used again on {found.second}, when all rows of that run count '
        'as paid; add the year, as in "{today:%Y-%m}", or "{today:%G-W%V}" for weeks'
    )
    yield Diagnostic(line=lines.get(("run_key",)), key="run_key", message=text)


async def check_product(checked: CheckedJob, catalogue: Catalogue) -> CheckedJob:
    """Check that the account has the job's product.

    Args:
        checked: the result of `check_job`.
        catalogue: asks for products.

    Returns:
        The same, with an error if the product is not available.

    Raises:
        DVSError: DVS did not respond, or refused the credentials.
    """
    if not isinstance(checked.job, Job) or checked.job.product is None:
        return checked
    if (await catalogue.products([checked.job.product]))[checked.job.product] is None:
        lines = line_numbers(checked.path.read_text(encoding="utf-8-sig"))
        text = f"product {checked.job.product} is not available in this account; choose one of `bulk-topup products`"
        missing = Diagnostic(line=lines.get(("product",)), key="product", message=text)
        return replace(checked, errors=(*checked.errors, missing))
    return checked


async def check_choices(checked: CheckedJob, catalogue: Catalogue) -> CheckedJob:
    """Choose the products of the list's first rows as a trial, if the job has [auto_product]; a plan does it for all.

    Args:
        checked: the result of `check_job`.
        catalogue: asks for products, and for the operators of numbers.

    Returns:
        The same, with an error for each of these rows that gets no product.

    Raises:
        ListError: the list cannot be read.
        DVSError: DVS did not respond, or refused the credentials.
    """
    job = checked.job
    if not isinstance(job, Job) or job.auto_product is None or checked.errors or job.address is not None:
        return checked
    frame = next(open_job_list(job).batches()).head(TRIED_ROWS)
    chooser = Chooser(
        catalogue=catalogue,
        ledger=None,
        run=None,
        policy=job.auto_product,
        mode=job.calculation_mode,
        allow_duplicates=job.allow_duplicates,
    )
    chosen = await chooser.choose(frame)
    line_in_file = line_numbers(checked.path.read_text(encoding="utf-8-sig")).get(("auto_product",))
    errors = [
        Diagnostic(line=line_in_file, key="auto_product", message=f"line {line} of the list: {problem['message']}")
        for line, problems in chosen.select("line", "problems").iter_rows()
        for problem in problems
        if problem["column"] == CHOSEN
    ]
    return replace(checked, errors=(*checked.errors, *errors))


def _folder_errors(job: Job | RetryJob, lines: Mapping[KeyPath, int]) -> Iterator[Diagnostic]:
    report = Path(job.report_folder or "reports")
    if (text := _why_not_writable(report)) is not None:
        yield Diagnostic(line=lines.get(("report_folder",)), key="report_folder", message=text)
    if not isinstance(job, Job) or job.archive is None:
        return
    archive, lists = Path(job.archive), Path(job.list).parent
    line = lines.get(("archive",))
    if (text := _why_not_writable(archive)) is not None:
        yield Diagnostic(line=line, key="archive", message=text)
    elif (text := _why_not_writable(lists)) is not None:
        yield Diagnostic(line=line, key="archive", message=f"the list can't be archived: {text}")
    elif _existing(archive).stat().st_dev != lists.stat().st_dev:
        text = f"{archive} is on another disk than the list; choose an archive on the same disk"
        yield Diagnostic(line=line, key="archive", message=text)


def _monitoring_errors(
    job: Job | RetryJob, folder: Path, credentials: Path | None, lines: Mapping[KeyPath, int]
) -> Iterator[Diagnostic]:
    for key, name in (("metrics", job.metrics), ("logs", job.logs)):
        if name is None or name == STANDARD_OUTPUT or (key == "logs" and (folder / name).is_fifo()):
            continue
        file = folder / name
        text = f"{file} is not a file" if file.exists() and not file.is_file() else _why_no_folder(file.parent)
        if text is not None:
            yield Diagnostic(line=lines.get((key,)), key=key, message=f"{text}; choose another")
    if job.ping is None and not job.notifications:
        return
    try:
        variables = Variables.read(credentials)
    except ConfigurationError as error:
        yield diagnostic_of(error, lines, "notifications")
        return
    try:
        if job.ping is not None:
            ping_url(job.ping, variables)
    except JobError as error:
        yield diagnostic_of(error, lines, "ping")
    for number, notification in enumerate(job.notifications):
        try:
            channels = load_channels([notification], folder, variables)
        except JobError as error:
            yield diagnostic_of(error, lines, "notifications", number)
            continue
        for channel in channels:
            if (text := address_error(channel)) is not None:
                yield diagnostic_of(JobError(text), lines, "notifications", number)


def _why_no_folder(folder: Path) -> str | None:
    if not folder.is_dir():
        return f"there is no folder {folder}"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"the folder {folder} is not writable"


def _why_not_writable(folder: Path) -> str | None:
    existing = _existing(folder)
    if not existing.is_dir():
        return f"{existing} is not a folder; choose another"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} is not writable; change its owner or mode, or choose another"
    return None


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
