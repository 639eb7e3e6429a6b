"""What a run would do, counted while the rows pass: accepted, refused, cost per currency, balance after."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bulk_topup.dvs.models import Balance, Product
from bulk_topup.money import PRECISE, plain
from bulk_topup.problems import Problem
from bulk_topup.records import CheckedRow

#: Refused rows that a plan names one by one; of more it only tells the number.
MAX_REFUSED_KEPT = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedRow:
    """A line that cannot be paid as it stands, with every reason."""

    line: int
    problems: tuple[Problem, ...]


@dataclass(kw_only=True, slots=True)
class ProductTotal:
    """What goes to one product: rows, amount asked for, expected cost."""

    product_id: int
    name: str
    rows: int = 0
    unit: str | None = None
    amount: Decimal = Decimal(0)
    cost_unit: str | None = None
    cost: Decimal = Decimal(0)
    #: Rows whose cost the product does not tell.
    unpriced: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class BalanceCheck:
    """Whether one wallet holds what is still to be paid from it."""

    unit: str
    #: Available now, with the credit limit; None when the account has no such wallet.
    available: Decimal | None
    cost: Decimal

    @property
    def after(self) -> Decimal | None:
        """What is left when everything is paid."""
        return None if self.available is None else PRECISE.subtract(self.available, self.cost)

    @property
    def is_enough(self) -> bool:
        """Whether the wallet covers the cost; nothing to pay needs no wallet."""
        return self.cost == 0 or (self.after is not None and self.after >= 0)


@dataclass(kw_only=True, slots=True)
class Plan:
    """The sums over a list's rows."""

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    refused_rows: list[RefusedRow] = field(default_factory=list)
    products: dict[int, ProductTotal] = field(default_factory=dict)
    #: What all lines ask for, refused ones too where they can be read, per unit.
    amounts: dict[str, Decimal] = field(default_factory=dict)
    #: Lines whose amount or unit cannot be read.
    unreadable: int = 0

    def add(self, rows: Iterable[CheckedRow], products: Mapping[int, Product | None]) -> None:
        """Count further rows."""
        for row in rows:
            self.rows += 1
            if row.amount is None or row.unit is None:
                self.unreadable += 1
            else:
                self.amounts[row.unit] = PRECISE.add(self.amounts.get(row.unit, Decimal(0)), row.amount)
            if row.problems:
                self.refused += 1
                if len(self.refused_rows) < MAX_REFUSED_KEPT:
                    self.refused_rows.append(RefusedRow(line=row.line, problems=row.problems))
                continue
            self.accepted += 1
            if row.product_id is None:
                continue
            total = self.products.get(row.product_id)
            if total is None:
                product = products[row.product_id]
                total = ProductTotal(product_id=row.product_id, name=product.name if product else "")
                self.products[row.product_id] = total
            total.rows += 1
            total.unit, total.cost_unit = row.unit, row.cost_unit
            total.amount = PRECISE.add(total.amount, row.amount or Decimal(0))
            if row.cost is None:
                total.unpriced += 1
            else:
                total.cost = PRECISE.add(total.cost, row.cost)

    def hold(self, number: int, lines: Iterable[tuple[int, tuple[Problem, ...]]]) -> None:
        """Count rows as refused that passed the checks, because somebody they credit may be paid already."""
        self.accepted -= number
        self.refused += number
        named = [*self.refused_rows, *(RefusedRow(line=line, problems=problems) for line, problems in lines)]
        self.refused_rows = sorted(named, key=lambda row: row.line)[:MAX_REFUSED_KEPT]

    def costs(self) -> dict[str, Decimal]:
        """Give the expected cost per wallet unit."""
        costs: dict[str, Decimal] = {}
        for total in self.products.values():
            if total.cost_unit is not None:
                costs[total.cost_unit] = PRECISE.add(costs.get(total.cost_unit, Decimal(0)), total.cost)
        return costs

    def as_json(self) -> dict[str, object]:
        """Give plain values; amounts as text in plain notation."""
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "refused": self.refused,
            "products": [
                {
                    "product_id": total.product_id,
                    "name": total.name,
                    "rows": total.rows,
                    "amount": plain(total.amount),
                    "unit": total.unit,
                    "expected_cost": plain(total.cost),
                    "cost_unit": total.cost_unit,
                    "rows_without_known_cost": total.unpriced,
                }
                for total in self.products.values()
            ],
            "refused_rows": [
                {
                    "line": row.line,
                    "problems": [{"column": entry.column, "message": entry.message} for entry in row.problems],
                }
                for row in self.refused_rows
            ],
            "refused_rows_not_listed": self.refused - len(self.refused_rows),
        }


def check_balances(costs: Mapping[str, Decimal], balances: Iterable[Balance]) -> list[BalanceCheck]:
    """Compare what is to be paid with what the wallets hold (reference: Balances)."""
    available = {balance.unit: balance.available + (balance.credit_limit or Decimal(0)) for balance in balances}
    return [BalanceCheck(unit=unit, available=available.get(unit), cost=cost) for unit, cost in sorted(costs.items())]
