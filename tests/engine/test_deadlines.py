"""A run that is given a deadline: it stops when the clock that it was given says so."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.engine import Runner, StopReason
from tests.helpers.hand_clock import SkippingClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]


def _never_final(content: Any) -> None:
    for each in content if isinstance(content, list) else [content]:
        each["status"] = {"id": 50000, "message": "SUBMITTED", "class": {"id": 5, "message": "SUBMITTED"}}


@pytest.fixture
def stop_after(watcher: Any, skipping_clock: SkippingClock) -> Callable[[timedelta], None]:
    """Return a function that gives the run a deadline so long after its start."""
    follow = watcher.running

    def give(length: timedelta) -> None:
        @contextmanager
        def running(run: Run, runner: Runner) -> Iterator[None]:
            with follow(run, runner):
                end = runner.stop_at(skipping_clock.now() + length)
                yield
                end.cancel()

        watcher.running = running

    return give


@pytest.mark.parametrize(("minutes", "reason"), [(2, StopReason.INTERRUPTED), (60_000, StopReason.STILL_OPEN)])
async def test_a_deadline_stops_a_run_by_its_clock(
    pay: Pay, network: Any, stop_after: Callable[[timedelta], None], minutes: int, reason: StopReason
) -> None:
    network.rule = lambda _number, line, _body: _never_final if "/transactions" in line else "pass"
    stop_after(timedelta(minutes=minutes))
    finished, outcomes = await pay(2, tracking_timeout=300)
    assert finished.result.reason is reason
    assert ("Deadline reached. Resume:" in finished.result.message) is (minutes == 2)
    assert {each.state for each in outcomes} == {RowState.ACCEPTED}


async def test_a_run_that_ends_before_its_deadline_is_not_stopped(
    pay: Pay, stop_after: Callable[[timedelta], None]
) -> None:
    stop_after(timedelta(hours=2))
    finished, outcomes = await pay(2)
    assert finished.result.reason is None
    assert {each.state for each in outcomes} == {RowState.COMPLETED}


async def test_nothing_is_sent_after_a_deadline_that_has_passed(
    pay: Pay, books: Callable[[], Any], stop_after: Callable[[timedelta], None]
) -> None:
    stop_after(timedelta(hours=-1))
    finished, outcomes = await pay(2)
    assert finished.result.reason is StopReason.INTERRUPTED
    assert {each.state for each in outcomes} == {RowState.PENDING}
    assert books() == []
