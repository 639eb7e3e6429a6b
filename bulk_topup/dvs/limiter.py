"""Limit the rate of requests: spread them evenly and learn the allowed rate from responses; touches only the clock.

Requests that pay go first: while they wait, only one in OTHERS_EVERY is another (reference: Rate limit).
"""

import asyncio
from collections import deque
from contextlib import suppress
from math import ceil
from typing import Final

from bulk_topup.dvs.learned_rate import LearnedRate, RateSource
from bulk_topup.dvs.rate_windows import PERIOD, Windows
from bulk_topup.system.clock import Clock

#: The share of the limit that is used, of what others leave: the provider's seconds and ours do not start together.
SHARE_OF_LIMIT = 0.99
#: The least share of the limit that is used, however much others use: without it their end would never be noticed.
LEAST_SHARE: Final = 0.02
#: After a 429 the rate shrinks by this factor, and grows back by this share of the limit with each response.
SHRINK = 0.7
GROW = 0.005
#: If the provider's windows are unknown, the rate shrinks by the factor while less than the first share of the limit
#: is left, and grows only while more than the second share is left.
YIELD: Final = 0.98
SCARCE: Final = 0.005
AMPLE: Final = 0.03
#: If the provider's windows are known, a 429 leaves this share of the limit unused instead; it halves after a while.
GUARD: Final = 0.01
GUARD_HALVES_AFTER: Final = 20.0
#: The lowest rate, in requests per second.
SLOWEST_RATE = 0.2
#: Seconds to pause after a 429 without `Retry-After`, and the longest pause after one with it.
DEFAULT_PAUSE = 1.0
LONGEST_PAUSE = 300.0
#: Seconds to pause when no request is left and the end of the window is unknown.
PAUSE_WHEN_SPENT = 0.05
#: How far behind its schedule the limiter may be and still catch up, in seconds: after a time without requests, and
#: while requests wait, e.g. for a busy event loop. Then how many times faster it goes.
CATCH_UP = 0.1
CATCH_UP_WAITING: Final = 0.5
HASTE: Final = 2.0
#: Requests within so many seconds go together: a wake-up for each costs more than sending it.
TOGETHER: Final = 0.01
#: Periods for which the times of requests are kept: a little more than the one whose requests are limited.
REMEMBERED: Final = 1.1
#: While requests that go first wait, one in so many is another; and how many of those may catch up at once.
OTHERS_EVERY: Final = 40
OTHERS_AT_ONCE: Final = 5
#: Seconds between checks of the others whether a request that goes first still waits.
LOOK_INTERVAL: Final = 0.5


class RateLimiter:
    """Let requests pass one by one, evenly spaced; first come, first served in each of the two queues.

    In any second at most as many pass as the rate allows, also while the limiter catches up.

    Args:
        clock: the source of time.
        rate: most requests per second; None for what the responses allow: the limit that they state, or a learned rate.
    """

    def __init__(self, clock: Clock, rate: float | None = None) -> None:
        self._clock = clock
        self._ceiling = rate
        self._limit: int | None = None
        #: When the request was sent whose response gave the limit.
        self._limit_sent_at = float("-inf")
        #: When a response changed the limit.
        self._limit_changed_at = float("-inf")
        self._windows = Windows()
        #: The used share of the allowed rate, after 429s with unknown windows.
        self._factor = 1.0
        self._yielded_at = float("-inf")
        #: The unused share of the limit, and since when, after 429s with known windows.
        self._guard, self._guarded_at = 0.0, 0.0
        #: The rate without a configured and a stated one.
        self._learned = LearnedRate()
        self._rate = rate or self._learned.value
        self._next = clock.monotonic()
        self._next_other = float("-inf")
        self._throttled_until = self._next
        #: Whether the last pause is as long as the provider asked for.
        self.is_pause_asked_for = False
        #: No request passes before.
        self._paused_until = self._next
        #: Times at which requests passed in the last second; of those not sent yet; at which the others were sent.
        self._passed: deque[float] = deque()
        self._unsent: deque[float] = deque()
        self._sent: deque[float] = deque()
        #: The waiting requests that go first, and the others: True once it has passed, False once it leads its queue.
        self._queues: dict[bool, deque[asyncio.Future[bool]]] = {True: deque(), False: deque()}

    @property
    def rate(self) -> float:
        """The present rate in requests per second."""
        return self._rate

    @property
    def limit(self) -> int | None:
        """The limit in requests per second, as responses gave it; None before the first."""
        return self._limit

    @property
    def source(self) -> RateSource:
        """Where the rate comes from."""
        left = None if self._limit is None else self._limit * SHARE_OF_LIMIT
        if self._ceiling is not None and (left is None or self._ceiling <= left):
            return RateSource.CONFIGURED
        return RateSource.LEARNED if left is None else RateSource.STATED

    @property
    def pause_left(self) -> float:
        """The remaining seconds of a pause after a 429."""
        return max(0.0, self._throttled_until - self._clock.monotonic())

    @property
    def others(self) -> float:
        """The requests per second that other programs of the account use; 0 if none do, or if it is not certain."""
        return self._windows.others() if self._windows.are_seen else 0.0

    async def acquire(self, *, first: bool = False, urgent: bool = False) -> None:
        """Wait until the next request may be sent.

        Args:
            first: whether the request goes before the others.
            urgent: whether it goes next.
        """
        first = first or urgent
        queue = self._queues[first]
        if not queue and self._delay(first=first) <= 0:
            now = self._clock.monotonic()
            if not self._passed or now - self._passed[-1] > CATCH_UP:  # no request waited
                self._next = max(self._next, now - CATCH_UP)
            self._pass(first=first)
            return
        slot = asyncio.get_running_loop().create_future()
        queue.insert(1 if urgent else len(queue), slot)  # the one in front leads already
        self._wake_first(queue)
        try:
            if not await slot:
                await self._lead(queue, first=first)
        except BaseException:
            if slot.done() and not slot.cancelled() and slot.result() and self._unsent:
                self._unsent.pop()  # it has passed, and will not be sent
            with suppress(ValueError):  # the request that led has removed it
                queue.remove(slot)
            raise
        finally:
            self._wake_first(queue)

    async def _lead(self, queue: deque[asyncio.Future[bool]], *, first: bool) -> None:
        """Wait until the first request of a queue may pass, and let all that may pass by then pass with it."""
        while (delay := self._delay(first=first)) > 0:
            behind = self._queues[True] and not first
            await self._clock.sleep(min(delay, LOOK_INTERVAL) if behind else delay)
        queue.popleft()
        self._pass(first=first)
        while queue and self._delay(first=first) <= 0:
            slot = queue.popleft()
            if not slot.done():
                slot.set_result(True)
                self._pass(first=first)

    @staticmethod
    def _wake_first(queue: deque[asyncio.Future[bool]]) -> None:
        """Wake the first request of a queue, unless it leads already or was cancelled."""
        if queue and not queue[0].done():
            queue[0].set_result(False)

    def sent(self) -> float:
        """Record that a request is sent, and return the time, which `learn` and `throttled` need."""
        now = self._clock.monotonic()
        self._windows.sent(now)
        if self._unsent:
            self._unsent.popleft()
        self._sent.append(now)
        return now

    def learn(self, limit: int | None, remaining: int | None, sent_at: float, *, is_good: bool = True) -> None:
        """Record the `X-Ratelimit-Limit` and `X-Ratelimit-Remaining` of a response other than a 429.

        Args:
            limit: requests per second; None if not stated.
            remaining: requests that are left of them; None if not stated.
            sent_at: the result of `sent` for the request.
            is_good: whether there is a response, and no error of the server.
        """
        now = self._clock.monotonic()
        self._set_limit(limit, sent_at)
        if self.source is RateSource.LEARNED:
            self._learned.respond(now, sent_at, self._sent, is_good=is_good)
        if limit is not None and remaining is not None and limit == self._limit:
            self._windows.answered(sent_at, limit, remaining)
        if is_good:
            self._adapt(remaining, now, sent_at)
        self._set_rate(now)
        if (full_until := self._windows.full_until(now)) is not None:
            self._pause(full_until)
        elif remaining == 0 and not self._windows.are_seen and now - sent_at <= PAUSE_WHEN_SPENT:
            self._pause(now + PAUSE_WHEN_SPENT)

    def throttled(self, retry_after: float | None, limit: int | None, sent_at: float) -> float:
        """Record a 429: slow down, pause all requests, and return the seconds of the pause.

        A request that was in flight at the first 429 of a pause, or when the limit changed, does not slow down again.

        Args:
            retry_after: seconds to wait; None if not stated.
            limit: requests per second; None if not stated.
            sent_at: the result of `sent` for the request.
        """
        pause = min(max(retry_after if retry_after is not None else DEFAULT_PAUSE, 0.0), LONGEST_PAUSE)
        now = self._clock.monotonic()
        if not self._set_limit(limit, sent_at) and now >= self._throttled_until and sent_at >= self._limit_changed_at:
            self._learned.throttle(now)
            if self._windows.are_seen:
                self._guard, self._guarded_at = self._guard_at(now) + GUARD, now
            elif self.source is not RateSource.LEARNED:
                self._factor *= SHRINK
        self._set_rate(now)
        self._throttled_until = max(self._throttled_until, now + pause)
        self.is_pause_asked_for = retry_after is not None
        self._pause(now + pause)
        return pause

    def _set_limit(self, limit: int | None, sent_at: float) -> bool:
        """Set the limit unless a later request gave it already; return True if it changed."""
        if limit is None or limit <= 0 or sent_at < self._limit_sent_at:
            return False
        is_changed = limit != self._limit
        self._limit, self._limit_sent_at = limit, sent_at
        if is_changed:
            self._limit_changed_at = self._clock.monotonic()
        return is_changed

    def _adapt(self, remaining: int | None, now: float, sent_at: float) -> None:
        """Use more or less of the allowed rate, by what is left of it if the provider's windows are unknown."""
        if remaining is None or self._limit is None or self._windows.are_seen or remaining > AMPLE * self._limit:
            self._factor = min(1.0, self._factor + GROW)
        elif remaining < SCARCE * self._limit and sent_at > self._yielded_at and self._windows.others():
            # Once, until the response to a later request shows the effect.
            self._factor *= YIELD
            self._yielded_at = now

    def _delay(self, *, first: bool) -> float:
        """Return the seconds until a request may pass."""
        now = self._clock.monotonic()
        at = self._next
        for times in (self._passed, self._unsent, self._sent):
            while times and times[0] < now - REMEMBERED * PERIOD:
                times.popleft()
        if first and self._queues[False] and self._next_other <= max(at, now):
            at += 1 / self._rate  # the next one is for the others
        together = max(1, int(TOGETHER * self._rate))
        if at - now <= (together - 1) / self._rate:
            at = now
        # The following applies to each request alone.
        at = max(at, self._paused_until)
        number = ceil(self._rate)
        before = self._before(number)
        if before is not None:
            at = max(at, before + number / self._rate)
        if len(self._passed) >= together:
            at = max(at, self._passed[-together] + together / (HASTE * self._rate))
        if self._queues[True] and not first:
            at = max(at, self._next_other)
        return at - now

    def _before(self, number: int) -> float | None:
        """Return when the last request but so many was sent, if recently; those about to be sent count from now."""
        if len(self._unsent) >= number:
            return self._unsent[-number]
        number -= len(self._unsent)
        return self._sent[-number] if len(self._sent) >= number else None

    def _pass(self, *, first: bool) -> None:
        now = self._clock.monotonic()
        self._passed.append(now)
        self._unsent.append(now)
        self._next = (now if self._next < now - CATCH_UP_WAITING else self._next) + 1 / self._rate
        if self._queues[True] and not first:
            every = OTHERS_EVERY / self._rate
            self._next_other = max(self._next_other, now - OTHERS_AT_ONCE * every) + every

    def _set_rate(self, now: float) -> None:
        allowed = self._ceiling or self._learned.value
        if self._limit is not None:
            others, guard = self._windows.others(), self._guard_at(now)
            left = (self._limit - others) * SHARE_OF_LIMIT - guard * self._limit
            allowed = min(self._ceiling or left, max(left, self._limit * LEAST_SHARE))
        self._rate = max(SLOWEST_RATE, allowed * self._factor)

    def _guard_at(self, now: float) -> float:
        return self._guard * 0.5 ** ((now - self._guarded_at) / GUARD_HALVES_AFTER) if self._guard else 0.0

    def _pause(self, until: float) -> None:
        self._next = max(self._next, until)
        self._paused_until = max(self._paused_until, until)
