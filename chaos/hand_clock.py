"""Clocks that are passed to commands of this process in place of the machine's: one set by hand, one that jumps."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta


class HandClock:
    """A clock that shows the time it was set to, plus what has passed since.

    Args:
        now: the time, in UTC.
    """

    def __init__(self, now: datetime) -> None:
        self.set(now)

    def set(self, now: datetime) -> None:
        """Set the time, in UTC; no time passes by it."""
        self._now, self._set_at = now, time.monotonic()

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._now + timedelta(seconds=time.monotonic() - self._set_at)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        await asyncio.sleep(seconds)


class JumpingClock:
    """A machine's clock that jumps, and may run faster, so that waits of a minute take seconds.

    Args:
        jumps: after how many reads of the time it jumps, and how many seconds it is ahead from then on.
        pace: how many of its seconds pass in one.
    """

    def __init__(self, jumps: Sequence[tuple[int, float]], pace: float) -> None:
        self._jumps = jumps
        self._pace = pace
        self._reads = 0
        self._started_at, self._started = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        """Return the time, in UTC."""
        ahead = next((ahead for after, ahead in reversed(self._jumps) if self._reads >= after), 0.0)
        self._reads += 1
        return self._started_at + timedelta(seconds=ahead + (time.monotonic() - self._started) * self._pace)

    def monotonic(self) -> float:
        """Return its seconds since an arbitrary start; never goes back."""
        return time.monotonic() * self._pace

    async def sleep(self, seconds: float) -> None:
        """Wait for that many of its seconds."""
        await asyncio.sleep(seconds / self._pace)
