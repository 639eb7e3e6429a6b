"""When a run goes on, pauses or stops, and why; touches only the clock."""

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import dataclass
from enum import StrEnum

from bulk_topup.system.clock import Clock
from bulk_topup.system.waits import sleep_until


class StopReason(StrEnum):
    """Why a run ended before every row was final."""

    #: Somebody asked for it (SIGINT, SIGTERM).
    INTERRUPTED = "interrupted"
    #: The provider does not accept the credentials.
    UNAUTHORIZED = "unauthorized"
    #: The wallet does not hold enough for the next row.
    BALANCE = "balance"
    #: The provider has not answered for too long.
    CIRCUIT = "circuit"
    #: The last open transactions did not become final in the time that was allowed.
    STILL_OPEN = "still_open"
    #: The next row would exceed a cap.
    CAP = "cap"
    #: The provider charges another price than the plan has.
    PRICE = "price"
    #: Too many of the first rows failed.
    CANARY = "canary"
    #: Too large a share of the rows failed.
    FAILURES = "failures"
    #: What is left belongs to operators that have been unavailable for too long.
    OPERATORS = "operators"
    #: Held transactions could not be confirmed in time, or were not to be.
    CANCELLED = "cancelled"


#: What ends the sending of rows only: those that were sent are followed to their end.
ENDS_SUBMITTING = frozenset(
    {
        StopReason.BALANCE,
        StopReason.CAP,
        StopReason.PRICE,
        StopReason.CANARY,
        StopReason.FAILURES,
        StopReason.OPERATORS,
        StopReason.CANCELLED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CircuitPolicy:
    """When to stop bothering a provider that does not answer."""

    #: Calls in a row (each with its own retries) without a definite answer that open the circuit.
    failures: int = 5
    #: Seconds of the first pause; doubles with each further one.
    first_pause: float = 5.0
    #: Seconds that a pause never exceeds.
    longest_pause: float = 60.0
    #: Seconds without any definite answer after which the run gives up.
    patience: float = 600.0


class Control:
    """The run's brakes, shared by those who submit and those who track."""

    def __init__(self, clock: Clock, policy: CircuitPolicy) -> None:
        self._clock = clock
        self._policy = policy
        self._failures = 0
        self._pauses = 0
        self._resume_at = 0.0
        self._failing_since: float | None = None
        self._stopping = asyncio.Event()
        #: Who waits for a place in time at the moment; the end of submitting wakes them.
        self._admissions: set[asyncio.Timeout] = set()
        #: Set while nothing can be sent: all is, or what is left waits for its time.
        self.quiet = asyncio.Event()
        #: Why the run stops or stopped; None while it goes on.
        self.reason: StopReason | None = None
        #: One sentence for people about the stop or the pause; empty while all is well.
        self.message = ""

    @property
    def is_stopping(self) -> bool:
        """Whether everything comes to an end."""
        return self._stopping.is_set()

    @property
    def may_submit(self) -> bool:
        """Whether further rows may be sent."""
        return self.reason is None

    @property
    def is_paused(self) -> bool:
        """Whether the circuit is open at the moment."""
        return self._resume_at > self._clock.monotonic()

    def stop(self, reason: StopReason, message: str) -> None:
        """End the run, or only its submitting, see ENDS_SUBMITTING. The first reason stands."""
        if self.reason is None or reason is StopReason.INTERRUPTED:
            self.reason, self.message = reason, message
        while self._admissions:
            self._admissions.pop().reschedule(0)
        if reason not in ENDS_SUBMITTING:
            self._stopping.set()

    def answered(self) -> None:
        """Take in that the provider gave a definite answer."""
        self._failures = self._pauses = 0
        self._failing_since = None
        if self.reason is None:
            self.message = ""

    def unanswered(self, error: Exception) -> None:
        """Take in that a call ended without a definite answer; after many in a row the run pauses, then gives up."""
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since > self._policy.patience:
            self.stop(StopReason.CIRCUIT, f"The provider has not answered for {self._policy.patience:.0f} s: {error}")
            return
        self._failures += 1
        if self._failures >= self._policy.failures and not self.is_paused:
            pause = min(self._policy.longest_pause, self._policy.first_pause * 2.0**self._pauses)
            self._pauses += 1
            self._resume_at = now + pause
            self.message = f"Paused for {pause:.0f} s after {self._failures} calls without an answer: {error}"

    async def wait_until_allowed(self) -> bool:
        """Wait while the circuit is open; tell whether a row may be sent then."""
        while self.may_submit and self.is_paused:
            await self.sleep(self._resume_at - self._clock.monotonic())
        return self.may_submit

    async def admit(self, place: Coroutine[object, object, object]) -> bool:
        """Wait for a place in time, but not beyond the end of submitting; tell whether a row may be sent then."""
        if not self.may_submit:
            place.close()
            return False
        # A time limit that is set when submitting ends costs a request far less than two tasks of which one wins.
        waiting = asyncio.timeout(None)
        try:
            async with waiting:
                self._admissions.add(waiting)
                await place
        except TimeoutError:
            if not waiting.expired():
                raise
        finally:
            self._admissions.discard(waiting)
        return self.may_submit

    async def sleep(self, seconds: float, *, until: Collection[asyncio.Event] = ()) -> None:
        """Wait, but not beyond a stop, nor beyond any of the events `until`."""
        await sleep_until(self._clock, seconds, (self._stopping, *until))

    async def stopped(self) -> None:
        """Wait until everything is to end."""
        await self._stopping.wait()
