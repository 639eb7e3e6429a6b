"""Waits after HTTP 429: read from seconds and dates, reported while they last, and bounded in their sum."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bulk_topup.dvs import AsyncDVS, RetryPolicy, WaitTooLongError
from bulk_topup.dvs.limiter import LONGEST_PAUSE
from bulk_topup.dvs.provider_clock import parse_date
from bulk_topup.dvs.retry_after import retry_after
from bulk_topup.dvs.waits import Waits

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
AT = "Sun, 01 Nov 2026 12:02:00 GMT"
THROTTLED = b'{"errors":[{"code":1000429,"message":"Too many requests"}]}'


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "90"}, 90),
        ({"retry-after": AT}, 120),
        ({"retry-after": "Sunday, 01-Nov-26 12:02:00 GMT"}, 120),
        ({"retry-after": "Sun, 01 Nov 2026 13:02:00 +0100"}, 120),
        ({"retry-after": "Sun, 01 Nov 2026 12:02:00 -0000"}, 120),
        # The provider's clock is an hour behind: its own time counts.
        ({"retry-after": AT, "date": "Sun, 01 Nov 2026 12:01:50 GMT"}, 10),
        ({"retry-after": AT, "date": "yesterday"}, 120),
        ({"retry-after": "Sun, 01 Nov 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "9" * 40}, None),
        ({"retry-after": "Sun, 01 Nov 99999 12:02:00 GMT"}, None),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 +2300"}, 0),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize("text", ["", " ", "0", "\x00", "(", "Sun, 99 Nov 2026 99:99:99 GMT", "1 " * 5_000])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


async def _throttled(
    scripted: Any, answer: Any, clock: Any, retry_after: str, **options: Any
) -> tuple[Any, list[float]]:
    told: list[float] = []
    policy = RetryPolicy(tries=1)
    async with scripted(answer(429, THROTTLED, Retry_After=retry_after)) as peer:
        async with AsyncDVS(peer.base_url, "key", "secret", clock=clock, retries=policy, **options) as dvs:
            dvs.waits.on_wait = told.append
            with pytest.raises(WaitTooLongError) as caught:
                await dvs.balances.list().page()
    return caught.value, told


@pytest.mark.parametrize("seconds", ["60", "Thu, 01 Jan 2099 00:00:00 GMT", "3000"])
async def test_the_sum_of_waits_is_bounded_and_each_is_reported(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any, seconds: str
) -> None:
    began = clock.monotonic()
    error, told = await _throttled(scripted, answer, clock, seconds)
    assert "exceed 600 s" in str(error)
    assert clock.monotonic() - began <= 600
    one = 60 if seconds == "60" else LONGEST_PAUSE
    assert told == [pytest.approx(one, abs=0.5)] * int(600 / one)


async def test_a_caller_may_wait_for_nothing(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    error, told = await _throttled(scripted, answer, clock, "1", max_wait=0)
    assert (told, sum(clock.slept)) == ([], 0)
    assert "exceed 0 s" in str(error)


def test_a_short_wait_is_not_reported_and_one_that_is_extended_is_reported_again(clock: Any) -> None:
    told: list[float] = []
    waits = Waits(clock, 600)
    waits.on_wait = told.append
    waits.start(5)
    assert told == []
    waits.start(20)
    waits.start(20)  # a response to a request that was in flight too
    assert told == [20]
    clock.seconds += 10
    waits.start(20)
    assert told == [20, 20]


def test_many_short_waits_are_reported_unless_other_responses_come_between(clock: Any) -> None:
    told: list[float] = []
    waits = Waits(clock, 600)
    waits.on_wait = told.append

    def wait_shortly(times: int) -> None:
        for _ in range(times):
            waits.start(1.0)
            clock.seconds += 1

    wait_shortly(29)
    assert told == []
    wait_shortly(1)
    assert told == [1.0]
    wait_shortly(29)
    waits.record_response()
    wait_shortly(29)
    assert told == [1.0]


def test_waits_that_overlap_count_once_and_only_a_run_forgets_them(clock: Any) -> None:
    waits = Waits(clock, 100)
    for _ in range(50):
        waits.start(60)
    waits.check()
    clock.seconds += 60
    waits.record_response()
    waits.start(41)
    with pytest.raises(WaitTooLongError, match="another 41 s"):
        waits.check()
    clock.seconds += 41
    waits.check()  # the pause is over
    waits.restarts = True
    waits.record_response()
    waits.start(99)
    waits.check()
