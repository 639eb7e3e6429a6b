"""Define the clock that is passed to everything that waits or records a time."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The interface to time."""

    def now(self) -> datetime:
        """Return the current time, timezone-aware in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time, timezone-aware in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        import asyncio  # a caller that sleeps has it loaded; one that reads the time needs none of it

        await asyncio.sleep(seconds)
