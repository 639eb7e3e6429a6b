"""Wait in an event loop for the first or for all of several events; touches only the loop."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from typing import TypeVar

from bulk_topup.system.clock import Clock

T = TypeVar("T")
U = TypeVar("U")


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


async def both(first: Coroutine[object, object, T], second: Coroutine[object, object, U]) -> tuple[T, U]:
    """Return the results of two concurrent waits.

    If the first one fails, the second is cancelled. An error of the second is raised once the first has succeeded, so
    that of two errors the same one is always raised.
    """
    other = asyncio.create_task(second)
    try:
        return await first, await other
    finally:
        await cancel_all([other])


async def all_of(waits: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Return the results of concurrent waits; of several errors the first in their order is raised, as by `both`."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        return [await task for task in tasks]
    finally:
        await cancel_all(tasks)


async def cancel_all(tasks: Iterable[asyncio.Task[object]]) -> None:
    """Cancel tasks, and wait until all have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
