"""Time, passed in: everything that waits or stamps a time does it through a `Clock`; touches nothing else."""

import asyncio
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the rest of the project may know of time."""

    def now(self) -> datetime:
        """Give the time of day, timezone-aware in UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds since an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Give the time of day, timezone-aware in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give seconds since an arbitrary start; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        await asyncio.sleep(seconds)


async def sleep_until(clock: Clock, seconds: float, events: Collection[asyncio.Event]) -> None:
    """Wait for that many seconds, but not beyond any of the events."""
    waits = [asyncio.ensure_future(wait) for wait in (clock.sleep(seconds), *(event.wait() for event in events))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
