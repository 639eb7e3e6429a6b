"""Chooses what the external IDs of a new run are computed from, by what DVS has of its list; sends no payment."""

import asyncio
from collections.abc import Sequence
from typing import Final

from bulk_topup.domain.identity_version import RunIds, ids_of_name
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS
from bulk_topup.errors import InvalidInputError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.lookup import find_by_external_id

#: Rows of a new run that are looked up: the first ones, which an interrupted run sent, and as many across the list.
FIRST_ROWS: Final = 10
SPREAD_ROWS: Final = 10


class SeveralVersionsError(InvalidInputError):
    """DVS has payments of the list under the external IDs of two versions. Nothing was sent."""


async def choose_ids(
    job: Job, run: Run | None, *, dvs: AsyncDVS, ledger: LedgerStore, is_rebuilt: bool = False
) -> RunIds:
    """Return what the external IDs of a job's run are computed from; a run that exists keeps what it has.

    A new run may have been paid by an earlier version whose ledger was lost, under IDs of the name as it was written.
    If DVS has any of the rows under them, all rows get them, so that DVS refuses to pay one again.

    Args:
        job: the job, its dates rendered, its list staged.
        run: the job's run; None for a new one.
        dvs: an open client.
        ledger: an open ledger, where the list is staged.
        is_rebuilt: whether every row is looked up under all IDs before anything is sent.

    Raises:
        SeveralVersionsError: DVS has rows under the IDs of two versions.
        DVSError: DVS did not respond.
    """
    if run is not None:
        return run.ids
    newest, *earlier = ids_of_name(job.name, str(job.run_key))
    identities = ledger.staging.sample(first=FIRST_ROWS, spread=SPREAD_ROWS) if earlier else []
    for ids in earlier:
        if not await _has_any(dvs, ids, identities):
            continue
        if not await _has_any(dvs, newest, identities):
            return ids
        if not is_rebuilt:
            raise SeveralVersionsError(
                f"DVS has payments of {job.list} for run {job.name}/{job.run_key} under the external IDs of two "
                "versions, and this ledger does not know them. Nothing was sent. Rebuild the run with "
                "`bulk-topup reconcile --rebuild` and the same list or job, which looks up every row, then run again."
            )
    return newest


async def _has_any(dvs: AsyncDVS, ids: RunIds, identities: Sequence[str]) -> bool:
    """Return True if DVS has the first attempt of a row under these IDs."""
    found = await asyncio.gather(*(find_by_external_id(dvs, ids.external_id(identity, 1)) for identity in identities))
    return any(found)
