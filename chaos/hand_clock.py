"""A clock that is set by hand, and goes on from there; passed to commands of this process in place of the machine's."""

import asyncio
import time
from datetime import datetime, timedelta


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
