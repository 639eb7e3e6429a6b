"""Python looks for garbage rarely while a run is on, and as before afterwards."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from bulk_topup.engine.gc_thresholds import RARELY, rare_gc


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[tuple[int, int, int]]:
    """The thresholds of this process, which are put back."""
    before = gc.get_threshold()
    yield before
    gc.enable()
    gc.set_threshold(*before)


def test_the_thresholds_are_put_back(thresholds: tuple[int, int, int]) -> None:
    with rare_gc():
        assert gc.get_threshold() == RARELY
    assert gc.get_threshold() == thresholds


def test_they_are_put_back_after_an_error(thresholds: tuple[int, int, int]) -> None:
    def fail() -> None:
        with rare_gc():
            raise ValueError("meanwhile")

    with pytest.raises(ValueError, match="meanwhile"):
        fail()
    assert gc.get_threshold() == thresholds


@pytest.mark.parametrize("stated", [(100_000, 5, 5), (0, 10, 10)])
def test_whoever_wants_it_more_rarely_or_never_is_let_alone(stated: tuple[int, int, int]) -> None:
    gc.set_threshold(*stated)
    with rare_gc():
        assert gc.get_threshold() == stated
    assert gc.get_threshold() == stated


def test_where_it_is_switched_off_it_stays_so(thresholds: tuple[int, int, int]) -> None:
    gc.disable()
    with rare_gc():
        assert not gc.isenabled()
        assert gc.get_threshold() == thresholds


def test_of_two_at_once_the_first_puts_them_back(thresholds: tuple[int, int, int]) -> None:
    first, second = rare_gc(), rare_gc()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert gc.get_threshold() == thresholds


@pytest.mark.anyio
async def test_a_run_is_such_a_time(pay: Any, network: Any, thresholds: tuple[int, int, int]) -> None:
    seen: set[tuple[int, int, int]] = set()

    def look(_number: int, line: str, _body: bytes) -> str:
        if line.startswith("POST"):
            seen.add(gc.get_threshold())
        return "pass"

    network.rule = look
    await pay(3)
    assert seen == {RARELY}
    assert gc.get_threshold() == thresholds
