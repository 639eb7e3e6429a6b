"""Compares the ledger with DVS's list over a window; sends no payment, and moves no row."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Final

from bulk_topup.domain.attempt import KnownAttempt
from bulk_topup.domain.identity import may_be_computed
from bulk_topup.domain.money import PRECISE
from bulk_topup.domain.moves import facts_of, state_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, NotFoundError, UnreadableBodyError
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.dvs.pagination import Page
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
from bulk_topup.reconcile.figures import Entry, Figures, dvs_entry, ledger_entry
from bulk_topup.reconcile.lookup import find
from bulk_topup.reconcile.questions import Questions
from bulk_topup.reconcile.scope import Scope
from bulk_topup.reconcile.transaction_list import read_transactions

#: Maximum discrepancies that are kept one by one; any more are only counted.
MAX_DISCREPANCIES: Final = 100_000
#: Maximum attempts that are looked up because the list does not show them; the list may be late.
MAX_LOOKUPS: Final = 1_000
#: Maximum transactions that are fetched by ID because the list states no price of them.
MAX_PRICES_ASKED: Final = 10_000
#: Attempts that are looked up side by side.
LOOKUP_BATCH: Final = 100


@dataclass(kw_only=True, slots=True)
class Comparison:
    """What the ledger and DVS have of a window, and where they differ."""

    #: The runs' attempts as the ledger has them.
    here: Figures = field(default_factory=Figures)
    #: The runs' attempts as DVS has them.
    there: Figures = field(default_factory=Figures)
    #: What DVS lists besides of other runs, also those of other ledgers.
    other_runs: Figures = field(default_factory=Figures)
    #: What DVS lists of other programs: no version of ours computes their external IDs.
    other_programs: Figures = field(default_factory=Figures)
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
    scope: Scope,
    *,
    dvs: AsyncDVS,
    questions: Questions,
    ledger: LedgerStore,
    observed: Mapping[str, datetime],
    now: datetime,
) -> Comparison:
    """Compare DVS's list of a window with the ledger.

    Args:
        scope: what to compare; the caller holds the locks of its runs.
        dvs: an open client.
        questions: asks side by side.
        ledger: an open ledger.
        observed: for each wallet currency, the creation date of the newest transaction in its last observation.
        now: the time, in UTC.

    Returns:
        What both sides have, and the discrepancies.

    Raises:
        DVSError: DVS did not respond; the comparison is incomplete.
    """
    comparer = _Comparer(scope, dvs, questions, ledger, observed)
    ledger.comparison.start()
    await read_transactions(dvs, questions, comparer.compare_listed, start=scope.start, end=scope.end, now=now)
    unlisted = ledger.comparison.unlisted(scope.runs, scope.start, scope.end)
    while batch := list(islice(unlisted, LOOKUP_BATCH)):
        await comparer.compare_unlisted(batch)
    return comparer.found


class _Comparer:
    """One comparison of a window."""

    def __init__(
        self,
        scope: Scope,
        dvs: AsyncDVS,
        questions: Questions,
        ledger: LedgerStore,
        observed: Mapping[str, datetime],
    ) -> None:
        self._scope = scope
        self._dvs = dvs
        self._questions = questions
        self._ledger = ledger
        self._run_ids = {run.id for run in scope.runs}
        self._observed = observed
        self._lookups = 0
        self._prices_asked = 0
        #: Entries of rows that can't be read, by external ID.
        self._unreadable: dict[str, UnreadableEntry] = {}
        self.found = Comparison()

    async def compare_listed(self, page: Page[TransactionOutcome]) -> int:
        """Compare the transactions of a page of DVS's list; return how many of its entries are new."""
        transactions = list(page.items)
        unreadable = self.found.unreadable.count
        for entry in page.unreadable:
            transactions += await self._read_again(entry)
        new = self._ledger.comparison.record_listed([(each.id, each.external_id) for each in transactions])
        attempts = self._ledger.comparison.find_attempts({each.external_id for each in transactions})
        pairs = {each.id: (attempts.get(each.external_id), each) for each in transactions if each.id in new}
        asked = await self._ask_prices([pair for pair in pairs.values() if self._lacks_price(*pair)])
        for id_, (known, transaction) in pairs.items():
            priced = asked.get(id_, transaction)
            self._compare(known, priced or transaction, is_again=new[id_], is_price_asked=priced is not None)
        return len(pairs) + self.found.unreadable.count - unreadable

    def _lacks_price(self, known: KnownAttempt | None, transaction: TransactionOutcome) -> bool:
        """Return True if the list leaves out the price of a row's final transaction, which needs one."""
        if known is None or known.run_id not in self._run_ids:
            return False
        is_lacking = facts_of(transaction).charged is None and state_for(transaction) is not RowState.ACCEPTED
        return is_lacking and (known.state is RowState.COMPLETED or known.price is not None)

    async def _ask_prices(
        self, lacking: Sequence[tuple[KnownAttempt | None, TransactionOutcome]]
    ) -> dict[int, TransactionOutcome | None]:
        """Return transactions with the prices that DVS states by their IDs; None where too many were asked for."""
        allowed = max(MAX_PRICES_ASKED - self._prices_asked, 0)
        self._prices_asked += len(lacking)
        found: dict[int, TransactionOutcome | None] = {each.id: None for _, each in lacking[allowed:]}
        asked = [each for _, each in lacking[:allowed]]
        async with aclosing(self._questions.answers("prices", asked, self._with_price)) as answers:
            async for each, priced in answers:
                found[each.id] = priced
        return found

    async def _with_price(self, transaction: TransactionOutcome) -> TransactionOutcome:
        try:
            again = await self._dvs.transaction_outcomes.get(transaction.id)
        except (NotFoundError, UnreadableBodyError):
            return transaction
        return transaction.model_copy(update={"prices": again.prices})

    async def _read_again(self, entry: UnreadableEntry) -> list[TransactionOutcome]:
        """Return the transaction of an unreadable entry if it is of a row and can be read by itself."""
        id_ = entry.external_id
        is_known = id_ is not None and bool(self._ledger.comparison.find_attempts([id_]))
        if id_ is not None and is_known:
            if id_ not in self._unreadable and self._lookups < MAX_LOOKUPS:
                self._lookups += 1
                try:
                    return [await self._dvs.transaction_outcomes.read_again(entry)]
                except UnreadableBodyError:
                    pass
            self._unreadable[id_] = entry
        if self.found.unreadable.add(entry) and not is_known and self._scope.is_missing_here(id_ or ""):
            self.found.add([unreadable_here(entry)])
        return []

    async def compare_unlisted(self, batch: Sequence[KnownAttempt]) -> None:
        """Compare attempts that the list does not have; a look-up may still find their transactions."""
        expected = [known for known in batch if self._is_expected(known)]
        asked = expected[: max(MAX_LOOKUPS - self._lookups, 0)]
        self._lookups += len(asked)
        found: dict[str, TransactionOutcome | str | None] = {}
        what = "transactions that the list lacks"
        async with aclosing(self._questions.answers(what, asked, self._look_up)) as answers:
            async for known, answer in answers:
                found[known.attempt.external_id] = answer
        for known in batch:
            self._compare_unlisted(known, found.get(known.attempt.external_id))

    def _is_expected(self, known: KnownAttempt) -> bool:
        """Return True if DVS may have a transaction that its list does not show at all."""
        may_exist = known.transaction_id is not None or known.state in {RowState.IN_FLIGHT, RowState.CONFLICT}
        return may_exist and known.attempt.external_id not in self._unreadable

    async def _look_up(self, known: KnownAttempt) -> TransactionOutcome | str | None:
        """Return an attempt's transaction, or why it can't be read; None if DVS has none."""
        try:
            return await find(self._dvs, known)
        except UnreadableBodyError as error:
            return str(error)

    def _compare_unlisted(self, known: KnownAttempt, answer: TransactionOutcome | str | None) -> None:
        if isinstance(answer, TransactionOutcome):
            if self._ledger.comparison.record_listed([(answer.id, answer.external_id)]):
                self._compare(known, answer, is_again=False)
            else:
                self._compare_listed_otherwise(known, answer)
        elif answer is not None:
            self._record_unreadable(known, answer)
        elif (entry := self._unreadable.get(known.attempt.external_id)) is not None:
            self._record_unreadable(known, f"{entry.sentence()}.")
        else:
            self.found.here.add(ledger_entry(known, is_listed=False))
            discrepancy = missing_there(known)
            self.found.add([] if discrepancy is None else [discrepancy])

    def _record_unreadable(self, known: KnownAttempt, problem: str) -> None:
        self.found.here.add(ledger_entry(known, is_listed=True))
        self.found.add([unreadable_there(known, problem)])

    def _compare_listed_otherwise(self, known: KnownAttempt, transaction: TransactionOutcome) -> None:
        """Compare an attempt whose transaction was listed, and counted, with another external ID."""
        self.found.here.add(ledger_entry(known, is_listed=True))
        self.found.add(replace(discrepancy, there=None) for discrepancy in compare(known, transaction))

    def _compare(
        self,
        known: KnownAttempt | None,
        transaction: TransactionOutcome,
        *,
        is_again: bool,
        is_price_asked: bool = True,
    ) -> None:
        found = self.found
        there = dvs_entry(transaction, known)
        newest = found.newest
        found.newest = transaction.creation_date if newest is None else max(newest, transaction.creation_date)
        if there.cost is not None and there.state in {RowState.COMPLETED, RowState.ACCEPTED}:
            unit = there.cost_unit or ""
            since = self._observed.get(unit)
            if since is not None and transaction.creation_date > since:
                found.moved[unit] = PRECISE.add(found.moved.get(unit, Decimal(0)), there.cost)
        if known is None:
            self._add_unknown(transaction, there)
        elif known.run_id not in self._run_ids or is_foreign(known):
            found.other_runs.add(there)
        else:
            found.there.add(there)
            if is_again:
                found.add([listed_again(known, transaction)])
            else:
                found.here.add(ledger_entry(known, is_listed=True))
                found.add(compare(known, transaction, is_price_asked=is_price_asked))

    def _add_unknown(self, transaction: TransactionOutcome, there: Entry) -> None:
        """Count a transaction that the ledger does not know."""
        if self._scope.is_missing_here(transaction.external_id):
            self.found.there.add(there)
            self.found.add([missing_here(transaction)])
        elif may_be_computed(transaction.external_id):
            self.found.other_runs.add(there)
        else:
            self.found.other_programs.add(there)
