"""Bounded concurrency: a function called with many items, and rows claimed in advance."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from bulk_topup.dvs import NoResponseError
from bulk_topup.engine.concurrency import LARGEST_CLAIM, gather_sum, rows_to_claim
from bulk_topup.errors import LedgerError

pytestmark = pytest.mark.anyio


class Calls:
    """Counts calls, and how many of them are concurrent."""

    def __init__(self, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.started: list[int] = []
        self.ended: list[int] = []
        self.most = 0
        self._fails = fails

    async def one(self, item: int) -> int:
        self.started.append(item)
        self.most = max(self.most, len(self.started) - len(self.ended))
        for _ in range(1 + item % 3):
            await asyncio.sleep(0)
        self.ended.append(item)
        if self._fails(item):
            raise NoResponseError(f"no answer to {item}")
        return item


@pytest.mark.parametrize("concurrency", [1, 4, 100])
async def test_each_item_is_processed_once_and_concurrency_is_bounded(concurrency: int) -> None:
    calls = Calls()
    assert await gather_sum(calls.one, range(50), concurrency=concurrency) == sum(range(50))
    assert calls.started == list(range(50))
    assert calls.most == min(concurrency, 50)


async def test_without_items_the_sum_is_zero() -> None:
    assert await gather_sum(Calls().one, [], concurrency=4) == 0


async def test_after_an_error_no_call_starts_and_running_calls_end() -> None:
    calls = Calls(fails=lambda item: item in {20, 21})
    with pytest.raises(NoResponseError, match="21"):  # which takes less long
        await gather_sum(calls.one, range(50), concurrency=4)
    assert set(range(22)) <= set(calls.started)
    assert len(calls.started) <= 26
    assert sorted(calls.ended) == sorted(calls.started)


async def test_an_error_that_is_not_from_dvs_is_raised_immediately_and_alone() -> None:
    waiting = asyncio.Event()

    async def one(item: int) -> int:
        if item == 0:
            raise NoResponseError("no answer")
        if item == 1:
            raise LedgerError("disk full")
        await waiting.wait()
        return item

    with pytest.raises(LedgerError, match="disk full"):
        await gather_sum(one, range(9), concurrency=4)


async def test_cancelling_the_whole_cancels_each_call() -> None:
    cancelled: list[int] = []

    async def wait(item: int) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(item)
        return item

    def whole() -> Coroutine[None, None, int]:
        return gather_sum(wait, range(9), concurrency=3)

    task = asyncio.create_task(whole())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cancelled) == [0, 1, 2]


@pytest.mark.parametrize(
    ("returned", "seconds", "concurrency", "wanted"),
    [
        (0, 0.0, 4, 4),
        (7, 0.0, 1000, 32),
        (10, 1.0, 1000, 32),  # however high the concurrency, few rows are claimed in advance
        (10, 1.0, 4, 4),
        (500, 1.0, 4, 50),
        (100, 0.1, 64, 100),
        (10_000, 1.0, 64, LARGEST_CLAIM),
    ],
)
def test_rows_are_claimed_for_a_moment_of_sending_at_the_recent_rate(
    returned: int, seconds: float, concurrency: int, wanted: int
) -> None:
    assert rows_to_claim(returned, seconds, concurrency) == wanted
