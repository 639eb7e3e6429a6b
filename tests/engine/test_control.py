"""When a run pauses, goes on or stops."""

import asyncio
from typing import Any

import pytest

from bulk_topup.engine import CircuitPolicy, StopReason
from bulk_topup.engine.control import Control

pytestmark = pytest.mark.anyio

POLICY = CircuitPolicy(failures=3, first_pause=5, longest_pause=12, patience=100)


async def _fail(control: Control, times: int) -> None:
    for _ in range(times):
        control.unanswered(OSError("no route"))


async def test_a_few_failures_do_not_pause_the_run(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 2)
    assert not control.is_paused
    control.answered()
    await _fail(control, 2)
    assert not control.is_paused


async def test_many_failures_in_a_row_pause_it_say_why_and_let_it_go_on(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 3)
    assert control.is_paused
    assert control.message == "Paused for 5 s after 3 calls without an answer: no route"
    began = clock.monotonic()
    assert await control.wait_until_allowed()
    assert clock.monotonic() - began == pytest.approx(5)
    control.answered()
    assert control.message == ""


async def test_pauses_grow_to_their_bound_while_nothing_answers(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 3)
    lengths = []
    for _ in range(4):
        began = clock.monotonic()
        await control.wait_until_allowed()
        lengths.append(clock.monotonic() - began)
        await _fail(control, 1)
    assert lengths == pytest.approx([5, 10, 12, 12])


async def test_without_any_answer_for_too_long_the_run_gives_up(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 1)
    clock.seconds += 101
    await _fail(control, 1)
    assert control.reason is StopReason.CIRCUIT
    assert control.is_stopping
    assert not await control.wait_until_allowed()
    assert "no route" in control.message


async def test_one_answer_starts_the_patience_anew(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 1)
    clock.seconds += 99
    control.answered()
    await _fail(control, 1)
    clock.seconds += 99
    await _fail(control, 1)
    assert control.reason is None


async def test_without_balance_submitting_ends_and_tracking_goes_on(clock: Any) -> None:
    control = Control(clock, POLICY)
    control.stop(StopReason.BALANCE, "empty")
    assert not control.may_submit
    assert not control.is_stopping
    control.answered()
    assert control.message == "empty"


async def test_the_first_reason_stands_but_an_interruption_is_always_obeyed(clock: Any) -> None:
    control = Control(clock, POLICY)
    control.stop(StopReason.BALANCE, "empty")
    control.stop(StopReason.CIRCUIT, "later")
    assert (control.reason, control.message) == (StopReason.BALANCE, "empty")
    control.stop(StopReason.INTERRUPTED, "by hand")
    assert control.reason is StopReason.INTERRUPTED
    await control.stopped()


async def test_a_stop_ends_a_pause_at_once(clock: Any) -> None:
    control = Control(clock, POLICY)
    await _fail(control, 3)
    control.stop(StopReason.INTERRUPTED, "by hand")
    began = clock.monotonic()
    assert not await control.wait_until_allowed()
    assert clock.monotonic() == began


async def test_who_waits_for_a_place_is_let_go_when_submitting_ends(clock: Any) -> None:
    control = Control(clock, POLICY)
    waiting = [asyncio.create_task(control.admit(asyncio.Event().wait())) for _ in range(2)]
    await asyncio.sleep(0)
    control.stop(StopReason.BALANCE, "empty")
    control.stop(StopReason.INTERRUPTED, "enough")
    assert await asyncio.gather(*waiting) == [False, False]


async def test_a_place_that_comes_lets_a_row_pass_and_after_the_end_none_does(clock: Any) -> None:
    control = Control(clock, POLICY)
    assert await control.admit(asyncio.sleep(0))
    control.stop(StopReason.BALANCE, "empty")
    assert not await control.admit(asyncio.sleep(0))


async def test_what_goes_wrong_while_a_row_waits_for_its_place_is_not_taken_for_the_end(clock: Any) -> None:
    async def fail() -> None:
        raise TimeoutError

    control = Control(clock, POLICY)
    with pytest.raises(TimeoutError):
        await control.admit(fail())


async def test_whoever_is_cancelled_while_waiting_for_a_place_stays_cancelled(clock: Any) -> None:
    control = Control(clock, POLICY)
    waiting = asyncio.create_task(control.admit(asyncio.Event().wait()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
