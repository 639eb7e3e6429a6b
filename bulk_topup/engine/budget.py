"""What a run may still send within its caps, row by row, by the costs that DVS really charges; pure.

A row counts from the moment at which its request leaves, not from its claim: by then a row before it may have cost
more. Single rows are remembered only until they complete, so that a budget's memory grows with the open rows alone;
without caps nothing is counted.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_UP, Decimal

from bulk_topup.domain.attempt import Attempt, Facts
from bulk_topup.domain.guards import Caps
from bulk_topup.domain.money import PRECISE, format_money, smallest_unit
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import codec
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
        #: Rows that were claimed and not sent yet.
        self._claimed: set[int] = set()
        #: The latest transaction of each product: when it was created, its requested amount, its planned cost, and what
        #: was charged in the same currency.
        self._latest: dict[object, tuple[datetime, tuple[str, Decimal], Decimal, Decimal]] = {}

    @property
    def amounts(self) -> Mapping[str, Decimal]:
        """Requested amounts so far, per unit; without caps only those of earlier invocations."""
        return self._amounts

    @property
    def costs(self) -> Mapping[str, Decimal]:
        """Costs so far, per wallet currency; without caps only those of earlier invocations."""
        return self._costs

    def claim(self, attempts: Iterable[Attempt]) -> None:
        """Record rows that are claimed; they do not count before they are sent."""
        if self._is_capped:
            self._claimed.update(attempt.row_id for attempt in attempts)

    def excess(self, attempt: Attempt) -> str | None:
        """Count a row whose request leaves now; return a sentence instead if it would exceed a cap.

        Its cost is the planned one, or what the latest transaction of its product says if that is more.
        """
        if not self._is_capped:
            return None
        amount, _ = _planned(attempt)
        cost = self._expected_cost(attempt)
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
        self._claimed.discard(attempt.row_id)
        self._counted[attempt.row_id] = (amount, cost)
        _add(self._amounts, *amount)
        _add(self._costs, *cost)
        return None

    def total_excess(self) -> str | None:
        """Return a sentence if the rows that were sent exceed a cap: by prices that came later, or by a lower cap."""
        caps = self._caps
        if caps.rows is not None and self._rows > caps.rows:
            return f"The run has sent {format_rows(self._rows)}; the cap is {format_rows(caps.rows)}."
        for text, sums, limits in (
            ("The run requests {total}; the cap is {limit}.", self._amounts, caps.amounts),
            ("The run costs {total}; the cap is {limit}.", self._costs, caps.costs),
        ):
            for unit, total in sums.items():
                if excess := _excess(text, {}, limits, unit, total):
                    return excess
        return None

    def _expected_cost(self, attempt: Attempt) -> tuple[str, Decimal]:
        """Return what a row will cost, by the plan and by the latest transaction of its product, with its unit."""
        amount, (unit, planned) = _planned(attempt)
        if not self._caps.costs or (latest := self._latest.get(_product_of(attempt))) is None:
            return unit, planned
        _, amount_before, before, charged = latest
        if charged <= before:
            return unit, planned
        base = planned
        if amount_before[0] == amount[0] and amount_before[1]:
            # A row that was planned later may know the new price, which must not be raised once more.
            base = min(base, PRECISE.divide(PRECISE.multiply(before, amount[1]), amount_before[1]))
        # Multiplied first: a row of the same planned cost is expected to cost exactly the same.
        scaled = PRECISE.divide(PRECISE.multiply(base, charged), before)
        return unit, max(planned, scaled.quantize(min(smallest_unit(unit), _unit_of(charged)), ROUND_UP, PRECISE))

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
        if charged is None or facts.price_unit is None:
            return
        if self._caps.costs and attempt.cost and facts.price_unit == attempt.cost_unit:
            product, created = _product_of(attempt), facts.creation_date
            # Earlier transactions may complete after it, and have an earlier price.
            if (latest := self._latest.get(product)) is None or created >= latest[0]:
                self._latest[product] = (created, _planned(attempt)[0], attempt.cost, charged)
        if counted is None:
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
        if attempt.row_id in self._claimed:
            self._claimed.remove(attempt.row_id)
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


def _product_of(attempt: Attempt) -> object:
    request: dict[str, object] = codec.decode(attempt.request)
    return request.get("product_id")


def _unit_of(amount: Decimal) -> Decimal:
    """Return the unit of an amount's last decimal."""
    exponent = amount.as_tuple().exponent
    return Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)


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
