"""Hold, check, confirm: all transactions of a round are created first, then all are confirmed or all cancelled.

What is decided is on disk before the first confirmation leaves, so a start after a crash finishes what was begun and
never decides anew.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from enum import StrEnum

from bulk_topup.domain.attempt import HeldAttempt
from bulk_topup.domain.guards import Guards
from bulk_topup.domain.moves import move_for
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import APIError, AsyncDVS, DVSError, NotFoundError, TooManyRequestsError, UnauthorizedError
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.engine.control import ENDS_SUBMITTING, Control, StopReason
from bulk_topup.engine.journal import Journal
from bulk_topup.engine.move_recorder import MoveRecorder, price_drift
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock

#: The part of the time for confirming that is kept in reserve, beside what the confirming takes at the present rate.
RESERVE = 0.1
#: Seconds between two looks at that time.
LOOK_INTERVAL = 1.0
#: Seconds between passes over transactions whose confirmation stayed unknown.
PASS_WAIT = 1.0
#: Passes in a row without any effect after which they are left to the next start.
IDLE_PASSES = 30


class Decision(StrEnum):
    """What becomes of the transactions that a run holds."""

    CONFIRM = "confirm"
    CANCEL = "cancel"


class HoldCoordinator:
    """Decides about the transactions that a run holds, and carries it out.

    Args:
        dvs: the client.
        ledger: where decisions and held transactions are kept.
        journal: where the ledger is called.
        settlement: where moves are written.
        run: the run.
        control: the run's brakes.
        clock: where time comes from.
        guards: what the run is allowed.
        concurrency: requests that may be on their way at once.
    """

    def __init__(
        self,
        *,
        dvs: AsyncDVS,
        ledger: LedgerStore,
        journal: Journal,
        settlement: MoveRecorder,
        run: Run,
        control: Control,
        clock: Clock,
        guards: Guards,
        concurrency: int,
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._journal = journal
        self._settlement = settlement
        self._run = run
        self._control = control
        self._clock = clock
        self._guards = guards
        self._concurrency = concurrency
        self._look_at = 0.0
        self._runs_out = False

    async def finish_decided(self) -> None:
        """Carry out what an earlier start decided."""
        decision = await self._journal.call(self._ledger.unconfirmed.decision, self._run)
        if decision is not None:
            await self._carry_out(Decision(decision))

    async def is_running_out(self) -> bool:
        """Tell whether the first held transaction would expire before all could be confirmed: the round must end."""
        now = self._clock.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_INTERVAL
            held = await self._journal.call(self._ledger.unconfirmed.summary, self._run)
            if held is not None:
                reserve = (held.expires_at - held.created_at) * RESERVE
                needed = timedelta(seconds=held.count / self._dvs.limiter.rate)
                self._runs_out = self._clock.now() + reserve + needed >= held.expires_at
        return self._runs_out

    async def end_round(self) -> None:
        """Compare what is held with the plan, decide, and confirm all or cancel all."""
        if await self._journal.call(self._ledger.unconfirmed.summary, self._run) is None:
            return
        reason = await self._objection()
        if self._control.is_stopping:
            return
        decision = Decision.CONFIRM if reason is None else Decision.CANCEL
        await self._journal.call(self._ledger.unconfirmed.set_decision, self._run, decision)
        await self._carry_out(decision)
        if reason is not None:
            self._control.stop(StopReason.CANCELLED, f"All held transactions were cancelled: {reason}")

    async def _objection(self) -> str | None:
        """Give the reason why nothing must be confirmed."""
        if self._control.reason in ENDS_SUBMITTING:
            return self._control.message
        self._look_at = 0.0
        if await self.is_running_out():
            return "the first of them would have expired before all were confirmed. Retry them as more than one list."
        if excess := self._settlement.budget.excess_held():
            return excess
        async for held in self._held():
            if held.is_contradicted:
                return (
                    f"the list does not ask for {held.attempt.external_id} any more as it is held. "
                    "Start the list again, then retry what it still asks for."
                )
            if drift := price_drift(held.attempt, held.charged, held.price_unit, self._guards):
                return drift
        return None

    async def _held(self) -> AsyncIterator[HeldAttempt]:
        after_row = 0
        while batch := await self._journal.call(self._ledger.unconfirmed.attempts, self._run, after_row=after_row):
            for held in batch:
                yield held
            after_row = batch[-1].attempt.row_id

    async def _carry_out(self, decision: Decision) -> None:
        before = passes = 0
        places = asyncio.Semaphore(self._concurrency)
        while not self._control.is_stopping:
            if self._control.is_paused:
                await self._control.sleep(PASS_WAIT)
                continue
            async with asyncio.TaskGroup() as group:
                async for held in self._held():
                    await places.acquire()
                    task = group.create_task(self._settle(decision, held))
                    task.add_done_callback(lambda _: places.release())
            left = await self._journal.call(self._ledger.unconfirmed.summary, self._run)
            if left is None:
                await self._journal.call(self._ledger.unconfirmed.set_decision, self._run, None)
                self._runs_out = False
                return
            passes = passes + 1 if left.count == before else 0
            before = left.count
            if passes == IDLE_PASSES:
                self._control.stop(
                    StopReason.STILL_OPEN,
                    f"{before} transactions are still held, although the decision was to {decision} them; "
                    "resume the run before they expire.",
                )
            await self._control.sleep(PASS_WAIT)

    async def _settle(self, decision: Decision, held: HeldAttempt) -> None:
        """Confirm or cancel one transaction; where that is refused or unknown, the transaction itself says why."""
        if self._control.is_stopping:
            return
        act = self._dvs.transactions.confirm_async if decision is Decision.CONFIRM else self._dvs.transactions.cancel
        try:
            try:
                transaction = await act(held.transaction_id)
            except (TooManyRequestsError, UnauthorizedError, NotFoundError):
                raise
            except APIError:
                transaction = await self._dvs.transactions.get(held.transaction_id)
        except UnauthorizedError as error:
            self._control.stop(StopReason.UNAUTHORIZED, f"{error}. Check DVS_API_KEY and DVS_API_SECRET, then resume.")
            return
        except DVSError as error:
            self._control.unanswered(error)
            return
        self._control.answered()
        await self._take(held, transaction, decision)

    async def _take(self, held: HeldAttempt, transaction: Transaction, decision: Decision) -> None:
        move = move_for(held.attempt, RowState.ACCEPTED, transaction, f"{decision} of a held transaction")
        await self._settlement.record((held.attempt, move))
