"""Fills in what accounts owe where a list asks for it; reads the ledger and asks DVS, sends no payment.

What is asked for is no part of a row's identity, and a row that was sent is not asked for again: the next bill of an
account would else look like a change of the row that paid the last one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

import polars as pl

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.statements import Answer
from bulk_topup.domain import fields
from bulk_topup.domain.bill_notes import BillNotes
from bulk_topup.domain.bills import BillPolicy, ChosenBill, NoBill, Terms, choose_bill
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.product_texts import takes_statements
from bulk_topup.domain.run import Run
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import Product, RangedValuePayment
from bulk_topup.errors import StatementsChangedError
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.bills import SentBill
from bulk_topup.ledger.kept_answers import AccountKey
from bulk_topup.ledger.row_mapping import utc_text
from bulk_topup.plan.asked_amounts import ASKED, NEVER, PRODUCT, FilledAmount, bill_amount, fill_amounts
from bulk_topup.plan.duplicates import IDENTITY
from bulk_topup.system.clock import Clock

#: Fields of an inquiry by their names in a product.
_INQUIRY_FIELDS: Final = {"account_number": fields.CREDIT_ACCOUNT, "account_qualifier": fields.CREDIT_QUALIFIER}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Question:
    """What is asked for a row."""

    line: int
    account: AccountKey
    terms: Terms
    #: The reference of the bill that the list names; None if it names none.
    wanted: str | None
    #: An amount that stands for one which only a transaction tells, and that is never sent.
    placeholder: FilledAmount


class _Row(NamedTuple):
    """What a list has of a row."""

    line: int
    identity: str
    product_id: int | None
    party_key: str | None
    account: str | None
    qualifier: str | None
    bill: str | None


@dataclass(kw_only=True, slots=True)
class BillAmounts:
    """The amounts of a list that DVS is asked for, batch by batch."""

    catalogue: Catalogue
    ledger: LedgerStore
    #: The list's run; None for a new one.
    run: Run | None
    #: The side of the list's amounts.
    mode: CalculationMode
    #: Which bill is paid of an account with several.
    policy: BillPolicy
    #: How old an amount may be when it is sent.
    limit: timedelta
    clock: Clock
    #: The list's column of amounts, for problems.
    column: str
    #: Whether DVS is asked; rows of a run that is rebuilt take the amounts of their transactions.
    asks: bool = True
    notes: BillNotes = field(default_factory=BillNotes)
    #: What was asked for and filled in, with the time of the answer.
    _filled: list[tuple[_Question, ChosenBill, datetime]] = field(default_factory=list)

    async def fill(self, batch: pl.DataFrame, products: Mapping[int, Product | None]) -> pl.DataFrame:
        """Return a batch of identified rows with the amounts that are asked for.

        Args:
            batch: the rows.
            products: product by ID, with each of the batch.

        Raises:
            DVSError: DVS does not answer.
        """
        if ASKED not in batch.columns:
            return batch
        found: dict[int, FilledAmount | NoBill] = {}
        questions = []
        rows = list(_rows(batch))
        sent = self._sent(rows)
        for row in rows:
            before = sent.get((row.party_key or "", row.product_id or 0))
            if before is not None and before.amount is not None and before.is_of(row.identity):
                self.notes.sent += 1
                found[row.line] = FilledAmount(
                    amount=format_plain(Decimal(before.amount)),
                    reference=before.reference,
                    due=before.due,
                    until=before.amount_until or NEVER,
                )
                continue
            question = _question(row, products, self.mode)
            if isinstance(question, _Question) and self.asks:
                questions.append(question)
            elif isinstance(question, _Question):
                found[row.line] = question.placeholder
            elif question is not None:
                self.notes.refused += 1
                found[row.line] = question
        answers = await self.catalogue.statements.of(question.account for question in questions)
        for question in questions:
            answer, asked_at = answers[question.account]
            bill = self._choose(question, answer)
            found[question.line] = bill if isinstance(bill, NoBill) else bill_amount(bill, self._until(asked_at))
            if isinstance(bill, ChosenBill):
                self.notes.add(asked_at, bill.due)
                self._filled.append((question, bill, asked_at))
            elif bill.is_nothing_due:
                self.notes.nothing_due.add((question.line,), 1)
            else:
                self.notes.refused += 1
        return fill_amounts(batch, found, self.column)

    async def check_before_sending(self) -> None:
        """Ask again for amounts that are too old by now, e.g. as a prompt waited, before any row is sent.

        Raises:
            StatementsChangedError: what is due has changed; nothing was sent.
            DVSError: DVS does not answer.
        """
        oldest = self.clock.now() - self.limit
        to_send = self.ledger.bills.asked_lines()
        old = [(question, bill) for question, bill, at in self._filled if at < oldest and question.line in to_send]
        if not old:
            return
        answers = await self.catalogue.statements.again(question.account for question, _ in old)
        changed = [
            question.line for question, bill in old if self._choose(question, answers[question.account][0]) != bill
        ]
        if changed:
            raise StatementsChangedError(
                f"What is due changed for {format_rows(len(changed))} after the plan was made, the first in line "
                f"{min(changed)}. Nothing was sent. Run again to see the new plan."
            )
        self.ledger.bills.renew_amounts(
            (question.line, self._until(answers[question.account][1])) for question, _ in old
        )

    def _sent(self, rows: Sequence[_Row]) -> Mapping[tuple[str, int], SentBill]:
        keys = {row.party_key for row in rows if row.party_key is not None}
        return {} if self.run is None or not keys else self.ledger.bills.sent(self.run, keys)

    def _choose(self, question: _Question, answer: Answer) -> ChosenBill | NoBill:
        if isinstance(answer, NoBill):
            return answer
        today = self.clock.now().date()
        return choose_bill(answer, question.terms, self.policy, wanted=question.wanted, today=today)

    def _until(self, asked_at: datetime) -> str:
        return utc_text(asked_at + self.limit)


def _rows(batch: pl.DataFrame) -> Iterator[_Row]:
    asked = batch.filter(pl.col(ASKED))
    names = (
        "line",
        IDENTITY,
        PRODUCT,
        "party_key",
        fields.CREDIT_ACCOUNT,
        fields.CREDIT_QUALIFIER,
        fields.BILL_REFERENCE,
    )
    columns = [asked[name].to_list() if name in asked.columns else [None] * asked.height for name in names]
    return (_Row(*values) for values in zip(*columns, strict=True))


def _question(row: _Row, products: Mapping[int, Product | None], mode: CalculationMode) -> _Question | NoBill | None:
    """Return what is asked for a row, or why nothing is; None where the row has another problem anyway."""
    product = None if row.product_id is None else products[row.product_id]
    if row.product_id is None or product is None:
        return None
    if not isinstance(product, RangedValuePayment) or product.payment is None:
        return NoBill(reason=f"Product {row.product_id} pays no bills, so its amounts can't be asked for. State them.")
    if not takes_statements(product):
        return NoBill(reason=f"Product {row.product_id} has no statement inquiry. State the amount.")
    if not row.account:
        return NoBill(
            reason=f"Product {row.product_id} asks for bills by the account number. Map a column with "
            f"--map {fields.CREDIT_ACCOUNT}=COLUMN."
        )
    has = {"account_number": row.account, "account_qualifier": row.qualifier}
    alternatives = product.payment.required_inquiry_fields or [[]]
    if not any(all(has.get(name) for name in inner) for inner in alternatives):
        names = ", or ".join(" and ".join(_INQUIRY_FIELDS.get(name, name) for name in inner) for inner in alternatives)
        return NoBill(reason=f"The statement inquiry of product {row.product_id} requires {names}. Fill it in.")
    side = product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination
    lowest = side.amount.min or side.amount.increment or side.amount.max or Decimal(1)
    return _Question(
        line=row.line,
        account=AccountKey(row.product_id, row.account, row.qualifier or ""),
        terms=Terms(product_id=row.product_id, unit=side.unit, modes=tuple(product.payment.modes or ())),
        wanted=row.bill,
        placeholder=FilledAmount(amount=format_plain(lowest), reference=None, due=None, until=NEVER),
    )
