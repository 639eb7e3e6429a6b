"""Records moves and applies the run's guards: counts money, pauses operators, sets retries, stops the run in time."""

import asyncio
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.charge import price_problem
from bulk_topup.domain.guards import Mode
from bulk_topup.domain.list_command import place_options
from bulk_topup.domain.money import format_share
from bulk_topup.domain.moves import move_for, state_for
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import run_arguments
from bulk_topup.dvs import DVSError
from bulk_topup.engine.control import StopReason
from bulk_topup.engine.price_watch import price_drift
from bulk_topup.engine.run_context import RunContext
from bulk_topup.ledger import RetryChoice

#: Conflicts in a row after which nothing more is sent: DVS answers otherwise than the program understands.
CONFLICTS_IN_A_ROW = 3
#: Maximum number of failure reasons in a message.
MAX_REASONS = 5
#: States that count for the failure stop.
_COUNTED_AS_FAILED = (RowState.FAILED, RowState.CONFLICT)
#: States that a move leads to without a charge.
_NOT_CHARGED = (RowState.PENDING, RowState.FAILED, RowState.REVERSED)
_RESOLVE = "Sending stopped. Ask DT One, then resolve the row."
_RESOLVE_HELD = (
    "Sending stopped, and no decision to confirm is made. Ask DT One, or cancel that transaction: "
    "`bulk-topup conflict list {run}` names the ID for `bulk-topup transaction cancel ID {place}`. If it is final, "
    "resolve the row. Then resume before the others expire."
)
#: The status with which DVS refuses a transaction that the wallet does not cover, and the way on.
_NO_BALANCE = "REJECTED-INSUFFICIENT-BALANCE"
_TOP_UP = "Sending stopped. Top up the wallet, then resume; retry the rows that failed so."
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
        #: Conflicts since a transaction was last as requested.
        self._conflicts = 0
        #: Failed rows that are recorded, or about to be, while it is not decided yet whether they are retried.
        self._undecided = 0

    @property
    def is_retrying(self) -> bool:
        """Whether rows have failed that may be pending in a moment."""
        return self._undecided > 0

    async def record(self, *moved: tuple[Attempt, Move]) -> None:
        """Write moves to the ledger; return when they are on disk and the guards are applied.

        Raises:
            LedgerError: they could not be written.
        """
        moved = tuple(await self._with_prices(moved))
        for attempt, move in moved:
            # Before the disk: the rows that leave meanwhile have to know what this one costs.
            self._count_charge(attempt, move)
        failed = [move.row_id for _, move in moved if move.after is RowState.FAILED]
        self._undecided += len(failed)
        try:
            await self._journal.record(*(move for _, move in moved))
            if self._context.options.on_moves is not None:
                self._context.options.on_moves(moved)
            for attempt, move in moved:
                self._context.operators.record_move(attempt, move)
                self._context.charges.record_move(attempt, move)
                self._count(attempt, move)
            if failed:
                await self.retry(failed)
        finally:
            self._undecided -= len(failed)
        bad = [move for _, move in moved if move.after in _COUNTED_AS_FAILED]
        if not all(self._is_cancelled_by_run(move) for move in bad):
            self.check_failure_rate()

    async def _with_prices(self, moved: Sequence[tuple[Attempt, Move]]) -> list[tuple[Attempt, Move]]:
        """Return moves with the prices of completed transactions, each asked for once more where DVS stated none."""
        asked = await asyncio.gather(*(self._ask_again(*each) for each in moved if _lacks_price(each[1])))
        found = iter(asked)
        return [(attempt, next(found) if _lacks_price(move) else move) for attempt, move in moved]

    async def _ask_again(self, attempt: Attempt, move: Move) -> Move:
        """Return the move that a second answer causes; the same one if that is of something else."""
        if move.facts is None:
            return move
        try:
            transaction = await self._context.dvs.transaction_outcomes.get(move.facts.transaction_id)
        except DVSError as error:
            self._control.record_error(error)
            return move
        is_same = transaction.id == move.facts.transaction_id and transaction.external_id == attempt.external_id
        if not is_same or state_for(transaction) is not move.after:
            return move
        again = move_for(attempt, move.before, transaction, move.cause)
        if again.after is not move.after or again.facts is None:
            return again
        # Of the second answer the price alone: it may leave out a PIN that the first one has.
        price, fee, unit = again.facts.price, again.facts.fee, again.facts.price_unit
        return replace(move, facts=replace(move.facts, price=price, fee=fee, price_unit=unit))

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

    def _count_charge(self, attempt: Attempt, move: Move) -> None:
        """Count what a move charges or puts on hold, and stop submitting after a wrong price."""
        if move.facts is None or move.after in _NOT_CHARGED:
            return
        self._context.budget.charge(attempt, move.facts, was_unknown=move.before is RowState.IN_FLIGHT)
        if move.after is RowState.CONFLICT:
            facts = move.facts
            self._stop_at_problem(price_problem(attempt, facts.price, facts.fee, facts.price_unit))
        elif drift := self._context.prices.drift(attempt, move.facts, is_final=move.after is RowState.COMPLETED):
            self._control.stop(StopReason.PRICE, f"{drift} {_RAISE_DRIFT}")

    def _count(self, attempt: Attempt, move: Move) -> None:
        if move.after in _NOT_CHARGED:
            self._context.budget.release(attempt, move.facts)
            if move.after is RowState.FAILED:
                status = move.facts.status_message if move.facts else ""
                self._reasons[status or move.message] += 1
                if status == _NO_BALANCE:
                    self._control.stop(StopReason.BALANCE, f"DVS answered {status}. {_TOP_UP}")
        elif move.after is RowState.CONFLICT:
            self._count_conflict()
        elif move.facts is not None:
            self._conflicts = 0

    def _count_conflict(self) -> None:
        """Stop submitting after several conflicts in a row."""
        self._reasons["conflict"] += 1
        self._conflicts += 1
        if self._conflicts >= CONFLICTS_IN_A_ROW:
            self._control.stop(
                StopReason.CONFLICTS,
                f"DVS's last {self._conflicts} answers differ from what was sent. Sending stopped. Find out why: "
                f"`bulk-topup conflict list {run_arguments(self._context.run)}`",
            )

    def _stop_at_problem(self, problem: str | None) -> None:
        if problem:
            resolve = _RESOLVE
            if self._context.is_hold_mode:
                run = self._context.run
                resolve = _RESOLVE_HELD.format(run=run_arguments(run), place=shlex.join(place_options(run)))
            self._control.stop(StopReason.PRICE, f"{problem} {resolve}")

    async def price_conflict(self) -> str | None:
        """Return a sentence about a row in conflict whose price can't be right; None if the run has none."""
        for priced in await self._journal.call(self._ledger.spending.prices_in_conflict, self._context.run):
            if problem := price_problem(priced.attempt, priced.price, priced.fee, priced.price_unit):
                return problem
        return None

    async def check_prices(self) -> None:
        """Stop before anything is sent if an earlier invocation met a price outside the tolerance, or no right one.

        Not where the pending rows are planned with that price by now.
        """
        self._stop_at_problem(await self.price_conflict())
        if self._guards.stops.price_drift is None:
            return
        tolerance = self._context.prices.tolerance
        for met in await self._journal.call(self._ledger.spending.actual_prices, self._context.run):
            next_row = replace(met.attempt, cost=met.next_cost, cost_unit=met.next_unit)
            if met.next_cost is not None and not price_drift(next_row, met.charged_next, met.price_unit, tolerance):
                continue
            if drift := price_drift(met.attempt, met.charged, met.price_unit, tolerance):
                self._control.stop(StopReason.PRICE, f"{drift} {_RAISE_DRIFT}")
                return

    def check_failure_rate(self) -> None:
        """Stop submitting if too large a share of the run's final rows failed."""
        limit = self._guards.stops.failed_share
        counts = self._journal.counts
        failed = sum(counts[state] for state in _COUNTED_AS_FAILED)
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


def _lacks_price(move: Move) -> bool:
    return move.after is RowState.COMPLETED and move.facts is not None and move.facts.price is None
