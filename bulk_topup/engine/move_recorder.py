"""Records moves and applies the run's guards: counts money, pauses operators, sets retries, stops the run in time."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.domain.money import PRECISE, format_money, format_plain
from bulk_topup.domain.states import RowState
from bulk_topup.engine.control import StopReason
from bulk_topup.engine.run_context import RunContext
from bulk_topup.ledger import RetryChoice

#: The price drift that hold mode tolerates by default.
HOLD_TOLERANCE = Decimal("0.01")
#: Maximum number of failure reasons in a message.
MAX_REASONS = 5
_RAISE_DRIFT = "To send the remaining rows, run again with a higher --price-drift."


class MoveRecorder:
    """Records moves and applies what the run's guards require of them.

    Args:
        context: what the parts of the run share.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._ledger = context.ledger
        self._journal = context.journal
        self._control = context.control
        self._guards = context.guards
        self._reasons: Counter[str] = Counter()

    async def record(self, *moved: tuple[Attempt, Move]) -> None:
        """Write moves to the ledger; return when they are on disk and the guards are applied.

        Raises:
            LedgerError: they could not be written.
        """
        await self._journal.record(*(move for _, move in moved))
        if self._context.options.on_moves is not None:
            self._context.options.on_moves(moved)
        for attempt, move in moved:
            self._context.operators.record_move(attempt, move)
            self._context.charges.record_move(move)
            self._count(attempt, move)
        failed = [move for _, move in moved if move.after is RowState.FAILED]
        if failed:
            await self.retry([move.row_id for move in failed])
            if not all(self._is_cancelled_by_run(move) for move in failed):
                self.check_failure_rate()

    def _is_cancelled_by_run(self, move: Move) -> bool:
        """Return True if a row failed because hold mode cancelled it, for a reason that has its own message."""
        return self._guards.mode is Mode.HOLD and move.facts is not None and move.facts.status_class == "CANCELLED"

    async def retry(self, row_ids: Sequence[int] | None = None) -> None:
        """Create new attempts for failed rows that the job's retry settings cover.

        Args:
            row_ids: the rows; None for all rows of the run.
        """
        policy = self._guards.retry
        if policy.attempts == 1:
            return
        choice = RetryChoice(statuses=policy.statuses, row_ids=row_ids, attempts=policy.attempts)
        due = self._context.clock.now() + timedelta(seconds=policy.wait)
        moved = await self._journal.call(self._ledger.retries.apply_policy, self._context.run, choice, due)
        self._journal.counts[RowState.FAILED] -= moved
        self._journal.counts[RowState.PENDING] += moved

    def _count(self, attempt: Attempt, move: Move) -> None:
        if move.after in {RowState.PENDING, RowState.FAILED, RowState.REVERSED}:
            self._context.budget.release(attempt, move.facts)
            if move.after is RowState.FAILED:
                self._reasons[move.facts.status_message if move.facts else move.message] += 1
        elif move.facts is not None:
            self._context.budget.charge(attempt, move.facts, was_unknown=move.before is RowState.IN_FLIGHT)
            drift = price_drift(attempt, move.facts.charged, move.facts.price_unit, self._guards)
            if drift and move.before is RowState.IN_FLIGHT:
                self._control.stop(StopReason.PRICE, f"{drift} {_RAISE_DRIFT}")

    async def check_prices(self) -> None:
        """Stop before anything is sent if an earlier invocation met a price outside the tolerance."""
        if self._guards.stops.price_drift is None:
            return
        for met in await self._journal.call(self._ledger.spending.actual_prices, self._context.run):
            if drift := price_drift(met.attempt, met.charged, met.price_unit, self._guards):
                self._control.stop(StopReason.PRICE, f"{drift} {_RAISE_DRIFT}")
                return

    def check_failure_rate(self) -> None:
        """Stop submitting if too large a share of the run's final rows failed."""
        limit = self._guards.stops.failed_share
        counts = self._journal.counts
        failed = counts[RowState.FAILED]
        final = failed + counts[RowState.COMPLETED]
        if limit is None or final < self._guards.stops.failed_share_after or failed <= limit * final:
            return
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in self._reasons.most_common(MAX_REASONS))
        self._control.stop(
            StopReason.FAILURES,
            f"{failed:,} of {final:,} final rows failed, above the {format_share(limit)} limit"
            f"{f': {reasons}' if reasons else ''}. Find out why. Then retry them, or run again with a higher "
            "--max-failure-rate.",
        )


def format_share(share: Decimal) -> str:
    """Return a share for people: `Decimal("0.02")` as `2 %`."""
    return f"{format_plain(PRECISE.multiply(share, Decimal(100)))} %"


def price_drift(attempt: Attempt, charged: Decimal | None, unit: str | None, guards: Guards) -> str | None:
    """Return a sentence about a price that differs from the plan by more than the tolerance; None without one.

    Args:
        attempt: the row's attempt, with its planned cost.
        charged: what DVS charges, fee included, in `unit`; None where DVS gives no price.
        unit: the wallet's currency.
        guards: the run's, with the tolerance.
    """
    tolerance = guards.stops.price_drift
    if tolerance is None and guards.mode is Mode.HOLD:
        tolerance = HOLD_TOLERANCE
    planned = attempt.cost
    if tolerance is None or planned is None:
        return None
    if charged is None:
        return f"DVS gives no price for {attempt.external_id} that could be compared with the plan."
    if unit == attempt.cost_unit and abs(PRECISE.subtract(charged, planned)) <= PRECISE.multiply(tolerance, planned):
        return None
    return (
        f"DVS charges {_price(charged, unit)} for {attempt.external_id}; the plan has "
        f"{_price(planned, attempt.cost_unit)}, and the tolerance is {format_share(tolerance)}."
    )


def _price(amount: Decimal, unit: str | None) -> str:
    return format_money(amount, unit or "(unknown currency)")
