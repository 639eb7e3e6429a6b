"""Does the same for many things, some of them at once, and tells how many; touches nothing but the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from typing import Final, TypeVar

from bulk_topup.dvs.errors import DVSError
from bulk_topup.dvs.limiter import RateLimiter

T = TypeVar("T")

#: Requests that may be on their way at once where that is not stated: what the allowed rate sends in so many seconds,
#: so that an answer may take as long without slowing the run down; at least and at most so many.
SECONDS_ON_THE_WAY: Final = 2.0
FEWEST_ON_THE_WAY: Final = 32
MOST_ON_THE_WAY: Final = 1000


def concurrency_for(limiter: RateLimiter) -> int:
    """Give how many requests may be on their way at once for all of an allowed rate to be used."""
    if limiter.limit is None:
        return FEWEST_ON_THE_WAY
    return min(max(ceil(limiter.rate * SECONDS_ON_THE_WAY), FEWEST_ON_THE_WAY), MOST_ON_THE_WAY)


async def gather_sum(function: Callable[[T], Awaitable[int]], items: Sequence[T], *, at_once: int) -> int:
    """Call a function with one thing after the other, so many at once, and give the sum of what it gives.

    Raises:
        DVSError: the first one that was raised. Nothing was begun after it, and what was on its way has ended.
        Exception: whatever else was raised, at once; what was on its way was cancelled.
    """
    todo = iter(items)
    errors: list[DVSError] = []

    async def some() -> int:
        total = 0
        for item in todo:
            try:
                total += await function(item)
            except DVSError as error:
                errors.append(error)
            if errors:
                break
        return total

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(some()) for _ in range(min(at_once, len(items)))]
    except BaseExceptionGroup as others:
        raise root_cause(others) from None
    if errors:
        raise errors[0]
    return sum(task.result() for task in tasks)


def root_cause(error: BaseException) -> BaseException:
    """Give the error that began it all, out of the groups that tasks wrap around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


#: Seconds of sending that rows are claimed for; how many they are at least, unless fewer may be on their way at once;
#: and how many at most.
CLAIM_AHEAD = 0.1


USUAL_CLAIM = 32


LARGEST_CLAIM = 250


def rows_to_claim(returned: int, seconds: float, concurrency: int) -> int:
    """Give how many rows to claim at once: what is sent in a moment at the pace of late.

    The more rows share a commit the cheaper it is, and the more are in flight before it is their turn.

    Args:
        returned: rows that came back of late.
        seconds: how long that took.
        concurrency: how many may be on their way at once.
    """
    ahead = int(CLAIM_AHEAD * returned / seconds) if seconds > 0 else 0
    return max(min(concurrency, USUAL_CLAIM), min(ahead, LARGEST_CLAIM))
