"""When a run pauses, continues or stops."""

import asyncio
from typing import Any

import pytest

from bulk_topup.dvs import NoResponseError, TooManyRequestsError, UnauthorizedError
from bulk_topup.engine import CircuitPolicy, StopReason
from bulk_topup.engine.control import OUTAGE, Control, format_seconds

pytestmark = pytest.mark.anyio

POLICY = CircuitPolicy(failures=3, first_pause=5, longest_pause=12, patience=100)


async def _fail(control: Control, times: int) -> None:
    for _ in range(times):
        control.record_no_response(OSError("no route"))


async def test_a_few_failures_do_not_pause_the_run(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 2)
    assert not control.is_paused
    control.record_response()
    await _fail(control, 2)
    assert not control.is_paused


async def test_many_failures_in_a_row_pause_the_run_with_a_reason_until_it_continues(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 3)
    assert control.is_paused
    assert control.message == "Paused for 5 s after 3 requests without a response: no route"
    began = clock.monotonic()
    assert await control.wait_until_allowed()
    assert clock.monotonic() - began == pytest.approx(5)
    control.record_response()
    assert control.message == ""


async def test_why_a_run_stopped_outlasts_a_pause_after_it(clock: Any) -> None:
    control = Control(clock, POLICY)
    control.stop(StopReason.CAP, "The cap is reached.")
    await _fail(control, 3)
    assert control.is_paused
    assert control.message == "The cap is reached."


async def test_pauses_grow_to_their_maximum_while_dvs_does_not_respond(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 3)
    lengths = []
    for _ in range(4):
        began = clock.monotonic()
        await control.wait_until_allowed()
        lengths.append(clock.monotonic() - began)
        await _fail(control, 1)
    assert lengths == pytest.approx([5, 10, 12, 12])


async def test_a_run_stops_after_too_long_without_a_response(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 1)
    clock.seconds += 101
    await _fail(control, 1)
    assert control.reason is StopReason.CIRCUIT
    assert control.is_stopping
    assert not await control.wait_until_allowed()
    assert control.message == "DVS has not responded for 100 s: no route"


async def test_one_response_resets_the_patience(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 1)
    clock.seconds += 99
    control.record_response()
    await _fail(control, 1)
    clock.seconds += 99
    await _fail(control, 1)
    assert control.reason is None


async def test_without_balance_submitting_ends_and_tracking_continues(clock: Any) -> None:
    control = Control(clock, POLICY)
    control.stop(StopReason.BALANCE, "empty")
    assert not control.may_submit
    assert not control.is_stopping
    control.record_response()
    assert control.message == "empty"


async def test_the_first_reason_is_kept_but_an_interruption_always_applies(clock: Any) -> None:
    control = Control(clock, POLICY)
    control.stop(StopReason.BALANCE, "empty")
    control.stop(StopReason.CIRCUIT, "later")
    assert (control.reason, control.message) == (StopReason.BALANCE, "empty")
    control.stop(StopReason.INTERRUPTED, "by hand")
    assert control.reason is StopReason.INTERRUPTED
    await control.stopped()


async def test_a_stop_ends_a_pause_immediately(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 3)
    control.stop(StopReason.INTERRUPTED, "by hand")
    began = clock.monotonic()
    assert not await control.wait_until_allowed()
    assert clock.monotonic() == began


async def test_what_was_sent_is_looked_up_after_a_pause_although_nothing_more_is_sent(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 3)
    control.stop(StopReason.BALANCE, "No balance.")
    began = clock.monotonic()
    await control.wait_until_closed()
    assert clock.monotonic() - began == pytest.approx(5)
    await _fail(control, 3)
    control.stop(StopReason.INTERRUPTED, "Stopped.")
    began = clock.monotonic()
    await control.wait_until_closed()
    assert clock.monotonic() == began


async def test_requests_that_wait_for_the_limiter_are_released_when_submitting_ends(clock: Any) -> None:
    control = Control(clock, POLICY)
    waiting = [asyncio.create_task(control.admit(asyncio.Event().wait())) for _ in range(2)]
    await asyncio.sleep(0)
    control.stop(StopReason.BALANCE, "empty")
    control.stop(StopReason.INTERRUPTED, "enough")
    assert await asyncio.gather(*waiting) == [False, False]


async def test_a_row_is_admitted_by_the_limiter_but_not_after_submitting_ended(clock: Any) -> None:
    control = Control(clock, POLICY)
    assert await control.admit(asyncio.sleep(0))
    control.stop(StopReason.BALANCE, "empty")
    assert not await control.admit(asyncio.sleep(0))


async def test_an_error_while_a_row_waits_for_the_limiter_is_not_mistaken_for_the_end_of_submitting(clock: Any) -> None:
    async def fail() -> None:
        raise TimeoutError

    control = Control(clock, POLICY)
    with pytest.raises(TimeoutError):
        await control.admit(fail())


async def test_a_task_that_is_cancelled_while_it_waits_for_the_limiter_stays_cancelled(clock: Any) -> None:
    control = Control(clock, POLICY)
    waiting = asyncio.create_task(control.admit(asyncio.Event().wait()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_refused_credentials_stop_the_run_and_other_errors_count_as_missing_responses(clock: Any) -> None:
    control = Control(clock, POLICY)
    for _ in range(3):
        control.record_error(NoResponseError("no route"))
    assert (control.is_paused, control.reason) == (True, None)
    control.record_error(UnauthorizedError(401, ()))
    assert (control.reason, control.is_stopping) == (StopReason.UNAUTHORIZED, True)
    assert "HTTP 401" in control.message
    assert control.message.endswith(". Check DVS_API_KEY and DVS_API_SECRET, then resume.")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.05, "0 s"), (59.6, "60 s"), (60, "1 min"), (90, "90 s"), (600, "10 min"), (1800.0, "30 min")],
)
def test_durations_are_written_in_seconds_or_whole_minutes(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


async def test_half_a_minute_in_which_a_request_had_no_response_is_one_outage(clock: Any) -> None:
    control = Control(clock, POLICY)
    clock.seconds += 10 * OUTAGE
    assert control.outages == 0, "nothing was sent"
    control.record_response()
    await _fail(control, 1)
    clock.seconds += OUTAGE - 1
    assert control.outages == 0
    clock.seconds += 1
    assert control.outages == 1
    clock.seconds += OUTAGE
    await _fail(control, 1)
    assert control.outages == 1, "it lasts"
    control.record_response()
    await _fail(control, 1)
    clock.seconds += OUTAGE
    control.record_response()
    assert control.outages == 2, "it is over, and was one"


async def test_a_throttled_request_had_a_response(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 1)
    for _ in range(3):
        clock.seconds += OUTAGE - 1
        control.record_no_response(TooManyRequestsError(429, ()))
    assert control.outages == 0
