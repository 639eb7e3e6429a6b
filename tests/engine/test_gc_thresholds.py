"""Python collects garbage rarely while a run is running, and as before afterwards."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from bulk_topup.engine.gc_thresholds import RARE, rare_gc


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[tuple[int, int, int]]:
    """The thresholds of this process, restored after the test."""
    before = gc.get_threshold()
    yield before
    gc.enable()
    gc.set_threshold(*before)


def test_the_thresholds_are_restored(thresholds: tuple[int, int, int]) -> None:
    with rare_gc():
        assert gc.get_threshold() == RARE
    assert gc.get_threshold() == thresholds


def test_the_thresholds_are_restored_after_an_error(thresholds: tuple[int, int, int]) -> None:
    def fail() -> None:
        with rare_gc():
            raise ValueError("meanwhile")

    with pytest.raises(ValueError, match="meanwhile"):
        fail()
    assert gc.get_threshold() == thresholds


@pytest.mark.parametrize("thresholds_before", [(100_000, 5, 5), (0, 10, 10)])
def test_thresholds_that_are_higher_or_off_are_kept(thresholds_before: tuple[int, int, int]) -> None:
    gc.set_threshold(*thresholds_before)
    with rare_gc():
        assert gc.get_threshold() == thresholds_before
    assert gc.get_threshold() == thresholds_before


def test_a_collector_that_is_off_stays_off(thresholds: tuple[int, int, int]) -> None:
    gc.disable()
    with rare_gc():
        assert not gc.isenabled()
        assert gc.get_threshold() == thresholds


def test_of_two_overlapping_contexts_the_first_restores_the_thresholds(thresholds: tuple[int, int, int]) -> None:
    first, second = rare_gc(), rare_gc()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert gc.get_threshold() == thresholds


@pytest.mark.anyio
async def test_garbage_is_collected_rarely_during_a_run(
    pay: Any, network: Any, thresholds: tuple[int, int, int]
) -> None:
    seen: set[tuple[int, int, int]] = set()

    def look(_number: int, line: str, _body: bytes) -> str:
        if line.startswith("POST"):
            seen.add(gc.get_threshold())
        return "pass"

    network.rule = look
    await pay(3)
    assert seen == {RARE}
    assert gc.get_threshold() == thresholds
