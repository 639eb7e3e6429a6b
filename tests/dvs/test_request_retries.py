"""Which errors are tried again, how often, and after what wait."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.dvs import DVSError, InvalidResponseError, NoResponseError, RetryPolicy, TooManyRequestsError
from bulk_topup.dvs.errors import ErrorDetail, error_for
from bulk_topup.dvs.request_retries import ONE_TRY, is_transient, with_retries

pytestmark = pytest.mark.anyio

#: An error body in DVS's form.
DETAILS = (ErrorDetail(code=1003002, message="Requested product amount is out of range"),)


async def _outcome(clock: Any, policy: RetryPolicy, *errors: DVSError) -> tuple[int, object]:
    """Run a call that fails with these errors and then succeeds; give its number of tries and its end."""
    tries = 0

    async def call() -> str:
        nonlocal tries
        tries += 1
        if tries <= len(errors):
            raise errors[tries - 1]
        return "done"

    try:
        value = await with_retries(call, policy, clock)
    except DVSError as error:
        return tries, error
    return tries, value


async def test_waits_grow_are_spread_and_stay_below_their_bound(clock: Any) -> None:
    policy = RetryPolicy(tries=6, first_wait=1, longest_wait=5)
    await _outcome(clock, policy, *(NoResponseError() for _ in range(6)))
    for slept, whole in zip(clock.slept, [1, 2, 4, 5, 5], strict=True):
        assert whole / 2 <= slept <= whole


async def test_a_request_that_succeeds_later_gives_its_value(clock: Any) -> None:
    tries, value = await _outcome(clock, RetryPolicy(), NoResponseError(), error_for(503, ()), InvalidResponseError())
    assert (tries, value) == (4, "done")


async def test_by_default_four_tries_end_a_request_and_sixty_that_are_throttled(clock: Any) -> None:
    tries, error = await _outcome(clock, RetryPolicy(), *(NoResponseError() for _ in range(9)))
    assert (tries, type(error)) == (4, NoResponseError)
    tries, error = await _outcome(clock, RetryPolicy(), *(TooManyRequestsError(429, ()) for _ in range(99)))
    assert (tries, type(error)) == (60, TooManyRequestsError)


async def test_by_default_no_wait_is_longer_than_twenty_seconds(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    await _outcome(clock, RetryPolicy(tries=30), *(NoResponseError() for _ in range(30)))
    assert max(clock.slept) == 20


async def test_429_does_not_use_up_tries(clock: Any) -> None:
    throttled = [TooManyRequestsError(429, ()) for _ in range(20)]
    _, value = await _outcome(clock, RetryPolicy(tries=1), *throttled)
    assert value == "done"


@pytest.mark.parametrize("unknown", [NoResponseError(), InvalidResponseError(), error_for(500, ()), error_for(504, ())])
async def test_a_refusal_after_an_unknown_try_says_so(clock: Any, unknown: DVSError) -> None:
    _, error = await _outcome(clock, RetryPolicy(), unknown, error_for(400, DETAILS))
    assert isinstance(error, DVSError)
    assert error.after_unknown


async def test_a_refusal_after_a_429_is_proof(clock: Any) -> None:
    _, error = await _outcome(clock, RetryPolicy(), TooManyRequestsError(429, DETAILS), error_for(400, DETAILS))
    assert isinstance(error, DVSError)
    assert not error.after_unknown


@given(st.integers(400, 599))
def test_only_429_and_transient_server_errors_are_retried(status: int) -> None:
    assert is_transient(error_for(status, DETAILS)) == (status in {429, 500, 502, 503, 504})


@given(st.integers(400, 599))
def test_every_5xx_leaves_the_outcome_unknown_and_no_clear_refusal_does(status: int) -> None:
    error = error_for(status, DETAILS)
    assert error.outcome_unknown == (status >= 500 or status in {408, 425, 499})


async def test_the_first_wait_of_a_request_is_at_most_half_a_second_by_default(clock: Any) -> None:
    await _outcome(clock, RetryPolicy(), NoResponseError())
    [slept] = clock.slept
    assert 0.25 <= slept <= 0.5


async def test_after_a_429_the_limiter_alone_makes_the_request_wait(clock: Any) -> None:
    await _outcome(clock, RetryPolicy(), *(TooManyRequestsError(429, ()) for _ in range(3)))
    assert clock.slept == [0.0] * 3


async def test_a_policy_of_one_try_repeats_no_request_but_a_throttled_one(clock: Any) -> None:
    tries, error = await _outcome(clock, ONE_TRY, *(NoResponseError() for _ in range(3)))
    assert (tries, type(error)) == (1, NoResponseError)
    tries, value = await _outcome(clock, ONE_TRY, *(TooManyRequestsError(429, ()) for _ in range(3)))
    assert (tries, value) == (4, "done")
