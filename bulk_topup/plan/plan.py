"""The plan of a run, counted while rows stream by: valid and refused rows, costs, balances; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import polars as pl

from bulk_topup.domain.amount_notes import AmountNotes
from bulk_topup.domain.bill_notes import BillNotes
from bulk_topup.domain.choice_notes import ChoiceNotes
from bulk_topup.domain.column_use import ColumnUse
from bulk_topup.domain.money import PRECISE, format_plain, smallest_unit
from bulk_topup.domain.number_notes import NumberNotes
from bulk_topup.domain.price_changes import PlannedPrice, PricedItem
from bulk_topup.domain.problem_groups import ProblemGroup, group_problems
from bulk_topup.domain.problems import LEFT_OUT_CODE, Problem, decode_problems
from bulk_topup.domain.product_texts import benefits_text
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import ValidRows
from bulk_topup.domain.wallets import balances_by_unit
from bulk_topup.dvs.models.account import Balance
from bulk_topup.dvs.models.product import KnownProduct, Product
from bulk_topup.plan.prices import is_rounded

#: Most refused rows that a plan lists; further ones are only counted.
MAX_REFUSED_KEPT = 100_000
#: Most products and amounts whose cost is compared with the previous run's.
MAX_PRICES_KEPT = 10_000

#: Matches the problems of a row that is refused because nothing is due, and for nothing else.
ONLY_NOTHING_DUE = r'^\[\["(?:[^"\\]|\\.)*", "(?:[^"\\]|\\.)*", 0\]\]$'
#: The same of a row that is left out as a duplicate.
ONLY_LEFT_OUT = ONLY_NOTHING_DUE.replace(" 0", f' "{LEFT_OUT_CODE}"')


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedRow:
    """A refused row with every problem."""

    line: int
    problems: tuple[Problem, ...]


@dataclass(kw_only=True, slots=True)
class ProductTotal:
    """The valid rows of one product: their number, requested amounts and expected cost."""

    product_id: int
    name: str
    #: What it gives besides money and for how long; empty for money alone.
    benefits: str
    rows: int = 0
    unit: str | None = None
    amount: Decimal = Decimal(0)
    cost_unit: str | None = None
    cost: Decimal = Decimal(0)
    #: Rows whose cost the product does not determine.
    unpriced: int = 0
    #: Rows whose cost is rounded to the smallest unit of the wallet's currency, which DVS may do either way.
    rounded: int = 0

    @property
    def rounding(self) -> Decimal:
        """By how much the cost of all rows may differ, either way, because of rounding."""
        return PRECISE.multiply(Decimal(self.rounded), smallest_unit(self.cost_unit or ""))

    def add(self, unit: str | None, amount: str | None, cost_unit: str | None, cost: str | None, count: int) -> None:
        """Count rows with the same amount and cost."""
        self.rows += count
        self.unit, self.cost_unit = unit, cost_unit
        self.amount = _plus(self.amount, amount or "0", count)
        if cost is None:
            self.unpriced += count
        else:
            self.cost = _plus(self.cost, cost, count)


@dataclass(frozen=True, kw_only=True, slots=True)
class BalanceCheck:
    """One wallet beside the cost of the rows that are still to be paid from it."""

    unit: str
    #: DVS's `available`, in `unit`; None when the account has no such wallet.
    available: Decimal | None
    #: DVS's `credit_limit`: how far `available` may fall below zero, in `unit`; None for none.
    credit_limit: Decimal | None = None
    #: Expected cost with fees, in `unit`.
    cost: Decimal

    @property
    def after(self) -> Decimal | None:
        """`available` once everything is paid; below zero where the credit limit is used."""
        return None if self.available is None else PRECISE.subtract(self.available, self.cost)

    @property
    def is_enough(self) -> bool:
        """Whether balance and credit limit together cover the cost; a cost of zero needs no wallet."""
        if self.cost == 0:
            return True
        return self.after is not None and PRECISE.add(self.after, self.credit_limit or Decimal(0)) >= 0


@dataclass(kw_only=True, slots=True)
class Plan:
    """Counts and sums over a list's rows."""

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    refused_rows: list[RefusedRow] = field(default_factory=list)
    products: dict[int, ProductTotal] = field(default_factory=dict)
    #: Requested amounts of all rows, refused ones included where readable, per unit.
    amounts: dict[str, Decimal] = field(default_factory=dict)
    #: Expected costs of the first products and amounts, at most `MAX_PRICES_KEPT`.
    prices: dict[PricedItem, PlannedPrice] = field(default_factory=dict)
    #: Rows whose amount or unit is not readable.
    unreadable: int = 0
    #: Which columns of the list are used for what.
    columns: ColumnUse = field(default_factory=ColumnUse)
    #: How amounts were read.
    amount_notes: AmountNotes = field(default_factory=AmountNotes)
    #: How credited numbers were read, and what is odd about them.
    numbers: NumberNotes = field(default_factory=NumberNotes)
    #: How products were chosen; None where list or job names them.
    choices: ChoiceNotes | None = None
    #: Where amounts come from that DVS was asked for; None where the list has all amounts.
    bills: BillNotes | None = None
    #: Rows that are refused because nothing is due, and for nothing else.
    nothing_due: int = 0
    #: Rows that are left out as duplicates, and for nothing else.
    duplicates: int = 0
    #: When the oldest answer about its products was asked for, in UTC; None for no products.
    prices_at: datetime | None = None

    @property
    def to_fix(self) -> int:
        """The number of rows that are refused, without those that need nothing."""
        return self.refused - self.nothing_due - self.duplicates

    def add(self, rows: pl.DataFrame, products: Mapping[int, Product | None]) -> None:
        """Count further rows.

        Args:
            rows: rows with the columns of `StagedRow`.
            products: product by ID, with each that a valid row has.
        """
        groups = rows.group_by("state", "product_id", "unit", "amount", "cost_unit", "cost", maintain_order=True).len()
        for state, product_id, unit, amount, cost_unit, cost, count in groups.iter_rows():
            self.rows += count
            if amount is None or unit is None:
                self.unreadable += count
            else:
                self.amounts[unit] = _plus(self.amounts.get(unit, Decimal(0)), amount, count)
            if state == RowState.REFUSED:
                self.refused += count
                continue
            self.accepted += count
            if product_id is not None:
                total = self._total(product_id, products)
                total.add(unit, amount, cost_unit, cost, count)
                if is_rounded(products[product_id], amount, cost):
                    total.rounded += count
                if None not in (unit, amount, cost_unit, cost) and len(self.prices) < MAX_PRICES_KEPT:
                    self.prices[PricedItem(product_id, amount, unit)] = PlannedPrice(cost, cost_unit)
        all_refused = rows.filter(pl.col("state") == RowState.REFUSED)
        self.nothing_due += all_refused.filter(pl.col("problems").str.contains(ONLY_NOTHING_DUE)).height
        self.duplicates += all_refused.filter(pl.col("problems").str.contains(ONLY_LEFT_OUT)).height
        refused = all_refused.head(MAX_REFUSED_KEPT - len(self.refused_rows))
        self.refused_rows += [
            RefusedRow(line=line, problems=decode_problems(text))
            for line, text in refused.select("line", "problems").iter_rows()
        ]

    def _total(self, product_id: int, products: Mapping[int, Product | None]) -> ProductTotal:
        if product_id not in self.products:
            product = products[product_id]
            self.products[product_id] = ProductTotal(
                product_id=product_id,
                name=(product and product.name) or "",
                benefits=benefits_text(product) if isinstance(product, KnownProduct) else "",
            )
        return self.products[product_id]

    def refuse(
        self,
        number: int,
        lines: Iterable[tuple[int, tuple[Problem, ...]]],
        valid: Iterable[tuple[int | None, str | None, str | None, str | None, str | None, int]],
    ) -> None:
        """Count valid rows as refused: possible duplicates, or rows above the velocity limit.

        Args:
            number: how many rows.
            lines: lines and problems of the first of them.
            valid: product, unit, amount, cost unit, cost and number of the rows that are still valid.
        """
        before = dict(self.products)
        self.products.clear()
        for product_id, unit, amount, cost_unit, cost, count in valid:
            if product_id is not None:
                if product_id not in self.products:
                    known = before[product_id]
                    self.products[product_id] = ProductTotal(
                        product_id=product_id, name=known.name, benefits=known.benefits
                    )
                    # At most: those of refused rows are not told apart any more.
                    self.products[product_id].rounded = known.rounded
                self.products[product_id].add(unit, amount, cost_unit, cost, count)
        self.accepted -= number
        self.refused += number
        listed = [*self.refused_rows, *(RefusedRow(line=line, problems=problems) for line, problems in lines)]
        self.refused_rows = sorted(listed, key=lambda row: row.line)[:MAX_REFUSED_KEPT]

    def problem_groups(self) -> tuple[ProblemGroup, ...]:
        """Return the problems of the refused rows that are listed, those of most rows first."""
        return group_problems(((row.line, row.problems) for row in self.refused_rows), self.rows)

    def valid_rows(self) -> ValidRows:
        """Return the valid rows with their expected cost."""
        costs: dict[str, Decimal] = {}
        for total in self.products.values():
            if total.cost_unit is not None and total.unpriced < total.rows:
                costs[total.cost_unit] = PRECISE.add(costs.get(total.cost_unit, Decimal(0)), total.cost)
        return ValidRows(rows=self.accepted, costs=costs)

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values; amounts are texts in plain notation."""
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "refused": self.refused,
            "duplicates_left_out": self.duplicates,
            "products": [
                {
                    "product_id": total.product_id,
                    "name": total.name,
                    "benefits": total.benefits,
                    "rows": total.rows,
                    "amount": format_plain(total.amount),
                    "unit": total.unit,
                    "expected_cost": format_plain(total.cost),
                    "cost_unit": total.cost_unit,
                    "rounding": format_plain(total.rounding),
                    "rows_without_known_cost": total.unpriced,
                }
                for total in self.products.values()
            ],
            "refused_rows": [
                {
                    "line": row.line,
                    "problems": [
                        {
                            "column": entry.column,
                            "message": entry.message,
                            "kind": entry.kind.value,
                            "instead": entry.instead,
                        }
                        for entry in row.problems
                    ],
                }
                for row in self.refused_rows
            ],
            "refused_rows_not_listed": self.refused - len(self.refused_rows),
            "problem_groups": [group.as_json() for group in self.problem_groups()],
            "column_use": self.columns.as_json(),
            "amount_notes": self.amount_notes.as_json(),
            "numbers": self.numbers.as_json(),
            "prices_at": None if self.prices_at is None else self.prices_at.isoformat(),
            **({} if self.choices is None else {"choices": self.choices.as_json()}),
            **({} if self.bills is None else {"statements": self.bills.as_json()}),
        }


def _plus(total: Decimal, amount: str, count: int) -> Decimal:
    """Return the total plus an amount that occurs `count` times."""
    return PRECISE.fma(Decimal(amount), count, total)


def check_balances(costs: Mapping[str, Decimal], balances: Iterable[Balance]) -> list[BalanceCheck]:
    """Compare costs with wallets (reference: Balances).

    Args:
        costs: expected cost of the rows still to be paid, per currency.
        balances: the account's wallets.

    Returns:
        A check for each currency of the costs, in alphabetical order.
    """
    wallets = balances_by_unit(balances)
    return [
        BalanceCheck(
            unit=unit,
            available=wallets[unit].available if unit in wallets else None,
            credit_limit=wallets[unit].credit_limit if unit in wallets else None,
            cost=cost,
        )
        for unit, cost in sorted(costs.items())
    ]
