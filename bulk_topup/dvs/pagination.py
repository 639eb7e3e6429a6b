"""Read lists page by page, with totals, or iterate over all entries (reference: Pagination)."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from bulk_topup.dvs.errors import InvalidResponseError
from bulk_topup.dvs.field_limits import PER_PAGE_MAX
from bulk_topup.dvs.unreadable import UnreadableEntry
from bulk_topup.system.waits import cancel_all

T = TypeVar("T")

#: Most pages of a list; more are an endless list.
MAX_PAGES: Final = 100_000
#: Pages in a row with the same entries after which a list is endless too. Two may be the same because new entries have
#: moved the others on to the next page meanwhile.
MAX_SAME_PAGES: Final = 3
#: Most concurrent requests for the pages of a long list that is read to its end.
PAGES_AT_ONCE: Final = 8
#: Most digits of a number in a header.
MAX_HEADER_DIGITS: Final = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """One page of a list, with the totals of its headers (None if missing)."""

    items: tuple[T, ...]
    #: The page's number, from 1.
    number: int
    #: Most items of a page.
    per_page: int
    #: Items and pages of the whole list.
    total: int | None
    total_pages: int | None
    #: The languages of the texts (`Content-Language`); None if not stated.
    content_language: str | None = None
    #: The page's entries that can't be read; `items` has the others.
    unreadable: tuple[UnreadableEntry, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the page has no entry, readable or not."""
        return not self.items and not self.unreadable

    @property
    def ids(self) -> list[object]:
        """The IDs of the page's entries; an entry itself where it has none."""
        return [getattr(entry, "id", None) or entry for entry in (*self.items, *self.unreadable)]

    @property
    def is_last(self) -> bool:
        """Whether no page follows: by the headers, or because the page is not full if they can't be right."""
        if self.total_pages is not None and self.total_pages >= self.number:
            return self.number == self.total_pages
        return len(self.items) + len(self.unreadable) < self.per_page


class Pages(Generic[T]):
    """A list that is fetched while it is iterated: `async for item in pages`, or `await pages.page(2)`.

    An entry that can't be read is skipped, and named in its page's `unreadable`.
    """

    def __init__(
        self,
        fetch: Callable[[int], Coroutine[None, None, Page[T]]],
        resized: "Callable[[int], Pages[T]] | None" = None,
    ) -> None:
        self._fetch = fetch
        self._resized = resized

    def per_page(self, number: int) -> "Pages[T]":
        """Return the same list with other pages: `dvs.products.list().per_page(20)`.

        Args:
            number: most entries of a page, up to 100, which is the default here (reference: Pagination).

        Raises:
            ValueError: the number is not from 1 to 100, or the list has no other pages.
        """
        if not 1 <= number <= PER_PAGE_MAX or self._resized is None:
            raise ValueError(f"This list has no pages of {number} entries. Choose 1 to {PER_PAGE_MAX}.")
        return self._resized(number)

    async def page(self, number: int = 1) -> Page[T]:
        """Fetch one page, counted from 1."""
        return await self._fetch(number)

    async def pages(self, *, at_once: int = 1) -> AsyncGenerator[Page[T], None]:
        """Yield all pages in order; close the generator if you stop before the last.

        Args:
            at_once: most concurrent requests, once the number of pages is known.

        Raises:
            InvalidResponseError: the list has no end, or lacks pages that DVS announced; what was read is incomplete.
            DVSError: DVS did not respond; what was read is incomplete.
        """
        requests: deque[asyncio.Task[Page[T]]] = deque()
        requested, announced = 0, 1
        same, before = 0, None
        try:
            for number in range(1, MAX_PAGES + 1):
                while requested < min(max(announced, number), number + at_once - 1):
                    requested += 1
                    requests.append(asyncio.create_task(self._fetch(requested)))
                page = await requests.popleft()
                if page.is_empty and not page.is_last:
                    # Continuing might never end, and stopping would leave entries out.
                    raise InvalidResponseError(
                        f"DVS announced {page.total_pages} pages of a list, and page {number} is empty."
                    )
                yield page
                if page.is_last:
                    return
                same, before = (same + 1 if page.ids == before else 1), page.ids
                if same == MAX_SAME_PAGES:
                    raise InvalidResponseError(
                        f"DVS repeated page {number - same + 1} of a list as the next {same - 1} pages, so its end "
                        f"is unknown ({page.total_pages or 'an unknown number of'} pages announced)."
                    )
                announced = page.total_pages or 0
            raise InvalidResponseError(f"DVS announced more than {MAX_PAGES} pages of one list.")
        finally:
            await cancel_all(requests)

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item


class PagesInParts(Pages[T]):
    """A list that is fetched in parts without overlap, e.g. window by window.

    It has no page numbers of its own: `page` raises ValueError; iteration covers all parts.
    """

    def __init__(self, parts: Sequence[Pages[T]]) -> None:
        self._parts = parts

    def per_page(self, number: int) -> "PagesInParts[T]":
        """Return the same list with other pages, in the same parts; see `Pages.per_page`."""
        return PagesInParts([part.per_page(number) for part in self._parts])

    async def page(self, number: int = 1) -> Page[T]:
        """Raise ValueError, since pages are numbered in each part."""
        raise ValueError(f"This list has {len(self._parts)} parts, so it has no page {number}. Iterate over it.")

    async def pages(self, *, at_once: int = 1) -> AsyncGenerator[Page[T], None]:
        """Yield the pages of all parts in order; number and totals of a page are those of its part."""
        for part in self._parts:
            async with aclosing(part.pages(at_once=at_once)) as pages:
                async for page in pages:
                    yield page


def header_number(headers: Mapping[str, str], name: str) -> int | None:
    """Return a header as a whole number; None if it is missing or not a number."""
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_HEADER_DIGITS else None
