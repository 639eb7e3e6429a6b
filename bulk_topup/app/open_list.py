"""Opens a job's list: with its column mapping, corrected rows, and without what filters leave out; reads the ledger."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bulk_topup.domain.fields import PRODUCT_ID
from bulk_topup.domain.list_parts import ListPart
from bulk_topup.domain.run import READING_VERSION, SHOWN_VERSION, Run
from bulk_topup.domain.unseen_rows import ALL_SEEN, HiddenRows, Unseen, UnseenRows
from bulk_topup.errors import ListError, MappingError, RunNotFoundError
from bulk_topup.intake import Formats, ListReader, ListSource, Table, read_list
from bulk_topup.intake.cells.texts import strip
from bulk_topup.intake.corrected_table import CorrectedTable
from bulk_topup.intake.corrections import read_corrections
from bulk_topup.intake.files.xlsx_file import XlsxTable
from bulk_topup.intake.filters import FilteredTable
from bulk_topup.intake.header_row import open_headed_table
from bulk_topup.intake.seen_table import SeenTable, find_unseen
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.snapshot import KEPT_CHOICES, KEPT_SETTINGS, given_filters, reading_snapshot
from bulk_topup.ledger import LedgerStore


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedList:
    """A job's list, with corrected rows in place of the original ones, and without rows that filters leave out."""

    table: Table
    #: The list with what the filters leave out; its corrected rows are known once it is read. None without corrections.
    corrected: CorrectedTable | None
    #: Rows that are hidden or struck through in the workbook.
    unseen: UnseenRows = ALL_SEEN
    #: Indexes of columns that are hidden in the workbook.
    hidden: tuple[int, ...] = ()


def with_kept_choice(job: Job, run: Run | None, *, add: bool = False) -> Job:
    """Return the job with how a command line had its run read the list, where nothing else is said now.

    Args:
        job: the job.
        run: its run; None for a new one.
        add: whether the list is added to its run; what was decided was about another list.

    Raises:
        ListError: the run's lists are read differently, and this is none of them by its path.
    """
    if run is None or add:
        return job
    reading = _reading_of(job, run)
    kept = json.loads(reading or "{}")
    settings = {name: kept.get(name) for name in KEPT_SETTINGS if getattr(job, name) is None}
    if settings.get("hidden_rows") is not None:
        settings["hidden_rows"] = HiddenRows(settings["hidden_rows"])
    job = job.model_copy(update=settings)
    return job if job.given_filters else job.with_given_filters(given_filters(reading))


def _reading_of(job: Job, run: Run) -> str | None:
    """Return how a run read the list of a job: of several lists, the one with the same path and sheet."""
    parts = [part for part in run.parts if part.list_path]
    if not parts:
        return run.reading
    given = ListPart(list_path=job.list, reading=reading_snapshot(job))
    if (found := next((part for part in parts if part.is_same_list(given)), None)) is not None:
        return found.reading
    choices = [{name: json.loads(part.reading or "{}").get(name) for name in KEPT_CHOICES} for part in parts]
    if all(choice == choices[0] for choice in choices):
        return parts[0].reading
    raise ListError(
        f"Run {run.name} reads its lists in different ways, with --filter, --keep, --header-row or --hidden-rows, and "
        f"{job.list} is none of them. Nothing was sent. Name the list as it was named before: "
        f"{' or '.join(part.list_path for part in parts)}; or add a further list with --add."
    )


def open_job_table(
    job: Job,
    run: Run | None,
    ledger: LedgerStore,
    corrections: Path | None = None,
    reading_version: int | None = None,
) -> OpenedList:
    """Open a job's list with the corrections that its run keeps, and with new ones.

    Args:
        job: the job, its dates rendered.
        run: the job's run; None for a new one.
        ledger: an open ledger.
        corrections: a not-completed file of the run with corrected rows; None without new corrections.
        reading_version: how cells are read, see `READING_VERSION`; None for the run's own, or that of new runs.

    Raises:
        ListError: list or corrections cannot be read.
        RunNotFoundError: there are corrections, and no run that they could correct.
    """
    _ = job.formats  # an error of the job is reported before an error of its list
    if reading_version is None:
        reading_version = READING_VERSION if run is None else run.reading_version
    opened = open_headed_table(_source(job, reading_version), job.columns, reading_version)
    unseen = opened.unseen if isinstance(opened, XlsxTable) else {}
    if run is None:
        if corrections is None:
            return _seen(job, opened, opened, unseen, reading_version)
        raise RunNotFoundError(
            f"There is no run {job.name}/{job.run_key} to correct. Check --run-key, --ledger and --env."
        )
    if corrections is not None and run.parts:
        raise ListError(
            f"Run {run.name} has {len(run.parts)} lists, so corrections do not say which one they are of. Correct the "
            "list itself, then run it again, and retry."
        )
    table = _correct_table(opened, job.source.path.name, run, ledger, corrections)
    return _seen(job, opened, table, unseen, reading_version)


def _seen(job: Job, opened: Table, table: Table, unseen: Mapping[int, Unseen], reading_version: int) -> OpenedList:
    """Return a job's list without what its filters, and what is decided about hidden rows, leave out.

    Args:
        job: the job.
        opened: the list as it is.
        table: the list with corrections, if it has any.
        unseen: its rows that are hidden or struck through.
        reading_version: how cells are read.
    """
    filtered = filter_table(job, table)
    choice = job.hidden_rows
    if choice is None and reading_version < SHOWN_VERSION:
        choice = HiddenRows.PAY  # earlier versions did not see that they are hidden
    found = UnseenRows(rows=find_unseen(filtered, unseen), choice=choice)
    if found.rows and choice is HiddenRows.LEAVE_OUT:
        filtered = filter_table(job, SeenTable(table, job.source.path.name, found.rows))
    return OpenedList(
        table=filtered,
        corrected=table if isinstance(table, CorrectedTable) else None,
        unseen=found,
        hidden=opened.hidden_columns if isinstance(opened, XlsxTable) else (),
    )


def _source(job: Job, reading_version: int) -> ListSource:
    """Return where a job's list is, and how a version reads it."""
    if reading_version >= SHOWN_VERSION:
        return job.source
    return replace(job.source, as_shown=False, decimal_mark=".")


def _correct_table(table: Table, name: str, run: Run, ledger: LedgerStore, corrections: Path | None) -> Table:
    """Return the table with corrections, or the table itself, which is read faster, if there are none."""
    kept = ledger.corrections.of_run(run)
    if corrections is None and not kept:
        return table
    found = None if corrections is None else read_corrections(corrections)
    lines = () if found is None else found.rows.keys()
    return CorrectedTable(
        table,
        name,
        kept=kept,
        corrections=found,
        known=ledger.rows.cells(run, lines),
        states=ledger.rows.sent_lines(run, lines),
        unclear=ledger.rows.unclear_lines(run, lines),
    )


def open_run_list(run: Run, ledger: LedgerStore) -> ListReader:
    """Open the list of a run whose job is not known, with the corrections that the run keeps.

    Args:
        run: the run.
        ledger: an open ledger.

    Raises:
        ListError, MappingError: the list cannot be read or mapped.
    """
    source = ListSource(path=Path(run.list_path), as_shown=run.reads_as_shown)
    opened = open_headed_table(source, {}, run.reading_version)
    table = _correct_table(opened, source.path.name, run, ledger, None)
    formats = Formats(version=run.reading_version)
    return read_list(source, mapping={}, constants={}, formats=formats, table=table)


def open_job_list(
    job: Job, table: Table | None = None, reading_version: int = READING_VERSION, *, leaves_out: bool = True
) -> ListReader:
    """Open a job's list with its column mapping.

    Args:
        job: the job, its dates rendered.
        table: the list, if it is open already.
        reading_version: how the list is read, see `READING_VERSION`.
        leaves_out: whether totals and signatures are left out, where the version does that.

    Raises:
        ListError, MappingError: the list cannot be read or mapped.
    """
    if table is None:
        opened = open_headed_table(_source(job, reading_version), job.columns, reading_version)
        table = filter_table(job, opened)
    reader = read_list(
        job.source,
        mapping=job.columns,
        constants=job.all_constants,
        formats=replace(job.formats, version=reading_version),
        table=table,
        row_checks=table.row_checks if isinstance(table, FilteredTable) else {},
        leaves_out=leaves_out,
    )
    if job.auto_product is not None and PRODUCT_ID in reader.mapped:
        raise MappingError(
            f'Column "{reader.column_of(PRODUCT_ID)}" of {job.source.path.name} names products, and the job\'s '
            "[auto_product] chooses them. Remove one of the two."
        )
    check_report_columns(job, reader.columns)
    return reader


def check_report_columns(job: Job, columns: Sequence[str]) -> None:
    """Raise MappingError unless the list has the columns that the job chooses for its report."""
    columns = [strip(name) for name in columns]
    if missing := [name for name in job.report.columns or () if name not in columns]:
        raise MappingError(
            f'{job.source.path.name} has no column "{missing[0]}", which [report] columns names. '
            f"Columns: {', '.join(name for name in columns if name)}."
        )


def filter_table(job: Job, table: Table) -> Table:
    """Return the table without what the job's filters leave out."""
    return FilteredTable(table, job.source.path.name, job.filters) if job.filters else table
