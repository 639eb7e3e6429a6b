"""What a run may still send within its caps, row by row, by the costs that DVS really charges; pure.

Single rows are remembered only until they complete, so that a budget's memory grows with the open rows alone; without
caps nothing is counted.
"""

from collections.abc import Mapping
from decimal import Decimal

from bulk_topup.domain.attempt import Attempt, Facts
from bulk_topup.domain.guards import Caps
from bulk_topup.domain.money import PRECISE, format_money
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.ledger import SpendingTotals

_NOTHING = Decimal(0)


class Budget:
    """Counts what is sent against the caps.

    Args:
        caps: the limits.
        spent: what earlier invocations of the run sent.
    """

    def __init__(self, caps: Caps, spent: SpendingTotals) -> None:
        self._caps = caps
        self._is_capped = caps != Caps()
        self._rows = spent.rows
        self._amounts = dict(spent.amounts)
        self._costs = dict(spent.costs)
        #: What each open row counts for now: its requested amount and its cost, each with its unit.
        self._counted: dict[int, tuple[tuple[str, Decimal], tuple[str, Decimal]]] = {}

    @property
    def amounts(self) -> Mapping[str, Decimal]:
        """Requested amounts so far, per unit; without caps only those of earlier invocations."""
        return self._amounts

    @property
    def costs(self) -> Mapping[str, Decimal]:
        """Costs so far, per wallet currency; without caps only those of earlier invocations."""
        return self._costs

    def excess(self, attempt: Attempt) -> str | None:
        """Count a row that is about to be sent; return a sentence instead if it would exceed a cap."""
        if not self._is_capped:
            return None
        amount, cost = _planned(attempt)
        caps = self._caps
        if caps.rows is not None and self._rows + 1 > caps.rows:
            return f"The run has sent {format_rows(self._rows)}; the cap is {format_rows(caps.rows)}."
        for text, sums, limits, (unit, value) in (
            ("The next row requests {total}; the cap for one row is {limit}.", {}, caps.row_amounts, amount),
            ("With the next row, {total} would be requested; the cap is {limit}.", self._amounts, caps.amounts, amount),
            ("With the next row, the cost would be {total}; the cap is {limit}.", self._costs, caps.costs, cost),
        ):
            if excess := _excess(text, sums, limits, unit, value):
                return excess
        self._rows += 1
        self._counted[attempt.row_id] = (amount, cost)
        _add(self._amounts, *amount)
        _add(self._costs, *cost)
        return None

    def total_excess(self) -> str | None:
        """Return a sentence if the rows that were sent cost more than a cap, by prices that came after counting."""
        for unit, cost in self._costs.items() if self._caps.costs else ():
            limit = self._caps.costs.get(unit, _NOTHING)
            if cost > limit:
                return f"The run costs {format_money(cost, unit)}; the cap is {format_money(limit, unit)}."
        return None

    def charge(self, attempt: Attempt, facts: Facts, *, was_unknown: bool = False) -> None:
        """Count what DVS charges or puts on hold for a row instead of what the plan expected.

        Args:
            attempt: the row's attempt.
            facts: the transaction's price and fee.
            was_unknown: the outcome was unknown until now, so a row of an earlier invocation was counted as planned.
        """
        if not self._is_capped:
            return
        is_final = facts.status_class == StatusClass.COMPLETED.name
        counted = self._counted.pop(attempt.row_id, None) if is_final else self._counted.get(attempt.row_id)
        if counted is None and was_unknown:
            counted = _planned(attempt)
        charged = facts.charged
        if counted is None or charged is None or facts.price_unit is None:
            return
        amount, (unit, expected) = counted
        _add(self._costs, unit, -expected)
        _add(self._costs, facts.price_unit, charged)
        if not is_final:
            self._counted[attempt.row_id] = (amount, (facts.price_unit, charged))

    def release(self, attempt: Attempt, facts: Facts | None = None) -> None:
        """Stop counting a row that was not sent, or whose payment failed or was reversed.

        Args:
            attempt: the row's attempt.
            facts: the transaction's price and fee; None without a transaction.
        """
        if not self._is_capped:
            return
        amount, cost = _planned(attempt)
        if facts is not None and facts.charged is not None:
            cost = (facts.price_unit or "", facts.charged)
        amount, cost = self._counted.pop(attempt.row_id, (amount, cost))
        self._rows -= 1
        _add(self._amounts, amount[0], -amount[1])
        _add(self._costs, cost[0], -cost[1])


def _planned(attempt: Attempt) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
    """Return a row's requested amount and planned cost, each with its unit."""
    return (attempt.unit or "", attempt.amount or _NOTHING), (attempt.cost_unit or "", attempt.cost or _NOTHING)


def _excess(
    text: str, sums: Mapping[str, Decimal], limits: Mapping[str, Decimal], unit: str, value: Decimal
) -> str | None:
    # A table of caps names every unit that may occur, as in the plan.
    limit = limits.get(unit, _NOTHING) if limits and value else None
    total = PRECISE.add(sums.get(unit, _NOTHING), value)
    if limit is None or total <= limit:
        return None
    return text.format(total=format_money(total, unit), limit=format_money(limit, unit))


def _add(sums: dict[str, Decimal], unit: str, value: Decimal) -> None:
    sums[unit] = PRECISE.add(sums.get(unit, _NOTHING), value)
