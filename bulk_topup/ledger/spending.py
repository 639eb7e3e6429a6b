"""The cost of a run, exactly: what it has spent, what it still costs, and which prices it paid."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bulk_topup.domain.attempt import MetPrice, PricedAttempt
from bulk_topup.domain.price_changes import PlannedPrice, PricedItem
from bulk_topup.domain.run import Run
from bulk_topup.domain.totals import Total
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.retries import CREATE_RETRIED
from bulk_topup.ledger.row_mapping import add_to, add_to_total, met_price_of, priced_attempt_of, sum_amounts
from bulk_topup.ledger.sql_fragments import ATTEMPT, UNSENT

#: Rows that were sent and are not known to have failed, with price and fee of DVS, else the expected cost of the plan,
#: in groups that sum exactly.
_SPENT: Final = """
    SELECT r.unit, r.amount, a.price_unit, a.price, a.fee, iif(a.price IS NULL, r.cost_unit, NULL) AS cost_unit,
           iif(a.price IS NULL, r.cost, NULL) AS cost, count(*) AS rows
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state IN ('in_flight', 'accepted', 'completed', 'conflict')
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_PENDING_COSTS: Final = """
    SELECT cost_unit, cost, count(*) FROM rows
    WHERE run_id = :run_id AND state = 'pending' AND in_list = 1 AND cost IS NOT NULL
    GROUP BY cost_unit, cost
"""
#: Rows that the run would send with the staged list: its own, and pending ones that stay beside it.
_STAGED: Final = f"""
    SELECT s.unit, s.amount, s.cost_unit, s.cost, count(*)
    FROM temp.staged AS s LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE s.state = 'pending' AND (r.id IS NULL OR r.state IN ({UNSENT}) OR r.state = 'failed' AND s.is_resent)
    GROUP BY s.unit, s.amount, s.cost_unit, s.cost
    UNION ALL
    SELECT k.unit, k.amount, k.cost_unit, k.cost, count(*) FROM temp.kept AS x CROSS JOIN rows AS k ON k.id = x.id
    WHERE k.state = 'pending' AND k.in_list = 1
    GROUP BY k.unit, k.amount, k.cost_unit, k.cost
"""  # noqa: S608 - composed of constants
#: Pending rows, and rows chosen for a retry.
_STORED: Final = """
    SELECT unit, amount, cost_unit, cost, count(*) FROM rows
    WHERE run_id = :run_id AND in_list = 1
      AND (state = 'pending' OR state IN ('failed', 'refused') AND id IN (SELECT id FROM temp.retried))
    GROUP BY unit, amount, cost_unit, cost
"""
#: One row for each expected cost and actual price of a product among completed and accepted rows, for products that
#: pending rows have too, with what the first of these is planned to cost.
_PRICES_MET: Final = f"""
    SELECT {ATTEMPT}, a.transaction_id, a.price, a.fee, a.price_unit, 0 AS contradicted,
           n.amount AS next_amount, n.cost AS next_cost, n.cost_unit AS next_unit
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    JOIN (SELECT product_id, amount, cost, cost_unit, min(id) FROM rows
          WHERE run_id = :run_id AND state = 'pending' AND in_list = 1 GROUP BY product_id) AS n
      ON n.product_id = r.product_id
    WHERE r.run_id = :run_id AND r.state IN ('accepted', 'completed') AND a.price IS NOT NULL AND r.cost IS NOT NULL
    GROUP BY r.product_id, r.cost, r.cost_unit, a.price, a.fee, a.price_unit
"""  # noqa: S608
#: Prices of rows in conflict, each once for every planned currency.
_PRICES_IN_CONFLICT: Final = f"""
    SELECT {ATTEMPT}, a.price, a.fee, a.price_unit
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'conflict' AND a.price IS NOT NULL
    GROUP BY r.cost_unit, a.price, a.fee, a.price_unit
"""  # noqa: S608


#: What the first rows of a run were planned to cost, each product, amount and cost once.
_PLANNED_PRICES: Final = """
    SELECT product_id, amount, unit, cost, cost_unit FROM (
        SELECT product_id, amount, unit, cost, cost_unit FROM rows
        WHERE run_id = :run_id ORDER BY line, id LIMIT :rows)
    WHERE product_id IS NOT NULL AND amount IS NOT NULL AND cost IS NOT NULL
    GROUP BY product_id, amount, unit, cost, cost_unit
"""
#: How many these are: enough to have every product of usual lists.
COMPARED_ROWS: Final = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendingTotals:
    """The rows of a run that were sent and are not known to have failed."""

    rows: int
    #: Requested amounts, per unit.
    amounts: dict[str, Decimal]
    #: Cost with fees, per wallet unit: the actual one, else the expected one of the plan.
    costs: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class SpendingQueries:
    """The money of a run."""

    file: LedgerFile

    def spent(self, run: Run) -> SpendingTotals:
        """Return what a run has spent; reversed rows were refunded."""
        rows = 0
        amounts: dict[str, Decimal] = {}
        costs: dict[str, Decimal] = {}
        for group in self.file.iterate(_SPENT, run_id=run.id):
            count = group["rows"]
            rows += count
            add_to(amounts, group["unit"], group["amount"], count)
            for unit, cost in (("price_unit", "price"), ("price_unit", "fee"), ("cost_unit", "cost")):
                add_to(costs, group[unit], group[cost], count)
        return SpendingTotals(rows=rows, amounts=amounts, costs=costs)

    def pending_costs(self, run: Run) -> dict[str, Decimal]:
        """Return the expected cost of the pending rows, per wallet unit."""
        return sum_amounts(self.file.fetch_all(_PENDING_COSTS, run_id=run.id))

    def final(self, run: Run) -> Total:
        """Return what a run will have spent once its pending rows, and those chosen for a retry, are sent."""
        with self.file.transaction() as connection:
            connection.execute(CREATE_RETRIED)
        return self._spent_with(run, _STORED)

    def final_with_staged(self, run: Run | None) -> Total:
        """Return what a run will have spent once the staged list is merged and sent."""
        return self._spent_with(run, _STAGED)

    def actual_prices(self, run: Run) -> list[MetPrice]:
        """Return one attempt for each expected cost and actual price of a product, if pending rows have the product."""
        return [met_price_of(row) for row in self.file.fetch_all(_PRICES_MET, run_id=run.id)]

    def prices_in_conflict(self, run: Run) -> list[PricedAttempt]:
        """Return one attempt for each price of rows in conflict and currency of their planned costs."""
        return [priced_attempt_of(row) for row in self.file.fetch_all(_PRICES_IN_CONFLICT, run_id=run.id)]

    def planned_prices(self, run: Run) -> dict[PricedItem, PlannedPrice]:
        """Return what the first `COMPARED_ROWS` rows of a run were planned to cost at least, by product and amount."""
        rows = self.file.fetch_all(_PLANNED_PRICES, run_id=run.id, rows=COMPARED_ROWS)
        return {
            PricedItem(row["product_id"], row["amount"], row["unit"]): PlannedPrice(row["cost"], row["cost_unit"])
            for row in sorted(rows, key=lambda row: Decimal(row["cost"]), reverse=True)
        }

    def _spent_with(self, run: Run | None, statement: str) -> Total:
        total = Total()
        if run is not None:
            spent = self.spent(run)
            total = Total(rows=spent.rows, amounts=spent.amounts, costs=spent.costs)
        for group in self.file.fetch_all(statement, run_id=run.id if run else None):
            add_to_total(total, *group)
        return total
