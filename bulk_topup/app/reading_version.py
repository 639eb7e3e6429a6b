"""How an earlier version read the list of a run that this ledger does not have, found out from DVS; sends nothing."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from itertools import islice
from typing import Final

import polars as pl

from bulk_topup.app.open_list import filter_table, open_job_list
from bulk_topup.domain import fields
from bulk_topup.domain.earlier_identities import fold_identity, possible_stems
from bulk_topup.domain.identity import party_identity, reference_identity
from bulk_topup.domain.identity_version import RunIds, ids_of_name
from bulk_topup.domain.run import READING_VERSION
from bulk_topup.dvs import AsyncDVS, DVSError, UnauthorizedError
from bulk_topup.errors import InvalidInputError, MappingError, NotComparedError
from bulk_topup.intake import ListReader, Table
from bulk_topup.intake.files.open_table import file_table
from bulk_topup.intake.files.source import HeaderRowError
from bulk_topup.intake.files.xlsx_file import XlsxTable
from bulk_topup.jobs.job import Job
from bulk_topup.reconcile.lookup import find_by_external_id
from bulk_topup.system.waits import all_of

#: The last version before columns were known by all their names.
_BEFORE_NAMES: Final = 2
#: Rows of a new run that are looked up as the earlier version read them, if it read them otherwise: the first ones,
#: which an interrupted run sent.
FIRST_ROWS: Final = 10

_PARTY: Final = (fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT, fields.CREDIT_QUALIFIER)
_IDENTITY_FIELDS: Final = (fields.REFERENCE, fields.PRODUCT_ID, *_PARTY, fields.BILL_REFERENCE)
#: A row's credited number and account, its identity, and the reference of the bill that it pays.
_Row = tuple[str | None, str | None, str, str | None]


class OtherReadingError(InvalidInputError):
    """DVS has payments of the list as an earlier version read it. Nothing was sent."""


async def find_reading_version(job: Job, dvs: AsyncDVS) -> int:
    """Return the version by which the job's run read its list; the latest if DVS has none of the rows that differ.

    Rows are looked up one by one until no two versions are left that read them differently.

    Args:
        job: the job, its dates rendered.
        dvs: an open client.

    Raises:
        ListError, MappingError: the list cannot be read or mapped.
        DVSError: DVS did not respond.
    """
    names = ids_of_name(job.name, str(job.run_key))
    possible = set(range(1, READING_VERSION + 1))
    for row in _differing_rows(job):
        readings: dict[_Row, set[int]] = defaultdict(set)
        for version, reading in row.items():
            if version in possible:
                readings[reading].add(version)
        if len(readings) < 2:
            continue
        for reading, versions in readings.items():
            if await _is_at_dvs(dvs, names, reading):
                possible = versions
                break
    return max(possible)


async def check_not_read_otherwise(job: Job, table: Table, reader: ListReader, dvs: AsyncDVS) -> None:
    """Raise OtherReadingError if DVS has first rows of a new run's list under IDs that an earlier version gave them.

    External IDs would not keep it from paying them again: they are computed from the reference, which may be a column
    that the earlier version only kept, or a workbook's cell that is shown otherwise than its value.

    Args:
        job: the job, its dates rendered.
        table: the list.
        reader: the same list, as it is read now.
        dvs: an open client.

    Raises:
        OtherReadingError: DVS has such rows.
        NotComparedError: DVS did not answer, which is not taken for no payment.
        UnauthorizedError: DVS refused the API credentials.
    """
    values = _values_of(table)
    before = _reader(job, _BEFORE_NAMES, table if values is None else filter_table(job, values))
    if before is None or (values is None and _identity_columns(before) == _identity_columns(reader)):
        return
    names = ids_of_name(job.name, str(job.run_key))
    # The given reader has notes on the whole list, which another reading would replace.
    now = set(_rows_of_first_batch(open_job_list(job, table)))
    rows = islice((row for row in _rows_of_first_batch(before) if row not in now), FIRST_ROWS)
    try:
        found = await all_of(_is_at_dvs(dvs, names, row) for row in rows)
    except UnauthorizedError:
        raise
    except DVSError as error:
        raise NotComparedError(
            f"DVS's transactions can't be read, so it is unknown whether an earlier version has paid {job.list}. "
            f"Nothing was sent. {str(error).rstrip('.')}. Run again once DVS responds."
        ) from error
    if any(found):
        raise OtherReadingError(
            f"DVS has payments of {job.list} for run {job.name}/{job.run_key}, which an earlier version read "
            "otherwise, and this ledger does not know them. Nothing was sent. Rebuild the run with "
            "`bulk-topup reconcile --rebuild` and the same list or job, which reads it as then, then run again."
        )


def _reader(job: Job, version: int, table: Table | None = None) -> ListReader | None:
    """Return the list as a version reads it, with all of its rows; None if it cannot, so that it never paid it."""
    try:
        reader = open_job_list(job, table, version, leaves_out=False)
    except (HeaderRowError, MappingError):
        return None
    is_paid = {fields.REFERENCE, fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT} & set(reader.mapped)
    return reader if is_paid else None


def _values_of(table: Table) -> Table | None:
    """Return a workbook's list as its values are, however they are shown; None if they are shown as they are."""
    file = file_table(table)
    if not isinstance(file, XlsxTable) or not file.may_look_otherwise:
        return None
    values = copy(file)
    values.ignore_formats()
    return values


def _rows_of_first_batch(reader: ListReader) -> Iterator[_Row]:
    batch = next(iter(reader.batches()))
    return _rows(batch.select(_of_identity(batch)))


def _identity_columns(reader: ListReader) -> list[str | None]:
    return [reader.column_of(field) if field in reader.mapped else None for field in _IDENTITY_FIELDS]


async def _is_at_dvs(dvs: AsyncDVS, names: Sequence[RunIds], row: _Row) -> bool:
    number, account, identity, bill = row
    for id_ in (f"{stem}-1" for stem in possible_stems(names, fold_identity(identity, bill), identity)):
        found = await find_by_external_id(dvs, id_)
        party = None if found is None else found.credit_party_identifier
        # Rows with a reference may have one ID by several versions.
        if party is not None and (party.mobile_number, party.account_number) == (number, account):
            return True
    return False


def _differing_rows(job: Job) -> Iterator[dict[int, _Row]]:
    """Yield the rows whose credited number or identity depends on the version, by version."""
    # Filters may see other cells by another version; what they leave out is not at DVS anyway.
    job = job.model_copy(update={"filters": ()})
    versions = range(1, READING_VERSION + 1)
    readers = {version: reader for version in versions if (reader := _reader(job, version)) is not None}
    if not readers:
        open_job_list(job)  # raises the error of the latest version
        return
    for frames in zip(*(reader.batches() for reader in readers.values()), strict=True):
        columns = [frame.select(_of_identity(frame)) for frame in frames]
        differs = pl.Series([False]).new_from_index(0, frames[0].height)
        for each in columns[1:]:
            for name in each.columns:
                differs |= columns[0][name].ne_missing(each[name])
        rows = (_rows(each.filter(differs)) for each in columns)
        for row in zip(*rows, strict=True):
            yield dict(zip(readers, row, strict=True))


def _of_identity(frame: pl.DataFrame) -> list[pl.Expr]:
    nothing = pl.lit(None, dtype=pl.String)
    return [pl.col(field) if field in frame.columns else nothing.alias(field) for field in _IDENTITY_FIELDS]


def _rows(columns: pl.DataFrame) -> Iterator[_Row]:
    for row in columns.iter_rows(named=True):
        number, account, reference = row[fields.CREDIT_MOBILE], row[fields.CREDIT_ACCOUNT], row[fields.REFERENCE]
        if reference is not None:
            identity = reference_identity(reference)
        else:
            identity = party_identity(int(row[fields.PRODUCT_ID] or 0), (number, account, row[fields.CREDIT_QUALIFIER]))
        yield number, account, identity, row[fields.BILL_REFERENCE]
