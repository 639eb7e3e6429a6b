"""Lists in pages, some of which are on their way at once."""

import asyncio
from contextlib import aclosing
from types import SimpleNamespace

import pytest

from bulk_topup.dvs.errors import InvalidResponseError
from bulk_topup.dvs.pagination import Page, Pages, PagesInParts
from bulk_topup.dvs.unreadable import UnreadableEntry

pytestmark = pytest.mark.anyio


class Pagebook:
    """A list of so many pages; the later a page is, the sooner it comes, or the later."""

    def __init__(self, pages: int, *, has_totals: bool = True, last_comes_first: bool = True) -> None:
        self.pages = pages
        self.has_totals = has_totals
        self.last_comes_first = last_comes_first
        self.asked: list[int] = []
        self.given: list[int] = []
        self.cancelled: list[int] = []
        self.most = 0

    async def fetch(self, number: int) -> Page[int]:
        self.asked.append(number)
        self.most = max(self.most, len(self.asked) - len(self.given))
        try:
            for _ in range(50 - number if self.last_comes_first else number):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        self.given.append(number)
        items = (number,) if number <= self.pages else ()
        total_pages = self.pages if self.has_totals else None
        return Page(items=items, number=number, per_page=1, total=None, total_pages=total_pages)


async def _read(pages: Pages[int], *, at_once: int) -> list[int]:
    return [item async for page in pages.pages(at_once=at_once) for item in page.items]


@pytest.mark.parametrize("at_once", [1, 3, 8, 100])
@pytest.mark.parametrize("number", [1, 2, 7, 30])
async def test_each_page_comes_once_and_in_order_with_several_in_flight(number: int, at_once: int) -> None:
    book = Pagebook(number)
    assert await _read(Pages(book.fetch), at_once=at_once) == list(range(1, number + 1))
    assert book.asked == list(range(1, number + 1))
    assert book.most == max(1, min(at_once, number - 1))


async def test_pages_of_an_unknown_number_are_fetched_one_after_the_other() -> None:
    book = Pagebook(5, has_totals=False)
    assert await _read(Pages(book.fetch), at_once=8) == [1, 2, 3, 4, 5]
    assert book.most == 1


@pytest.mark.parametrize(("then", "after"), [(4, 3), (12, 3), (4, 9)])
async def test_a_list_that_changes_meanwhile_is_read_to_its_new_end(then: int, after: int) -> None:
    book = Pagebook(10)

    async def fetch(number: int) -> Page[int]:
        if number == after:
            book.pages = then
        return await book.fetch(number)

    found = await _read(Pages(fetch), at_once=3)
    assert found[:then] == list(range(1, then + 1))
    assert len(found) <= max(then, after)


async def test_pages_in_flight_are_cancelled_when_the_iteration_stops() -> None:
    book = Pagebook(10, last_comes_first=False)
    async with aclosing(Pages(book.fetch).pages(at_once=4)) as pages:
        async for page in pages:
            if page.number == 2:
                break
    assert sorted(book.cancelled) == [3, 4, 5]


async def test_an_error_of_one_is_raised_in_its_turn_and_ends_the_others() -> None:
    book = Pagebook(10)

    async def fetch(number: int) -> Page[int]:
        if number == 4:
            raise InvalidResponseError("no page")
        return await book.fetch(number)

    found: list[int] = []

    async def read() -> None:
        async for page in Pages(fetch).pages(at_once=3):
            found.extend(page.items)

    with pytest.raises(InvalidResponseError, match="no page"):
        await read()
    assert found == [1, 2, 3]
    assert set(book.given) | set(book.cancelled) == set(book.asked)


async def test_an_announced_page_that_is_empty_is_an_error() -> None:
    book = Pagebook(3)

    async def fetch(number: int) -> Page[int]:
        page = await book.fetch(number)
        return Page(items=page.items, number=number, per_page=1, total=None, total_pages=9)

    with pytest.raises(InvalidResponseError, match="page 4 is empty"):
        await _read(Pages(fetch), at_once=8)


async def test_the_parts_of_a_list_are_read_one_after_the_other() -> None:
    books = [Pagebook(5), Pagebook(3)]
    whole = PagesInParts([Pages(book.fetch) for book in books])
    assert await _read(whole, at_once=4) == [1, 2, 3, 4, 5, 1, 2, 3]
    assert [book.most for book in books] == [4, 2]


@pytest.mark.parametrize("announced", [0, 1])
async def test_a_number_of_pages_that_can_not_be_right_hides_no_entry(announced: int) -> None:
    async def fetch(number: int) -> Page[int]:
        items = {1: (1, 2), 2: (3, 4), 3: (5,)}[number]
        total = announced if number > 1 or not announced else 3
        return Page(items=items, number=number, per_page=2, total=None, total_pages=total)

    assert [item async for item in Pages(fetch)] == [1, 2, 3, 4, 5]


def _page(number: int, items: tuple[object, ...], *, pages: int | None = 100_000) -> Page[object]:
    return Page(items=items, number=number, per_page=2, total=None, total_pages=pages)


@pytest.mark.parametrize("announced", [100_000, None])
@pytest.mark.parametrize("at_once", [1, 8])
async def test_a_list_that_repeats_its_page_is_an_error_after_three(at_once: int, announced: int | None) -> None:
    asked: list[int] = []

    async def fetch(number: int) -> Page[object]:
        asked.append(number)
        return _page(number, (1, 2) if number == 1 else (3, 4), pages=announced)

    found: list[object] = []

    async def read() -> None:
        async for page in Pages(fetch).pages(at_once=at_once):
            found.extend(page.items)

    with pytest.raises(InvalidResponseError, match="repeated page 2 of a list as the next 2 pages"):
        await read()
    assert set(found) == {1, 2, 3, 4}
    assert len(asked) <= 4 + at_once


async def test_entries_of_other_fields_and_the_same_ids_are_the_same_page() -> None:
    async def fetch(number: int) -> Page[object]:
        return _page(number, (SimpleNamespace(id=1, status=number), SimpleNamespace(id=2, status=number)))

    with pytest.raises(InvalidResponseError, match="repeated page 1"):
        [item async for item in Pages(fetch)]


async def test_pages_that_new_entries_move_are_read_to_the_end() -> None:
    """Each entry is moved on by a whole page, twice: no page comes three times in a row."""
    pages = [(1, 2), (1, 2), (3, 4), (3, 4), (1, 2), (5,)]

    async def fetch(number: int) -> Page[object]:
        return _page(number, pages[number - 1], pages=len(pages))

    assert {item async for item in Pages(fetch)} == {1, 2, 3, 4, 5}


async def test_pages_that_can_not_be_read_are_repeated_too() -> None:
    entry = UnreadableEntry(path="/transactions", id=None, external_id=None, problem="no ID")

    async def fetch(number: int) -> Page[object]:
        return Page(items=(), number=number, per_page=1, total=None, total_pages=100_000, unreadable=(entry,))

    with pytest.raises(InvalidResponseError, match="repeated page 1"):
        [item async for item in Pages(fetch)]
