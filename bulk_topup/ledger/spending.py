"""What a run has spent, what it decided about the transactions that it holds, and how its first rows fared."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bulk_topup.domain.attempt import HeldAttempt
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import statements as sql
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import add_to, held_attempt_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """The rows of a run that were sent and are not known to have failed."""

    rows: int
    #: What they ask for, per unit.
    amounts: dict[str, Decimal]
    #: What they cost with their fees, per wallet unit: what the provider said, else what the plan expected.
    costs: dict[str, Decimal]


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """The transactions that a run holds."""

    count: int
    #: When the first of them was created, and when it can be confirmed no more, in UTC.
    created_at: datetime
    expires_at: datetime


class Spending(LedgerFile):
    """The money of a run under way."""

    def spent(self, run: Run) -> Spent:
        """Sum what a run has sent; reversed rows gave their money back."""
        rows = 0
        amounts: dict[str, Decimal] = {}
        costs: dict[str, Decimal] = {}
        for group in self._each(sql.SPENT, run_id=run.id):
            count = group["rows"]
            rows += count
            add_to(amounts, group["unit"], group["amount"], count)
            for unit, cost in (("price_unit", "price"), ("price_unit", "fee"), ("cost_unit", "cost")):
                add_to(costs, group[unit], group[cost], count)
        return Spent(rows=rows, amounts=amounts, costs=costs)

    def attempted(self, run: Run) -> dict[RowState, int]:
        """Give the number of rows that were ever sent, by their states at present, all states named."""
        found = {row[0]: row[1] for row in self._all(sql.COUNT_ATTEMPTED, run_id=run.id)}
        return {state: found.get(state.value, 0) for state in RowState}

    def holding(self, run: Run) -> Holding | None:
        """Tell of the transactions that wait to be confirmed; None without any."""
        row = self._all(sql.HOLDING, run_id=run.id)[0]
        if not row["number"]:
            return None
        return Holding(
            count=row["number"],
            created_at=datetime.fromisoformat(row["creation_date"]),
            expires_at=datetime.fromisoformat(row["expires_at"]),
        )

    def held_transactions(self, run: Run, *, after_row: int = 0, limit: int = 1_000) -> list[HeldAttempt]:
        """Give attempts whose transactions wait to be confirmed, in the order of their rows."""
        rows = self._all(sql.HELD_TRANSACTIONS, run_id=run.id, after_id=after_row, limit=limit)
        return [held_attempt_of(row) for row in rows]

    def prices_met(self, run: Run) -> list[HeldAttempt]:
        """Give one attempt for each planned cost and real price that a run met for products of which rows wait."""
        return [held_attempt_of(row) for row in self._all(sql.PRICES_MET, run_id=run.id)]

    def decide(self, run: Run, decision: str | None) -> None:
        """Write down what becomes of the transactions that a run holds; None when it is done."""
        with self._transaction() as connection:
            connection.execute(sql.DECIDE, {"run_id": run.id, "decision": decision})

    def decision(self, run: Run) -> str | None:
        """Give what was decided about the transactions that a run holds; None before, and when it is done."""
        found: str | None = self._all(sql.DECISION, run_id=run.id)[0][0]
        return found
