"""Tells the rows of a list apart over all of its batches, and says which are the same or credit the same; pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.identity import CELLS_PREFIX, REFERENCE_PREFIX, occurrence_identity, unreadable_identity
from bulk_topup.domain.problems import Problem
from bulk_topup.plan.json_expressions import problem_entries
from bulk_topup.plan.seen_keys import FirstLines, Recall

#: Columns of a batch: the identity by the row's reference, and by whom it credits; null where it has none.
REFERENCE_KEY: Final = "reference_key"
PARTY_KEY: Final = "party_key"


class Duplicates:
    """Gives every row an identity of its own.

    Args:
        recall: where the identities of earlier rows are.
        columns: the list's column for each mapped field.
        allow: whether one credit party may get the same product more than once.
    """

    def __init__(self, recall: Recall, columns: Mapping[str, str], *, allow: bool) -> None:
        self._columns = columns
        self._allow = allow
        self._seen = FirstLines(recall)
        #: How often identities came that came more than once, by their first lines.
        self._occurrences: dict[int, int] = {}

    def added_to(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Add `identity`, `party` where that is not the identity, and `duplicate`, what is wrong as JSON entries.

        Args:
            batch: rows in list order, after those of all batches before.
        """
        batch = batch.with_columns(
            identity=pl.coalesce(REFERENCE_KEY, PARTY_KEY),
            party=pl.when(pl.col(REFERENCE_KEY).is_not_null()).then(PARTY_KEY),
            duplicate=pl.lit(None, dtype=pl.String),
        )
        nameless = batch["identity"].is_null()
        if nameless.any():
            cells = [unreadable_identity(text) for text in batch["cells"].filter(nameless)]
            batch = batch.with_columns(batch["identity"].scatter(nameless.arg_true(), pl.Series(cells)))
        own = batch.select("line", key="identity")
        parties = batch.select("line", key="party").filter(pl.col("key").is_not_null())
        keys = self._seen.hinted(pl.concat([own, parties]).sort("line", maintain_order=True))
        again = keys.filter(pl.col("hint").is_not_null() | pl.col("hash").is_duplicated())
        if self._allow and not again["key"].str.starts_with(REFERENCE_PREFIX).any():
            # Whom a row with a reference credits matters only if the reference may have come before. What is not looked
            # at is not kept where it shares its hash: by such a chance a refused row may lack the word not to pay it.
            again = again.filter(pl.col("key").is_in(own["key"].implode()))
        if not again.is_empty():
            batch, keys = self._told_apart(batch, keys, again)
        self._seen.add(keys)
        return batch

    def _told_apart(
        self, batch: pl.DataFrame, keys: pl.DataFrame, again: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Look one by one at the rows that may have equals; give the batch, and its texts with those that came up."""
        first_lines = self._seen.lines_of(again)
        may_be_equal = pl.col("line").is_in(again["line"].implode()) | pl.col("identity").str.starts_with(CELLS_PREFIX)
        rows = batch.with_row_index("place").filter(may_be_equal)
        nameless = self._seen.hinted(_doubles(rows, first_lines))
        first_lines |= self._seen.lines_of(nameless)
        # A text that was alone with its hash until now may share it with one of those.
        shares = pl.col("hash").is_in(nameless["hash"].implode()) & pl.col("hint").is_null()
        sharing = keys.filter(shares & ~pl.col("key").is_in(again["key"].implode()))
        again, keys = (
            pl.concat(found).sort("line", maintain_order=True)
            for found in ([again, sharing, nameless], [keys, nameless])
        )
        self._seen.keep_hidden(again, first_lines.keys())
        cells = dict(nameless.select("line", "key").iter_rows())
        identities, duplicates = [], []
        for row in rows.iter_rows(named=True):
            problems = list(self._problems(row, first_lines))
            identity = cells.get(row["line"]) or row["identity"]
            occurrence = 1
            if (first := first_lines.get(identity)) is not None:
                occurrence = self._occurrences[first] = self._occurrences.get(first, 1) + 1
            for key in (identity, row[PARTY_KEY]):
                if key is not None:
                    first_lines.setdefault(key, row["line"])
            identities.append(occurrence_identity(identity, occurrence))
            duplicates.append(problem_entries(problems))
        batch = batch.with_columns(
            batch["identity"].scatter(rows["place"], pl.Series(identities, dtype=pl.String)),
            batch["duplicate"].scatter(rows["place"], pl.Series(duplicates, dtype=pl.String)),
        )
        return batch, keys

    def _problems(self, row: Mapping[str, Any], first_lines: Mapping[str, int]) -> Iterator[Problem]:
        """Say what is wrong if an earlier row has the row's reference or credits the same party."""
        first_of_party = first_lines.get(row[PARTY_KEY])
        if (first := first_lines.get(row[REFERENCE_KEY])) is not None:
            yield Problem(
                column=self._columns.get(fields.REFERENCE, ""),
                message=f'"{row[fields.REFERENCE]}" is already the reference of line {first}; every row needs its own.',
                may_be_paid=row[PARTY_KEY] is None or first_of_party is not None,
            )
        if first_of_party is not None and not self._allow:
            field = fields.CREDIT_MOBILE if row.get(fields.CREDIT_MOBILE) else fields.CREDIT_ACCOUNT
            text = (
                f"Line {first_of_party} already gives product {row['product']} to {row[field]}; "
                "remove one of them, or state --allow-duplicates."
            )
            yield Problem(column=self._columns.get(field, ""), message=text, may_be_paid=True)


def _doubles(rows: pl.DataFrame, first_lines: Mapping[str, int]) -> pl.DataFrame:
    """Give the identities of rows whose reference came before: numbered by occurrence one could get that of a row whose
    own reference ends in "#2".
    """
    taken = set(first_lines)
    lines, keys = [], []
    for line, reference, cells in rows.select("line", REFERENCE_KEY, "cells").iter_rows():
        if reference in taken:
            lines.append(line)
            keys.append(unreadable_identity(cells))
        elif reference is not None:
            taken.add(reference)
    return pl.DataFrame({"line": lines, "key": keys}, schema={"line": pl.Int64, "key": pl.String})
