"""The rate for a provider that states no rate limit: it rises while all goes well, and falls back."""

from typing import Any

import pytest

from bulk_topup.dvs.learned_rate import DEFAULT_RATE, LEARNED_CEILING, RateSource
from bulk_topup.dvs.limiter import RateLimiter

pytestmark = pytest.mark.anyio


async def _send(limiter: RateLimiter, clock: Any, seconds: float, *, latency: float = 0.0, good: bool = True) -> None:
    """Send as fast as the limiter allows."""
    until = clock.monotonic() + seconds
    while clock.monotonic() < until:
        await limiter.acquire()
        limiter.learn(None, None, limiter.sent() - latency, is_good=good)


async def test_without_a_stated_limit_the_rate_rises_to_its_ceiling_while_responses_are_good_and_quick(
    clock: Any,
) -> None:
    limiter = RateLimiter(clock)
    assert (limiter.rate, limiter.source) == (DEFAULT_RATE, RateSource.LEARNED)
    await _send(limiter, clock, 5)
    after_five = limiter.rate
    assert DEFAULT_RATE < after_five < 2 * DEFAULT_RATE
    await _send(limiter, clock, 60)
    assert limiter.rate == LEARNED_CEILING


async def test_it_stays_where_it_is_while_responses_are_slow(clock: Any) -> None:
    limiter = RateLimiter(clock)
    await _send(limiter, clock, 5, latency=0.2)
    rate = limiter.rate
    await _send(limiter, clock, 5, latency=1.5)
    assert limiter.rate == rate


async def test_a_provider_that_is_always_slow_is_not_taken_for_one_that_is_busy(clock: Any) -> None:
    limiter = RateLimiter(clock)
    await _send(limiter, clock, 5, latency=3.0)
    assert limiter.rate > DEFAULT_RATE


async def test_a_429_lowers_it_and_it_returns_to_that_rate_only_slowly(clock: Any) -> None:
    limiter = RateLimiter(clock)
    await _send(limiter, clock, 20)
    before = limiter.rate
    limiter.throttled(1, None, limiter.sent())
    assert limiter.rate == pytest.approx(before * 0.7)
    clock.seconds += 1
    await _send(limiter, clock, 10)
    assert before * 0.95 < limiter.rate < before * 1.1


async def test_a_provider_that_throttles_for_minutes_leaves_a_rate_from_which_it_rises_again(clock: Any) -> None:
    limiter = RateLimiter(clock)
    for _ in range(60):
        limiter.throttled(1, None, limiter.sent())
        clock.seconds += 2
    assert limiter.rate == 1
    await _send(limiter, clock, 300)
    assert limiter.rate > 4


async def test_errors_of_the_server_lower_it_once_at_a_time_and_not_below_the_start(clock: Any) -> None:
    limiter = RateLimiter(clock)
    await _send(limiter, clock, 20)
    before, sent_at = limiter.rate, clock.monotonic()
    for _ in range(30):
        limiter.learn(None, None, sent_at, is_good=False)
    assert limiter.rate == pytest.approx(before * 0.9)
    await _send(limiter, clock, 60, good=False)
    assert limiter.rate == DEFAULT_RATE


async def test_a_rate_that_is_not_used_does_not_rise(clock: Any) -> None:
    limiter = RateLimiter(clock)
    for _ in range(100):
        clock.seconds += 0.5
        await limiter.acquire()
        limiter.learn(None, None, limiter.sent())
    assert limiter.rate == DEFAULT_RATE


async def test_a_configured_and_a_stated_rate_are_kept(clock: Any) -> None:
    limiter = RateLimiter(clock, 20)
    await _send(limiter, clock, 10)
    assert (limiter.rate, limiter.source) == (20, RateSource.CONFIGURED)
    limiter = RateLimiter(clock)
    limiter.learn(50, 49, limiter.sent())
    await _send(limiter, clock, 10)
    assert (limiter.source, limiter.limit) == (RateSource.STATED, 50)
    assert limiter.rate <= 50
    limiter = RateLimiter(clock, 20)
    limiter.learn(10, 9, limiter.sent())
    assert limiter.source is RateSource.STATED
