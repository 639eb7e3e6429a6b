"""Clocks that are moved by hand or by sleeps, and late deliveries by them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bulk_topup.system.clock import SystemClock


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


class HastyClock(SystemClock):
    """A clock on which every wait is over almost at once."""

    def __init__(self) -> None:
        self._waited = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._waited)

    def monotonic(self) -> float:
        return super().monotonic() + self._waited

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.005))
        self._waited += seconds
