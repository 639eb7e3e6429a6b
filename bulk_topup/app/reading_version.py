"""How a run whose ledger is lost read its numbers, found out from the transactions that DVS has; sends nothing."""

from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from bulk_topup.app.open_list import open_job_list
from bulk_topup.domain import fields
from bulk_topup.domain.earlier_identities import fold_identity, possible_stems
from bulk_topup.domain.identity import party_identity, reference_identity
from bulk_topup.domain.identity_version import RunIds, ids_of_name
from bulk_topup.domain.problems import WORKBOOK_SUFFIXES
from bulk_topup.domain.run import READING_VERSION, SHOWN_VERSION
from bulk_topup.dvs import AsyncDVS
from bulk_topup.jobs.job import Job
from bulk_topup.reconcile.lookup import find_by_external_id

#: The fields that are read differently, and make another row.
_READ: Final = {fields.CREDIT_MOBILE, fields.CREDIT_ACCOUNT, fields.REFERENCE, fields.CREDIT_QUALIFIER}
#: A row under one version: its number, its account, and its identity.
_Reading = tuple[str | None, str | None, str]


async def find_reading_version(job: Job, dvs: AsyncDVS) -> int:
    """Return the version by which the job's run read its numbers; the latest of those that DVS's transactions allow.

    Rows that are read differently are looked up one by one until one version is left.

    Args:
        job: the job, its dates rendered.
        dvs: an open client.

    Raises:
        ListError, MappingError: the list cannot be read or mapped.
        DVSError: DVS did not respond.
    """
    names = ids_of_name(job.name, str(job.run_key))
    possible = _versions(job)
    for readings in _differing_rows(job, possible):
        ways = dict.fromkeys(readings[version] for version in possible)
        for reading in ways if len(ways) > 1 else ():
            if await _is_sent(reading, names, dvs):
                possible = tuple(version for version in possible if readings[version] == reading)
                break
        if len(possible) == 1:
            break
    return possible[-1]


async def _is_sent(reading: _Reading, names: Sequence[RunIds], dvs: AsyncDVS) -> bool:
    """Return True if DVS has the row as it is read."""
    number, account, identity = reading
    for id_ in (f"{stem}-1" for stem in possible_stems(names, fold_identity(identity, None), identity)):
        found = await find_by_external_id(dvs, id_)
        party = None if found is None else found.credit_party_identifier
        # Rows with a reference may have one ID by several versions.
        if party is not None and (party.mobile_number, party.account_number) == (number, account):
            return True
    return False


def _versions(job: Job) -> tuple[int, ...]:
    """Return the versions by which the list may be read, one for each way that differs."""
    is_workbook = job.source.path.suffix.lower() in WORKBOOK_SUFFIXES
    return (1, SHOWN_VERSION - 1, READING_VERSION) if is_workbook else (1, READING_VERSION)


def _differing_rows(job: Job, versions: tuple[int, ...]) -> Iterator[dict[int, _Reading]]:
    """Yield the rows that the versions read differently, by version."""
    readers = [open_job_list(job, reading_version=version) for version in versions]
    for frames in zip(*(reader.batches() for reader in readers), strict=True):
        columns = [set(frame.columns) & _READ for frame in frames]
        differs = pl.Series([False]).new_from_index(0, frames[0].height)
        for field in set.union(*columns):
            for frame in frames[1:]:
                differs |= frames[0][field].ne_missing(frame[field])
        for rows in zip(*(_readings(frame.filter(differs)) for frame in frames), strict=True):
            yield dict(zip(versions, rows, strict=True))


def _readings(rows: pl.DataFrame) -> Iterator[_Reading]:
    for row in rows.iter_rows(named=True):
        number, account = row.get(fields.CREDIT_MOBILE), row.get(fields.CREDIT_ACCOUNT)
        if (reference := row.get(fields.REFERENCE)) is not None:
            identity = reference_identity(reference)
        else:
            parties = (number, account, row.get(fields.CREDIT_QUALIFIER))
            identity = party_identity(int(row.get(fields.PRODUCT_ID) or 0), parties)
        yield number, account, identity
