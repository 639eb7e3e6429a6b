"""Opens a job's list: with its column mapping, corrected rows, and without what filters leave out; reads the ledger."""

from dataclasses import replace
from pathlib import Path

from bulk_topup.domain.fields import PRODUCT_ID
from bulk_topup.domain.run import READING_VERSION, Run
from bulk_topup.errors import ListError, MappingError, RunNotFoundError
from bulk_topup.intake import ListReader, Table, open_table, read_list
from bulk_topup.intake.corrections import CorrectedTable, read_corrections
from bulk_topup.intake.filters import FilteredTable
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore


def open_job_table(job: Job, run: Run | None, ledger: LedgerStore, corrections: Path | None) -> Table:
    """Open a job's list, with corrected rows in place of the original ones, and without rows that filters leave out.

    Args:
        job: the job, its dates rendered.
        run: the job's run; None for a new one.
        ledger: an open ledger.
        corrections: a not-completed file of the run with corrected rows; None without corrections.

    Raises:
        ListError: list or corrections cannot be read.
        RunNotFoundError: there are corrections, and no run that they could correct.
    """
    _ = job.formats  # an error of the job is reported before an error of its list
    if corrections is None:
        return _filter_table(job, open_table(job.source))
    if run is None:
        raise RunNotFoundError(
            f"There is no run {job.name}/{job.run_key} to correct. Check --run-key, --ledger and --env."
        )
    if run.parts:
        raise ListError(
            f"Run {run.name} has {len(run.parts)} lists, so corrections do not say which one they are of. Correct the "
            "list itself, then run it again, and retry."
        )
    found = read_corrections(corrections)
    known = ledger.rows.cells(run, found.rows.keys())
    sent = ledger.rows.sent_lines(run, found.rows.keys())
    return _filter_table(job, CorrectedTable(open_table(job.source), job.source.path.name, found, known, sent))


def open_job_list(job: Job, table: Table | None = None, reading_version: int = READING_VERSION) -> ListReader:
    """Open a job's list with its column mapping.

    Args:
        job: the job, its dates rendered.
        table: the list, if it is open already.
        reading_version: how numbers are read, see `READING_VERSION`.

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
