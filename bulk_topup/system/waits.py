"""Waits in an event loop that end when the first of several things happens; touches nothing but the loop."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable

from bulk_topup.system.clock import Clock


async def sleep_until(clock: Clock, seconds: float, events: Collection[asyncio.Event]) -> None:
    """Wait for that many seconds, but not beyond any of the events."""
    await first_of(clock.sleep(seconds), *(event.wait() for event in events))


async def first_of(*waits: Coroutine[object, object, object]) -> None:
    """Return when one of several waits is over; the others are cancelled."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_all(tasks)


async def cancel_all(tasks: Iterable[asyncio.Task[object]]) -> None:
    """Cancel tasks, and return when all of them have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
