"""Time, passed in: everything that waits or stamps a time does it through a `Clock`; touches nothing else."""

import asyncio
import time
from collections.abc import Collection, Coroutine
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
    await first_of(clock.sleep(seconds), *(event.wait() for event in events))


async def first_of(*waits: Coroutine[object, object, object]) -> None:
    """Return when one of several waits is over; the others are cancelled."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
