"""Lists in pages: one page with its totals, or an async iterator over all pages (reference: Pagination)."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from bulk_topup.dvs.errors import InvalidResponseError
from bulk_topup.system.waits import cancel_all

T = TypeVar("T")

#: A list longer than this many pages is a provider that never ends.
MAX_PAGES: Final = 100_000
#: Pages of a long list that are on their way at once, where it is read to its end.
PAGES_AT_ONCE: Final = 8
#: Digits of a number in a header; a longer one is no number of anything.
MAX_HEADER_DIGITS: Final = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """One page of a list, with the totals that its headers state (None where they are missing)."""

    items: tuple[T, ...]
    #: This page's number, from 1.
    number: int
    #: How many items a page holds at most.
    per_page: int
    #: How many items and pages the whole list has.
    total: int | None
    total_pages: int | None
    #: The languages of the texts (`Content-Language`), where the answer says.
    content_language: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether no page follows: by the headers, or without them by an incomplete page."""
        if self.total_pages is not None:
            return self.number >= self.total_pages
        return len(self.items) < self.per_page


class Pages(Generic[T]):
    """A list that is fetched while it is iterated: `async for item in pages`, or `await pages.page(2)`."""

    def __init__(self, fetch: Callable[[int], Coroutine[None, None, Page[T]]]) -> None:
        self._fetch = fetch

    async def page(self, number: int = 1) -> Page[T]:
        """Fetch one page, counted from 1."""
        return await self._fetch(number)

    async def pages(self, *, at_once: int = 1) -> AsyncGenerator[Page[T], None]:
        """Fetch page after page, to the last; close it where it is left before.

        Args:
            at_once: how many may be on their way at once, as soon as one has told how many there are.
        """
        coming: deque[asyncio.Task[Page[T]]] = deque()
        asked, announced = 0, 1
        try:
            for number in range(1, MAX_PAGES + 1):
                while asked < min(max(announced, number), number + at_once - 1):
                    asked += 1
                    coming.append(asyncio.create_task(self._fetch(asked)))
                page = await coming.popleft()
                if not page.items and not page.is_last:
                    # To go on would be to believe in pages that are announced for ever, to end to leave some out.
                    raise InvalidResponseError(
                        f"DVS announced {page.total_pages} pages of a list, and page {number} is empty."
                    )
                yield page
                if page.is_last:
                    return
                announced = page.total_pages or 0
            raise InvalidResponseError(f"DVS announced more than {MAX_PAGES} pages of one list.")
        finally:
            await cancel_all(coming)

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item


class PagesInParts(Pages[T]):
    """A list that has to be asked for in parts that do not overlap, e.g. window by window.

    It has no page numbers of its own: `page` raises ValueError, iterating goes over all parts.
    """

    def __init__(self, parts: Sequence[Pages[T]]) -> None:
        self._parts = parts

    async def page(self, number: int = 1) -> Page[T]:
        """Raise ValueError."""
        raise ValueError(f"This list is read in {len(self._parts)} parts, so it has no page {number}; iterate over it.")

    async def pages(self, *, at_once: int = 1) -> AsyncGenerator[Page[T], None]:
        """Fetch page after page of part after part; each page's number and totals are those of its part."""
        for part in self._parts:
            async with aclosing(part.pages(at_once=at_once)) as pages:
                async for page in pages:
                    yield page


def header_number(headers: Mapping[str, str], name: str) -> int | None:
    """Read a header as a whole number; None when it is missing or something else."""
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_HEADER_DIGITS else None
