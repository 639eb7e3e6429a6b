"""The run itself: submits and tracks concurrently, and stops safely."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.learned_rate import RateSource
from bulk_topup.engine.absence_proof import AbsenceProof
from bulk_topup.engine.concurrency import root_cause
from bulk_topup.engine.conflict_proof import ConflictProof
from bulk_topup.engine.control import StopReason
from bulk_topup.engine.gc_thresholds import rare_gc
from bulk_topup.engine.hold import HoldCoordinator
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.pauses import Pauses
from bulk_topup.engine.run_context import RunContext
from bulk_topup.engine.run_options import RunOptions
from bulk_topup.engine.submit import Submitter
from bulk_topup.engine.track import Tracker
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock, SystemClock

#: Seconds that sent requests have for their responses after a stop; then their rows stay in flight.
LANDING_TIME = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """How a run ended."""

    #: Rows in each state.
    counts: dict[RowState, int]
    #: Paid or open rows with a list mismatch.
    contradicted: int
    #: Why it stopped before every row was final; None if every row is final.
    reason: StopReason | None
    #: Sentences about the reason, for users; empty without one.
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A snapshot of a running run."""

    #: Rows in each state.
    counts: dict[RowState, int]
    #: Refused rows for which nothing is due.
    nothing_due: int
    #: Refused rows that are left out as duplicates.
    duplicates: int
    #: Requests sent so far.
    requests: int
    #: Responses so far.
    responses: int
    #: Responses with HTTP 429 among them.
    throttled: int
    #: Requests per second that the limiter allows now.
    rate: float
    #: The rate limit of DVS, in requests per second; None before it is known.
    limit: int | None
    #: Where that rate comes from.
    rate_source: RateSource
    #: Why the run pauses or stops; empty otherwise.
    message: str
    #: A sentence about prices that differ from the plan, while the run continues; empty without any.
    warning: str
    #: A sentence about wallets that do not cover the remaining rows any more; empty while all do.
    low_balance: str
    #: What this invocation charged or put on hold, per wallet currency.
    taken: Mapping[str, Decimal]
    #: What the plan expected for the same rows, per wallet currency; without rows whose cost it did not know.
    planned: Mapping[str, Decimal]
    #: What the run has requested since its first invocation, per unit; empty without caps.
    amounts: Mapping[str, Decimal]
    #: What that costs, per wallet currency; empty without caps.
    costs: Mapping[str, Decimal]


class Runner:
    """Executes one run once; create it inside the event loop that executes it.

    Args:
        dvs: an open client.
        ledger: an open ledger; a worker thread uses it while the run is running.
        run: the run, whose lock the caller holds.
        options: how the run sends and tracks.
        clock: where time comes from.
    """

    def __init__(
        self, *, dvs: AsyncDVS, ledger: LedgerStore, run: Run, options: RunOptions, clock: Clock | None = None
    ) -> None:
        self._context = RunContext.create(
            run=run, dvs=dvs, ledger=ledger, options=options, clock=clock or SystemClock()
        )
        recorder = MoveRecorder(self._context)
        hold = HoldCoordinator(self._context, recorder) if self._context.is_hold_mode else None
        self._pauses = Pauses(dvs, self._context.control)
        self._proof = AbsenceProof(self._context, recorder)
        self._conflicts = ConflictProof(self._context, recorder)
        self._submitter = Submitter(self._context, recorder, self._proof, self._conflicts, hold)
        self._tracker = Tracker(self._context, recorder, self._conflicts)

    def stop(self, why: str = "Interrupted") -> None:
        """Stop the run: nothing new is sent, responses to sent requests are recorded, a later invocation resumes.

        Args:
            why: what stopped the run, without a full stop.
        """
        self._context.control.stop(StopReason.INTERRUPTED, f"{why}. Resume: {self._context.resume_command}")

    def stop_at(self, deadline: datetime) -> asyncio.Task[None]:
        """Schedule a stop of the run.

        Args:
            deadline: when to stop, in UTC.

        Returns:
            The task that stops it; cancel it to end the wait.
        """
        return asyncio.create_task(self._stop_at(deadline))

    async def _stop_at(self, deadline: datetime) -> None:
        clock = self._context.clock
        if (seconds := (deadline - clock.now()).total_seconds()) > 0:
            await clock.sleep(seconds)
        self.stop("Deadline reached")

    @contextmanager
    def report_pauses(self, receive: Callable[[str, datetime], None]) -> Iterator[None]:
        """Call a function with the reason and the end, in UTC, of each pause of some seconds when it starts.

        The client outlives the run: its later pauses are none of the run's, and the function is not called after the
        block.

        Args:
            receive: the function; must not raise.
        """
        control, waits, clock = self._context.control, self._context.dvs.waits, self._context.clock
        before = waits.on_wait

        def tell(seconds: float) -> None:
            receive(self.progress().message, clock.now() + timedelta(seconds=seconds))

        def tell_wait(seconds: float) -> None:
            if before is not None:
                before(seconds)
            tell(seconds)

        control.on_pause, waits.on_wait = tell, tell_wait
        try:
            yield
        finally:
            control.on_pause, waits.on_wait = None, before

    def wake(self) -> None:
        """Wake the tracker after a callback, whose hint is in the ledger."""
        self._tracker.wake()

    def progress(self) -> Progress:
        """Return a snapshot of the run; cheap, and allowed at any time."""
        context = self._context
        return Progress(
            counts=dict(context.journal.counts),
            nothing_due=context.journal.nothing_due,
            duplicates=context.journal.duplicates,
            requests=context.dvs.traffic.requests,
            responses=context.dvs.traffic.answered,
            throttled=context.dvs.traffic.throttled,
            rate=context.dvs.limiter.rate,
            limit=context.dvs.limiter.limit,
            rate_source=context.dvs.limiter.source,
            message=context.control.message
            or context.operators.message
            or self._pauses.throttling
            or self._proof.message
            or self._pauses.sharing,
            warning=context.prices.message,
            low_balance=context.wallets.message,
            taken=dict(context.charges.sums),
            planned=dict(context.charges.planned),
            amounts=dict(context.budget.amounts),
            costs=dict(context.budget.costs),
        )

    async def execute(self) -> RunResult:
        """Submit and track until every row is final or the run stops.

        Returns:
            How the run ended.

        Raises:
            LedgerError: the ledger can't be written; nothing was sent whose intent is not on disk.
        """
        work = asyncio.create_task(self._work())
        stop = asyncio.create_task(self._context.control.stopped())
        try:
            with rare_gc():
                await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    await asyncio.wait({work}, timeout=LANDING_TIME)
        finally:
            stop.cancel()
            work.cancel()
            await asyncio.wait({work})
            await self._context.journal.close()
        if not work.cancelled() and (error := work.exception()) is not None:
            raise root_cause(error)
        self._context.is_ledger_in_place()  # also after the last row was sent
        run, ledger, control = self._context.run, self._context.ledger, self._context.control
        prices = self._context.prices.message
        messages = self._proof.message, control.message, self._conflicts.message, prices, self._pauses.summary
        return RunResult(
            counts=ledger.rows.counts(run),
            contradicted=ledger.conflicts.count_mismatches(run),
            reason=control.reason,
            message=" ".join(filter(None, messages)),
        )

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tracker.track_all())
            await self._submitter.submit_all()
            self._tracker.end_submitting()
