"""The paced rate limiter: spreads requests evenly and learns the allowed rate from answers; touches only the clock."""

import asyncio

from bulk_topup.clock import Clock

#: Requests a second before the first answer has told the limit.
DEFAULT_RATE = 10.0
#: Of the announced limit, how much is used: the provider's seconds and ours do not begin together.
SHARE_OF_LIMIT = 0.99
#: After a 429 the rate shrinks by this factor, and grows back by this share of the limit with each answer.
SHRINK = 0.7
GROW = 0.005
#: Never slower than this many requests a second.
SLOWEST_RATE = 0.2
#: Seconds to wait after a 429 that does not say how long, and the longest wait that one may ask for.
DEFAULT_PAUSE = 1.0
LONGEST_PAUSE = 300.0
#: Seconds to hold back when an answer says that no request is left.
PAUSE_WHEN_SPENT = 0.05
#: How far behind its schedule the limiter may be and still catch up, in seconds.
CATCH_UP = 0.05


class RateLimiter:
    """Lets one request pass at a time, evenly spaced; first come, first served.

    Args:
        clock: where time comes from.
        rate: requests a second never to be exceeded; None takes what the answers allow.
    """

    def __init__(self, clock: Clock, rate: float | None = None) -> None:
        self._clock = clock
        self._ceiling = rate
        self._limit: float | None = None
        self._rate = rate or DEFAULT_RATE
        self._next = clock.monotonic()
        self._pausing_until = self._next
        self._turn = asyncio.Lock()

    @property
    def rate(self) -> float:
        """Requests a second at present."""
        return self._rate

    async def acquire(self) -> None:
        """Wait for the next free place in time."""
        async with self._turn:
            while (delay := self._next - self._clock.monotonic()) > 0:
                await self._clock.sleep(delay)
            self._next = max(self._next, self._clock.monotonic() - CATCH_UP) + 1 / self._rate

    def learn(self, limit: int | None, remaining: int | None) -> None:
        """Take in what an answer that was not a 429 says in `X-Ratelimit-Limit` and `X-Ratelimit-Remaining`."""
        if limit is not None and limit > 0 and limit != self._limit:
            first = self._limit is None
            self._limit = float(limit)
            self._rate = self._target if first else min(self._rate, self._target)
        elif self._rate < self._target:
            self._rate = min(self._target, self._rate + GROW * self._target)
        if remaining == 0:
            self._hold(PAUSE_WHEN_SPENT)

    def throttled(self, retry_after: float | None) -> float:
        """Take in a 429: slow down, hold everything back, and give the seconds that this holds.

        Requests that were on their way already when the first 429 of a pause came say nothing new.
        """
        pause = min(max(retry_after if retry_after is not None else DEFAULT_PAUSE, 0.0), LONGEST_PAUSE)
        now = self._clock.monotonic()
        if now >= self._pausing_until:
            self._rate = max(SLOWEST_RATE, self._rate * SHRINK)
        self._pausing_until = max(self._pausing_until, now + pause)
        self._hold(pause)
        return pause

    @property
    def _target(self) -> float:
        allowed = self._limit * SHARE_OF_LIMIT if self._limit is not None else DEFAULT_RATE
        if self._ceiling is None:
            return allowed
        return min(self._ceiling, allowed) if self._limit is not None else self._ceiling

    def _hold(self, seconds: float) -> None:
        self._next = max(self._next, self._clock.monotonic() + seconds)
