"""When a run continues, pauses or stops, and why; touches only the clock."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulk_topup.dvs import DVSError, NextStep, TooManyRequestsError, WaitTooLongError
from bulk_topup.system.clock import Clock
from bulk_topup.system.waits import sleep_until

#: Seconds without a response, in which a request had none, that are an outage.
OUTAGE: Final = 30.0


class StopReason(StrEnum):
    """Why a run ended before every row was final."""

    #: Interrupted by a signal (SIGINT, SIGTERM), by the caller, or at the deadline.
    INTERRUPTED = "interrupted"
    #: DVS refused the API credentials.
    UNAUTHORIZED = "unauthorized"
    #: The wallet's available balance is too small for the next row.
    BALANCE = "balance"
    #: DVS has not responded for too long.
    CIRCUIT = "circuit"
    #: The last open transactions were not final within the tracking timeout.
    STILL_OPEN = "still_open"
    #: The next row would exceed a cap.
    CAP = "cap"
    #: DVS charges another price than the plan has, or one that can't be right.
    PRICE = "price"
    #: DVS's last answers all differ from what was sent.
    CONFLICTS = "conflicts"
    #: Too few canaries completed.
    CANARY = "canary"
    #: Too large a share of the final rows failed.
    FAILURES = "failures"
    #: The remaining rows belong to operators that have been unavailable for too long.
    OPERATORS = "operators"
    #: The remaining rows were corrected after a request that may still arrive.
    WITHHELD = "withheld"
    #: The amounts of the remaining rows were asked for too long ago.
    OUTDATED = "outdated"
    #: Hold mode: transactions could not be confirmed in time, or must not be.
    CANCELLED = "cancelled"
    #: The ledger's file was removed or replaced, so that nobody would know of what is sent.
    LEDGER_MOVED = "ledger_moved"


#: Reasons that only end submitting: rows that were sent are tracked until they are final.
ENDS_SUBMITTING = frozenset(
    {
        StopReason.BALANCE,
        StopReason.CAP,
        StopReason.PRICE,
        StopReason.CONFLICTS,
        StopReason.CANARY,
        StopReason.FAILURES,
        StopReason.OPERATORS,
        StopReason.WITHHELD,
        StopReason.OUTDATED,
        StopReason.CANCELLED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CircuitPolicy:
    """When the circuit breaker pauses sending while DVS does not respond, and when it gives up."""

    #: Calls in a row (each with its own retries) without a definite response that open the circuit.
    failures: int = 5
    #: Seconds of the first pause; doubles with each further one.
    first_pause: float = 5.0
    #: Maximum seconds of a pause.
    longest_pause: float = 60.0
    #: Seconds without a definite response after which the run stops.
    patience: float = 600.0


class Control:
    """Pauses and stops one run; shared by the parts that submit and track.

    Args:
        clock: where time comes from.
        policy: when to pause, and when to give up.
    """

    def __init__(self, clock: Clock, policy: CircuitPolicy) -> None:
        self._clock = clock
        self._policy = policy
        self._failures = 0
        self._pauses = 0
        self._resume_at = 0.0
        self._pause_sum = 0.0
        self._failing_since: float | None = None
        self._responded_at = clock.monotonic()
        self._outages = 0
        self._is_outage = False
        self._stopping = asyncio.Event()
        #: Timeouts of the tasks that wait for the limiter; the end of submitting lets them expire.
        self._admissions: set[asyncio.Timeout] = set()
        #: Set while nothing can be sent: every row was, or the remaining ones have to wait.
        self.quiet = asyncio.Event()
        #: Why the run stopped; None while it continues.
        self.reason: StopReason | None = None
        #: Called with the seconds of a pause when it starts; must not raise.
        self.on_pause: Callable[[float], None] | None = None
        #: A sentence about the stop or the pause; empty while the run continues.
        self.message = ""

    @property
    def is_stopping(self) -> bool:
        """Whether submitting and tracking are ending."""
        return self._stopping.is_set()

    @property
    def may_submit(self) -> bool:
        """Whether further rows may be sent."""
        return self.reason is None

    @property
    def is_paused(self) -> bool:
        """Whether the circuit is open now."""
        return self._resume_at > self._clock.monotonic()

    @property
    def paused_for(self) -> float:
        """The seconds of all pauses so far."""
        return self._pause_sum - max(0.0, self._resume_at - self._clock.monotonic())

    @property
    def outages(self) -> int:
        """The number of outages so far, with the present one."""
        self._count_outage()
        return self._outages

    def stop(self, reason: StopReason, message: str) -> None:
        """Stop the run, or only its submitting (see `ENDS_SUBMITTING`); the first reason is kept.

        Args:
            reason: why; `INTERRUPTED` and `LEDGER_MOVED` replace an earlier reason.
            message: sentences for users: what happened and what to do.
        """
        if self.reason is None or reason in {StopReason.INTERRUPTED, StopReason.LEDGER_MOVED}:
            self.reason, self.message = reason, message
        while self._admissions:
            self._admissions.pop().reschedule(0)
        if reason not in ENDS_SUBMITTING:
            self._stopping.set()

    def stop_unauthorized(self, error: DVSError) -> None:
        """Stop the run because DVS refused its API credentials."""
        self.stop(StopReason.UNAUTHORIZED, f"{error}. Check DVS_API_KEY and DVS_API_SECRET, then resume.")

    def record_response(self) -> None:
        """Record a definite response of DVS, which ends a series of failures."""
        self._end_silence()
        self._failures = self._pauses = 0
        self._failing_since = None
        if self.reason is None:
            self.message = ""

    def record_error(self, error: DVSError) -> None:
        """Stop the run if DVS refused its credentials or throttles it for too long; else record a missing response."""
        if error.next_step is NextStep.STOP:
            self.stop_unauthorized(error)
        elif isinstance(error, WaitTooLongError):
            self.stop(StopReason.CIRCUIT, f"{error} Resume later, or allow more with --max-wait.")
        else:
            self.record_no_response(error)

    def record_no_response(self, error: Exception) -> None:
        """Record a call without a definite response; after many in a row the run pauses, and then stops."""
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if isinstance(error, TooManyRequestsError):
            self._end_silence()
        if now - self._failing_since > self._policy.patience:
            waited = format_seconds(self._policy.patience)
            self.stop(StopReason.CIRCUIT, f"DVS has not responded for {waited}: {error}")
            return
        self._failures += 1
        if self._failures >= self._policy.failures and not self.is_paused:
            pause = min(self._policy.longest_pause, self._policy.first_pause * 2.0**self._pauses)
            self._pauses += 1
            self._pause_sum += pause
            self._resume_at = now + pause
            requests = "1 request" if self._failures == 1 else f"{self._failures:,} requests"
            # A run that has stopped submitting still tracks and cancels: why it stopped outlasts a pause.
            if self.reason is None:
                self.message = f"Paused for {format_seconds(pause)} after {requests} without a response: {error}"
            if self.on_pause is not None:
                self.on_pause(pause)

    def _end_silence(self) -> None:
        """Record that DVS responded, after counting the outage that this may end."""
        self._count_outage()
        self._responded_at = self._clock.monotonic()
        self._is_outage = False

    def _count_outage(self) -> None:
        silence = self._clock.monotonic() - self._responded_at
        if self._failing_since is not None and not self._is_outage and silence >= OUTAGE:
            self._is_outage = True
            self._outages += 1

    async def wait_until_closed(self) -> None:
        """Wait while the circuit is open, but not beyond a stop."""
        while self.is_paused and not self.is_stopping:
            await self._wait_for_pause()

    async def wait_until_allowed(self) -> bool:
        """Wait while the circuit is open; return whether a row may be sent now."""
        while self.may_submit and self.is_paused:
            await self._wait_for_pause()
        return self.may_submit

    async def admit(self, slot: Coroutine[object, object, object]) -> bool:
        """Wait for the limiter, but not beyond the end of submitting; return whether a row may be sent now.

        Args:
            slot: ends when the limiter allows the request.
        """
        if not self.may_submit:
            slot.close()
            return False
        # A timeout that is set when submitting ends costs a request far less than two tasks of which one wins.
        waiting = asyncio.timeout(None)
        try:
            async with waiting:
                self._admissions.add(waiting)
                await slot
        except TimeoutError:
            if not waiting.expired():
                raise
        finally:
            self._admissions.discard(waiting)
        return self.may_submit

    async def sleep(self, seconds: float, *, until: Collection[asyncio.Event] = ()) -> None:
        """Wait, but neither beyond a stop nor beyond any of the events `until`."""
        await sleep_until(self._clock, seconds, (self._stopping, *until))

    async def _wait_for_pause(self) -> None:
        await self.sleep(self._resume_at - self._clock.monotonic())

    async def stopped(self) -> None:
        """Wait until submitting and tracking have to end."""
        await self._stopping.wait()


def format_seconds(seconds: float) -> str:
    """Return a duration for people: `90 s`, or whole minutes as `10 min`."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f} min" if minutes and not rest else f"{seconds:.0f} s"
