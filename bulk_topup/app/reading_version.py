"""How a run whose ledger is lost read its numbers, found out from the transactions that DVS has; sends nothing."""

from collections.abc import Iterator

import polars as pl

from bulk_topup.app.open_list import open_job_list
from bulk_topup.domain import fields
from bulk_topup.domain.earlier_identities import fold_identity, possible_stems
from bulk_topup.domain.identity import party_identity, reference_identity
from bulk_topup.domain.identity_version import ids_of_name
from bulk_topup.domain.run import READING_VERSION
from bulk_topup.dvs import AsyncDVS
from bulk_topup.jobs.job import Job
from bulk_topup.reconcile.lookup import find_by_external_id

#: A row's number under the first and the latest version, and its identity under each.
_Row = tuple[tuple[str | None, str], tuple[str | None, str]]


async def find_reading_version(job: Job, dvs: AsyncDVS) -> int:
    """Return the version by which the job's run read its numbers; the latest if DVS has none of the rows that differ.

    Rows are looked up one by one until one of them is found.

    Args:
        job: the job, its dates rendered.
        dvs: an open client.

    Raises:
        ListError, MappingError: the list cannot be read or mapped.
        DVSError: DVS did not respond.
    """
    names = ids_of_name(job.name, str(job.run_key))
    for earlier, latest in _differing_rows(job):
        for version, (number, identity) in ((1, earlier), (READING_VERSION, latest)):
            for id_ in (f"{stem}-1" for stem in possible_stems(names, fold_identity(identity, None), identity)):
                found = await find_by_external_id(dvs, id_)
                party = None if found is None else found.credit_party_identifier
                # Rows with a reference have one ID by both versions.
                if party is not None and party.mobile_number == number:
                    return version
    return READING_VERSION


def _differing_rows(job: Job) -> Iterator[_Row]:
    """Yield the rows whose credited number depends on the version."""
    earlier, latest = open_job_list(job, reading_version=1), open_job_list(job)
    if fields.CREDIT_MOBILE not in latest.mapped:
        return
    for before, after in zip(earlier.batches(), latest.batches(), strict=True):
        differs = before[fields.CREDIT_MOBILE].ne_missing(after[fields.CREDIT_MOBILE])
        sides = (_sides(frame.filter(differs)) for frame in (before, after))
        yield from zip(*sides, strict=True)


def _sides(rows: pl.DataFrame) -> Iterator[tuple[str | None, str]]:
    for row in rows.iter_rows(named=True):
        number, reference = row[fields.CREDIT_MOBILE], row.get(fields.REFERENCE)
        if reference is not None:
            identity = reference_identity(reference)
        else:
            parties = (number, row.get(fields.CREDIT_ACCOUNT), row.get(fields.CREDIT_QUALIFIER))
            identity = party_identity(int(row.get(fields.PRODUCT_ID) or 0), parties)
        yield number, identity
