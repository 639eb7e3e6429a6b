"""Submits the rows of a run: writes intents to the ledger first, then sends the requests within the rate limit."""

import asyncio
from collections.abc import AsyncIterator

from bulk_topup.domain.money import format_share
from bulk_topup.domain.moves import body_of
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import format_rows
from bulk_topup.dvs import DVSError
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.engine.absence_proof import AbsenceProof
from bulk_topup.engine.concurrency import USUAL_CLAIM, rows_to_claim
from bulk_topup.engine.conflict_proof import ConflictProof
from bulk_topup.engine.control import StopReason
from bulk_topup.engine.creation_responses import Creation, CreationResponses
from bulk_topup.engine.hold import HoldCoordinator
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.rows_left import stop_if_rows_are_left
from bulk_topup.engine.run_context import RunContext

#: Seconds between passes over rows whose outcome stayed unknown.
PASS_WAIT = 1.0
#: Minimum seconds between checks for rows that may be sent later.
SHORTEST_WAIT = 0.05
#: Maximum seconds between these checks.
LONGEST_WAIT = 1.0
#: Workers per concurrent request: while some wait for their result to be on disk, others send.
WORKERS_PER_SLOT = 2


class Submitter:
    """Submits the rows of one run with a number of workers.

    Args:
        context: what the parts of the run share.
        recorder: records moves.
        proof: waits for proof that DVS has no transaction of an attempt.
        conflicts: ends conflicts by proof.
        hold: confirms or cancels what is created, in hold mode; None in any other mode.
    """

    def __init__(
        self,
        context: RunContext,
        recorder: MoveRecorder,
        proof: AbsenceProof,
        conflicts: ConflictProof,
        hold: HoldCoordinator | None,
    ) -> None:
        self._context = context
        self._dvs = context.dvs
        self._ledger = context.ledger
        self._journal = context.journal
        self._run = context.run
        self._control = context.control
        self._guards = context.guards
        self._concurrency = context.concurrency
        self._follows_only = context.run.closing is not None or context.options.follows_only
        self._recorder = recorder
        self._hold = hold
        self._proof = proof
        self._conflicts = conflicts
        self._responses = CreationResponses(context, recorder, proof)
        #: One slot per concurrent request.
        self._slots = asyncio.Semaphore(context.concurrency)
        #: Rows claimed so far, and those with a response.
        self._claimed = self._returned = 0
        #: How many those were, and the time, when the last claim was made.
        self._returned_before = (0, context.clock.monotonic())

    async def submit_all(self) -> None:
        """Send rows of unknown outcome again, then the pending rows, until nothing is left to send."""
        if self._follows_only:
            await self._follow()
            return
        if self._hold:
            # First: a transaction that is found only now was not compared when the decision was made.
            await self._hold.finish_decided()
        await self._conflicts.look_up_all(is_start=True)
        await self._recorder.retry()
        await self._proof.resume()
        await self._work_unknown()
        self._recorder.check_failure_rate()
        await self._recorder.check_prices()
        await self._send_canaries()
        while self._control.may_submit:
            await self._work(self._pending())
            if self._journal.counts[RowState.IN_FLIGHT] and not await self._is_expiring():
                await self._wait_for_outcomes()
                continue
            if self._hold:
                await self._hold.end_round()
            if not await self._wait_for_more():
                break
        # Also after a stop that only ends submitting: no other invocation knows sooner.
        while self._proof.waiting and not self._control.is_stopping and not await self._is_expiring():
            await self._wait_for_outcomes()
        if self._hold and not self._control.is_stopping:
            await self._hold.end_round()

    async def _follow(self) -> None:
        """Find the outcome of rows in flight without sending them again; cancel what is unconfirmed of a closed run."""
        if self._hold:
            # First, as in a run that is not closed. What is found afterwards was not compared, and is cancelled below.
            await self._hold.finish_decided(may_confirm=self._run.closing is not None)
        await self._conflicts.look_up_all(is_start=True)
        await self._proof.resume()
        while self._control.may_submit:
            await self._work_unknown()
            if not self._journal.counts[RowState.IN_FLIGHT]:
                break
            await self._control.sleep(PASS_WAIT)
        if self._hold and self._run.closing is not None and not self._control.is_stopping:
            await self._hold.cancel_round()

    async def _work_unknown(self) -> None:
        """Send rows of unknown outcome again, and look up those that wait for proof of absence and are due."""
        await self._work(self._unknown())
        await self._proof.look()

    async def _wait_for_outcomes(self) -> None:
        """Wait a moment, then try to find out unknown outcomes."""
        if self._proof.waiting >= self._journal.counts[RowState.IN_FLIGHT]:
            self._control.quiet.set()
        await self._control.sleep(PASS_WAIT)
        await self._work_unknown()

    async def _send_canaries(self) -> None:
        """Send the canaries, wait until they are final, and stop if too few of them completed."""
        wanted = self._guards.stops.canary
        while wanted and self._control.may_submit:
            sent = await self._journal.call(self._ledger.rows.sent_counts, self._run)
            again, completed = sent[RowState.PENDING], sent[RowState.COMPLETED]
            missing = wanted - sum(sent.values()) + again + sent[RowState.REFUSED]
            if missing < 0:
                return  # an earlier invocation sent other rows too, so enough canaries had completed
            before = self._claimed
            # While a canary waits for its retry no other row replaces it, or all rows would be canaries in the end.
            await self._work(self._pending(canaries=missing, fresh=not again))
            await self._work_unknown()
            counts = self._journal.counts
            if counts[RowState.IN_FLIGHT] or counts[RowState.ACCEPTED]:
                self._control.quiet.set()
                await self._control.sleep(PASS_WAIT)
            elif self._claimed == before and not self._recorder.is_retrying:
                if sent != await self._journal.call(self._ledger.rows.sent_counts, self._run):
                    continue  # what has changed since it was read is judged in the next pass
                may_do = missing and completed + missing >= self._guards.stops.canary_share * wanted
                if self._context.operators.given_up or not (may_do and await self._wait_for_more()):
                    await self._check_canaries(completed, wanted - max(missing - again, 0))
                    return

    async def _check_canaries(self, completed: int, total: int) -> None:
        share = self._guards.stops.canary_share
        waiting, _ = await self._journal.call(self._ledger.attempts.pending, self._run)
        if waiting and completed < share * total:
            self._control.stop(
                StopReason.CANARY,
                f"Only {completed:,} of the first {format_rows(total)} completed, below the required "
                f"{format_share(share)}; {format_rows(waiting)} not sent. Find out why. Then retry the failed rows, or "
                "run again with fewer canaries.",
            )

    async def _is_expiring(self) -> bool:
        return self._hold is not None and await self._hold.is_expiring()

    async def _wait_for_more(self) -> bool:
        """Wait a while for rows that may be sent later; return False if there are none."""
        operators = self._context.operators
        given_up = operators.given_up
        may_fail = self._journal.counts[RowState.ACCEPTED] or self._recorder.is_retrying
        waiting, due = await self._journal.call(self._ledger.attempts.pending, self._run, excluded_operators=given_up)
        if not waiting:
            if not (self._guards.retry.attempts > 1 and may_fail):
                if given_up and (await self._journal.call(self._ledger.attempts.pending, self._run))[0]:
                    self._control.stop(
                        StopReason.OPERATORS, f"{operators.message} Resume later: {self._context.resume_command}"
                    )
                await stop_if_rows_are_left(self._context)
                return False
            due = None
        seconds = LONGEST_WAIT if due is None else (due - self._context.clock.now()).total_seconds()
        self._control.quiet.set()
        await self._control.sleep(min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT))
        return True

    async def _unknown(self) -> AsyncIterator[Creation]:
        after_row = 0
        while self._control.may_submit:
            attempts = await self._journal.call(self._ledger.attempts.in_flight, self._run, after_row=after_row)
            for attempt in attempts:
                yield Creation(attempt=attempt, maybe_sent=True)
            if not attempts:
                return
            after_row = attempts[-1].row_id

    async def _pending(self, canaries: int | None = None, *, fresh: bool = True) -> AsyncIterator[Creation]:
        """Claim rows that may be sent now, and yield them.

        Args:
            canaries: how many canaries; None for all rows.
            fresh: claim rows that were never sent too.
        """
        left = canaries
        while left != 0 and await self._control.wait_until_allowed() and not await self._is_expiring():
            if not self._context.is_ledger_in_place():
                return
            operators = self._context.operators
            attempts = await self._journal.call(
                self._ledger.attempts.claim,
                self._run,
                self._claim_size() if left is None else min(left, self._concurrency),
                paused_operators=operators.paused,
                probed_operators=operators.probed,
                min_interval=self._guards.spacing,
                canaries=canaries is not None,
                include_unsent=fresh,
            )
            if not attempts:
                return
            self._claimed += len(attempts)
            self._context.budget.claim(attempts)
            self._context.wallets.claim(attempts)
            self._control.quiet.clear()
            operators.record_claim(attempts)
            self._journal.counts[RowState.PENDING] -= len(attempts)
            self._journal.counts[RowState.IN_FLIGHT] += len(attempts)
            if left is not None:
                left -= len(attempts)
            for attempt in attempts:
                yield Creation(attempt=attempt, maybe_sent=False)

    def _claim_size(self) -> int:
        """Return how many rows to claim next."""
        now = self._context.clock.monotonic()
        rows, since = self._returned_before
        self._returned_before = self._returned, now
        return rows_to_claim(self._returned - rows, now - since, self._concurrency)

    async def _work(self, creations: AsyncIterator[Creation]) -> None:
        queue: asyncio.Queue[Creation | None] = asyncio.Queue(maxsize=min(self._concurrency, USUAL_CLAIM))
        workers = self._concurrency * WORKERS_PER_SLOT
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._worker(queue))
            async for creation in creations:
                await queue.put(creation)
            for _ in range(workers):
                await queue.put(None)

    async def _worker(self, queue: asyncio.Queue[Creation | None]) -> None:
        while (creation := await queue.get()) is not None:
            if self._follows_only:
                await self._responses.look_up(creation.attempt, is_closed=self._run.closing is not None)
                continue
            async with self._slots:
                if not await self._responses.may_send(creation):
                    continue
                response = await self._send(creation)
            self._returned += 1
            try:
                await self._responses.record(creation, response)
            finally:
                self._context.wallets.landed(creation.attempt)

    async def _send(self, creation: Creation) -> TransactionOutcome | DVSError | None:
        """Send a row once it may be sent, and return the response; None if the run stopped first."""
        if not (
            await self._control.wait_until_allowed()
            # Before the limiter, so that rows that wait for an answer about the wallet do not leave all at once.
            and (creation.maybe_sent or await self._context.wallets.covers(creation.attempt))
            and await self._control.admit(self._dvs.limiter.acquire(first=True))
            and self._context.is_ledger_in_place()
            and await self._is_within_caps(creation)
            and await self._context.wallets.still_covers(creation.attempt)
        ):
            return None
        try:
            return await self._dvs.transaction_outcomes.create_async(
                body_of(creation.attempt, self._context.options.callback_url), admitted=True
            )
        except DVSError as error:
            return error

    async def _is_within_caps(self, creation: Creation) -> bool:
        """Count a row whose request leaves now; if it would exceed a cap, stop submitting and return False.

        A row of unknown outcome counts already; beyond a cap it waits for proof that DVS lacks it, and is pending then.
        """
        if creation.maybe_sent:
            if self._context.budget.total_excess() is None:
                return True
            await self._proof.start(creation.attempt, after=RowState.PENDING, message="")
            return False
        if excess := self._context.budget.excess(creation.attempt):
            self._control.stop(StopReason.CAP, f"{excess} To send the remaining rows, run again with a higher cap.")
        return excess is None
