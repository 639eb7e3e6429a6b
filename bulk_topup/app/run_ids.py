"""Chooses what the external IDs of a new run are computed from, by what DVS has of its list; sends no payment."""

from collections.abc import Collection, Iterable
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

from bulk_topup.domain.earlier_identities import number_among_equals, possible_stems
from bulk_topup.domain.identity import looks_like, stem_of
from bulk_topup.domain.identity_version import NEWEST, IdentityVersion, RunIds, ids_of_name
from bulk_topup.domain.run import Run
from bulk_topup.dvs import AsyncDVS, DVSError, UnauthorizedError
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.pagination import PAGES_AT_ONCE
from bulk_topup.errors import InvalidInputError, NotComparedError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.lookup import find_by_external_id, listed_transaction, read_again
from bulk_topup.system.waits import all_of, both

#: Rows of a new run that are looked up: the first ones, which an interrupted run sent, and as many across the list.
FIRST_ROWS: Final = 5
SPREAD_ROWS: Final = 5
#: External IDs that are looked up concurrently.
LOOK_UPS: Final = 50
#: What DVS's list without dates covers. Once the ledger's first run of the newest version is older, DVS has no
#: transaction of an earlier version there.
LISTED: Final = timedelta(hours=24)

#: The versions that compute the ID of a transaction which was found: several for a row that is written in its one form,
#: and none for a spelling that the list does not have.
_Found = frozenset[IdentityVersion]
_OTHER_SPELLING: Final[_Found] = frozenset()


class SeveralVersionsError(InvalidInputError):
    """DVS has payments of the list under external IDs that one version alone does not give. Nothing was sent."""


async def choose_ids(
    job: Job, run: Run | None, *, dvs: AsyncDVS, ledger: LedgerStore, now: datetime, is_rebuilt: bool = False
) -> RunIds:
    """Return what the external IDs of a job's run are computed from; a run that exists keeps what it has.

    A new run may have been paid by an earlier version whose ledger was lost, under IDs of its name and its rows as they
    were written. If DVS has rows under IDs that one earlier version computes, all rows get IDs of that version, so that
    DVS refuses to pay one again. Otherwise only a rebuild, which looks up every row, can tell who was paid.

    Args:
        job: the job, its dates rendered, its list staged.
        run: the job's run; None for a new one.
        dvs: an open client.
        ledger: an open ledger, where the list is staged.
        now: the time, in UTC.
        is_rebuilt: whether every row is looked up under all IDs before anything is sent.

    Raises:
        SeveralVersionsError: DVS has rows under the IDs of two versions, or of another spelling.
        NotComparedError: DVS did not answer, which is not taken for no payment.
        UnauthorizedError: DVS refused the API credentials.
    """
    if run is not None:
        return run.ids
    search = _Search(job, dvs, ledger, now)
    try:
        found = await search.find()
    except UnauthorizedError:
        raise
    except DVSError as error:
        raise NotComparedError(
            f"DVS's transactions can't be read, so it is unknown whether an earlier version has paid {job.list}. "
            f"Nothing was sent. {str(error).rstrip('.')}. Run again once DVS responds."
        ) from error
    told = found - {_OTHER_SPELLING}
    fitting = [ids for ids in search.versions if all(ids.version in each for each in told)]
    if fitting and told == found:
        return fitting[0]
    if is_rebuilt:
        # Another spelling is one of an earlier version.
        earlier = [ids for ids in fitting if told and ids.version is not NEWEST]
        return (earlier or search.versions)[0]
    raise SeveralVersionsError(
        f"DVS has payments of {job.list} for run {job.name}/{job.run_key} under the external IDs of two "
        "versions or spellings, and this ledger does not know them. Nothing was sent. Rebuild the run with "
        "`bulk-topup reconcile --rebuild` and the same list or job, which looks up every row, then run again."
    )


class _Search:
    """Finds out under which versions DVS has rows of the staged list.

    Args:
        job: the job, its dates rendered.
        dvs: an open client.
        ledger: an open ledger, where the list is staged.
        now: the time, in UTC.
    """

    def __init__(self, job: Job, dvs: AsyncDVS, ledger: LedgerStore, now: datetime) -> None:
        self.versions = ids_of_name(job.name, str(job.run_key))
        self._dvs = dvs
        self._ledger = ledger
        self._jobs = {job.name, *(ids.job for ids in self.versions)}
        newest = [run for run in ledger.runs.all() if run.identity_version is NEWEST]
        self._is_settled = any(run.created_at < now - LISTED for run in newest)

    async def find(self) -> set[_Found]:
        """Return the versions of which DVS has rows."""
        if not self._ledger.possible_ids.are_doubtful(self.versions):
            return set()
        sample = self._ledger.staged_samples.identities(first=FIRST_ROWS, spread=SPREAD_ROWS)
        if self._is_settled:
            found = await self._look_up(sample)
        else:
            found = set().union(*await both(self._look_up(sample), self._find_listed()))
        if any(NEWEST not in each for each in found):
            stems = (possible_stems(self.versions, *row).items() for row in sample)
            found |= await self._at_dvs([(f"{stem}-1", by) for row in stems for stem, by in row if NEWEST in by])
        return found

    async def _find_listed(self) -> set[_Found]:
        """Return the versions of the transactions that DVS lists, or of all rows where these are fewer than its pages.

        Reading ends with the first transaction that only a rebuild can tell.
        """
        found: set[_Found] = set()
        is_computed = False
        async with aclosing(self._dvs.transactions.list().pages(at_once=PAGES_AT_ONCE)) as pages:
            async for page in pages:
                pages_left = (page.total_pages or 0) - page.number
                if page.number == 1 and pages_left > self._ledger.possible_ids.count():
                    return await self._look_up(self._ledger.staged_samples.identities(first=pages_left, spread=0))
                ours = [each for each in page.items if looks_like(self._jobs, each.external_id)]
                ours += await read_again(self._dvs, page.unreadable, self._jobs)
                if not ours:
                    continue
                if not is_computed:
                    self._ledger.possible_ids.expect_staged(self.versions)
                    is_computed = True
                found |= self._versions_of(ours)
                if _OTHER_SPELLING in found:
                    break
        return found

    def _versions_of(self, transactions: Collection[Transaction]) -> set[_Found]:
        """Return the versions of those transactions that may have paid rows of the list."""
        known = self._ledger.possible_ids.versions_of({stem_of(each.external_id) for each in transactions})
        others = (each for each in transactions if stem_of(each.external_id) not in known)
        is_other = any(number_among_equals(self.versions, listed_transaction(each)) for each in others)
        return {*known.values(), *([_OTHER_SPELLING] if is_other else [])}

    async def _look_up(self, rows: Iterable[tuple[str, str]]) -> set[_Found]:
        """Return the earlier versions under whose IDs DVS has the first attempts of these rows."""
        return await self._at_dvs(
            [
                (f"{stem}-1", computed_by)
                for identity, written in rows
                for stem, computed_by in possible_stems(self.versions, identity, written).items()
                if NEWEST not in computed_by and (computed_by or not self._is_settled)
            ]
        )

    async def _at_dvs(self, ids: list[tuple[str, _Found]]) -> set[_Found]:
        found: set[_Found] = set()
        for start in range(0, len(ids), LOOK_UPS):
            some = ids[start : start + LOOK_UPS]
            transactions = await all_of(find_by_external_id(self._dvs, id_) for id_, _ in some)
            found.update(by for (_, by), each in zip(some, transactions, strict=True) if each is not None)
        return found
