"""The paced rate limiter: spreads requests evenly and learns the allowed rate from answers; touches only the clock.

What pays goes first: while such requests wait, only one in OTHERS_EVERY is another.
"""

import asyncio
from collections import deque
from contextlib import suppress
from math import ceil
from typing import Final

from bulk_topup.dvs.rate_windows import PERIOD, Windows
from bulk_topup.system.clock import Clock

#: Requests a second before the first answer has told the limit.
DEFAULT_RATE = 10.0
#: Of what the limit leaves to us, how much is used: the provider's seconds and ours do not begin together.
SHARE_OF_LIMIT = 0.99
#: The least of the limit that is asked for, however much others take: else it would never be seen that they ended.
LEAST_SHARE: Final = 0.02
#: After a 429 the rate shrinks by this factor, and grows back by this share of the limit with each answer.
SHRINK = 0.7
GROW = 0.005
#: Where the provider's windows are not seen, the rate shrinks by the factor while less than the first share of the
#: limit is left, and grows only while more than the second is.
YIELD: Final = 0.98
SCARCE: Final = 0.005
AMPLE: Final = 0.03
#: Where the provider's windows are seen, a 429 lets this share of the limit alone instead, half as much after a while.
GUARD: Final = 0.01
GUARD_HALVES_AFTER: Final = 20.0
#: Never slower than this many requests a second.
SLOWEST_RATE = 0.2
#: Seconds to wait after a 429 that does not say how long, and the longest wait that one may ask for.
DEFAULT_PAUSE = 1.0
LONGEST_PAUSE = 300.0
#: Seconds to hold back when an answer says that no request is left, where it is not seen when there will be some.
PAUSE_WHEN_SPENT = 0.05
#: How far behind its schedule the limiter may be and still catch up, in seconds: where nothing has passed for as long
#: because nobody asked, and where requests waited, as when something keeps the event loop busy. Then how many times
#: faster it goes.
CATCH_UP = 0.1
CATCH_UP_WAITING: Final = 0.5
HASTE: Final = 2.0
#: Requests whose places lie within so many seconds go together: to wake up for each costs more than to send it.
TOGETHER: Final = 0.01
#: Periods for which it is remembered when requests passed: a little more than the one that is not to hold too many.
REMEMBERED: Final = 1.1
#: While requests that go first wait, one in so many is another; so many of these may be made up for at once.
OTHERS_EVERY: Final = 40
OTHERS_AT_ONCE: Final = 5
#: Seconds after which these look whether any such request still waits.
LOOK_INTERVAL: Final = 0.5


class RateLimiter:
    """Lets one request pass at a time, evenly spaced; among those of a kind first come, first served.

    In any second at most as many pass as the rate has, also where the limiter catches up.

    Args:
        clock: where time comes from.
        rate: requests a second never to be exceeded; None takes what the answers allow.
    """

    def __init__(self, clock: Clock, rate: float | None = None) -> None:
        self._clock = clock
        self._ceiling = rate
        self._limit: int | None = None
        #: When the request was sent whose answer told the limit.
        self._told_at = float("-inf")
        #: When an answer told another limit than was known.
        self._news_at = float("-inf")
        self._windows = Windows()
        #: What part of the allowed rate is used, after answers with 429 whose windows were not seen.
        self._factor = 1.0
        self._yielded_at = float("-inf")
        #: What share of the limit is let alone, and since when, after those whose windows were.
        self._guard, self._guarded_at = 0.0, 0.0
        self._rate = rate or DEFAULT_RATE
        self._next = clock.monotonic()
        self._next_other = float("-inf")
        self._pausing_until = self._next
        #: Nothing passes before.
        self._held_until = self._next
        #: When requests passed in the last second; of those that have not left yet; when the others left.
        self._passed: deque[float] = deque()
        self._leaving: deque[float] = deque()
        self._left: deque[float] = deque()
        #: Who waits, of those that go first and of the others: True once it has passed, False once it leads its queue.
        self._queues: dict[bool, deque[asyncio.Future[bool]]] = {True: deque(), False: deque()}

    @property
    def rate(self) -> float:
        """Requests a second at present."""
        return self._rate

    @property
    def limit(self) -> int | None:
        """The limit that answers told, in requests a second; None before one did."""
        return self._limit

    @property
    def pause_left(self) -> float:
        """Seconds that a pause after a 429 still lasts."""
        return max(0.0, self._pausing_until - self._clock.monotonic())

    async def acquire(self, *, first: bool = False) -> None:
        """Wait for the next free place in time.

        Args:
            first: whether the request goes before those that do not.
        """
        queue = self._queues[first]
        if not queue and self._delay(first=first) <= 0:
            now = self._clock.monotonic()
            if not self._passed or now - self._passed[-1] > CATCH_UP:  # nobody was kept waiting
                self._next = max(self._next, now - CATCH_UP)
            self._pass(first=first)
            return
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._let_lead(queue)
        try:
            if not await turn:
                await self._lead(queue, first=first)
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.result() and self._leaving:
                self._leaving.pop()  # it has passed, and will not leave
            with suppress(ValueError):  # whoever led has taken it out
                queue.remove(turn)
            raise
        finally:
            self._let_lead(queue)

    async def _lead(self, queue: deque[asyncio.Future[bool]], *, first: bool) -> None:
        """Wait for the place of the first in a queue, and let all pass with it whose places have come as well."""
        while (delay := self._delay(first=first)) > 0:
            behind = self._queues[True] and not first
            await self._clock.sleep(min(delay, LOOK_INTERVAL) if behind else delay)
        queue.popleft()
        self._pass(first=first)
        while queue and self._delay(first=first) <= 0:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(True)
                self._pass(first=first)

    @staticmethod
    def _let_lead(queue: deque[asyncio.Future[bool]]) -> None:
        """Wake the first in a queue, unless it leads already or has just given up."""
        if queue and not queue[0].done():
            queue[0].set_result(False)

    def sent(self) -> float:
        """Take in that a request leaves, and give the time, which its answer has to be brought with."""
        now = self._clock.monotonic()
        self._windows.sent(now)
        if self._leaving:
            self._leaving.popleft()
        self._left.append(now)
        return now

    def learn(self, limit: int | None, remaining: int | None, sent_at: float) -> None:
        """Take in what an answer that was not a 429 says in `X-Ratelimit-Limit` and `X-Ratelimit-Remaining`.

        Args:
            limit: requests a second, where it says so.
            remaining: requests that are left of them.
            sent_at: what `sent` gave when the request left.
        """
        now = self._clock.monotonic()
        self._take_limit(limit, sent_at)
        if limit is not None and remaining is not None and limit == self._limit:
            self._windows.answered(sent_at, limit, remaining)
        self._adapt(remaining, now, sent_at)
        self._set_rate(now)
        if (full_until := self._windows.full_until(now)) is not None:
            self._hold(full_until)
        elif remaining == 0 and not self._windows.are_seen and now - sent_at <= PAUSE_WHEN_SPENT:
            self._hold(now + PAUSE_WHEN_SPENT)

    def throttled(self, retry_after: float | None, limit: int | None, sent_at: float) -> float:
        """Take in a 429: slow down, hold everything back, and give the seconds that this holds.

        Requests that were on their way already when the first 429 of a pause came, or when another limit was told, say
        nothing new.

        Args:
            retry_after: seconds to wait, where it says so.
            limit: requests a second, where it says so.
            sent_at: what `sent` gave when the request left.
        """
        pause = min(max(retry_after if retry_after is not None else DEFAULT_PAUSE, 0.0), LONGEST_PAUSE)
        now = self._clock.monotonic()
        if not self._take_limit(limit, sent_at) and now >= self._pausing_until and sent_at >= self._news_at:
            if self._windows.are_seen:
                self._guard, self._guarded_at = self._guard_at(now) + GUARD, now
            else:
                self._factor *= SHRINK
        self._set_rate(now)
        self._pausing_until = max(self._pausing_until, now + pause)
        self._hold(now + pause)
        return pause

    def _take_limit(self, limit: int | None, sent_at: float) -> bool:
        """Take in a limit that no later request was told otherwise; tell whether it differs from what was known."""
        if limit is None or limit <= 0 or sent_at < self._told_at:
            return False
        is_news = limit != self._limit
        self._limit, self._told_at = limit, sent_at
        if is_news:
            self._news_at = self._clock.monotonic()
        return is_news

    def _adapt(self, remaining: int | None, now: float, sent_at: float) -> None:
        """Use more or less of what is allowed, by what is left of it where the provider's windows are not seen."""
        if remaining is None or self._limit is None or self._windows.are_seen or remaining > AMPLE * self._limit:
            self._factor = min(1.0, self._factor + GROW)
        elif remaining < SCARCE * self._limit and sent_at > self._yielded_at and self._windows.others():
            # Once, until the answer to a request that was sent since shows what it did.
            self._factor *= YIELD
            self._yielded_at = now

    def _delay(self, *, first: bool) -> float:
        """Give the seconds until a request may pass."""
        now = self._clock.monotonic()
        at = self._next
        for times in (self._passed, self._leaving, self._left):
            while times and times[0] < now - REMEMBERED * PERIOD:
                times.popleft()
        if first and self._queues[False] and self._next_other <= max(at, now):
            at += 1 / self._rate  # this place is one of those that the others have
        together = max(1, int(TOGETHER * self._rate))
        if at - now <= (together - 1) / self._rate:
            at = now
        # What follows holds for each request by itself.
        at = max(at, self._held_until)
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
        """Give when the last request but so many left, where that was of late; those about to leave count by now."""
        if len(self._leaving) >= number:
            return self._leaving[-number]
        number -= len(self._leaving)
        return self._left[-number] if len(self._left) >= number else None

    def _pass(self, *, first: bool) -> None:
        now = self._clock.monotonic()
        self._passed.append(now)
        self._leaving.append(now)
        self._next = (now if self._next < now - CATCH_UP_WAITING else self._next) + 1 / self._rate
        if self._queues[True] and not first:
            every = OTHERS_EVERY / self._rate
            self._next_other = max(self._next_other, now - OTHERS_AT_ONCE * every) + every

    def _set_rate(self, now: float) -> None:
        allowed = self._ceiling or DEFAULT_RATE
        if self._limit is not None:
            others, guard = self._windows.others(), self._guard_at(now)
            left = (self._limit - others) * SHARE_OF_LIMIT - guard * self._limit
            allowed = min(self._ceiling or left, max(left, self._limit * LEAST_SHARE))
        self._rate = max(SLOWEST_RATE, allowed * self._factor)

    def _guard_at(self, now: float) -> float:
        return self._guard * 0.5 ** ((now - self._guarded_at) / GUARD_HALVES_AFTER) if self._guard else 0.0

    def _hold(self, until: float) -> None:
        self._next = max(self._next, until)
        self._held_until = max(self._held_until, until)
