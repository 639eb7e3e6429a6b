"""Time, passed in: everything that waits or stamps a time does it through a `Clock`; touches nothing else."""

import time
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
        import asyncio  # here, since whoever sleeps has it, and whoever only asks for the time needs none of it

        await asyncio.sleep(seconds)
