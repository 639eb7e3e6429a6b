"""Before a run: reads the list, fetches its products, checks and stages the rows, compares cost with balance."""

import asyncio
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import polars as pl

from bulk_topup.app.product_choice import CHOSEN, Chooser
from bulk_topup.domain import fields
from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.domain.guards import Caps, Guards
from bulk_topup.domain.run import Run
from bulk_topup.domain.totals import MergePreview
from bulk_topup.dvs import AsyncDVS, ErrorCode, NotFoundError
from bulk_topup.dvs.models.account import Balance
from bulk_topup.dvs.models.product import Product
from bulk_topup.intake import ListReader
from bulk_topup.ledger import LedgerStore
from bulk_topup.plan import (
    MAX_REFUSED_KEPT,
    BalanceCheck,
    Checker,
    GuardCheck,
    Plan,
    PlanOptions,
    check_balances,
    check_caps,
    check_expected,
)

#: Rows of a batch that are Python objects at once.
STAGED_AT_ONCE: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A list that is checked and staged, and what a start would do with it."""

    plan: Plan
    difference: MergePreview
    balances: tuple[BalanceCheck, ...]
    #: Caps and control totals beside the figures; those that are broken say why.
    checks: tuple[GuardCheck, ...] = ()
    #: Rows that the job's filters left out, per filter.
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def guards_are_kept(self) -> bool:
        """Whether no cap and no control total speaks against a start."""
        return all(check.is_kept for check in self.checks)

    @property
    def balance_is_enough(self) -> bool:
        """Whether every wallet covers what is still to be paid from it."""
        return all(check.is_enough for check in self.balances)


async def prepare(
    *,
    reader: ListReader,
    dvs: AsyncDVS,
    ledger: LedgerStore,
    run: Run | None,
    options: PlanOptions,
    guards: Guards,
    auto_product: AutoProduct | None = None,
) -> Prepared:
    """Check every row of the list and stage it in the ledger; the run itself is not touched.

    Args:
        reader: the opened list.
        dvs: where products and balances are read.
        ledger: where rows are staged.
        run: the run that the list belongs to, None for one that does not exist yet.
        options: how the list is meant.
        guards: what the run is allowed to do with money.
        auto_product: among which products each row's is chosen; None where the list or the job states it.

    Raises:
        ListError: the list cannot be read to its end.
        DVSError: products or balances cannot be read.
    """
    products: dict[int, Product | None] = {}
    columns = {field: reader.column_of(field) for field in reader.mapped}
    chooser: Chooser | None = None
    if auto_product is not None:
        columns[fields.PRODUCT_ID] = CHOSEN
        chooser = Chooser(
            dvs=dvs,
            ledger=ledger,
            run=run,
            policy=auto_product,
            mode=options.calculation_mode,
            allow_duplicates=options.allow_duplicates,
        )
    plan = Plan()
    ledger.staging.clear()
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="prepare") as threads:
        frames = reader.batches()
        reading = threads.submit(next, frames, None)
        staging: Future[None] = threads.submit(ledger.staging.add, ())

        def recall(lines: Collection[int]) -> Mapping[int, tuple[str, str | None]]:
            # One thread at a time uses the ledger, and it has all rows before this batch only then.
            staging.result()
            return ledger.staging.identities(lines)

        checker = Checker(products, columns, options, recall)
        # While a batch is checked, the next is read and the one before staged; each await lets a stop through.
        while (frame := await asyncio.wrap_future(reading)) is not None:
            reading = threads.submit(next, frames, None)
            if chooser is not None:
                await asyncio.wrap_future(staging)  # it asks the ledger, too
                frame = await chooser.choose(frame)
            await _fetch_missing(dvs, frame, products)
            rows = checker.check(frame)
            if chooser is not None:
                rows = chooser.without_repeats(rows)
            plan.add(rows, products)
            await asyncio.wrap_future(staging)
            staging = threads.submit(ledger.staging.add, rows.iter_rows(buffer_size=STAGED_AT_ONCE))
        await asyncio.wrap_future(staging)
    difference = ledger.staging.preview(run, guards.velocity)
    if held := difference.possible_duplicates + difference.velocity_refused:
        plan.hold(held, ledger.staging.refusals(MAX_REFUSED_KEPT))
    checks = check_expected(guards.expect, rows=plan.rows, amounts=plan.amounts, unreadable=plan.unreadable)
    # What was sent before cannot be helped: a run with nothing left to send is not held up by its caps.
    if guards.caps != Caps() and difference.new + difference.waiting:
        checks += check_caps(guards.caps, ledger.spending.final_with_staged(run))
    balances = await compare_balances(dvs, difference.costs)
    return Prepared(plan=plan, difference=difference, balances=balances, checks=tuple(checks))


async def compare_balances(dvs: AsyncDVS, costs: dict[str, Decimal]) -> tuple[BalanceCheck, ...]:
    """Compare what is still to be paid with what the wallets hold."""
    balances: list[Balance] = [balance async for balance in dvs.balances.list()]
    return tuple(check_balances(costs, balances))


async def _fetch_missing(dvs: AsyncDVS, frame: pl.DataFrame, products: dict[int, Product | None]) -> None:
    if fields.PRODUCT_ID not in frame.columns:
        return
    for text in frame[fields.PRODUCT_ID].drop_nulls().unique(maintain_order=True):
        product_id = int(text)
        if product_id not in products:
            try:
                products[product_id] = await dvs.products.get(product_id)
            except NotFoundError as error:
                if not error.has_code(ErrorCode.PRODUCT_NOT_AVAILABLE):
                    raise
                products[product_id] = None
