"""Sends rows: intents first, then requests, and what every possible answer means for the row.

While the outcome of an attempt is unknown, the only thing sent for its row is the same request with the same external
id. What is unknown after its retries stays in flight and is sent again in a later pass, or by the next start.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Guards
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.moves import body_of, move_for
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import (
    APIError,
    AsyncDVS,
    DVSError,
    ExternalIdAlreadyUsedError,
    InsufficientBalanceError,
    TooManyRequestsError,
    UnauthorizedError,
)
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.engine.concurrency import USUAL_CLAIM, rows_to_claim
from bulk_topup.engine.control import Control, StopReason
from bulk_topup.engine.hold import HoldCoordinator
from bulk_topup.engine.journal import Journal
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock

#: Look-ups of an external id that is used but not listed yet, and the seconds before the second one (doubling).
USED_ID_LOOKUPS = 4
USED_ID_FIRST_WAIT = 1.0
#: Seconds between passes over rows whose outcome stayed unknown.
PASS_WAIT = 1.0
#: Seconds between looks for rows that may be sent later: at least, and at most.
SHORTEST_WAIT = 0.05
LONGEST_WAIT = 1.0
#: Workers for each request that may be on its way: while some wait for their result to be on disk, others send.
WORKERS_PER_PLACE = 2


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
        journal: where the ledger is called.
        settlement: where moves are written.
        holder: confirms or cancels what is created, for a run that holds its transactions.
        run: the run.
        control: the run's brakes.
        clock: where time comes from.
        guards: what the run is allowed.
        concurrency: requests that may be on their way at once.
        callback_url: where the provider is to send changes of status; it is no part of what a row asks for.
    """

    def __init__(
        self,
        *,
        dvs: AsyncDVS,
        ledger: LedgerStore,
        journal: Journal,
        settlement: MoveRecorder,
        holder: HoldCoordinator | None,
        run: Run,
        control: Control,
        clock: Clock,
        guards: Guards,
        concurrency: int,
        callback_url: str | None,
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._journal = journal
        self._settlement = settlement
        self._holder = holder
        self._run = run
        self._control = control
        self._clock = clock
        self._guards = guards
        self._concurrency = concurrency
        #: One for each request that may be on its way.
        self._places = asyncio.Semaphore(concurrency)
        self._callback_url = callback_url
        #: Rows claimed so far.
        self._claimed = 0
        #: Rows that came back so far, and how many there were at what time when the last claim was made.
        self._returned = 0
        self._returned_before = (0, clock.monotonic())
        #: Which cap the next row would exceed.
        self._excess: str | None = None

    async def submit_all(self) -> None:
        """Send what an earlier start left unknown, then what is pending, until nothing is left to be sent."""
        await self._settlement.retry()
        if self._holder:
            # First: what is found out only now was not there to be compared when it was decided.
            await self._holder.finish_decided()
        await self._work(self._unknown())
        self._settlement.check_failure_rate()
        await self._settlement.judge_prices()
        await self._send_canaries()
        while self._control.may_submit:
            await self._work(self._pending())
            if self._journal.counts[RowState.IN_FLIGHT] and not await self._is_running_out():
                await self._control.sleep(PASS_WAIT)
                await self._work(self._unknown())
                continue
            if self._holder:
                await self._holder.end_round()
            if not await self._wait_for_more():
                break
        if self._holder and not self._control.is_stopping:
            await self._holder.end_round()

    async def _send_canaries(self) -> None:
        """Send the first rows, wait for their end, and stop where too few of them completed."""
        wanted = self._guards.stops.canary
        while wanted and self._control.may_submit:
            sent = await self._journal.call(self._ledger.rows.sent_counts, self._run)
            again, completed = sent[RowState.PENDING], sent[RowState.COMPLETED]
            missing = wanted - sum(sent.values()) + again + sent[RowState.REFUSED]
            if missing < 0:
                return  # the others went at an earlier start, so enough of them completed
            before = self._claimed
            # While one of them waits to be sent again no other takes its place, or all would be canaries in the end.
            await self._work(self._pending(canaries=missing, fresh=not again))
            await self._work(self._unknown())
            counts = self._journal.counts
            if counts[RowState.IN_FLIGHT] or counts[RowState.ACCEPTED]:
                self._control.quiet.set()
                await self._control.sleep(PASS_WAIT)
            elif self._claimed == before:
                may_do = completed + missing >= self._guards.stops.canary_share * wanted
                may_come = missing and may_do and not self._settlement.operators.given_up
                if not (may_come and await self._wait_for_more()):
                    await self._judge_canaries(completed, wanted - max(missing - again, 0))
                    return

    async def _judge_canaries(self, completed: int, total: int) -> None:
        share = self._guards.stops.canary_share
        waiting, _ = await self._journal.call(self._ledger.attempts.pending, self._run)
        if waiting and completed < share * total:
            self._control.stop(
                StopReason.CANARY,
                f"Only {completed} of the first {total} rows completed, and a share of "
                f"{format_plain(share)} is asked for; "
                f"{waiting} rows wait. Find out why; then retry those that failed, or start again with fewer canaries.",
            )

    async def _is_running_out(self) -> bool:
        return self._holder is not None and await self._holder.is_running_out()

    async def _wait_for_more(self) -> bool:
        """Wait a while for rows that come to be sent later; tell whether there may be any."""
        operators = self._settlement.operators
        given_up = operators.given_up
        waiting, due = await self._journal.call(self._ledger.attempts.pending, self._run, excluded_operators=given_up)
        if not waiting:
            if not (self._guards.retry.attempts > 1 and self._journal.counts[RowState.ACCEPTED]):
                if given_up and (await self._journal.call(self._ledger.attempts.pending, self._run))[0]:
                    self._control.stop(StopReason.OPERATORS, f"{operators.message} Start again to send the rest.")
                return False
            due = None
        seconds = LONGEST_WAIT if due is None else (due - self._clock.now()).total_seconds()
        self._control.quiet.set()
        await self._control.sleep(min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT))
        return True

    async def _unknown(self) -> AsyncIterator[_Task]:
        after_row = 0
        while self._control.may_submit:
            attempts = await self._journal.call(self._ledger.attempts.in_flight, self._run, after_row=after_row)
            for attempt in attempts:
                yield _Task(attempt=attempt, maybe_sent=True)
            if not attempts:
                return
            after_row = attempts[-1].row_id

    async def _pending(self, canaries: int | None = None, *, fresh: bool = True) -> AsyncIterator[_Task]:
        """Claim rows that may be sent now, all of them or so many canaries, with those never sent if `fresh`."""
        left = canaries
        while left != 0 and await self._control.wait_until_allowed() and not await self._is_running_out():
            operators = self._settlement.operators
            attempts = await self._journal.call(
                self._ledger.attempts.claim,
                self._run,
                self._claim_size() if left is None else min(left, self._concurrency),
                paused_operators=operators.parked,
                probed_operators=operators.probed,
                min_interval=self._guards.spacing,
                canaries=canaries is not None,
                include_unsent=fresh,
            )
            if not attempts:
                return
            self._claimed += len(attempts)
            self._control.quiet.clear()
            operators.claimed(attempts)
            self._journal.counts[RowState.PENDING] -= len(attempts)
            self._journal.counts[RowState.IN_FLIGHT] += len(attempts)
            if left is not None:
                left -= len(attempts)
            for attempt in attempts:
                if self._excess is None:
                    self._excess = self._settlement.budget.excess(attempt)
                if self._excess is None:
                    yield _Task(attempt=attempt, maybe_sent=False)
                else:
                    await self._journal.record(_released(attempt, "not sent: a cap would be exceeded"))
            if self._excess is not None:
                return

    def _claim_size(self) -> int:
        """Tell how many rows to claim next."""
        now = self._clock.monotonic()
        rows, since = self._returned_before
        self._returned_before = self._returned, now
        return rows_to_claim(self._returned - rows, now - since, self._concurrency)

    async def _work(self, tasks: AsyncIterator[_Task]) -> None:
        queue: asyncio.Queue[_Task | None] = asyncio.Queue(maxsize=min(self._concurrency, USUAL_CLAIM))
        workers = self._concurrency * WORKERS_PER_PLACE
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._worker(queue))
            async for task in tasks:
                await queue.put(task)
            for _ in range(workers):
                await queue.put(None)
        if self._excess is not None:
            # Only now: what was counted before it has been sent.
            self._control.stop(StopReason.CAP, f"{self._excess} The rest is not sent; state a larger cap to go on.")

    async def _worker(self, queue: asyncio.Queue[_Task | None]) -> None:
        while (task := await queue.get()) is not None:
            attempt = task.attempt
            async with self._places:
                answer = await self._submit(attempt)
            self._returned += 1
            if isinstance(answer, DVSError):
                await self._after_error(task, answer)
            elif answer is not None:
                self._control.answered()
                await self._record(attempt, move_for(attempt, RowState.IN_FLIGHT, answer, "answer to the creation"))
            elif not task.maybe_sent:
                await self._release(attempt, "not sent: the run was stopped")

    async def _submit(self, attempt: Attempt) -> TransactionOutcome | DVSError | None:
        """Send a row when it may be, and give what came of it; None where the run was stopped first."""
        if not (
            await self._control.wait_until_allowed()
            and await self._control.admit(self._dvs.limiter.acquire(first=True))
        ):
            return None
        try:
            return await self._dvs.transaction_outcomes.create_async(
                body_of(attempt, self._callback_url), admitted=True
            )
        except DVSError as error:
            return error

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
        # A refusal without a readable reason may be somebody else's, or may say that the request was taken before.
        maybe_sent = maybe_sent or (isinstance(error, APIError) and not error.details)
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
        await self._record(
            attempt,
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
            ),
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

    async def _record_found(self, attempt: Attempt, found: TransactionOutcome, cause: str) -> None:
        await self._record(attempt, move_for(attempt, RowState.IN_FLIGHT, found, cause, found_by_id=True))

    async def _listed(self, attempt: Attempt) -> TransactionOutcome | None:
        page = await self._dvs.transaction_outcomes.list(external_id=attempt.external_id).page()
        own = [found for found in page.items if found.external_id == attempt.external_id]
        return own[0] if own else None

    async def _release(self, attempt: Attempt, cause: str) -> None:
        await self._record(attempt, _released(attempt, cause))

    async def _fail(self, attempt: Attempt, error: DVSError) -> None:
        reasons = "; ".join(f"{detail.message} ({detail.code})" for detail in getattr(error, "details", ()))
        await self._record(
            attempt,
            Move(
                row_id=attempt.row_id,
                attempt=attempt.number,
                before=RowState.IN_FLIGHT,
                after=RowState.FAILED,
                cause="creation refused",
                message=f"The provider refused the creation: {reasons or error}.",
            ),
        )

    async def _record(self, attempt: Attempt, move: Move) -> None:
        await self._settlement.record((attempt, move))


def _released(attempt: Attempt, cause: str) -> Move:
    return Move(
        row_id=attempt.row_id,
        attempt=attempt.number,
        before=RowState.IN_FLIGHT,
        after=RowState.PENDING,
        cause=cause,
    )
