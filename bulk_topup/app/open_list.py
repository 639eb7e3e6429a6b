"""Opens a job's list: with its column mapping, corrected rows, and without what filters leave out; reads the ledger."""

from dataclasses import dataclass, replace
from pathlib import Path

from bulk_topup.domain.fields import PRODUCT_ID
from bulk_topup.domain.run import READING_VERSION, Run
from bulk_topup.errors import ListError, MappingError, RunNotFoundError
from bulk_topup.intake import Formats, ListReader, ListSource, Table, open_table, read_list
from bulk_topup.intake.corrected_table import CorrectedTable
from bulk_topup.intake.corrections import read_corrections
from bulk_topup.intake.filters import FilteredTable
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedList:
    """A job's list, with corrected rows in place of the original ones, and without rows that filters leave out."""

    table: Table
    #: The list with what the filters leave out; its corrected rows are known once it is read. None without corrections.
    corrected: CorrectedTable | None


def open_job_table(job: Job, run: Run | None, ledger: LedgerStore, corrections: Path | None = None) -> OpenedList:
    """Open a job's list with the corrections that its run keeps, and with new ones.

    Args:
        job: the job, its dates rendered.
        run: the job's run; None for a new one.
        ledger: an open ledger.
        corrections: a not-completed file of the run with corrected rows; None without new corrections.

    Raises:
        ListError: list or corrections cannot be read.
        RunNotFoundError: there are corrections, and no run that they could correct.
    """
    _ = job.formats  # an error of the job is reported before an error of its list
    if run is None:
        if corrections is None:
            return OpenedList(table=_filter_table(job, open_table(job.source)), corrected=None)
        raise RunNotFoundError(
            f"There is no run {job.name}/{job.run_key} to correct. Check --run-key, --ledger and --env."
        )
    if corrections is not None and run.parts:
        raise ListError(
            f"Run {run.name} has {len(run.parts)} lists, so corrections do not say which one they are of. Correct the "
            "list itself, then run it again, and retry."
        )
    table = _correct_table(open_table(job.source), job.source.path.name, run, ledger, corrections)
    corrected = table if isinstance(table, CorrectedTable) else None
    return OpenedList(table=_filter_table(job, table), corrected=corrected)


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
    source = ListSource(path=Path(run.list_path))
    table = _correct_table(open_table(source), source.path.name, run, ledger, None)
    formats = Formats(version=run.reading_version)
    return read_list(source, mapping={}, constants={}, formats=formats, table=table)


def open_job_list(job: Job, table: Table | None = None, reading_version: int = READING_VERSION) -> ListReader:
    """Open a job's list with its column mapping.

    Args:
        job: the job, its dates rendered.
        table: the list, if it is open already.
        reading_version: how the list is read, see `READING_VERSION`.

    Raises:
        ListError, MappingError: the list cannot be read or mapped.
    """
    if table is None:
        table = _filter_table(job, open_table(job.source))
    reader = read_list(
        job.source,
        mapping=job.columns,
        constants=job.all_constants,
        formats=replace(job.formats, version=reading_version),
        table=table,
        row_checks=table.row_checks if isinstance(table, FilteredTable) else {},
    )
    if job.auto_product is not None and PRODUCT_ID in reader.mapped:
        raise MappingError(
            f'Column "{reader.column_of(PRODUCT_ID)}" of {job.source.path.name} names products, and the job\'s '
            "[auto_product] chooses them. Remove one of the two."
        )
    return reader


def _filter_table(job: Job, table: Table) -> Table:
    return FilteredTable(table, job.source.path.name, job.filters) if job.filters else table
