"""Wait in an event loop for the first of several events; touches only the loop."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable

from bulk_topup.system.clock import Clock


async def sleep_until(clock: Clock, seconds: float, events: Collection[asyncio.Event]) -> None:
    """Wait for that many seconds, or until one of the events is set."""
    await first_of(clock.sleep(seconds), *(event.wait() for event in events))


async def first_of(*waits: Coroutine[object, object, object]) -> None:
    """Wait until one of several waits ends, and cancel the others."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel_all(tasks)


async def cancel_all(tasks: Iterable[asyncio.Task[object]]) -> None:
    """Cancel tasks, and wait until all have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
