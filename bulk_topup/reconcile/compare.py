"""Compares the ledger with DVS's list over a window; sends no payment, and moves no row."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bulk_topup.domain.attempt import KnownAttempt
from bulk_topup.domain.identity import looks_like
from bulk_topup.domain.money import PRECISE
from bulk_topup.domain.moves import facts_of, state_for
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, NotFoundError, UnreadableBodyError
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.pagination import PAGES_AT_ONCE, Page
from bulk_topup.dvs.unreadable import UnreadableEntries, UnreadableEntry
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.discrepancies import (
    Discrepancy,
    DiscrepancyKind,
    compare,
    is_foreign,
    listed_again,
    missing_here,
    missing_there,
    unreadable_here,
    unreadable_there,
)
from bulk_topup.reconcile.figures import Figures, dvs_entry, ledger_entry
from bulk_topup.reconcile.lookup import find

#: Maximum discrepancies that are kept one by one; any more are only counted.
MAX_DISCREPANCIES: Final = 100_000
#: Maximum attempts that are looked up because the list does not show them; the list may be late.
MAX_LOOKUPS: Final = 1_000
#: Maximum transactions that are fetched by ID because the list states no price of them.
MAX_PRICES_ASKED: Final = 1_000


@dataclass(kw_only=True, slots=True)
class Comparison:
    """What the ledger and DVS have of a window, and where they differ."""

    #: The runs' attempts as the ledger has them.
    here: Figures = field(default_factory=Figures)
    #: The runs' attempts as DVS has them.
    there: Figures = field(default_factory=Figures)
    #: What DVS lists besides: other runs, other programs.
    foreign: Figures = field(default_factory=Figures)
    #: The first `MAX_DISCREPANCIES`.
    discrepancies: list[Discrepancy] = field(default_factory=list)
    #: The number of discrepancies of each kind.
    counts: Counter[DiscrepancyKind] = field(default_factory=Counter)
    #: What transactions since the wallets' last observation charge or put on hold, per wallet currency.
    moved: dict[str, Decimal] = field(default_factory=dict)
    #: When the newest transaction of the list was created; None without one.
    newest: datetime | None = None
    #: Entries of the list that can't be read, of any program, and not by their IDs either.
    unreadable: UnreadableEntries = field(default_factory=UnreadableEntries)

    def add(self, discrepancies: Iterable[Discrepancy]) -> None:
        """Add discrepancies."""
        for discrepancy in discrepancies:
            self.counts[discrepancy.kind] += 1
            if len(self.discrepancies) < MAX_DISCREPANCIES:
                self.discrepancies.append(discrepancy)


async def compare_window(
    *,
    dvs: AsyncDVS,
    ledger: LedgerStore,
    runs: Collection[Run],
    jobs: Collection[str] | None,
    start: datetime,
    end: datetime,
    observed: Mapping[str, datetime],
) -> Comparison:
    """Compare DVS's list of a window with the ledger.

    Args:
        dvs: an open client.
        ledger: an open ledger.
        runs: the runs to compare, whose locks the caller holds.
        jobs: the names of the job whose unknown external IDs count as missing here; None for all unknown ones.
        start, end: the window of creation dates, in UTC.
        observed: for each wallet currency, the creation date of the newest transaction in its last observation.

    Returns:
        What both sides have, and the discrepancies.

    Raises:
        DVSError: DVS did not respond; the comparison is incomplete.
    """
    comparer = _Comparer(dvs, ledger, runs, jobs, observed)
    ledger.comparison.start()
    listed = dvs.transactions.list(from_date=start, to_date=end)
    async with aclosing(listed.pages(at_once=PAGES_AT_ONCE)) as pages:
        async for page in pages:
            await comparer.compare_listed(page)
    for known in ledger.comparison.unlisted(runs, start, end):
        await comparer.compare_unlisted(known)
    return comparer.found


class _Comparer:
    """One comparison of a window."""

    def __init__(
        self,
        dvs: AsyncDVS,
        ledger: LedgerStore,
        runs: Collection[Run],
        jobs: Collection[str] | None,
        observed: Mapping[str, datetime],
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._run_ids = {run.id for run in runs}
        self._jobs = jobs
        self._observed = observed
        self._lookups = 0
        self._prices_asked = 0
        #: Entries of rows that can't be read, by external ID.
        self._unreadable: dict[str, UnreadableEntry] = {}
        self.found = Comparison()

    async def compare_listed(self, page: Page[Transaction]) -> None:
        """Compare the transactions of a page of DVS's list."""
        transactions = list(page.items)
        for entry in page.unreadable:
            transactions += await self._read_again(entry)
        new = self._ledger.comparison.record_listed([(each.id, each.external_id) for each in transactions])
        attempts = self._ledger.comparison.find_attempts({each.external_id for each in transactions})
        for transaction in transactions:
            is_again = new.pop(transaction.id, None)
            if is_again is not None:
                known = attempts.get(transaction.external_id)
                priced = await self._with_price(known, transaction)
                self._compare(known, priced, is_again=is_again)

    async def _with_price(self, known: KnownAttempt | None, transaction: Transaction) -> Transaction:
        """Return a transaction with its price, asked for once more where a final one of a row lacks it in the list."""
        if known is None or known.run_id not in self._run_ids or self._prices_asked == MAX_PRICES_ASKED:
            return transaction
        is_lacking = facts_of(transaction).charged is None and state_for(transaction) is not RowState.ACCEPTED
        if not is_lacking or (known.state is not RowState.COMPLETED and known.price is None):
            return transaction
        self._prices_asked += 1
        try:
            again = await self._dvs.transactions.get(transaction.id)
        except (NotFoundError, UnreadableBodyError):
            return transaction
        return transaction.model_copy(update={"prices": again.prices})

    async def _read_again(self, entry: UnreadableEntry) -> list[Transaction]:
        """Return the transaction of an unreadable entry if it is of a row and can be read by itself."""
        id_ = entry.external_id
        if id_ is not None and self._ledger.comparison.find_attempts([id_]):
            if self._lookups < MAX_LOOKUPS:
                self._lookups += 1
                try:
                    return [await self._dvs.transactions.read_again(entry)]
                except UnreadableBodyError:
                    pass
            self._unreadable[id_] = entry
        elif self._jobs is None or (id_ is not None and looks_like(self._jobs, id_)):
            self.found.add([unreadable_here(entry)])
        self.found.unreadable.add(entry)
        return []

    async def compare_unlisted(self, known: KnownAttempt) -> None:
        """Compare an attempt that the list does not have; a look-up may still find its transaction."""
        entry = self._unreadable.get(known.attempt.external_id)
        is_expected = known.transaction_id is not None or known.state in {RowState.IN_FLIGHT, RowState.CONFLICT}
        if entry is None and is_expected and self._lookups < MAX_LOOKUPS:
            self._lookups += 1
            try:
                transaction = await find(self._dvs, known)
            except UnreadableBodyError as error:
                self._record_unreadable(known, str(error))
                return
            if transaction is not None:
                if self._ledger.comparison.record_listed([(transaction.id, transaction.external_id)]):
                    self._compare(known, transaction, is_again=False)
                else:
                    self._compare_listed_otherwise(known, transaction)
                return
        if entry is not None:
            self._record_unreadable(known, f"{entry.sentence()}.")
            return
        self.found.here.add(ledger_entry(known, is_listed=False))
        discrepancy = missing_there(known)
        self.found.add([] if discrepancy is None else [discrepancy])

    def _record_unreadable(self, known: KnownAttempt, problem: str) -> None:
        self.found.here.add(ledger_entry(known, is_listed=True))
        self.found.add([unreadable_there(known, problem)])

    def _compare_listed_otherwise(self, known: KnownAttempt, transaction: Transaction) -> None:
        """Compare an attempt whose transaction was listed, and counted, with another external ID."""
        self.found.here.add(ledger_entry(known, is_listed=True))
        self.found.add(replace(discrepancy, there=None) for discrepancy in compare(known, transaction))

    def _compare(self, known: KnownAttempt | None, transaction: Transaction, *, is_again: bool) -> None:
        found = self.found
        there = dvs_entry(transaction, known)
        newest = found.newest
        found.newest = transaction.creation_date if newest is None else max(newest, transaction.creation_date)
        if there.cost is not None and there.state in {RowState.COMPLETED, RowState.ACCEPTED}:
            unit = there.cost_unit or ""
            since = self._observed.get(unit)
            if since is not None and transaction.creation_date > since:
                found.moved[unit] = PRECISE.add(found.moved.get(unit, Decimal(0)), there.cost)
        is_unknown = known is None and (self._jobs is None or looks_like(self._jobs, transaction.external_id))
        if not is_unknown and (known is None or known.run_id not in self._run_ids or is_foreign(known)):
            found.foreign.add(there)
            return
        found.there.add(there)
        if known is None:
            found.add([missing_here(transaction)])
        elif is_again:
            found.add([listed_again(known, transaction)])
        else:
            found.here.add(ledger_entry(known, is_listed=True))
            found.add(compare(known, transaction))
