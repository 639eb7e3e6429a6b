"""Rows on their way to the files, a batch at a time, so that a report never holds a whole list; pure."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from bulk_topup.records import Outcome

#: Rows that are in memory at once.
BATCH_ROWS: Final = 1_000

#: Takes the next rows of the run, in the list's order.
Sink = Callable[[Sequence[Outcome]], None]


def batches(outcomes: Iterator[Outcome]) -> Iterator[list[Outcome]]:
    """Give the rows in lists of at most `BATCH_ROWS`, none of them empty."""
    while batch := list(islice(outcomes, BATCH_ROWS)):
        yield batch
