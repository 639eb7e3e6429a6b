"""Reads DVS's list of transactions of any time side by side, without missing one that is new; moves no row."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.transaction import TransactionOutcome
from bulk_topup.dvs.pagination import MAX_PAGES, Page, Pages
from bulk_topup.dvs.resources.transactions import MICROSECOND, windows
from bulk_topup.reconcile.questions import Questions

#: Transactions older than this are taken for a list that does not grow: DVS's clock may differ from ours, and its list
#: may be late. If it grows all the same, it is read again.
SETTLED_AFTER: Final = timedelta(minutes=10)

#: Most pages of a list that are asked for before it is looked whether the announced ones are real.
PAGES_A_ROUND: Final = 1_000

#: Receives a page of the list, and returns how many of its entries no page before it had.
Receive = Callable[[Page[TransactionOutcome]], Awaitable[int]]


@dataclass(slots=True)
class _Part:
    """The transactions of up to 24 hours, as far as they are read."""

    pages: Pages[TransactionOutcome]
    #: Pages that DVS has announced; 1 if it announces none.
    number: int = 1
    #: Entries that were received, each once.
    entries: int = 0
    #: The totals that its pages state.
    totals: set[int | None] = field(default_factory=set)
    is_whole: bool = False
    #: Whether a page after the first had nothing new, so that the announced pages may be no real ones.
    is_doubtful: bool = False

    @property
    def is_consistent(self) -> bool:
        """Whether all pages are of one state of the list, as far as they tell."""
        return self.is_whole or (self.totals == {self.entries} and not self.is_doubtful)

    async def receive(self, page: Page[TransactionOutcome], receive: Receive) -> None:
        """Pass on a page, and note what it says of the whole."""
        self.totals.add(page.total)
        new = await receive(page)
        self.entries += new
        self.is_doubtful = self.is_doubtful or (page.number > 1 and not new)

    async def page(self, number: int) -> Page[TransactionOutcome] | None:
        """Return a page that is read beside others; None if reading in order has to find the end of the list."""
        return None if self.is_doubtful else await self.pages.page(number)


async def read_transactions(
    dvs: AsyncDVS, questions: Questions, receive: Receive, *, start: datetime, end: datetime, now: datetime
) -> None:
    """Read all transactions that were created in a window; a page may come again.

    Args:
        dvs: an open client.
        questions: asks for the pages.
        receive: receives each page.
        start, end: the window of creation dates, in UTC.
        now: the time, in UTC.

    Raises:
        InvalidResponseError: the list has no end, or lacks pages that DVS announced.
        DVSError: DVS did not respond; what was read is incomplete.
    """
    settled = now - SETTLED_AFTER
    spans = windows(start, end)
    if start <= settled < end:
        spans = [*windows(start, settled), *windows(settled + MICROSECOND, end)]
    await read_lists(
        [dvs.transaction_outcomes.list(from_date=first, to_date=last) for first, last in spans], questions, receive
    )


async def read_lists(lists: Sequence[Pages[TransactionOutcome]], questions: Questions, receive: Receive) -> None:
    """Read all pages of lists, such as those of several days.

    The first page of each list is read first, and then the others, all side by side and each list's in order. While
    pages are asked for at the same time, a new entry can push another one from a page that is not read yet to one that
    is. So the entries of a list have to be as many as each of its pages states; otherwise it is read again, page after
    page, as it is if DVS states no total. So it is after a page without new entries, as pages without end have.

    Args:
        lists: the lists.
        questions: asks for the pages.
        receive: receives each page.

    Raises:
        InvalidResponseError: a list has no end, or lacks pages that DVS announced.
        DVSError: DVS did not respond; what was read is incomplete.
    """
    parts = [_Part(pages) for pages in lists]
    what = "days of transactions"
    async with aclosing(questions.answers(what, parts, lambda part: part.pages.page(1))) as first_pages:
        async for part, page in first_pages:
            await part.receive(page, receive)
            part.number = min(page.total_pages or 1, MAX_PAGES)
            part.is_whole = page.is_last and page.total in {None, part.entries}
    what = "pages of transactions"
    for first in range(2, max((part.number for part in parts), default=0) + 1, PAGES_A_ROUND):
        others = [
            (part, number)
            for part in parts
            if not (part.is_whole or part.is_doubtful)
            for number in range(first, min(first + PAGES_A_ROUND, part.number + 1))
        ]
        async with aclosing(questions.answers(what, others, lambda item: item[0].page(item[1]))) as other_pages:
            async for (part, _), other in other_pages:
                if other is not None:
                    await part.receive(other, receive)
    for part in parts:
        if not part.is_consistent:
            async with aclosing(part.pages.pages()) as again:
                async for page in again:
                    await receive(page)
