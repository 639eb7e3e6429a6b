"""A long list that is read side by side, and changes while it is read: no entry is lost, and none is there twice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

import pytest

from bulk_topup.app.side_by_side import SideBySide
from bulk_topup.app.whole_list import MAX_READINGS, read_whole_list
from bulk_topup.dvs import AsyncDVS, InvalidResponseError
from bulk_topup.dvs.pagination import Page, Pages
from bulk_topup.dvs.unreadable import UnreadableEntry
from bulk_topup.system.clock import SystemClock

pytestmark = pytest.mark.anyio

PER_PAGE = 10


@dataclass(frozen=True)
class Entry:
    id: int


@dataclass
class Provider:
    """A list of entries by ID that changes before it answers a request."""

    entries: list[int]
    #: Called with the provider and the number of the request, from 1, before it is answered.
    change: Callable[["Provider", int], object] = lambda _provider, _number: None
    #: Added to the total that it states.
    wrong_by: int = 0
    #: Returns the entries of a page in place of those that it has.
    shown: Callable[[int], list[int]] | None = None
    states_total: bool = True
    asked: list[int] = field(default_factory=list)

    async def fetch(self, number: int) -> Page[Entry]:
        self.asked.append(number)
        self.change(self, len(self.asked))
        on_page = self.entries[(number - 1) * PER_PAGE : number * PER_PAGE]
        total = len(self.entries) + self.wrong_by
        return Page(
            items=tuple(map(Entry, on_page if self.shown is None else self.shown(number))),
            number=number,
            per_page=PER_PAGE,
            total=total if self.states_total else None,
            total_pages=ceil(total / PER_PAGE) if self.states_total else None,
        )

    async def read(self) -> list[int]:
        dvs = AsyncDVS("http://127.0.0.1:9/v1", "key", "secret", rate=10_000)
        whole = await read_whole_list(Pages(self.fetch), "entries", SideBySide(dvs=dvs, clock=SystemClock()))
        return [entry.id for entry in whole.entries]


async def test_one_page_is_asked_for_once() -> None:
    provider = Provider(list(range(PER_PAGE)))
    assert await provider.read() == provider.entries
    assert provider.asked == [1]


async def test_all_pages_are_read_once_and_the_first_one_last_again() -> None:
    provider = Provider(list(range(95)))
    assert await provider.read() == provider.entries
    assert provider.asked == [1, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("at", range(1, 12))
@pytest.mark.parametrize("position", [0, 5, 47, 94])
async def test_an_entry_that_leaves_meanwhile_takes_no_other_with_it(at: int, position: int) -> None:
    def change(provider: Provider, number: int) -> None:
        if number == at:
            del provider.entries[position]

    provider = Provider(list(range(95)), change)
    found = await provider.read()
    assert found == provider.entries


@pytest.mark.parametrize("at", range(1, 12))
@pytest.mark.parametrize("position", [0, 5, 47, 95])
async def test_an_entry_that_comes_meanwhile_hides_and_doubles_no_other(at: int, position: int) -> None:
    def change(provider: Provider, number: int) -> None:
        if number == at:
            provider.entries.insert(position, 1_000)

    provider = Provider(list(range(95)), change)
    found = await provider.read()
    assert sorted(found) == sorted(provider.entries)


@pytest.mark.parametrize("at", range(2, 12))
@pytest.mark.parametrize("position", [0, 5, 47, 94])
async def test_an_entry_in_the_place_of_another_hides_no_third_one(at: int, position: int) -> None:
    def change(provider: Provider, number: int) -> None:
        if number == at:
            del provider.entries[position]
            provider.entries.append(1_000)

    provider = Provider(list(range(95)), change)
    found = await provider.read()
    assert len(found) == len(set(found))
    assert set(range(95)) - {position} <= set(found)


async def test_a_list_that_never_stands_still_has_every_entry_that_was_there_throughout() -> None:
    def change(provider: Provider, number: int) -> None:
        provider.entries.insert(0, 1_000 + number)

    provider = Provider(list(range(95)), change)
    found = await provider.read()
    assert set(range(95)) <= set(found)
    assert len(found) == len(set(found))
    assert provider.asked.count(10) == MAX_READINGS


async def test_a_wrong_total_costs_a_second_reading_and_nothing_else() -> None:
    provider = Provider(list(range(95)), wrong_by=-1)
    assert await provider.read() == provider.entries
    assert provider.asked.count(10) == 2


async def test_no_more_pages_are_asked_for_than_a_list_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk_topup.app.whole_list.MAX_PAGES", 12)

    def change(provider: Provider, number: int) -> None:
        if number > 1:
            provider.wrong_by = 1_000

    provider = Provider(list(range(95)), change)
    with pytest.raises(InvalidResponseError):
        await provider.read()
    assert max(provider.asked) == 12


async def test_announced_pages_that_are_missing_are_an_error() -> None:
    provider = Provider(list(range(95)), wrong_by=20)
    with pytest.raises(InvalidResponseError, match="announced 12 pages of a list, and page 11 has no entry of its own"):
        await provider.read()


async def test_a_provider_that_repeats_one_page_is_an_error() -> None:
    provider = Provider(list(range(95)), shown=lambda _number: list(range(PER_PAGE)))
    with pytest.raises(InvalidResponseError, match="page 2 has no entry of its own"):
        await provider.read()


async def test_a_list_without_totals_is_read_page_by_page() -> None:
    provider = Provider(list(range(95)), states_total=False)
    assert await provider.read() == provider.entries
    assert provider.asked == [1, *range(1, 11)]


async def test_a_list_with_an_entry_that_cannot_be_read_says_so() -> None:
    unreadable = UnreadableEntry(path="/products", id=7, external_id=None, problem="name")

    async def fetch(number: int) -> Page[Entry]:
        return Page(items=(Entry(1),), unreadable=(unreadable,), number=number, per_page=10, total=2, total_pages=1)

    dvs = AsyncDVS("http://127.0.0.1:9/v1", "key", "secret")
    whole = await read_whole_list(Pages(fetch), "entries", SideBySide(dvs=dvs, clock=SystemClock()))
    assert (whole.entries, whole.is_readable) == ((Entry(1),), False)
