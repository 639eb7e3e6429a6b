"""Hold mode: how often prices are asked for and the time is checked, to the single request and the second."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.domain.run import Run
from bulk_topup.dvs import NoResponseError
from bulk_topup.engine import CircuitPolicy, StopReason
from bulk_topup.engine.hold import HoldCoordinator
from bulk_topup.engine.move_recorder import MoveRecorder
from tests.engine.conftest import count_states, decision_in

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Unpriced = Callable[[int], Awaitable[Run]]

CREATION = "POST /v1/async/transactions HTTP/1.1"
SINGLE = "GET /v1/transactions/"
HOLD = Guards(mode=Mode.HOLD)
#: When the clock of these tests is 0.
EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def time_scale() -> float:
    """Transactions can be confirmed for 180 s."""
    return 0.05


def _without_prices(transaction: dict[str, Any]) -> None:
    del transaction["prices"]


def _asked(network: Any) -> int:
    return sum(line.startswith(SINGLE) for line, _ in network.seen)


@pytest.fixture
def unpriced(pay: Pay, network: Any, watcher: Any) -> Callable[[int], Awaitable[Run]]:
    """Return a function that creates a run of some unconfirmed transactions, whose prices DVS left out."""

    async def make(rows: int) -> Run:
        def rule(_number: int, line: str, _body: bytes) -> Any:
            if line != CREATION:
                return "pass"
            if sum(line == CREATION for line, _ in network.seen) == rows:
                watcher.runner.stop()
            return _without_prices

        network.rule = rule
        finished, outcomes = await pay(rows, mode="hold")
        assert count_states(outcomes) == {"accepted": rows}
        network.rule = lambda *_: "pass"
        network.seen.clear()
        run: Run = finished.run
        return run

    return make


async def test_all_missing_prices_are_asked_for_once_however_many_are_asked_for_at_once(pay: Pay, network: Any) -> None:
    network.rule = lambda _number, line, _body: _without_prices if line == CREATION else "pass"
    finished, outcomes = await pay(9, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 9})
    confirmed = next(number for number, (line, _) in enumerate(network.seen) if "/confirm" in line)
    asked = [line for line, _ in network.seen[:confirmed] if line.startswith(SINGLE)]
    assert len(set(asked)) == len(asked) == 9


async def test_after_a_price_that_stays_missing_no_further_ones_are_asked_for(pay: Pay, network: Any) -> None:
    asked: list[str] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line.startswith(SINGLE):
            asked.append(line)
        return _without_prices if line == CREATION or (line.startswith(SINGLE) and len(asked) == 6) else "pass"

    network.rule = rule
    finished, outcomes = await pay(9, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (StopReason.PRICE, {"accepted": 9})
    assert len(asked) == 8


@pytest.mark.parametrize("is_stopping", [False, True])
async def test_once_the_run_stops_or_the_round_must_end_no_price_is_asked_for(
    unpriced: Unpriced, network: Any, context_of: Any, clock: Any, is_stopping: bool
) -> None:
    run = await unpriced(2)
    async with context_of(run, clock=clock, guards=HOLD) as context:
        coordinator = HoldCoordinator(context, MoveRecorder(context))
        if is_stopping:
            context.control.stop(StopReason.INTERRUPTED, "Interrupted.")
        else:
            expiry = context.ledger.unconfirmed.summary(run).expires_at
            clock.seconds += (expiry - clock.now()).total_seconds()
        assert await coordinator.is_expiring() is not is_stopping
        await coordinator._fetch_prices()
    assert _asked(network) == 0


@pytest.mark.parametrize(("answer", "is_failure", "asked"), [("pass", False, 2), ("lose", True, 1)])
async def test_prices_that_are_asked_for_show_whether_dvs_responds(
    unpriced: Unpriced, network: Any, context_of: Any, answer: str, is_failure: bool, asked: int
) -> None:
    run = await unpriced(2)
    network.rule = lambda *_: answer
    async with context_of(run, guards=HOLD, concurrency=1, circuit=CircuitPolicy(failures=2)) as context:
        context.control.record_no_response(NoResponseError())
        await HoldCoordinator(context, MoveRecorder(context))._fetch_prices()
        assert (_asked(network), context.control.is_paused) == (asked, is_failure)
        context.control.record_no_response(NoResponseError())
        assert context.control.is_paused is is_failure


async def test_a_cancellation_with_a_response_ends_a_series_of_failures(unpriced: Unpriced, context_of: Any) -> None:
    run = await unpriced(1)
    async with context_of(run, guards=HOLD, circuit=CircuitPolicy(failures=2)) as context:
        context.control.record_no_response(NoResponseError())
        await HoldCoordinator(context, MoveRecorder(context)).cancel_round()
        context.control.record_no_response(NoResponseError())
        assert not context.control.is_paused


async def test_a_cancellation_that_is_refused_is_sent_again_a_second_later(
    unpriced: Unpriced, network: Any, context_of: Any, clock: Any
) -> None:
    run = await unpriced(1)
    cancelled: list[float] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if "/cancel" not in line:
            return "pass"
        cancelled.append(round(clock.seconds - before, 1))
        return "pass" if len(cancelled) > 2 else (400, b'{"errors":[{"code":1000400,"message":"Not now"}]}')

    network.rule = rule
    async with context_of(run, clock=clock, guards=HOLD) as context:
        before = clock.seconds
        await HoldCoordinator(context, MoveRecorder(context)).cancel_round()
    assert cancelled == [0, 1, 2]


async def test_that_a_closed_run_cancels_is_on_disk_before_the_first_cancellation(
    unpriced: Unpriced, network: Any, context_of: Any, tmp_path: Path
) -> None:
    run = await unpriced(2)
    decisions: list[str | None] = []

    def rule(_number: int, line: str, _body: bytes) -> str:
        if "/cancel" in line:
            decisions.append(decision_in(tmp_path))
        return "pass"

    network.rule = rule
    async with context_of(run, guards=HOLD) as context:
        await HoldCoordinator(context, MoveRecorder(context)).cancel_round()
    assert (decisions, decision_in(tmp_path)) == (["cancel"] * 2, None)


async def test_the_time_to_confirm_is_checked_each_second_and_keeps_a_tenth_in_reserve(
    pay: Pay, network: Any, watcher: Any, context_of: Any, clock: Any
) -> None:
    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line == CREATION:
            watcher.runner.stop()
        return "pass"

    network.rule = rule
    finished, _ = await pay(1, mode="hold")
    async with context_of(finished.run, clock=clock, guards=HOLD) as context:
        coordinator = HoldCoordinator(context, MoveRecorder(context))
        summary = context.ledger.unconfirmed.summary(finished.run)
        assert summary.count == 1
        validity = summary.expires_at - summary.created_at
        last = summary.expires_at - validity / 10 - timedelta(seconds=1 / context.dvs.limiter.rate)
        start = (last - EPOCH).total_seconds()
        found = []
        for seconds in (-0.5, 0.25, 0.51):  # checked at the first and the last of them
            clock.seconds = start + seconds
            found.append(await coordinator.is_expiring())
        assert found == [False, False, True]
        clock.seconds = start - 10
        assert await coordinator.is_expiring(), "known until the round has ended"
        exactly = summary.expires_at - validity * 0.1 - timedelta(seconds=1 / context.dvs.limiter.rate)
        for microseconds, is_expiring in ((-1, False), (0, True)):
            clock.seconds = (exactly + timedelta(microseconds=microseconds) - EPOCH).total_seconds()
            assert await HoldCoordinator(context, MoveRecorder(context)).is_expiring() is is_expiring
        another = HoldCoordinator(context, MoveRecorder(context))
        found = []
        for seconds in (-1.0, 0.0):  # checked again after exactly a second
            clock.seconds = ceil(start) + seconds
            found.append(await another.is_expiring())
        assert found == [False, True]


async def test_a_single_confirmation_that_never_gets_through_is_sent_in_as_many_passes_as_several(
    pay: Pay, network: Any
) -> None:
    refused = (400, b'{"errors":[{"code":1000400,"message":"Not now"}]}')
    network.rule = lambda _number, line, _body: refused if "/confirm" in line else "pass"
    finished, _ = await pay(1, mode="hold")
    assert finished.result.reason is StopReason.STILL_OPEN
    assert "1 transaction is still unconfirmed after the decision to confirm" in finished.result.message
    assert sum("/confirm" in line for line, _ in network.seen) == 31
