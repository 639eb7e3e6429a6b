"""Long lists of transactions that are read side by side, and grow meanwhile: none of their entries is missed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import pytest

from bulk_topup.app.side_by_side import AskingProgress, SideBySide
from bulk_topup.dvs import AsyncDVS, InvalidResponseError
from bulk_topup.dvs.pagination import Page, Pages
from bulk_topup.reconcile import transaction_list
from bulk_topup.reconcile.transaction_list import read_lists
from bulk_topup.system.clock import SystemClock

pytestmark = pytest.mark.anyio

PER_PAGE = 10


@dataclass(frozen=True)
class Entry:
    id: int


@dataclass
class Provider:
    """A list of entries by ID, of which the first page asked for is answered last."""

    entries: list[int]
    #: Called before each answer.
    change: Callable[["Provider"], object] = lambda _provider: None
    states_total: bool = True
    #: Returns the number of the page that is answered with.
    shown: Callable[[int], int] = lambda number: number
    #: The number of pages that is stated; 0 for the right one.
    pages: int = 0
    asked: list[int] = field(default_factory=list)

    async def fetch(self, number: int) -> Page[Any]:
        self.asked.append(number)
        for _ in range(200 - number if number > 1 else 0):
            await asyncio.sleep(0)
        self.change(self)
        shown = self.shown(number)
        return Page(
            items=tuple(map(Entry, self.entries[(shown - 1) * PER_PAGE : shown * PER_PAGE])),
            number=number,
            per_page=PER_PAGE,
            total=len(self.entries) if self.states_total else None,
            total_pages=self.pages or (ceil(len(self.entries) / PER_PAGE) if self.states_total else None),
        )


@dataclass
class Reader:
    """Reads lists, and notes what it receives."""

    received: list[int] = field(default_factory=list)
    progress: list[AskingProgress] = field(default_factory=list)

    async def receive(self, page: Page[Any]) -> int:
        before = len(set(self.received))
        self.received += [entry.id for entry in page.items]
        return len(set(self.received)) - before

    async def read(self, *providers: Provider) -> list[int]:
        dvs = AsyncDVS("http://127.0.0.1:9/v1", "key", "secret", rate=10_000)
        side_by_side = SideBySide(dvs=dvs, clock=SystemClock(), on_progress=self.progress.append)
        await read_lists([Pages(provider.fetch) for provider in providers], side_by_side, self.receive)
        return self.received


async def test_lists_that_do_not_change_are_read_once_and_in_order() -> None:
    days = [Provider(list(range(95))), Provider([]), Provider(list(range(100, 105))), Provider(list(range(200, 220)))]
    reader = Reader()
    first = [*range(10), *range(100, 105), *range(200, 210)]
    assert await reader.read(*days) == [*first, *range(10, 95), *range(210, 220)]
    assert [sorted(day.asked) for day in days] == [list(range(1, 11)), [1], [1], [1, 2]]
    assert [(each.what, each.answered, each.total) for each in reader.progress[3:6]] == [
        ("days of transactions", 4, 4),
        ("pages of transactions", 1, 10),
        ("pages of transactions", 2, 10),
    ]


@pytest.mark.parametrize("is_newest_first", [True, False])
async def test_a_list_that_grows_while_it_is_read_lacks_none_of_its_entries(is_newest_first: bool) -> None:
    left = list(range(1000, 1004))

    def grow(provider: Provider) -> None:
        if len(provider.asked) > 1 and left:
            provider.entries.insert(0 if is_newest_first else len(provider.entries), left.pop())

    provider = Provider(list(range(95)), grow)
    assert set(range(95)) <= set(await Reader().read(provider))
    assert len(provider.asked) > 10  # it was read again


async def test_a_list_without_totals_is_read_page_after_page() -> None:
    provider = Provider(list(range(35)), states_total=False)
    assert set(await Reader().read(provider)) == set(range(35))
    assert provider.asked == [1, 1, 2, 3, 4]


async def test_a_list_whose_pages_are_all_the_same_has_no_known_end() -> None:
    provider = Provider(list(range(95)), shown=lambda _number: 1)
    with pytest.raises(InvalidResponseError, match="repeated page"):
        await Reader().read(provider)


async def test_absurd_numbers_of_pages_take_neither_memory_nor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction_list, "PAGES_A_ROUND", 5)
    days = [Provider(list(range(day, day + 35)), pages=10**15) for day in range(0, 4_000, 40)]
    whole = Provider(list(range(5_000, 5_125)))
    reader = Reader()
    with pytest.raises(InvalidResponseError, match="announced"):
        await reader.read(*days, whole)
    assert set(range(5_000, 5_125)) <= set(reader.received)
    assert max(each.total for each in reader.progress if each.what == "pages of transactions") <= 5 * len(days) + 5


@pytest.mark.parametrize("shown", [lambda number: number, lambda _number: 1])
@pytest.mark.parametrize("states_total", [True, False])
async def test_pages_that_are_announced_without_end_are_not_all_asked_for(
    shown: Callable[[int], int], states_total: bool
) -> None:
    provider = Provider(list(range(35)), states_total=states_total, shown=shown, pages=1000)
    with pytest.raises(InvalidResponseError, match="announced"):
        await Reader().read(provider)
    assert len(provider.asked) < 100


async def test_only_so_many_pages_are_asked_for_before_their_turn() -> None:
    provider = Provider(list(range(2_000)))
    waiting: list[int] = []

    @dataclass
    class Slow(Reader):
        async def receive(self, page: Page[Any]) -> int:
            waiting.append(len(provider.asked) - page.number)
            for _ in range(300):
                await asyncio.sleep(0)
            return await super().receive(page)

    await Slow().read(provider)
    assert max(waiting) < 40
