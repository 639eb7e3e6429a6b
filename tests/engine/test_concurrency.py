"""The same done for many things, some of them at once."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from bulk_topup.dvs import NoResponseError
from bulk_topup.engine.concurrency import LARGEST_CLAIM, gather_sum, rows_to_claim
from bulk_topup.errors import LedgerError

pytestmark = pytest.mark.anyio


class Doing:
    """Counts what is done, and how much of it at once."""

    def __init__(self, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.most = 0
        self._fails = fails

    async def one(self, item: int) -> int:
        self.begun.append(item)
        self.most = max(self.most, len(self.begun) - len(self.ended))
        for _ in range(1 + item % 3):
            await asyncio.sleep(0)
        self.ended.append(item)
        if self._fails(item):
            raise NoResponseError(f"no answer to {item}")
        return item


@pytest.mark.parametrize("at_once", [1, 4, 100])
async def test_each_is_done_once_and_so_many_at_once(at_once: int) -> None:
    doing = Doing()
    assert await gather_sum(doing.one, range(50), at_once=at_once) == sum(range(50))
    assert doing.begun == list(range(50))
    assert doing.most == min(at_once, 50)


async def test_nothing_to_do_is_nothing() -> None:
    assert await gather_sum(Doing().one, [], at_once=4) == 0


async def test_after_an_error_nothing_is_begun_and_what_was_begun_ends() -> None:
    doing = Doing(fails=lambda item: item in {20, 21})
    with pytest.raises(NoResponseError, match="21"):  # which takes less long
        await gather_sum(doing.one, range(50), at_once=4)
    assert set(range(22)) <= set(doing.begun)
    assert len(doing.begun) <= 26
    assert sorted(doing.ended) == sorted(doing.begun)


async def test_another_error_than_the_providers_is_raised_at_once_and_alone() -> None:
    waiting = asyncio.Event()

    async def one(item: int) -> int:
        if item == 0:
            raise NoResponseError("no answer")
        if item == 1:
            raise LedgerError("disk full")
        await waiting.wait()
        return item

    with pytest.raises(LedgerError, match="disk full"):
        await gather_sum(one, range(9), at_once=4)


async def test_whoever_cancels_the_whole_cancels_each() -> None:
    cancelled: list[int] = []

    async def wait(item: int) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(item)
        return item

    def whole() -> Coroutine[None, None, int]:
        return gather_sum(wait, range(9), at_once=3)

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
        (10, 1.0, 1000, 32),  # however many may be on their way, little is claimed before its time
        (10, 1.0, 4, 4),
        (500, 1.0, 4, 50),
        (100, 0.1, 64, 100),
        (10_000, 1.0, 64, LARGEST_CLAIM),
    ],
)
def test_rows_are_claimed_for_a_moment_of_sending_at_the_pace_of_late(
    returned: int, seconds: float, concurrency: int, wanted: int
) -> None:
    assert rows_to_claim(returned, seconds, concurrency) == wanted
