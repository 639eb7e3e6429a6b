"""What a run may still send within its caps, row by row, against what the provider really held; pure.

What is known of single rows is forgotten once they completed, so that a budget grows with the rows that are open alone;
without caps nothing is counted.
"""

from collections.abc import Mapping
from decimal import Decimal

from bulk_topup.domain.attempt import Attempt, Facts
from bulk_topup.domain.guards import Caps
from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.ledger import SpendingTotals

_NOTHING = Decimal(0)


class Budget:
    """Counts what is sent against the caps.

    Args:
        caps: what is never exceeded.
        spent: what the run sent at earlier starts.
    """

    def __init__(self, caps: Caps, spent: SpendingTotals) -> None:
        self._caps = caps
        self._is_capped = caps != Caps()
        self._rows = spent.rows
        self._amounts = dict(spent.amounts)
        self._costs = dict(spent.costs)
        #: What each row that is open counts for at present: asked for, and its cost.
        self._counted: dict[int, tuple[tuple[str, Decimal], tuple[str, Decimal]]] = {}

    @property
    def amounts(self) -> Mapping[str, Decimal]:
        """What was asked for so far, per unit; without caps only what earlier starts asked for is known."""
        return self._amounts

    @property
    def costs(self) -> Mapping[str, Decimal]:
        """The same of what was sent costs, per wallet unit."""
        return self._costs

    def excess(self, attempt: Attempt) -> str | None:
        """Count a row that is about to be sent; give a sentence instead where it would exceed a cap."""
        if not self._is_capped:
            return None
        amount, cost = _planned(attempt)
        caps = self._caps
        if caps.rows is not None and self._rows + 1 > caps.rows:
            return f"The run has sent {self._rows} rows, and its cap is {caps.rows}."
        if breach := _breach("asked for by one row", {}, caps.row_amounts, *amount):
            return breach
        for what, sums, limits, (unit, value) in (
            ("asked for", self._amounts, caps.amounts, amount),
            ("cost", self._costs, caps.costs, cost),
        ):
            if breach := _breach(what, sums, limits, unit, value):
                return breach
        self._rows += 1
        self._counted[attempt.row_id] = (amount, cost)
        _add(self._amounts, *amount)
        _add(self._costs, *cost)
        return None

    def excess_held(self) -> str | None:
        """Give a sentence where what was sent costs more than a cap, by prices that came after it was counted."""
        for unit, cost in self._costs.items() if self._caps.costs else ():
            limit = self._caps.costs.get(unit, _NOTHING)
            if cost > limit:
                return f"The run costs {format_plain(cost)} {unit}, and the cap is {format_plain(limit)} {unit}."
        return None

    def charged(self, attempt: Attempt, facts: Facts, *, was_unknown: bool = False) -> None:
        """Count what the provider holds for a row in place of what the plan expected.

        Args:
            attempt: the row's attempt.
            facts: what the provider holds.
            was_unknown: only now it is known, so that a row of an earlier start was counted as planned.
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

    def unpaid(self, attempt: Attempt, facts: Facts | None = None) -> None:
        """Count a row no longer: it was not sent, or nobody was paid."""
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
    """Give what a row asks for and what it should cost, each with its unit."""
    return (attempt.unit or "", attempt.amount or _NOTHING), (attempt.cost_unit or "", attempt.cost or _NOTHING)


def _breach(
    what: str, sums: Mapping[str, Decimal], limits: Mapping[str, Decimal], unit: str, value: Decimal
) -> str | None:
    # A table that names units names all that may occur, as in the plan.
    limit = limits.get(unit, _NOTHING) if limits and value else None
    total = PRECISE.add(sums.get(unit, _NOTHING), value)
    if limit is None or total <= limit:
        return None
    return (
        f"With the next row {format_plain(total)} {unit} would be {what}, and the cap is {format_plain(limit)} {unit}."
    )


def _add(sums: dict[str, Decimal], unit: str, value: Decimal) -> None:
    sums[unit] = PRECISE.add(sums.get(unit, _NOTHING), value)
