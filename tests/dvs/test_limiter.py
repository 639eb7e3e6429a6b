"""The rate limiter, on a clock that is moved by hand."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bulk_topup.dvs.limiter import LONGEST_PAUSE, SHARE_OF_LIMIT, SHRINK, TOGETHER, RateLimiter
from tests.helpers.hand_clock import RingingClock

pytestmark = pytest.mark.anyio


class _SleepyClock:
    """A sleeper wakes up when the test advances the time."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self._asleep: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        awake = asyncio.get_running_loop().create_future()
        self._asleep.append((self.seconds + seconds, awake))
        await awake

    def wake_at(self, seconds: float) -> None:
        """Move the time on, and wake up whose sleep is over."""
        self.seconds = seconds
        for at, awake in self._asleep:
            if at <= self.seconds and not awake.done():
                awake.set_result(None)

    async def run_for(self, seconds: float) -> None:
        """Move the time on, by hundredths of a second."""
        until = self.seconds + seconds
        while self.seconds < until:
            self.wake_at(self.seconds + 0.01)
            for _ in range(5):
                await asyncio.sleep(0)


async def _pass(limiter: RateLimiter, times: int) -> None:
    for _ in range(times):
        await limiter.acquire()


async def _pass_and_leave(limiter: RateLimiter, times: int = 1) -> None:
    for _ in range(times):
        await limiter.acquire()
        limiter.sent()


async def _twenty(limiter: RateLimiter) -> list[asyncio.Task[None]]:
    """Let twenty ask at once, of whom the first may have passed by now."""
    tasks = [asyncio.create_task(limiter.acquire()) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def _give_up(limiter: RateLimiter, times: int) -> None:
    """Let one that goes first pass, and others after it wait and give up."""
    await limiter.acquire(first=True)
    waiting = [asyncio.create_task(limiter.acquire(first=True)) for _ in range(times)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


def _learn(limiter: RateLimiter, limit: int, remaining: int) -> None:
    limiter.learn(limit, remaining, limiter.sent())


def _throttled(limiter: RateLimiter, retry_after: float | None) -> float:
    return limiter.throttled(retry_after, None, limiter.sent())


async def test_requests_are_spread_evenly_from_the_first_on(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=10)
    began = clock.monotonic()
    await _pass(limiter, 101)
    assert clock.monotonic() - began == pytest.approx(10)


async def test_no_second_has_more_requests_than_the_rate_however_many_wait(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=20)
    passed: list[float] = []

    async def one() -> None:
        await limiter.acquire()
        passed.append(clock.monotonic())

    await asyncio.gather(*(one() for _ in range(100)))
    assert max(sum(start <= moment < start + 0.999999 for moment in passed) for start in passed) <= 20


async def test_no_second_has_more_sent_requests_than_the_rate_where_they_are_sent_late(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=20)
    left: list[float] = []

    async def five(late: float) -> None:
        for _ in range(5):
            await limiter.acquire()
        clock.seconds += late  # something keeps the event loop busy
        left.extend(limiter.sent() for _ in range(5))

    for turn in range(40):
        await five(0.1 if turn % 3 == 0 else 0.0)
    assert max(sum(start <= moment < start + 0.999999 for moment in left) for start in left) <= 20
    assert left[-1] - left[0] <= 12


async def test_a_long_rest_does_not_allow_a_burst_afterwards(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=10)
    await limiter.acquire()
    clock.seconds += 3600
    began = clock.monotonic()
    await _pass(limiter, 11)
    assert clock.monotonic() - began >= 0.9


async def test_the_first_response_gives_the_limit(clock: Any) -> None:
    limiter = RateLimiter(clock)
    _learn(limiter, 200, 199)
    assert limiter.rate == pytest.approx(200 * SHARE_OF_LIMIT)


async def test_a_configured_rate_is_never_exceeded_whatever_the_limit(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=5)
    for _ in range(1000):
        _learn(limiter, 200, 199)
    assert limiter.rate == 5


async def test_a_smaller_limit_slows_down_at_once(clock: Any) -> None:
    limiter = RateLimiter(clock)
    _learn(limiter, 100, 50)
    _learn(limiter, 50, 20)
    assert limiter.rate <= 50


async def test_a_429_pauses_all_requests_as_long_as_it_says(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=100)
    await limiter.acquire()
    _throttled(limiter, 7.0)
    assert limiter.pause_left == 7
    began = clock.monotonic()
    await limiter.acquire()
    assert clock.monotonic() - began >= 7
    assert limiter.pause_left == 0


async def test_a_request_just_before_the_end_of_a_pause_waits_for_it_too(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=1000)
    await limiter.acquire()
    began = clock.monotonic()
    _throttled(limiter, 7.0)
    clock.seconds += 6.999
    await limiter.acquire()
    assert clock.monotonic() - began >= 7


async def test_requests_that_are_due_at_nearly_the_same_time_go_together(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=500)
    passed: list[float] = []
    for _ in range(1000):
        await limiter.acquire()
        passed.append(clock.monotonic())
    assert passed[-1] - passed[0] == pytest.approx(2, abs=2 * TOGETHER)
    assert len(set(passed)) <= 300
    for start in (passed[0], passed[250], passed[499]):
        assert sum(start <= moment < start + 0.999999 for moment in passed) <= 500
        assert sum(start <= moment < start + TOGETHER - 0.000001 for moment in passed) <= 2 * 500 * TOGETHER


async def test_one_wake_up_lets_all_pass_whose_time_has_come() -> None:
    clock = _SleepyClock()
    limiter = RateLimiter(clock, rate=500)
    waiting = await _twenty(limiter)
    before = sum(task.done() for task in waiting)
    clock.wake_at(clock.seconds + TOGETHER)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sum(task.done() for task in waiting) - before >= TOGETHER * 500 - 1
    for task in waiting:
        task.cancel()


async def test_they_pass_in_the_order_in_which_they_came(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=500)
    passed: list[int] = []

    async def one(number: int) -> None:
        await limiter.acquire()
        passed.append(number)

    await asyncio.gather(*(one(number) for number in range(100)))
    assert passed == list(range(100))


@pytest.mark.parametrize("gone", [range(1), range(1, 5), range(0, 20, 2), range(19)])
async def test_a_leader_cancelled_while_it_sleeps_hands_the_lead_to_the_next(gone: range) -> None:
    clock = _SleepyClock()
    limiter = RateLimiter(clock, rate=10)
    await limiter.acquire()
    waiting = [asyncio.create_task(limiter.acquire()) for _ in range(20)]
    await asyncio.sleep(0)
    for number in gone:
        waiting[number].cancel()
    async with asyncio.timeout(10):
        ended = await asyncio.gather(*waiting, clock.run_for(3.0), return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in ended[:20]] == [number in gone for number in range(20)]


async def test_a_request_cancelled_as_the_leader_wakes_up_does_not_pass() -> None:
    clock = _SleepyClock()
    limiter = RateLimiter(clock, rate=500)
    waiting = await _twenty(limiter)
    left = [task for task in waiting if not task.done()]
    clock.wake_at(clock.seconds + TOGETHER)
    for task in left[1:3]:
        task.cancel()
    await asyncio.gather(*waiting, clock.run_for(1.0), return_exceptions=True)
    assert [task.cancelled() for task in left] == [place in {1, 2} for place in range(len(left))]
    assert not [task for task in waiting if not task.cancelled() and task.exception()]


async def test_a_request_cancelled_just_after_it_passed_takes_no_place_of_another() -> None:
    clock = _SleepyClock()
    limiter = RateLimiter(clock, rate=500)
    for _ in range(60):
        waiting = [asyncio.create_task(_pass_and_leave(limiter)) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.wake_at(clock.seconds + TOGETHER)
        await asyncio.sleep(0)  # the leader has let others pass, and they have not run yet
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    passed = asyncio.create_task(_pass_and_leave(limiter, 1500))
    await clock.run_for(3.5)
    assert passed.done()


async def test_a_cancelled_request_does_not_count_as_waiting(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=100)
    await _give_up(limiter, 5)
    began = clock.monotonic()
    await _pass(limiter, 100)
    assert clock.monotonic() - began <= 1.01  # while one that goes first waits, they would take 40 s


async def test_a_429_that_asks_for_a_year_is_bounded(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=100)
    assert _throttled(limiter, 31_536_000.0) == LONGEST_PAUSE


async def test_after_a_429_the_rate_shrinks_and_grows_back(clock: Any) -> None:
    limiter = RateLimiter(clock)
    _learn(limiter, 100, 50)
    before = limiter.rate
    _throttled(limiter, None)
    assert limiter.rate < before
    for _ in range(100):
        _learn(limiter, 100, 50)
    assert limiter.rate == pytest.approx(before)


async def test_no_request_left_means_a_short_pause(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=1000)
    await limiter.acquire()
    _learn(limiter, 1000, 0)
    began = clock.monotonic()
    await limiter.acquire()
    assert clock.monotonic() - began == pytest.approx(0.05)


async def test_a_burst_of_429_slows_down_once(clock: Any) -> None:
    limiter = RateLimiter(clock, 100)
    for _ in range(25):
        _throttled(limiter, 1.0)
    assert limiter.rate == pytest.approx(100 * SHRINK)
    clock.seconds += 1.0
    _throttled(limiter, 1.0)
    assert limiter.rate == pytest.approx(100 * SHRINK * SHRINK)


async def test_a_429_to_a_request_sent_before_the_limit_changed_slows_nothing_down(clock: Any) -> None:
    limiter = RateLimiter(clock)
    _learn(limiter, 100, 99)
    clock.seconds += 1.0
    first, refused = limiter.sent(), limiter.sent()
    clock.seconds += 0.05
    limiter.learn(50, 49, first)
    limiter.throttled(1.0, 50, refused)
    assert limiter.rate == pytest.approx(50 * SHARE_OF_LIMIT)
    clock.seconds += 1.0
    _throttled(limiter, 1.0)
    assert limiter.rate == pytest.approx(50 * SHARE_OF_LIMIT * SHRINK)


async def test_a_cancelled_request_keeps_no_other_from_passing(clock: Any) -> None:
    limiter = RateLimiter(clock, rate=1)
    await _give_up(limiter, 3)
    began = clock.monotonic()
    await limiter.acquire()
    await limiter.acquire(first=True)
    assert clock.monotonic() - began <= 2


async def test_an_urgent_request_goes_before_all_that_wait() -> None:
    clock = RingingClock()
    limiter = RateLimiter(clock, 1.0)
    passed: list[str] = []

    async def request(name: str, **how: bool) -> None:
        await limiter.acquire(**how)
        passed.append(name)

    await request("at once")
    waiting = [asyncio.create_task(request(f"pays {number}", first=True)) for number in range(9)]
    await asyncio.sleep(0)
    await asyncio.gather(asyncio.create_task(request("balance", urgent=True)), *waiting)
    assert passed.index("balance") <= 4
