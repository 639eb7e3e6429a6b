"""Reads all pages of a list of DVS side by side, so that what changes meanwhile loses and doubles no entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from bulk_topup.app.side_by_side import SideBySide
from bulk_topup.dvs import InvalidResponseError
from bulk_topup.dvs.pagination import MAX_PAGES, Page, Pages

T = TypeVar("T")

#: Most times that a list is read which changes while it is read.
MAX_READINGS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class WholeList(Generic[T]):
    """The entries of a list, each once, in the list's order."""

    entries: tuple[T, ...]
    #: Whether all of its entries can be read.
    is_readable: bool


async def read_whole_list(pages: Pages[T], what: str, side_by_side: SideBySide) -> WholeList[T]:
    """Return all entries of a list.

    The first page tells how many there are. Then they are read from the last to the first: where an entry leaves the
    list meanwhile, those behind it move to pages that are still to be read. A list is read again if its pages state
    different totals, or do not have as many entries as they state; what is not the same each time is in the result as
    it was read last.

    Args:
        pages: the list.
        what: its entries, in the plural.
        side_by_side: asks for the pages.

    Raises:
        InvalidResponseError: the list lacks pages that DVS announced.
    """
    first = await pages.page(1)
    if first.is_last:
        return _joined([first])
    if first.total is None or not 1 < (first.total_pages or 0) <= MAX_PAGES:
        return _joined([page async for page in pages.pages()])
    number = first.total_pages or 1
    readings: list[_Reading[T]] = []
    for _ in range(MAX_READINGS):
        reading = await _read(pages, number, what, side_by_side)
        if reading.is_consistent:
            return _joined(reading.pages)
        if readings and reading.ids == readings[-1].ids:
            reading.check_complete()  # it does not change: DVS states a wrong total
            return _joined(reading.pages)
        readings.append(reading)
        number = min(max(reading.pages[0].total_pages or 1, 1), MAX_PAGES)
    return _joined([page for reading in reversed(readings) for page in reading.pages])


@dataclass(frozen=True, slots=True)
class _Reading(Generic[T]):
    """All pages of a list, read once, in their order."""

    pages: Sequence[Page[T]]

    @property
    def ids(self) -> frozenset[object]:
        return frozenset(id_ for page in self.pages for id_ in page.ids)

    @property
    def is_consistent(self) -> bool:
        """Whether all pages are of one state of the list, as far as they tell."""
        totals = {page.total for page in self.pages}
        entries = sum(len(page.ids) for page in self.pages)
        return len(totals) == 1 and totals == {entries} and len(self.ids) == entries

    def check_complete(self) -> None:
        """Raise InvalidResponseError if a page has no entry, or none that is its own."""
        seen: set[object] = set()
        for page in self.pages:
            if not set(page.ids) - seen and not page.is_last:
                raise InvalidResponseError(
                    f"DVS announced {page.total_pages} pages of a list, and page {page.number} has no entry of its own."
                )
            seen.update(page.ids)


async def _read(pages: Pages[T], number: int, what: str, side_by_side: SideBySide) -> _Reading[T]:
    found: dict[int, Page[T]] = {}
    await side_by_side.ask(what, range(number, 0, -1), pages.page, found.__setitem__)
    return _Reading([found[each] for each in range(1, number + 1)])


def _joined(pages: Sequence[Page[T]]) -> WholeList[T]:
    entries: dict[object, T] = {}
    for page in pages:
        for entry in page.items:
            entries.setdefault(getattr(entry, "id", None) or entry, entry)
    return WholeList(entries=tuple(entries.values()), is_readable=not any(page.unreadable for page in pages))
