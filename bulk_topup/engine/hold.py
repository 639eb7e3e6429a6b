"""Hold mode: creates all transactions of a round first, then confirms all or cancels all.

The decision is on disk before the first confirmation is sent, so a later invocation carries it out and never decides
the same round again. A round with a price that can't be compared is left open: nothing of it is confirmed or cancelled.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from enum import StrEnum

from bulk_topup.domain.attempt import HeldAttempt
from bulk_topup.domain.charge import price_problem
from bulk_topup.domain.moves import facts_of, move_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import (
    APIError,
    DVSError,
    ErrorCode,
    NotFoundError,
    StatusClass,
    TooManyRequestsError,
    UnauthorizedError,
)
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.statuses import class_of
from bulk_topup.engine.concurrency import gather_sum
from bulk_topup.engine.control import ENDS_SUBMITTING, StopReason
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.price_watch import price_drift
from bulk_topup.engine.run_context import RunContext

#: Share of the time for confirming that is kept in reserve, besides what confirming takes at the present rate.
RESERVE = 0.1
#: Seconds between two checks of that time.
CHECK_INTERVAL = 1.0
#: Seconds between passes over transactions whose confirmation stayed unknown.
PASS_WAIT = 1.0
#: Passes in a row without any effect after which the rest is left to a later invocation.
IDLE_PASSES = 30


class Decision(StrEnum):
    """What a run does with its unconfirmed transactions."""

    CONFIRM = "confirm"
    CANCEL = "cancel"


class HoldCoordinator:
    """Decides whether a run's unconfirmed transactions are confirmed or cancelled, and carries that out.

    Args:
        context: what the parts of the run share.
        recorder: records moves.
    """

    def __init__(self, context: RunContext, recorder: MoveRecorder) -> None:
        self._context = context
        self._dvs = context.dvs
        self._ledger = context.ledger
        self._journal = context.journal
        self._run = context.run
        self._control = context.control
        self._recorder = recorder
        self._check_at = 0.0
        self._is_expiring = False
        #: Whether this invocation leaves the decision to a later one.
        self._is_left_open = False

    async def finish_decided(self, *, may_confirm: bool = True) -> None:
        """Carry out the decision of an earlier invocation, if there is one.

        Args:
            may_confirm: whether to confirm, which pays; else a decision to do so is left to a later invocation.
        """
        decision = await self._journal.call(self._ledger.unconfirmed.decision, self._run)
        if decision is not None and (may_confirm or decision == Decision.CANCEL):
            await self._carry_out(Decision(decision))

    async def is_expiring(self) -> bool:
        """Return True if the round must end: otherwise its first transaction would expire before all are confirmed."""
        now = self._context.clock.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECK_INTERVAL
            unconfirmed = await self._journal.call(self._ledger.unconfirmed.summary, self._run)
            if unconfirmed is not None:
                reserve = (unconfirmed.expires_at - unconfirmed.created_at) * RESERVE
                needed = timedelta(seconds=unconfirmed.count / self._dvs.limiter.rate)
                # DVS gave the time in which they expire, so its clock counts, not this machine's.
                time = self._dvs.provider_clock.now() or self._context.clock.now()
                self._is_expiring = time + reserve + needed >= unconfirmed.expires_at
        return self._is_expiring

    async def end_round(self) -> None:
        """Compare the unconfirmed transactions with the plan, decide, and confirm all or cancel all.

        Without reason to cancel them, a price that can't be compared leaves the decision open.
        """
        summary = await self._journal.call(self._ledger.unconfirmed.summary, self._run)
        if summary is None or self._is_left_open:
            return
        await self._fetch_prices()
        reason = await self._reason_to_cancel()
        if self._control.is_stopping:
            return
        if reason is None and (question := await self._open_question()):
            self._is_left_open = True
            self._control.stop(
                StopReason.PRICE,
                f"{question} Nothing was confirmed; unconfirmed transactions expire from "
                f"{summary.expires_at:%Y-%m-%d %H:%M} UTC. Ask DT One, then resume: {self._context.resume_command}",
            )
            return
        decision = Decision.CONFIRM if reason is None else Decision.CANCEL
        await self._journal.call(self._ledger.unconfirmed.set_decision, self._run, decision)
        await self._carry_out(decision)
        if reason is not None:
            self._control.stop(StopReason.CANCELLED, f"All unconfirmed transactions were cancelled. {reason}")

    async def cancel_round(self) -> None:
        """Cancel the unconfirmed transactions of a closed run."""
        if await self._journal.call(self._ledger.unconfirmed.summary, self._run) is None:
            return
        await self._journal.call(self._ledger.unconfirmed.set_decision, self._run, Decision.CANCEL)
        await self._carry_out(Decision.CANCEL)

    async def _fetch_prices(self) -> None:
        """Fetch once more the transactions without a price, until one of them still has none."""
        async for batch in self._batches():
            unpriced = [item for item in batch if _is_unpriced(item)]
            for first in range(0, len(unpriced), self._context.concurrency):
                if self._control.is_stopping or await self.is_expiring():
                    return
                asked = unpriced[first : first + self._context.concurrency]
                if await gather_sum(self._fetch_price, asked, concurrency=len(asked)) < len(asked):
                    return

    async def _fetch_price(self, item: HeldAttempt) -> int:
        """Fetch and record a transaction without a price; return 0 if it still has none."""
        try:
            transaction = await self._dvs.transactions.get(item.transaction_id)
        except DVSError as error:
            self._control.record_error(error)
            return 0
        self._control.record_response()
        await self._record(item, transaction, "price of a held transaction read")
        return int(facts_of(transaction).charged is not None)

    async def _reason_to_cancel(self) -> str | None:
        """Return why nothing must be confirmed, as sentences; None if all may be."""
        is_price_wrong = self._control.reason is StopReason.PRICE and await self._recorder.price_conflict()
        if self._control.reason in ENDS_SUBMITTING and not is_price_wrong:
            return self._control.message
        self._check_at = 0.0
        if await self.is_expiring():
            return "The first would have expired before all were confirmed. Retry the rows as several smaller lists."
        if excess := self._context.budget.total_excess():
            return excess
        async for batch in self._batches():
            for item in batch:
                if item.is_contradicted:
                    return (
                        f"The list no longer matches {item.attempt.external_id} as it was created. "
                        "Run the list again, then retry the rows that it still has."
                    )
                drift = price_drift(item.attempt, item.charged, item.price_unit, self._context.prices.tolerance)
                if drift and _question(item) is None:
                    return drift
        return None

    async def _open_question(self) -> str | None:
        """Return why prices can't be compared with the plan, as a sentence; None if all can be."""
        if problem := await self._recorder.price_conflict():
            return problem
        async for batch in self._batches():
            if question := next(filter(None, map(_question, batch)), None):
                return question
        return None

    async def _batches(self) -> AsyncIterator[list[HeldAttempt]]:
        after_row = 0
        while batch := await self._journal.call(self._ledger.unconfirmed.attempts, self._run, after_row=after_row):
            yield batch
            after_row = batch[-1].attempt.row_id

    async def _carry_out(self, decision: Decision) -> None:
        before = passes = 0
        slots = asyncio.Semaphore(self._context.concurrency)
        while not self._control.is_stopping:
            if self._control.is_paused:
                await self._control.sleep(PASS_WAIT)
                continue
            async with asyncio.TaskGroup() as group:
                async for batch in self._batches():
                    for item in batch:
                        await slots.acquire()
                        task = group.create_task(self._confirm_or_cancel(decision, item))
                        task.add_done_callback(lambda _: slots.release())
            left = await self._journal.call(self._ledger.unconfirmed.summary, self._run)
            if left is None:
                await self._journal.call(self._ledger.unconfirmed.set_decision, self._run, None)
                self._is_expiring = False
                return
            passes = passes + 1 if left.count == before else 0
            before = left.count
            if passes == IDLE_PASSES:
                transactions = "1 transaction is" if before == 1 else f"{before:,} transactions are"
                self._control.stop(
                    StopReason.STILL_OPEN,
                    f"{transactions} still unconfirmed after the decision to {decision}. "
                    f"Resume before they expire: {self._context.resume_command}",
                )
            await self._control.sleep(PASS_WAIT)

    async def _confirm_or_cancel(self, decision: Decision, item: HeldAttempt) -> None:
        """Confirm or cancel one transaction; if that is refused, record what the transaction itself says.

        One that can no longer be confirmed would stay unconfirmed for ever: it is cancelled, and its row failed.
        """
        if self._control.is_stopping or (decision is Decision.CONFIRM and not self._context.is_ledger_in_place()):
            return
        act = self._dvs.transactions.confirm_async if decision is Decision.CONFIRM else self._dvs.transactions.cancel
        try:
            try:
                transaction = await act(item.transaction_id)
            except (TooManyRequestsError, UnauthorizedError, NotFoundError):
                raise
            except APIError as error:
                transaction = await self._dvs.transactions.get(item.transaction_id)
                if _is_expired(error, transaction):
                    transaction = await self._dvs.transactions.cancel(item.transaction_id)
        except DVSError as error:
            self._control.record_error(error)
            return
        self._control.record_response()
        await self._record(item, transaction, f"{decision} of a held transaction")

    async def _record(self, item: HeldAttempt, transaction: Transaction, cause: str) -> None:
        move = move_for(item.attempt, RowState.ACCEPTED, transaction, cause)
        await self._recorder.record((item.attempt, move))


def _is_unpriced(item: HeldAttempt) -> bool:
    """Return True if the plan has a cost, and DVS no price that could be compared with it."""
    return item.attempt.cost is not None and item.charged is None


def _question(item: HeldAttempt) -> str | None:
    """Return why a transaction's price can't be compared with the plan, as a sentence; None if it can be."""
    if _is_unpriced(item):
        return f"DVS gives no price for {item.attempt.external_id} that could be compared with the plan."
    return price_problem(item.attempt, item.price, item.fee, item.price_unit)


def _is_expired(error: APIError, transaction: Transaction) -> bool:
    """Return True if a confirmation came too late, after which DVS allows a cancellation only."""
    is_too_late = error.has_code(ErrorCode.CONFIRMATION_NO_LONGER_POSSIBLE)
    return is_too_late and class_of(transaction.status) is StatusClass.CREATED
