"""Sends rows: intents first, then requests, and what every possible answer means for the row.

While the outcome of an attempt is unknown, the only thing sent for its row is the same request with the same external
id. What is unknown after its retries stays in flight and is sent again in a later pass, or by the next start.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bulk_topup.dvs import (
    AsyncDVS,
    DVSError,
    ExternalIdAlreadyUsedError,
    InsufficientBalanceError,
    TooManyRequestsError,
    UnauthorizedError,
)
from bulk_topup.dvs.models import Transaction
from bulk_topup.engine.control import Control, StopReason
from bulk_topup.engine.decisions import move_for, request_of
from bulk_topup.engine.journal import Journal
from bulk_topup.ledger import Ledger
from bulk_topup.records import Attempt, Move, Run
from bulk_topup.states import RowState

#: Look-ups of an external id that is used but not listed yet, and the seconds before the second one (doubling).
USED_ID_LOOKUPS = 4
USED_ID_FIRST_WAIT = 1.0
#: Seconds between passes over rows whose outcome stayed unknown.
PASS_WAIT = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Task:
    attempt: Attempt
    #: An earlier request of this attempt may have been taken.
    maybe_sent: bool


class Submitter:
    """Submits the rows of one run with a number of workers.

    Args:
        dvs: the client; its limiter paces all requests.
        ledger: where pending rows are claimed.
        journal: where moves are written.
        run: the run.
        control: the run's brakes.
        concurrency: requests that may be on their way at once.
        callback_url: where the provider is to send changes of status; it is no part of what a row asks for.
    """

    def __init__(
        self,
        *,
        dvs: AsyncDVS,
        ledger: Ledger,
        journal: Journal,
        run: Run,
        control: Control,
        concurrency: int,
        callback_url: str | None,
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._journal = journal
        self._run = run
        self._control = control
        self._concurrency = concurrency
        self._callback_url = callback_url

    async def submit_all(self) -> None:
        """Send what an earlier start left unknown, then what is pending, then again what stayed unknown."""
        await self._work(self._unknown())
        await self._work(self._pending())
        while self._control.may_submit and self._journal.counts[RowState.IN_FLIGHT]:
            await self._control.sleep(PASS_WAIT)
            await self._work(self._unknown())

    async def _unknown(self) -> AsyncIterator[_Task]:
        after_row = 0
        while self._control.may_submit:
            attempts = await self._journal.call(self._ledger.in_flight, self._run, after_row=after_row)
            for attempt in attempts:
                yield _Task(attempt=attempt, maybe_sent=True)
            if not attempts:
                return
            after_row = attempts[-1].row_id

    async def _pending(self) -> AsyncIterator[_Task]:
        while await self._control.gate():
            attempts = await self._journal.call(self._ledger.claim, self._run, self._concurrency)
            self._journal.counts[RowState.PENDING] -= len(attempts)
            self._journal.counts[RowState.IN_FLIGHT] += len(attempts)
            for attempt in attempts:
                yield _Task(attempt=attempt, maybe_sent=False)
            if not attempts:
                return

    async def _work(self, tasks: AsyncIterator[_Task]) -> None:
        queue: asyncio.Queue[_Task | None] = asyncio.Queue(maxsize=self._concurrency)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._worker(queue))
            async for task in tasks:
                await queue.put(task)
            for _ in range(self._concurrency):
                await queue.put(None)

    async def _worker(self, queue: asyncio.Queue[_Task | None]) -> None:
        while (task := await queue.get()) is not None:
            if await self._control.gate() and await self._control.admit(self._dvs.limiter.acquire()):
                await self._submit(task)
            elif not task.maybe_sent:
                await self._release(task.attempt, "not sent: the run was stopped")

    async def _submit(self, task: _Task) -> None:
        attempt = task.attempt
        try:
            request = request_of(attempt).model_copy(update={"callback_url": self._callback_url})
            transaction = await self._dvs.transactions.create_async(request, admitted=True)
        except DVSError as error:
            await self._after_error(task, error)
            return
        self._control.answered()
        await self._journal.record(move_for(attempt, RowState.IN_FLIGHT, transaction, "answer to the creation"))

    async def _after_error(self, task: _Task, error: DVSError) -> None:
        attempt = task.attempt
        if error.outcome_unknown:
            self._control.unanswered(error)
            return
        maybe_sent = task.maybe_sent or error.after_unknown
        if isinstance(error, TooManyRequestsError):
            self._control.unanswered(error)
            if not maybe_sent:
                await self._release(attempt, "not taken: rate limit")
            return
        self._control.answered()
        if isinstance(error, ExternalIdAlreadyUsedError):
            await self._adopt(attempt)
            return
        if isinstance(error, UnauthorizedError):
            self._control.stop(StopReason.UNAUTHORIZED, f"{error}. Check DVS_API_KEY and DVS_API_SECRET, then resume.")
            if not maybe_sent:
                await self._release(attempt, "not taken: the credentials were refused")
            return
        if isinstance(error, InsufficientBalanceError):
            self._control.stop(StopReason.BALANCE, f"{error}. Top up the wallet, then resume; nothing more is sent.")
        if maybe_sent and not await self._is_proved_absent(attempt):
            return
        if isinstance(error, InsufficientBalanceError):
            await self._release(attempt, "not taken: insufficient balance")
        else:
            await self._fail(attempt, error)

    async def _adopt(self, attempt: Attempt) -> None:
        """Answer 1007001: the transaction that has our id is fetched, and is ours only if it is what we asked for."""
        wait = USED_ID_FIRST_WAIT
        for _ in range(USED_ID_LOOKUPS):
            try:
                found = await self._listed(attempt)
            except DVSError as error:
                self._control.unanswered(error)
                return
            if found is not None:
                await self._record_found(attempt, found, "external id already used: the transaction was fetched")
                return
            await self._control.sleep(wait)
            wait *= 2
        if self._control.is_stopping:
            return
        await self._journal.record(
            Move(
                row_id=attempt.row_id,
                attempt=attempt.number,
                before=RowState.IN_FLIGHT,
                after=RowState.CONFLICT,
                cause="external id already used, and no transaction is listed under it",
                message=(
                    f"The provider says that {attempt.external_id} is used but lists no transaction under it; "
                    "ask the provider what became of it before anything is paid."
                ),
            )
        )

    async def _is_proved_absent(self, attempt: Attempt) -> bool:
        """Tell whether an attempt that may have been sent before is known not to have been taken.

        A refusal alone proves nothing, an earlier request may still arrive: a time-out's length after the last send
        the provider's list must not show the id either. When the look-up fails the row stays unknown.
        """
        await self._control.sleep(self._dvs.timeout)
        if self._control.is_stopping:
            return False
        try:
            found = await self._listed(attempt)
        except DVSError as error:
            self._control.unanswered(error)
            return False
        if found is not None:
            await self._record_found(attempt, found, "found in the provider's list after a refusal")
        return found is None

    async def _record_found(self, attempt: Attempt, found: Transaction, cause: str) -> None:
        await self._journal.record(move_for(attempt, RowState.IN_FLIGHT, found, cause, found_by_id=True))

    async def _listed(self, attempt: Attempt) -> Transaction | None:
        page = await self._dvs.transactions.list(external_id=attempt.external_id).page()
        own = [found for found in page.items if found.external_id == attempt.external_id]
        return own[0] if own else None

    async def _release(self, attempt: Attempt, cause: str) -> None:
        await self._journal.record(
            Move(
                row_id=attempt.row_id,
                attempt=attempt.number,
                before=RowState.IN_FLIGHT,
                after=RowState.PENDING,
                cause=cause,
            )
        )

    async def _fail(self, attempt: Attempt, error: DVSError) -> None:
        reasons = "; ".join(f"{detail.message} ({detail.code})" for detail in getattr(error, "details", ()))
        await self._journal.record(
            Move(
                row_id=attempt.row_id,
                attempt=attempt.number,
                before=RowState.IN_FLIGHT,
                after=RowState.FAILED,
                cause="creation refused",
                message=f"The provider refused the creation: {reasons or error}.",
            )
        )
