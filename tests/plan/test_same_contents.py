"""Rows that are the same in all fields, over batches."""

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.plan.same_contents import SameContents


def test_rows_are_the_same_only_in_all_fields() -> None:
    rows = [("a", "5"), ("a", "6"), (None, "5"), ("a5", ""), ("a", "5")]
    contents = SameContents()
    for part in (rows[:3], rows[3:]):
        first = 1 if part == rows[:3] else 4
        contents.add(
            pl.DataFrame(
                {
                    "line": range(first, first + len(part)),
                    fields.REFERENCE: [row[0] for row in part],
                    fields.AMOUNT: [row[1] for row in part],
                }
            )
        )
    assert [other for other in range(2, 6) if contents.are_same(1, other)] == [5]
