"""Checks and stages a list before its run, with its products and the balances; writes staged rows to the ledger."""

import asyncio
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import polars as pl

from bulk_topup.app.balances import fetch_balances
from bulk_topup.app.bill_amounts import BillAmounts
from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.paid_elsewhere import NOT_ASKED, Elsewhere
from bulk_topup.app.product_choice import CHOSEN, Chooser
from bulk_topup.app.stage_batch import stage_batch
from bulk_topup.domain import fields
from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.domain.corrections import CorrectedRow, UncorrectedRow
from bulk_topup.domain.earlier_payments import Comparison, SentRows
from bulk_topup.domain.earlier_run import EarlierRun
from bulk_topup.domain.guards import Caps, Guards
from bulk_topup.domain.list_problem import ListProblem
from bulk_topup.domain.outside_rows import NONE_OUTSIDE, OutsideRows
from bulk_topup.domain.price_changes import PriceChange
from bulk_topup.domain.run import Run
from bulk_topup.domain.totals import MergePreview
from bulk_topup.domain.unseen_rows import ALL_SEEN, UnseenRows
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.product import Product
from bulk_topup.intake import ListReader
from bulk_topup.intake.corrected_table import CorrectedTable
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
from bulk_topup.plan.asked_amounts import ASKED
from bulk_topup.system.waits import both


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A list that is checked and staged, and what a run would do with it."""

    plan: Plan
    #: What the list changes in its run.
    difference: MergePreview
    balances: tuple[BalanceCheck, ...]
    #: Caps and control totals beside the figures; failed ones have a message.
    checks: tuple[GuardCheck, ...] = ()
    #: The first lines that are refused until a person finds that they are not the same as others.
    undecided: tuple[int, ...] = ()
    #: Rows that each of the job's filters leaves out.
    left_out: Mapping[str, int] = field(default_factory=dict)
    #: Rows that are hidden or struck through in the workbook, and columns that are hidden.
    unseen: UnseenRows = ALL_SEEN
    #: Titles, totals and signatures in its file.
    outside: OutsideRows = NONE_OUTSIDE
    #: Open runs of the job beside which the run would start.
    earlier_runs: tuple[EarlierRun, ...] = ()
    #: Why they stay open; None if those with rows pending or in flight stop the run.
    leave_open: str | None = None
    #: Whether it is added to its run.
    is_added: bool = False
    #: What its run has sent before; None for nothing.
    sent_before: SentRows | None = None
    #: The job's previous run, if it has sent exactly the rows of this list; else None.
    same_list: SentRows | None = None
    #: Products whose cost is another than in the job's latest run.
    price_changes: tuple[PriceChange, ...] = ()
    #: Why the list is not paid in its run; None if it is.
    list_problem: ListProblem | None = None
    #: What DVS has for some beneficiaries of a new run that another ledger paid today.
    elsewhere: Elsewhere = NOT_ASKED
    #: Why that is paid again; None if it stops the run.
    pay_again: str | None = None
    #: The products of the list's rows, by their IDs.
    product_ids: tuple[int, ...] = ()
    #: The amounts that DVS was asked for.
    amounts: BillAmounts | None = None
    #: Rows that have other values in the run than in the list.
    corrected: tuple[CorrectedRow, ...] = ()
    #: Rows with values that were corrected in the job's latest other run, and are not in the list.
    uncorrected: tuple[UncorrectedRow, ...] = ()

    @property
    def guards_are_kept(self) -> bool:
        """Whether every cap and every control total allows the run."""
        return all(check.is_kept for check in self.checks)

    def is_acceptable(self, *, skip_refused: bool) -> bool:
        """Return True if no earlier run or payment, no refused row and no guard keeps the run from starting."""
        earlier = self.difference.earlier
        is_paid = earlier.is_same_list and earlier.refused > 0
        is_paid = is_paid or (bool(self.elsewhere.payments) and self.pay_again is None)
        is_stopped = is_paid or bool(self.stopping_runs) or self.list_problem is not None
        return not is_stopped and (not self.plan.to_fix or skip_refused) and self.guards_are_kept

    @property
    def stopping_runs(self) -> tuple[EarlierRun, ...]:
        """The earlier runs that stop the run until they are resumed or closed."""
        return () if self.leave_open is not None else tuple(each for each in self.earlier_runs if each.stops)

    @property
    def balance_is_enough(self) -> bool:
        """Whether every wallet covers its part of the remaining cost."""
        return all(check.is_enough for check in self.balances)


async def prepare(
    *,
    reader: ListReader,
    dvs: AsyncDVS,
    catalogue: Catalogue,
    ledger: LedgerStore,
    run: Run | None,
    options: PlanOptions,
    guards: Guards,
    auto_product: AutoProduct | None = None,
    comparison: Comparison | None = None,
    corrected: CorrectedTable | None = None,
) -> Prepared:
    """Check every row of the list and stage it in the ledger; the run itself does not change.

    Args:
        reader: the open list.
        dvs: an open client, which fetches balances.
        catalogue: asks for products, and for the operators of numbers.
        ledger: an open ledger, where rows are staged.
        run: the run of the list; None for a new one.
        options: how amounts and duplicates of the list are meant.
        guards: the rules that may block or stop the run.
        auto_product: the products to choose each row's from; None if list or job names them.
        comparison: the other runs whose payments the rows must not repeat; None for none.
        corrected: the list's table with corrections; None without any.

    Raises:
        ListError: the list cannot be read to its end.
        DVSError: products or balances cannot be fetched.
    """
    chooser = None if auto_product is None else _chooser(auto_product, catalogue, ledger, run, options)
    ledger.staging.clear()
    # Rows wait for their products: those are asked for first.
    is_read = asyncio.Event()
    products: dict[int, Product | None] = {}
    amounts = _amounts(reader, catalogue, ledger, run, options)
    staged = _stage_rows(reader, catalogue, ledger, options, chooser, amounts, products, is_read)
    plan, balances = await both(staged, fetch_balances(dvs, after=is_read))
    plan.prices_at = catalogue.asked_at(products)
    rows = () if corrected is None else tuple(corrected.corrected)
    ledger.corrections.stage(rows)
    preview = ledger.staging.preview(
        run, guards.velocity, comparison, allow_duplicates=options.allow_duplicates, valid=plan.valid_rows()
    )
    if refused := preview.possible_duplicates + preview.velocity_refused + preview.earlier.refused:
        plan.refuse(refused, ledger.staging.refusals(MAX_REFUSED_KEPT), ledger.staging.valid_groups())
    undecided = ledger.staging.undecided_lines(MAX_REFUSED_KEPT)
    return Prepared(
        plan=plan,
        difference=preview,
        balances=tuple(check_balances(preview.costs, balances)),
        checks=_guard_checks(plan, preview, guards, ledger, run),
        undecided=undecided,
        product_ids=tuple(products),
        corrected=rows,
        amounts=amounts,
    )


def _amounts(
    reader: ListReader, catalogue: Catalogue, ledger: LedgerStore, run: Run | None, options: PlanOptions
) -> BillAmounts:
    return BillAmounts(
        catalogue=catalogue,
        ledger=ledger,
        run=run,
        mode=options.calculation_mode,
        policy=options.bill,
        limit=catalogue.ages.statement_limit,
        clock=catalogue.clock,
        column=reader.column_of(fields.AMOUNT) if fields.AMOUNT in reader.mapped else "",
        asks=options.asks_bills,
    )


def _guard_checks(
    plan: Plan, preview: MergePreview, guards: Guards, ledger: LedgerStore, run: Run | None
) -> tuple[GuardCheck, ...]:
    checks = check_expected(guards.expect, rows=plan.rows, amounts=plan.amounts, unreadable=plan.unreadable)
    # Sent rows cannot be undone: caps do not block a run that has nothing left to send.
    if guards.caps != Caps() and preview.to_send:
        checks += check_caps(guards.caps, ledger.spending.final_with_staged(run))
    return tuple(checks)


def _chooser(
    policy: AutoProduct, catalogue: Catalogue, ledger: LedgerStore, run: Run | None, options: PlanOptions
) -> Chooser:
    return Chooser(
        catalogue=catalogue,
        ledger=ledger,
        run=run,
        policy=policy,
        mode=options.calculation_mode,
        allow_duplicates=options.allow_duplicates,
    )


async def _stage_rows(
    reader: ListReader,
    catalogue: Catalogue,
    ledger: LedgerStore,
    options: PlanOptions,
    chooser: Chooser | None,
    amounts: BillAmounts,
    products: dict[int, Product | None],
    is_read: asyncio.Event,
) -> Plan:
    """Check and stage the list batch by batch: one is read, one checked and one staged at the same time.

    The list's products are added to `products`; `is_read` is set once the first batch is read, or the list has none.
    """
    columns = {name: reader.column_of(name) for name in reader.mapped}
    if chooser is not None:
        columns[fields.PRODUCT_ID] = CHOSEN
    plan = Plan()
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="prepare") as threads:
        frames = reader.batches()
        reading = threads.submit(next, frames, None)
        staging: Future[None] = threads.submit(ledger.staging.add, ())

        def recall(lines: Collection[int]) -> Mapping[int, tuple[str, str | None]]:
            # Only one thread at a time may use the ledger, and only then does it hold all earlier rows.
            staging.result()
            return ledger.staging.identities(lines)

        def find_sent(numbers: Collection[str]) -> Collection[str]:
            staging.result()
            return options.numbers.find_sent(numbers)

        own = replace(options, numbers=replace(options.numbers, find_sent=find_sent))
        checker = Checker(products, columns, own, recall, reader.position_word, reader.column_use)
        # Each await lets a stop through.
        while (frame := await asyncio.wrap_future(reading)) is not None:
            is_read.set()
            reading = threads.submit(next, frames, None)
            if chooser is not None:
                await asyncio.wrap_future(staging)  # the chooser reads the ledger, too
                frame = await chooser.choose(frame)
            if missing := _product_ids(frame) - products.keys():
                await asyncio.wrap_future(staging)  # the ledger may have them
                products |= await catalogue.products(sorted(missing))
            if ASKED in (batch := checker.identify(frame)).columns:
                await asyncio.wrap_future(staging)  # the ledger may have what was asked for
                batch = await amounts.fill(batch, products)
            rows = checker.check_identified(batch)
            if chooser is not None:
                rows = chooser.refuse_repeats(rows)
            plan.add(rows, products)
            await asyncio.wrap_future(staging)
            staging = threads.submit(stage_batch, ledger, rows)
        await asyncio.wrap_future(staging)
    is_read.set()
    plan.columns, plan.amount_notes, plan.numbers = reader.column_use, reader.amount_notes, reader.number_notes
    plan.numbers.concerns = checker.number_notes.concerns
    plan.choices = None if chooser is None else chooser.notes
    plan.bills = amounts.notes if amounts.notes.is_any else None
    return plan


def _product_ids(frame: pl.DataFrame) -> set[int]:
    """Return the products of a batch."""
    if fields.PRODUCT_ID not in frame.columns:
        return set()
    return {int(text) for text in frame[fields.PRODUCT_ID].drop_nulls().unique()}
