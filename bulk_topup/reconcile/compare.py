"""Compares the ledger with the provider's list over a window, and takes over what a transaction proves."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from bulk_topup.domain.attempt import KnownAttempt, Move
from bulk_topup.domain.identity import looks_like
from bulk_topup.domain.money import PRECISE
from bulk_topup.domain.moves import move_for, reversal_of_forgotten
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, NotFoundError
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.pagination import PAGES_AT_ONCE
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.discrepancies import (
    Discrepancy,
    DiscrepancyKind,
    Figures,
    compare,
    dvs_entry,
    is_foreign,
    ledger_entry,
    listed_again,
    missing_here,
    missing_there,
)

#: Differences that are told one by one; of more only the number is told.
MAX_DIFFERENCES: Final = 100_000
#: Attempts missing from the list that are asked for singly, at most; the list may lag behind.
MAX_LOOKUPS: Final = 1_000
#: What the event log says of a row that was moved by a comparison.
CAUSE: Final = "reconciled with the provider"

#: Differences that a transaction may settle.
_PROVABLE: Final = frozenset(
    {
        DiscrepancyKind.IN_FLIGHT_FOUND,
        DiscrepancyKind.DIFFERENT_STATUS,
        DiscrepancyKind.DIFFERENT_REQUEST,
        DiscrepancyKind.REVERSED_LATER,
        DiscrepancyKind.CONFLICT,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """A row that a comparison moved."""

    difference: Discrepancy
    before: RowState
    after: RowState


@dataclass(kw_only=True, slots=True)
class Comparison:
    """What both sides have of a window, and where they differ."""

    #: The runs' attempts as the ledger has them, and as the provider has them.
    here: Figures = field(default_factory=Figures)
    there: Figures = field(default_factory=Figures)
    #: What the provider lists besides: other runs, other programs.
    foreign: Figures = field(default_factory=Figures)
    differences: list[Discrepancy] = field(default_factory=list)
    #: How many there are of each kind.
    counts: Counter[DiscrepancyKind] = field(default_factory=Counter)
    #: What transactions that are newer than the wallets' last observation charge or hold, per wallet unit.
    moved: dict[str, Decimal] = field(default_factory=dict)
    #: When the newest transaction of the list was created.
    newest: datetime | None = None

    def add(self, differences: Iterable[Discrepancy]) -> None:
        """Take in further differences."""
        for difference in differences:
            self.counts[difference.kind] += 1
            if len(self.differences) < MAX_DIFFERENCES:
                self.differences.append(difference)


async def compare_window(
    *,
    dvs: AsyncDVS,
    ledger: LedgerStore,
    runs: Collection[Run],
    job: str | None,
    start: datetime,
    end: datetime,
    observed: Mapping[str, datetime],
) -> Comparison:
    """Walk the provider's list of a window against the ledger.

    Args:
        dvs: an open client.
        ledger: an open ledger.
        runs: the runs that are compared, whose locks the caller holds.
        job: the job whose unknown external ids count as missing here; None for all unknown ones.
        start, end: the window of creation dates, in UTC.
        observed: for each wallet unit the newest transaction that its last observation had taken in.

    Raises:
        DVSError: the provider did not answer; nothing can be said.
    """
    walk = _Walk(dvs, ledger, runs, job, observed)
    ledger.comparison.start()
    listed = dvs.transactions.list(from_date=start, to_date=end)
    async with aclosing(listed.pages(at_once=PAGES_AT_ONCE)) as pages:
        async for page in pages:
            walk.take(page.items)
    for known in ledger.comparison.unlisted(runs, start, end):
        await walk.miss(known)
    return walk.found


class _Walk:
    """One comparison under way."""

    def __init__(
        self,
        dvs: AsyncDVS,
        ledger: LedgerStore,
        runs: Collection[Run],
        job: str | None,
        observed: Mapping[str, datetime],
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._run_ids = {run.id for run in runs}
        self._job = job
        self._observed = observed
        self._lookups = 0
        self.found = Comparison()

    def take(self, transactions: Collection[Transaction]) -> None:
        """Compare what the provider lists."""
        new = self._ledger.comparison.record_listed([(each.id, each.external_id) for each in transactions])
        attempts = self._ledger.comparison.find_attempts({each.external_id for each in transactions})
        for transaction in transactions:
            is_again = new.pop(transaction.id, None)
            if is_again is not None:
                self._compare(attempts.get(transaction.external_id), transaction, is_again=is_again)

    async def miss(self, known: KnownAttempt) -> None:
        """Compare an attempt that the list did not have: asked for singly, it may be there all the same."""
        is_expected = known.transaction_id is not None or known.state in {RowState.IN_FLIGHT, RowState.CONFLICT}
        if is_expected and self._lookups < MAX_LOOKUPS:
            self._lookups += 1
            transaction = await find(self._dvs, known)
            if transaction is not None:
                if self._ledger.comparison.record_listed([(transaction.id, transaction.external_id)]):
                    self._compare(known, transaction, is_again=False)
                else:
                    self._miss_named_otherwise(known, transaction)
                return
        self.found.here.add(ledger_entry(known, is_listed=False))
        difference = missing_there(known)
        self.found.add([] if difference is None else [difference])

    def _miss_named_otherwise(self, known: KnownAttempt, transaction: Transaction) -> None:
        """Take in that the attempt's transaction was listed, and counted, under another external id."""
        self.found.here.add(ledger_entry(known, is_listed=True))
        self.found.add(replace(difference, there=None) for difference in compare(known, transaction))

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
        is_unknown = known is None and (self._job is None or looks_like(self._job, transaction.external_id))
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


async def find(dvs: AsyncDVS, known: KnownAttempt) -> Transaction | None:
    """Ask for an attempt's transaction: by the provider's id where one is known, and by the external id."""
    if known.transaction_id is not None:
        try:
            return await dvs.transactions.get(known.transaction_id)
        except NotFoundError:
            pass
    external_id = known.attempt.external_id
    page = await dvs.transactions.list(external_id=external_id).page()
    return next((each for each in page.items if each.external_id == external_id), None)


async def apply(comparison: Comparison, *, dvs: AsyncDVS, ledger: LedgerStore) -> list[Applied]:
    """Move the rows that a transaction, fetched again, proves to stand otherwise; what is missing moves nothing.

    Args:
        comparison: what differs.
        dvs: an open client.
        ledger: an open ledger; the caller holds the locks of the runs.

    Raises:
        DVSError: the provider did not answer; what was moved stands.
    """
    applied = []
    for difference in comparison.differences:
        if difference.kind not in _PROVABLE or difference.external_id is None or difference.transaction_id is None:
            continue
        known = ledger.comparison.find_attempts([difference.external_id])[difference.external_id]
        try:
            transaction = await dvs.transactions.get(difference.transaction_id)
        except NotFoundError:
            continue
        move = proved(known, transaction)
        if move is not None:
            ledger.attempts.record([move])
            applied.append(Applied(difference=difference, before=move.before, after=move.after))
    return applied


def proved(known: KnownAttempt, transaction: Transaction) -> Move | None:
    """Give the move that a transaction proves for the row whose latest attempt it belongs to; None for none."""
    if not known.is_latest:
        return None
    if known.is_purged:
        return reversal_of_forgotten(known, transaction, CAUSE)
    is_known = known.transaction_id == transaction.id
    move = move_for(known.attempt, known.state, transaction, CAUSE, found_by_id=not is_known)
    match known.state:
        case RowState.IN_FLIGHT:
            return move
        case RowState.ACCEPTED:
            is_news = move.after is not RowState.ACCEPTED or transaction.status.message != known.status_message
            return move if is_news else None
        case RowState.CONFLICT:
            return move if move.after is not RowState.CONFLICT else None
        case RowState.COMPLETED:
            return move if move.after is RowState.REVERSED else None
        case RowState.FAILED if move.after in {RowState.COMPLETED, RowState.ACCEPTED}:
            # Nobody retries it now; that it was paid after all, a person or a second look may say.
            return replace(
                move,
                after=RowState.CONFLICT,
                facts=None,
                message=(
                    f"The row failed, and the provider has it as transaction {transaction.id} "
                    f"({transaction.status.message}) after all."
                ),
            )
        case _:
            return None
