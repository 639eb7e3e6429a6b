"""Watches whether transactions cost what the plan expected, and names larger differences during the run; pure.

A difference is a warning by default. It stops the run where the job sets `price_drift`, and it cancels in hold mode.
"""

from decimal import Decimal
from typing import Final

from bulk_topup.domain.attempt import Attempt, Facts
from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.domain.money import PRECISE, format_money, format_share, smallest_unit
from bulk_topup.domain.verdict import format_rows

#: The share by which a price may differ from the plan unless the job sets another.
USUAL_TOLERANCE: Final = Decimal("0.01")
#: Maximum rows that are remembered until they are final; of more of them, the oldest may count twice.
MAX_REMEMBERED: Final = 10_000


class PriceWatch:
    """Counts the transactions of one invocation whose price differs from the plan by more than the tolerance.

    Args:
        guards: the run's.
    """

    def __init__(self, guards: Guards) -> None:
        stated = guards.stops.price_drift
        #: The share by which a price may differ from the plan.
        self.tolerance = USUAL_TOLERANCE if stated is None else stated
        #: Whether a larger difference stops submitting.
        self.stops = stated is not None or guards.mode is Mode.HOLD
        self._number = 0
        #: Rows among them that are not final, the oldest first.
        self._open: dict[int, None] = {}
        self._first = ""

    @property
    def message(self) -> str:
        """A sentence about the differences; empty without any, and where the first one stops the run."""
        if not self._number:
            return ""
        verb = "costs" if self._number == 1 else "cost"
        share = format_share(self.tolerance)
        return (
            f"{format_rows(self._number)} {verb} more than {share} more or less than planned. The first: {self._first}"
        )

    def drift(self, attempt: Attempt, facts: Facts, *, is_final: bool) -> str | None:
        """Record what a transaction costs; return a sentence if it must stop the run.

        Args:
            attempt: the row's attempt, with its planned cost.
            facts: the transaction's price and fee.
            is_final: whether the transaction is final; answers may leave a price out until then.
        """
        if facts.charged is None and not (is_final and self.stops):
            return None
        drift = price_drift(attempt, facts.charged, facts.price_unit, self.tolerance)
        if drift is None or self.stops:
            return drift
        self._first = self._first or drift
        self._count(attempt.row_id, is_final=is_final)
        return None

    def _count(self, row_id: int, *, is_final: bool) -> None:
        """Count a row once, whether its price was seen before it was final, or not."""
        if row_id not in self._open:
            self._number += 1
        self._open[row_id] = None
        if is_final:
            del self._open[row_id]
        elif len(self._open) > MAX_REMEMBERED:
            del self._open[next(iter(self._open))]


def price_drift(attempt: Attempt, charged: Decimal | None, unit: str | None, tolerance: Decimal) -> str | None:
    """Return a sentence about a price that differs from the plan by more than the tolerance; None without one.

    The smallest unit of the currency is tolerated in any case: DVS may round where the plan does not.

    Args:
        attempt: the row's attempt, with its planned cost.
        charged: what DVS charges, fee included, in `unit`; None where DVS gives no price.
        unit: the wallet's currency.
        tolerance: the share by which it may differ.
    """
    planned, planned_unit = attempt.cost, attempt.cost_unit
    if planned is None or planned_unit is None:
        return None
    if charged is None:
        return f"DVS gives no price for {attempt.external_id} that could be compared with the plan."
    allowed = max(PRECISE.multiply(tolerance, planned), smallest_unit(planned_unit))
    if unit == planned_unit and abs(PRECISE.subtract(charged, planned)) <= allowed:
        return None
    return (
        f"DVS charges {format_money(charged, unit or '(unknown currency)')} for {attempt.external_id}; the plan has "
        f"{format_money(planned, planned_unit)}, and the tolerance is {format_share(tolerance)}."
    )
