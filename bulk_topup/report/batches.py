"""Rows on their way to the files, a page at a time, so that a report never holds a whole list; pure."""

from collections.abc import Callable

from bulk_topup.domain.outcome_columns import Outcomes

#: Takes the next rows of the run, in the list's order.
Sink = Callable[[Outcomes], None]
