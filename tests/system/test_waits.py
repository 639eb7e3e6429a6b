"""Waits that go on side by side: their results, which error is raised, and that none outlives it."""

import asyncio

import pytest

from bulk_topup.system.waits import all_of, both

pytestmark = pytest.mark.anyio


async def fail(error: Exception, *, after: asyncio.Event | None = None) -> int:
    if after is not None:
        await after.wait()
    raise error


async def met(own: asyncio.Event, other: asyncio.Event, result: int) -> int:
    """Return only if another wait is going on."""
    own.set()
    await other.wait()
    return result


class Endless:
    """A wait that never ends, and records that it was cancelled."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.is_cancelled = False

    async def wait(self) -> int:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise
        return 0


async def test_both_waits_go_on_at_the_same_time() -> None:
    one, two = asyncio.Event(), asyncio.Event()
    assert await both(met(one, two, 1), met(two, one, 2)) == (1, 2)


async def test_all_waits_go_on_at_the_same_time_and_keep_their_order() -> None:
    one, two = asyncio.Event(), asyncio.Event()
    assert await all_of([met(one, two, 1), met(two, one, 2)]) == [1, 2]
    assert await all_of([]) == []


async def test_an_error_of_the_first_wait_cancels_the_second() -> None:
    endless = Endless()
    with pytest.raises(ValueError, match="first"):
        await both(fail(ValueError("first"), after=endless.started), endless.wait())
    assert endless.is_cancelled


async def test_of_two_errors_that_of_the_first_wait_is_raised_though_it_comes_later() -> None:
    later = asyncio.Event()

    async def second() -> int:
        later.set()
        raise ValueError("second")

    with pytest.raises(ValueError, match="first"):
        await both(fail(ValueError("first"), after=later), second())
    with pytest.raises(ValueError, match="first"):
        await all_of([fail(ValueError("first"), after=later), second()])


async def test_an_error_of_the_second_wait_is_raised_too() -> None:
    with pytest.raises(ValueError, match="second"):
        await both(asyncio.sleep(0, 1), fail(ValueError("second")))


async def test_waits_end_when_who_waits_for_them_is_cancelled() -> None:
    first, second = Endless(), Endless()
    waiting = asyncio.create_task(both(first.wait(), second.wait()))
    await second.started.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert first.is_cancelled
    assert second.is_cancelled
