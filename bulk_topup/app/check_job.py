"""What a job file's own rules cannot tell: whether its list, columns, folders and product are there; reads the list."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from bulk_topup.app.plan import open_job_list
from bulk_topup.app.product_choice import CHOSEN, Chooser
from bulk_topup.dvs import AsyncDVS, ErrorCode, NotFoundError
from bulk_topup.errors import BulkTopupError, ConfigurationError, JobError, ListError, MappingError
from bulk_topup.intake import Table, open_table, read_list
from bulk_topup.intake.filters import FilteredTable
from bulk_topup.jobs.date_templates import first_shared_run, render_dates
from bulk_topup.jobs.diagnostics import Diagnostic, InvalidJobError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.load import load_any_job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.jobs.toml_lines import KeyPath, line_numbers
from bulk_topup.monitoring.apprise_sender import address_error
from bulk_topup.monitoring.channels import Variables, load_channels, ping_url
from bulk_topup.monitoring.json_log import STANDARD_OUTPUT

#: Days for which it is looked whether two of them share a run: years, as weeks and years do not begin together.
_DAYS_AHEAD: Final = 5 * 366
#: Rows whose products are chosen to see whether that works.
TRIED_ROWS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedJob:
    """A job file and what is wrong with it."""

    path: Path
    #: With its dates filled in; None where the file itself is not acceptable, or has no list to pay.
    job: Job | RetryJob | None
    mistakes: tuple[Diagnostic, ...]
    #: What keeps no start from sending, and most likely is not meant.
    warnings: tuple[Diagnostic, ...] = ()


def check_job(path: Path, today: date, credentials: Path | None = None) -> CheckedJob:
    """Look for everything that would keep a job from starting now; nothing is sent or asked for.

    Args:
        path: the job file.
        today: what its dates are filled in with.
        credentials: the file of the credentials, where it is not `.env`.
    """
    try:
        job = load_any_job(path)
        lines = line_numbers(path.read_text(encoding="utf-8-sig"))
    except InvalidJobError as error:
        return CheckedJob(path=path, job=None, mistakes=error.diagnostics)
    except JobError as error:
        return CheckedJob(path=path, job=None, mistakes=(Diagnostic(line=None, key="", message=str(error)),))
    warnings = tuple(_shared_runs(job, today, lines)) if isinstance(job, Job) else ()
    try:
        job = job.at(today, path.parent)
    except (JobError, ListError) as error:
        at = "run_key" if isinstance(error, JobError) else "list"
        return CheckedJob(path=path, job=None, mistakes=(_mistake(error, lines, at),), warnings=warnings)
    found = [
        *(_list_mistakes(job, lines) if isinstance(job, Job) else ()),
        *_folder_mistakes(job, lines),
        *_telling_mistakes(job, path.parent, credentials, lines),
    ]
    found.sort(key=lambda mistake: mistake.line or 0)
    return CheckedJob(path=path, job=job, mistakes=tuple(found), warnings=warnings)


def _shared_runs(job: Job, today: date, lines: Mapping[KeyPath, int]) -> Iterator[Diagnostic]:
    """Find days of the coming years that would share a run without being meant to."""
    times = None if job.schedule is None else job.schedule.times
    coming = (date.fromordinal(today.toordinal() + count) for count in range(_DAYS_AHEAD))
    days = (day for day in coming if times is None or times.is_on(day))
    if (found := first_shared_run(days, job.key_on, partial(render_dates, job.list))) is None:
        return
    if found.lists[0] != found.lists[1]:
        text = (
            f'the lists "{found.lists[0]}" of {found.first} and "{found.lists[1]}" of {found.second} are both the run '
            f'"{found.key}": whoever is in both is paid once, by the first; give run_key as fine a date as list'
        )
        yield Diagnostic(line=lines.get(("list",)), key="list", message=text)
        return
    text = (
        f'the run key "{found.key}" of {found.first} comes again on {found.second}, when everybody whom that run paid '
        'counts as paid; let it name the year, as "{today:%Y-%m}" does, or "{today:%G-W%V}" for weeks'
    )
    yield Diagnostic(line=lines.get(("run_key",)), key="run_key", message=text)


async def check_product(checked: CheckedJob, dvs: AsyncDVS) -> CheckedJob:
    """Ask the provider whether the account has the job's product.

    Raises:
        DVSError: the provider does not answer, or not for this account.
    """
    if not isinstance(checked.job, Job) or checked.job.product is None:
        return checked
    try:
        await dvs.products.get(checked.job.product)
    except NotFoundError as error:
        if not error.has_code(ErrorCode.PRODUCT_NOT_AVAILABLE):
            raise
        lines = line_numbers(checked.path.read_text(encoding="utf-8-sig"))
        text = f"product {checked.job.product} is not available in this account; choose one of `bulk-topup products`"
        mistake = Diagnostic(line=lines.get(("product",)), key="product", message=text)
        return replace(checked, mistakes=(*checked.mistakes, mistake))
    return checked


async def check_choices(checked: CheckedJob, dvs: AsyncDVS) -> CheckedJob:
    """Have the products of the list's first rows chosen, where the job has them chosen; a plan does it for all.

    Raises:
        ListError: the list cannot be read so far.
        DVSError: the provider does not answer, or not for this account.
    """
    job = checked.job
    if not isinstance(job, Job) or job.auto_product is None or checked.mistakes:
        return checked
    frame = next(open_job_list(job).batches()).head(TRIED_ROWS)
    chooser = Chooser(
        dvs=dvs,
        ledger=None,
        run=None,
        policy=job.auto_product,
        mode=job.calculation_mode,
        allow_duplicates=job.allow_duplicates,
    )
    chosen = await chooser.choose(frame)
    line_in_file = line_numbers(checked.path.read_text(encoding="utf-8-sig")).get(("auto_product",))
    mistakes = [
        Diagnostic(line=line_in_file, key="auto_product", message=f"line {line} of the list: {problem['message']}")
        for line, problems in chosen.select("line", "problems").iter_rows()
        for problem in problems
        if problem["column"] == CHOSEN
    ]
    return replace(checked, mistakes=(*checked.mistakes, *mistakes))


def _list_mistakes(job: Job, lines: Mapping[KeyPath, int]) -> Iterator[Diagnostic]:
    if job.schedule is not None and job.approval.required:
        text = "a job that needs an approval of each start cannot be started by itself; leave out [schedule]"
        yield Diagnostic(line=lines.get(("schedule",)), key="schedule", message=text)
    try:
        _ = job.formats
    except ConfigurationError as error:
        yield _mistake(error, lines, "default_country")
        return
    try:
        table = open_table(job.source)
    except ListError as error:
        stated = [key for key in ("sheet", "encoding", "delimiter") if (key,) in lines and key in str(error)]
        yield _mistake(error, lines, *stated[:1] or ["list"])
        return
    yield from _column_mistakes(job, table, lines)
    for number, filter_ in enumerate(job.filters):
        try:
            FilteredTable(table, job.source.path.name, [filter_])
        except ListError as error:
            yield _mistake(error, lines, "filters", number, "column")


def _column_mistakes(job: Job, table: Table, lines: Mapping[KeyPath, int]) -> Iterator[Diagnostic]:
    """Find the columns and constants that the list does not take, each by itself where that shows which it is."""
    try:
        read_list(job.source, mapping=job.columns, constants=job.all_constants, formats=job.formats, table=table)
    except (ListError, MappingError) as whole:
        alone = [
            *(("columns", field, {field: column}, {}) for field, column in job.columns.items()),
            *(("constants", field, {}, {field: text}) for field, text in job.constants.items()),
        ]
        is_any = False
        for key, field, mapping, constants in alone:
            try:
                read_list(job.source, mapping=mapping, constants=constants, formats=job.formats, table=table)
            except MappingError as error:
                if f'"{mapping.get(field)}"' in str(error) or field in str(error):
                    is_any = True
                    yield _mistake(error, lines, key, field)
        if not is_any:
            yield _mistake(whole, lines, "columns")


def _folder_mistakes(job: Job | RetryJob, lines: Mapping[KeyPath, int]) -> Iterator[Diagnostic]:
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
        yield Diagnostic(line=line, key="archive", message=f"the list cannot be moved away: {text}")
    elif _existing(archive).stat().st_dev != lists.stat().st_dev:
        text = f"{archive} is on another disk than the list, which could not be moved there in one step; name another"
        yield Diagnostic(line=line, key="archive", message=text)


def _telling_mistakes(
    job: Job | RetryJob, folder: Path, credentials: Path | None, lines: Mapping[KeyPath, int]
) -> Iterator[Diagnostic]:
    for key, stated in (("metrics", job.metrics), ("logs", job.logs)):
        if stated is None or stated == STANDARD_OUTPUT:
            continue
        place = folder / stated
        text = f"{place} is not a file" if place.exists() and not place.is_file() else _why_no_folder(place.parent)
        if text is not None:
            yield Diagnostic(line=lines.get((key,)), key=key, message=f"{text}; name another")
    if job.ping is None and not job.notifications:
        return
    try:
        variables = Variables.read(credentials)
    except JobError as error:
        yield _mistake(error, lines, "notifications")
        return
    try:
        if job.ping is not None:
            ping_url(job.ping, variables)
    except JobError as error:
        yield _mistake(error, lines, "ping")
    for number, notification in enumerate(job.notifications):
        try:
            channels = load_channels([notification], folder, variables)
        except JobError as error:
            yield _mistake(error, lines, "notifications", number)
            continue
        for channel in channels:
            if (text := address_error(channel)) is not None:
                yield _mistake(JobError(text), lines, "notifications", number)


def _why_no_folder(folder: Path) -> str | None:
    if not folder.is_dir():
        return f"the folder {folder} is not there"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"the folder {folder} cannot be written to"


def _why_not_writable(folder: Path) -> str | None:
    place = _existing(folder)
    if not place.is_dir():
        return f"{place} is not a folder; name another"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"{place} cannot be written to; change its owner or mode, or name another"
    return None


def _existing(folder: Path) -> Path:
    """Give the nearest folder above that is there."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _mistake(error: BulkTopupError, lines: Mapping[KeyPath, int], *place: str | int) -> Diagnostic:
    line = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), None)
    return Diagnostic(line=line, key=".".join(map(str, place)), message=str(error))
