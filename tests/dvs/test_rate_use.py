"""How much of an allowed rate is used, and how often too much, on an event loop whose time is its own.

The providers count requests in the three ways that are met: in fixed windows, in a second that slides, in a bucket.
"""

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from bulk_topup.dvs.limiter import OTHERS_AT_ONCE, OTHERS_EVERY, RateLimiter

SECONDS = 15.0
#: By how much a request is late at random, in seconds.
JITTER = 0.002


class _Leap(selectors.SelectSelector):
    """Does not wait: the loop's time leaps to where the wait would have ended."""

    loop: "LeapLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout:
            self.loop.seconds += timeout
        return found


class LeapLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time."""

    def __init__(self) -> None:
        selector = _Leap()
        self.seconds = 1000.0
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.seconds


class LoopClock:
    """The time of the loop that runs.

    Real time because the loop takes none for it.
    """

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Counting(Protocol):
    """A way to count requests."""

    limit: int

    def take(self, now: float) -> int | None:
        """Take a place and give how many are left; None where none was."""
        ...


@dataclass
class FixedWindows:
    """A limit per second of the provider's own clock."""

    limit: int
    phase: float = 0.37
    _window: int = -1
    _used: int = 0

    def take(self, now: float) -> int | None:
        window = int(now + self.phase)
        if window != self._window:
            self._window, self._used = window, 0
        if self._used >= self.limit:
            return None
        self._used += 1
        return self.limit - self._used


@dataclass
class SlidingSecond:
    """So many in the last second, at any moment."""

    limit: int
    _taken: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> int | None:
        while self._taken and self._taken[0] <= now - 1:
            self._taken.popleft()
        if len(self._taken) >= self.limit:
            return None
        self._taken.append(now)
        return self.limit - len(self._taken)


@dataclass
class Bucket:
    """A bucket that holds a second's requests and is filled evenly."""

    limit: int
    _level: float | None = None
    _at: float = 0.0

    def take(self, now: float) -> int | None:
        level = self.limit if self._level is None else min(self.limit, self._level + (now - self._at) * self.limit)
        self._at = now
        self._level = level - 1 if level >= 1 else level
        return int(self._level) if level >= 1 else None


@dataclass
class Seen:
    """What came of a client's requests."""

    taken: int = 0
    throttled: int = 0
    #: When the taken ones were sent.
    sent: list[float] = field(default_factory=list)


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    """Run a coroutine in time of its own."""

    async def whole() -> Any:
        return await main()

    with asyncio.Runner(loop_factory=LeapLoop) as runner:
        return runner.run(whole())


async def ask(
    limiter: RateLimiter, server: Counting, seen: Seen, *, seconds: float, latency: Callable[[], float]
) -> None:
    """Send as fast as a limiter lets, for so many seconds; half of a latency is the way there."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    async with asyncio.TaskGroup() as group:
        while loop.time() < until:
            await limiter.acquire(first=True)
            group.create_task(_one(limiter, server, seen, latency()))


async def _one(limiter: RateLimiter, server: Counting, seen: Seen, latency: float) -> None:
    loop = asyncio.get_running_loop()
    at = limiter.sent()
    await LoopClock().sleep(latency / 2)
    left = server.take(at + latency / 2)  # also where something keeps the loop busy by then
    await LoopClock().sleep(at + latency - loop.time())
    if left is None:
        seen.throttled += 1
        limiter.throttled(1.0, server.limit, at)
    else:
        seen.taken += 1
        seen.sent.append(at)
        limiter.learn(server.limit, left, at)


async def take_evenly(server: Counting, rate: float, seconds: float) -> int:
    """Be another client of the same limit, and give how many of its requests were taken."""
    loop = asyncio.get_running_loop()
    began, number, taken = loop.time(), 0, 0
    while (at := began + number / rate) < began + seconds:
        await LoopClock().sleep(at - loop.time())
        taken += server.take(loop.time()) is not None
        number += 1
    return taken


KINDS = (FixedWindows, SlidingSecond, Bucket)


def _sent(
    server: Counting, *, latency: float, other: float = 0.0, halved_after: float | None = None
) -> tuple[Seen, int, RateLimiter]:
    """Send for some seconds beside another client; give what came of it, what the other got, and the limiter."""
    chance = random.Random(1)  # noqa: S311 - the same in every test

    async def main() -> tuple[Seen, int, RateLimiter]:
        loop = asyncio.get_running_loop()
        limiter, seen = RateLimiter(LoopClock()), Seen()
        other_task = asyncio.create_task(take_evenly(server, other, SECONDS + 2)) if other else None
        await LoopClock().sleep(0.7)
        # The plan asks for products and balances before anything is sent.
        await limiter.acquire()
        at = limiter.sent()
        await LoopClock().sleep(latency)
        limiter.learn(server.limit, server.take(loop.time()), at)
        await LoopClock().sleep(0.3)
        if halved_after is not None:
            loop.call_later(halved_after, _halve, server)
        await ask(limiter, server, seen, seconds=SECONDS, latency=lambda: latency + abs(chance.gauss(0, JITTER)))
        return seen, await other_task if other_task else 0, limiter

    result: tuple[Seen, int, RateLimiter] = run(main)
    return result


def _halve(server: Counting) -> None:
    server.limit //= 2


@pytest.mark.parametrize("latency", [0.05, 1.0])
@pytest.mark.parametrize("limit", [10, 50, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_nearly_the_whole_limit_is_used_and_no_more(
    kind: type[FixedWindows | SlidingSecond | Bucket], limit: int, latency: float
) -> None:
    seen, _, _ = _sent(kind(limit), latency=latency)
    assert seen.taken >= 0.98 * limit * SECONDS
    assert seen.throttled == 0


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.99])
def test_it_does_not_matter_when_the_providers_seconds_start(phase: float) -> None:
    seen, _, _ = _sent(FixedWindows(100, phase=phase), latency=0.05)
    assert seen.taken >= 0.98 * 100 * SECONDS
    assert seen.throttled == 0


@pytest.mark.parametrize("latency", [0.05, 1.0])
@pytest.mark.parametrize("limit", [100, 200])
def test_what_another_client_leaves_is_used_without_taking_from_it(limit: int, latency: float) -> None:
    seen, other, _ = _sent(FixedWindows(limit), latency=latency, other=limit / 3)
    assert seen.throttled == 0
    assert other >= limit / 3 * (SECONDS + 2) - 1
    assert seen.taken + limit / 3 * SECONDS >= 0.96 * limit * SECONDS


@pytest.mark.parametrize("kind", [SlidingSecond, Bucket])
def test_another_client_gets_its_share_where_windows_are_unknown(kind: type[SlidingSecond | Bucket]) -> None:
    seen, other, _ = _sent(kind(100), latency=0.05, other=100 / 3)
    assert seen.taken + other >= 0.9 * 100 * SECONDS
    assert seen.throttled <= 0.02 * seen.taken


@pytest.mark.parametrize("latency", [0.05, 1.0])
def test_a_halved_limit_is_kept_from_the_first_response_with_it(latency: float) -> None:
    seen, _, limiter = _sent(FixedWindows(100), latency=latency, halved_after=SECONDS / 2)
    assert limiter.rate == pytest.approx(50 * 0.99, rel=0.02)
    # Only what was on its way already can be refused.
    assert seen.throttled <= 100 * latency + 1
    # A second's wait is asked for by `Retry-After`, and what a provider that is far away says comes late.
    assert seen.taken >= 0.98 * 100 * SECONDS / 2 + 0.98 * 50 * (SECONDS / 2 - 2 - 3 * latency)


@pytest.mark.parametrize(("stall", "every"), [(0.06, 1.13), (0.2, 5.13)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stall_is_caught_up_without_a_burst_above_the_limit(
    kind: type[FixedWindows | SlidingSecond | Bucket], stall: float, every: float
) -> None:
    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        limiter, seen = RateLimiter(LoopClock()), Seen()
        server = kind(100)
        limiter.learn(100, 99, limiter.sent())
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(limiter, server, seen, seconds=SECONDS, latency=lambda: 0.05))
            while loop.time() < 1000 + SECONDS - 1:
                await LoopClock().sleep(every)
                loop.seconds += stall  # type: ignore[attr-defined] # as if something had kept the loop busy
        return seen.taken, seen.throttled

    taken, throttled = run(main)
    assert throttled == 0
    assert taken >= 0.98 * 100 * SECONDS


def test_without_headers_the_rate_is_found_by_429s() -> None:
    async def main() -> Seen:
        loop = asyncio.get_running_loop()
        limiter, seen, server = RateLimiter(LoopClock(), 100), Seen(), FixedWindows(50)
        until = loop.time() + SECONDS
        while loop.time() < until:
            await limiter.acquire()
            at = limiter.sent()
            if server.take(loop.time()) is None:
                seen.throttled += 1
                limiter.throttled(None, None, at)
            else:
                seen.taken += 1
                limiter.learn(None, None, at)
        return seen

    seen = run(main)
    assert seen.throttled <= 0.03 * seen.taken
    assert seen.taken >= 0.4 * 50 * SECONDS


def test_requests_that_pay_go_before_those_that_read_and_leave_them_a_small_part() -> None:
    passed: list[str] = []

    async def main() -> float:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter(LoopClock(), 100)

        async def go(what: str, *, first: bool) -> None:
            await limiter.acquire(first=first)
            passed.append(what)

        polls = [asyncio.create_task(go("asks", first=False)) for _ in range(50)]
        await asyncio.gather(*(go("pays", first=True) for _ in range(400)))
        began, asked = loop.time(), passed.count("asks")
        assert 400 / OTHERS_EVERY <= asked <= 400 / OTHERS_EVERY + OTHERS_AT_ONCE + 2
        await asyncio.gather(*polls)
        return loop.time() - began

    assert run(main) <= (50 + OTHERS_EVERY) / 100
