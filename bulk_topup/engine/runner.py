"""The run itself: submitting and tracking side by side, and stopping safely."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine.concurrency import concurrency_for, root_cause
from bulk_topup.engine.control import CircuitPolicy, Control, StopReason
from bulk_topup.engine.gc_thresholds import rare_gc
from bulk_topup.engine.hold import HoldCoordinator
from bulk_topup.engine.journal import Journal
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.polling import PollPolicy
from bulk_topup.engine.submit import Submitter
from bulk_topup.engine.track import Tracker
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock, SystemClock

#: Seconds that requests on their way get to land after a stop; then their rows stay in flight for the next start.
LANDING_TIME = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """How a run goes about it."""

    #: Requests that may be on their way at once; None for as many as the allowed rate needs.
    concurrency: int | None = None
    #: How often open transactions are asked for.
    polling: PollPolicy = field(default_factory=PollPolicy)
    #: When to pause and give up if the provider does not answer.
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    #: Seconds without any change before rows that are still open are left to the next start.
    tracking_timeout: float = 1800.0
    #: Where the provider is to send changes of status; None for nowhere.
    callback_url: str | None = None
    #: What the run is allowed to do with money.
    guards: Guards = field(default_factory=Guards)
    #: Is told of rows that moved, once that is on disk; must not raise, nor take long.
    on_moves: Callable[[Sequence[tuple[Attempt, Move]]], None] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """How a run ended."""

    #: Rows in each state.
    counts: dict[RowState, int]
    #: Paid or open rows that the list contradicts.
    contradicted: int
    #: Why it ended before its end; None when nothing is open.
    reason: StopReason | None
    #: A sentence about the reason.
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A look at a run under way."""

    counts: dict[RowState, int]
    #: Requests sent so far, and answers with 429 among them.
    requests: int
    throttled: int
    #: Requests a second that the limiter allows at present.
    rate: float
    #: The provider's limit, in requests a second; None before it told one.
    limit: int | None
    #: Why it pauses or stops; empty while all is well.
    message: str
    #: What this start charged or set aside, per wallet unit.
    taken: Mapping[str, Decimal]
    #: What the run has asked for since its first start, per unit, and what that costs, per wallet unit; empty without
    #: caps.
    amounts: Mapping[str, Decimal]
    costs: Mapping[str, Decimal]


class Runner:
    """Executes one run once; make it inside the event loop that it runs in.

    Args:
        dvs: an open client.
        ledger: an open ledger; used from one worker thread while the run is on.
        run: the run, whose lock the caller holds.
        options: how to go about it.
        clock: where time comes from.
    """

    def __init__(
        self, *, dvs: AsyncDVS, ledger: LedgerStore, run: Run, options: RunOptions, clock: Clock | None = None
    ) -> None:
        self._dvs = dvs
        self._ledger = ledger
        self._run = run
        self._clock = clock or SystemClock()
        self._control = Control(self._clock, options.circuit)
        self._journal = Journal(ledger, run, self._clock)
        self._settlement = MoveRecorder(
            ledger=ledger,
            journal=self._journal,
            run=run,
            control=self._control,
            clock=self._clock,
            guards=options.guards,
            on_moves=options.on_moves,
        )
        concurrency = options.concurrency or concurrency_for(dvs.limiter)
        holds = options.guards.mode is Mode.HOLD
        self._submitter = Submitter(
            dvs=dvs,
            ledger=ledger,
            journal=self._journal,
            settlement=self._settlement,
            holder=self._holder(options, concurrency) if holds else None,
            run=run,
            control=self._control,
            clock=self._clock,
            guards=options.guards,
            concurrency=concurrency,
            callback_url=options.callback_url,
        )
        self._tracker = Tracker(
            dvs=dvs,
            ledger=ledger,
            journal=self._journal,
            settlement=self._settlement,
            run=run,
            control=self._control,
            clock=self._clock,
            policy=options.polling,
            concurrency=concurrency,
            timeout=options.tracking_timeout,
            exclude_held=holds,
        )

    def _holder(self, options: RunOptions, concurrency: int) -> HoldCoordinator:
        return HoldCoordinator(
            dvs=self._dvs,
            ledger=self._ledger,
            journal=self._journal,
            settlement=self._settlement,
            run=self._run,
            control=self._control,
            clock=self._clock,
            guards=options.guards,
            concurrency=concurrency,
        )

    def stop(self, why: str = "Interrupted") -> None:
        """Ask the run to end: nothing new is sent, what is on its way lands, the rest is left to the next start."""
        self._control.stop(StopReason.INTERRUPTED, f"{why}; start again to resume.")

    def stop_at(self, deadline: datetime) -> asyncio.TimerHandle:
        """Ask the run to end once a time, in UTC, has come; give what takes that back."""
        seconds = max(0.0, (deadline - self._clock.now()).total_seconds())
        return asyncio.get_running_loop().call_later(seconds, self.stop, "The deadline has come")

    def wake(self) -> None:
        """Tell the run that a callback came; what it hints at is in the ledger."""
        self._tracker.wake()

    def progress(self) -> Progress:
        """Look at the run; cheap, and allowed at any moment."""
        return Progress(
            counts=dict(self._journal.counts),
            requests=self._dvs.traffic.requests,
            throttled=self._dvs.traffic.throttled,
            rate=self._dvs.limiter.rate,
            limit=self._dvs.limiter.limit,
            message=self._control.message or self._settlement.operators.message or self._throttling(),
            taken=dict(self._settlement.taken.sums),
            amounts=dict(self._settlement.budget.amounts),
            costs=dict(self._settlement.budget.costs),
        )

    def _throttling(self) -> str:
        left = self._dvs.limiter.pause_left
        return f"The provider asked for a pause (HTTP 429); {left:.0f} s are left of it." if left >= 1 else ""

    async def execute(self) -> RunResult:
        """Submit and track until everything is final or the run stops.

        Raises:
            LedgerError: the ledger cannot be written any more; nothing was sent whose intent is not on disk.
        """
        work = asyncio.create_task(self._work())
        stop = asyncio.create_task(self._control.stopped())
        try:
            with rare_gc():
                await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    await asyncio.wait({work}, timeout=LANDING_TIME)
        finally:
            stop.cancel()
            work.cancel()
            await asyncio.wait({work})
            await self._journal.close()
        if not work.cancelled() and (error := work.exception()) is not None:
            raise root_cause(error)
        counts = self._ledger.rows.counts(self._run)
        return RunResult(
            counts=counts,
            contradicted=self._ledger.conflicts.count_mismatches(self._run),
            reason=self._control.reason,
            message=self._control.message,
        )

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tracker.track_all())
            await self._submitter.submit_all()
            self._tracker.submitting_ended()
