"""Clocks that are moved by hand or by waits, and late deliveries by them.

Real time because a clock that skips waits still lets others work.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log2
from pathlib import Path

from bulk_topup.system.clock import Clock


@dataclass(frozen=True)
class Late:
    """The fate of a request that DVS receives so many seconds later, and whose client gets no response."""

    seconds: float


class RingingClock:
    """A clock that is moved by sleeps and by hand, can be set like a wall clock, and acts when a time has come."""

    def __init__(self) -> None:
        self.seconds = 21_600.0
        self._set_forward = 0.0
        self._alarms: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=self.seconds + self._set_forward)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)
        due = [action for at, action in self._alarms if at <= self.seconds]
        self._alarms = [(at, action) for at, action in self._alarms if at > self.seconds]
        for action in due:
            action()
        await asyncio.sleep(0)

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Act when so many seconds from now have passed."""
        self._alarms.append((self.seconds + seconds, action))

    def set_forward(self, seconds: float) -> None:
        """Set the wall clock; no time passes."""
        self._set_forward += seconds


class SkippingClock:
    """A clock that several parts share, in one or more event loops, and that skips the time in which all of them wait.

    While a part works, time passes as the machine's. Once no part has read the clock for some turns of its loop, it
    goes on to the end of the shortest wait. So a wait takes a few milliseconds, however long it is, and waits end in
    their order. The more time would be skipped, the more turns it takes: a part whose work takes long without a
    reading, such as that of a slow disk, meets a few seconds that have passed, and no day. Nothing is skipped while
    another thread of the process computes, waits for a core or reads a disk.
    """

    #: Seconds of a turn.
    TURN = 0.001

    def __init__(self) -> None:
        self._skipped = 0.0
        self._readings = 0
        self._ends: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        self._readings += 1
        return datetime.now(UTC) + timedelta(seconds=self._skipped)

    def monotonic(self) -> float:
        self._readings += 1
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        end = self.monotonic() + max(0.0, seconds)
        with self._lock:
            self._ends.append(end)
        try:
            quiet, readings = 0, self._readings
            while end - self._seconds > self.TURN:
                await asyncio.sleep(self.TURN)
                quiet, readings = quiet + 1 if self._readings == readings else 0, self._readings
                if quiet >= self._turns(end - self._seconds):
                    if _does_another_thread_work():
                        quiet = 0
                    else:
                        self._skip_to(end)
            await asyncio.sleep(max(0.0, end - self._seconds))
        finally:
            with self._lock:
                self._ends.remove(end)
            self._readings += 1

    @property
    def skipped(self) -> float:
        """The seconds that it has skipped so far."""
        return self._skipped

    @property
    def _seconds(self) -> float:
        return time.monotonic() + self._skipped

    def _turns(self, seconds: float) -> float:
        """Return how many quiet turns allow to skip so much time: 2 for a second, 20 for a minute, 72 for an hour."""
        return 2 + log2(1 + max(0.0, seconds)) ** 2 / 2

    def _skip_to(self, end: float) -> None:
        """Skip time to the end of a wait, if it is the one that ends first."""
        with self._lock:
            if end <= min(self._ends):
                self._skipped += max(0.0, end - self._seconds)


def _does_another_thread_work() -> bool:
    """Return True if another thread of this process runs, could run or reads a disk; False where it is unknown."""
    own = str(threading.get_native_id())
    for task in Path("/proc/self/task").glob("*/stat"):
        try:
            state = task.read_text().rpartition(") ")[2][:1]
        except OSError:  # it has ended
            continue
        if task.parent.name != own and state in "RD":
            return True
    return False


@dataclass(frozen=True)
class WrongClock:
    """Another clock whose date and time of day are set wrong."""

    clock: Clock
    error: timedelta

    def now(self) -> datetime:
        return self.clock.now() + self.error

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
