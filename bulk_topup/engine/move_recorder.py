"""What follows when a row moves: its money is counted, its operator judged, a retry set, the run stopped in time."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Caps, Guards, Mode
from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.engine.budget import Budget
from bulk_topup.engine.charges import Charges
from bulk_topup.engine.control import Control, StopReason
from bulk_topup.engine.journal import Journal
from bulk_topup.engine.operator_breaker import OperatorBreaker
from bulk_topup.ledger import LedgerStore, RetryChoice, SpendingTotals
from bulk_topup.system.clock import Clock

#: By which share a price may differ where transactions are held to be compared and nothing else is stated.
HOLD_TOLERANCE = Decimal("0.01")
#: Reasons that are told one by one.
REASONS_TOLD = 5


class MoveRecorder:
    """Writes moves and draws the consequences that the run's guards ask for.

    Args:
        ledger: where retries are chosen.
        journal: where moves are written.
        run: the run.
        control: the run's brakes.
        clock: where time comes from.
        guards: what the run is allowed.
        on_moves: is told of moves that are on disk.
    """

    def __init__(
        self,
        *,
        ledger: LedgerStore,
        journal: Journal,
        run: Run,
        control: Control,
        clock: Clock,
        guards: Guards,
        on_moves: Callable[[Sequence[tuple[Attempt, Move]]], None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._run = run
        self._control = control
        self._clock = clock
        self._guards = guards
        self._on_moves = on_moves
        self._reasons: Counter[str] = Counter()
        self.operators = OperatorBreaker(guards.operators, clock)
        spent = ledger.spending.spent(run) if guards.caps != Caps() else SpendingTotals(rows=0, amounts={}, costs={})
        self.budget = Budget(guards.caps, spent)
        self.taken = Charges()

    async def record(self, *moved: tuple[Attempt, Move]) -> None:
        """Write moves and return when they are on disk, and what follows from them.

        Raises:
            LedgerError: they could not be written.
        """
        await self._journal.record(*(move for _, move in moved))
        if self._on_moves is not None:
            self._on_moves(moved)
        for attempt, move in moved:
            self.operators.moved(attempt, move)
            self.taken.moved(move)
            self._count(attempt, move)
        failed = [move for _, move in moved if move.after is RowState.FAILED]
        if failed:
            await self.retry([move.row_id for move in failed])
            if not all(self._was_held(move) for move in failed):
                self.check_failure_rate()

    def _was_held(self, move: Move) -> bool:
        """Tell that a row failed because the run let go of what it held, for a reason of its own that is told then."""
        return self._guards.mode is Mode.HOLD and move.facts is not None and move.facts.status_class == "CANCELLED"

    async def retry(self, row_ids: Sequence[int] | None = None) -> None:
        """Set a new attempt for failed rows that the job's policy wants tried again: these, or all of the run."""
        policy = self._guards.retry
        if policy.attempts == 1:
            return
        choice = RetryChoice(statuses=policy.statuses, row_ids=row_ids, attempts=policy.attempts)
        due = self._clock.now() + timedelta(seconds=policy.wait)
        moved = await self._journal.call(self._ledger.retries.apply_policy, self._run, choice, due)
        self._journal.counts[RowState.FAILED] -= moved
        self._journal.counts[RowState.PENDING] += moved

    def _count(self, attempt: Attempt, move: Move) -> None:
        if move.after in {RowState.PENDING, RowState.FAILED, RowState.REVERSED}:
            self.budget.unpaid(attempt, move.facts)
            if move.after is RowState.FAILED:
                self._reasons[move.facts.status_message if move.facts else move.message] += 1
        elif move.facts is not None:
            self.budget.charged(attempt, move.facts, was_unknown=move.before is RowState.IN_FLIGHT)
            drift = price_drift(attempt, move.facts.charged, move.facts.price_unit, self._guards)
            if drift and move.before is RowState.IN_FLIGHT:
                self._control.stop(StopReason.PRICE, f"{drift} Tolerate a larger share to send the rest.")

    async def judge_prices(self) -> None:
        """Stop before anything is sent when an earlier start met a price that is not tolerated."""
        if self._guards.stops.price_drift is None:
            return
        for met in await self._journal.call(self._ledger.spending.actual_prices, self._run):
            if drift := price_drift(met.attempt, met.charged, met.price_unit, self._guards):
                self._control.stop(StopReason.PRICE, f"{drift} Tolerate a larger share to send the rest.")
                return

    def check_failure_rate(self) -> None:
        """Stop sending when too large a share of the run's final rows failed."""
        limit = self._guards.stops.failed_share
        counts = self._journal.counts
        failed = counts[RowState.FAILED]
        final = failed + counts[RowState.COMPLETED]
        if limit is None or final < self._guards.stops.failed_share_after or failed <= limit * final:
            return
        told = ", ".join(f"{number} {reason}" for reason, number in self._reasons.most_common(REASONS_TOLD))
        self._control.stop(
            StopReason.FAILURES,
            f"{failed} of {final} final rows failed, more than the share of {format_plain(limit)} that is allowed"
            f"{f': {told}' if told else ''}. Find out why; then retry them, or start again with a larger share.",
        )


def price_drift(attempt: Attempt, charged: Decimal | None, unit: str | None, guards: Guards) -> str | None:
    """Tell by a sentence that what is charged, in `unit`, differs from the plan by more than is tolerated."""
    tolerance = guards.stops.price_drift
    if tolerance is None and guards.mode is Mode.HOLD:
        tolerance = HOLD_TOLERANCE
    planned = attempt.cost
    if tolerance is None or planned is None:
        return None
    if charged is None:
        return f"The provider states no price for {attempt.external_id} that could be compared with the plan's."
    if unit == attempt.cost_unit and abs(PRECISE.subtract(charged, planned)) <= PRECISE.multiply(tolerance, planned):
        return None
    return (
        f"The provider charges {format_plain(charged)} {unit} for {attempt.external_id}, and the plan has "
        f"{format_plain(planned)} {attempt.cost_unit}; a share of {format_plain(tolerance)} is tolerated."
    )
