"""How many requests and rows are processed concurrently, and a bounded gather; touches only the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from math import ceil
from typing import Final, TypeVar

from bulk_topup.dvs.errors import DVSError
from bulk_topup.dvs.learned_rate import RateSource
from bulk_topup.dvs.limiter import RateLimiter

T = TypeVar("T")

#: The default concurrency is what the rate limit sends in this many seconds, so that a response may take as long
#: without slowing the run down.
RESPONSE_SECONDS: Final = 2.0
#: Minimum and maximum of the default concurrency.
MIN_CONCURRENCY: Final = 32
MAX_CONCURRENCY: Final = 1000
#: The default concurrency if DVS states no rate limit: enough for the highest rate that is learned, with responses that
#: take half a second, and few enough that not many rows are in flight while that rate is still low.
LEARNED_CONCURRENCY: Final = 64
#: Seconds of sending for which rows are claimed in advance.
CLAIM_AHEAD: Final = 0.1
#: Minimum rows of a claim, unless the concurrency is lower.
USUAL_CLAIM: Final = 32
#: Maximum rows of a claim.
LARGEST_CLAIM: Final = 250


def concurrency_for(limiter: RateLimiter) -> int:
    """Return how many concurrent requests use all of a limiter's rate."""
    if limiter.limit is None:
        return LEARNED_CONCURRENCY if limiter.source is RateSource.LEARNED else MIN_CONCURRENCY
    return min(max(ceil(limiter.rate * RESPONSE_SECONDS), MIN_CONCURRENCY), MAX_CONCURRENCY)


async def gather_sum(function: Callable[[T], Awaitable[int]], items: Sequence[T], *, concurrency: int) -> int:
    """Call a function with each item, and return the sum of the results.

    Args:
        function: what to call.
        items: each is the argument of one call.
        concurrency: maximum concurrent calls.

    Raises:
        DVSError: the first one that a call raised. No call was started after it, and running calls have ended.
        Exception: any other error, at once; running calls were cancelled.
    """
    remaining = iter(items)
    errors: list[DVSError] = []

    async def work() -> int:
        total = 0
        for item in remaining:
            try:
                total += await function(item)
            except DVSError as error:
                errors.append(error)
            if errors:
                break
        return total

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work()) for _ in range(min(concurrency, len(items)))]
    except BaseExceptionGroup as group_error:
        raise root_cause(group_error) from None
    if errors:
        raise errors[0]
    return sum(task.result() for task in tasks)


def root_cause(error: BaseException) -> BaseException:
    """Return the first error inside the groups that tasks wrap around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def rows_to_claim(returned: int, seconds: float, concurrency: int) -> int:
    """Return how many rows to claim at once: what is sent within `CLAIM_AHEAD` at the recent rate.

    The more rows share a commit, the cheaper it is, but the more are in flight before they are sent.

    Args:
        returned: rows with a response since the last claim.
        seconds: how long ago that claim was.
        concurrency: maximum concurrent requests.
    """
    ahead = int(CLAIM_AHEAD * returned / seconds) if seconds > 0 else 0
    return max(min(concurrency, USUAL_CLAIM), min(ahead, LARGEST_CLAIM))
