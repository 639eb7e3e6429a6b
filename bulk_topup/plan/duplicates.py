"""Identities of the rows of a list over all of its batches, and its duplicates; pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.identity import CELLS_PREFIX, REFERENCE_PREFIX, occurrence_identity, unreadable_identity
from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import Problem
from bulk_topup.plan.json_expressions import problem_entries
from bulk_topup.plan.same_contents import SameContents
from bulk_topup.plan.seen_keys import FirstLines, Recall

#: Columns of a batch, null where a row has none: its identity; that by its reference, in the same form; that by its
#: credit party, and its identity, both as they are written.
IDENTITY: Final = "identity"
REFERENCE_IDENTITY: Final = "reference_identity"
PARTY_IDENTITY: Final = "party_identity"
WRITTEN_IDENTITY: Final = "written_identity"
#: What the reason adds for a reference that is written otherwise there.
_ASIDE: Final = " in another spelling"


class Duplicates:
    """Assigns every row a unique identity, and finds duplicates.

    Args:
        recall: returns the identities of earlier rows.
        columns: the list's column for each mapped field.
        allow: whether one credit party may receive the same product more than once.
        position_word: the word for a row's position in messages, `line` or `row`.
        keep_first: whether a row that is the same as an earlier one in all fields is left out, and not to fix.
    """

    def __init__(
        self, recall: Recall, columns: Mapping[str, str], *, allow: bool, position_word: str, keep_first: bool = False
    ) -> None:
        self._columns = columns
        self._allow = allow
        self._position_word = position_word
        self._seen = FirstLines(recall)
        self._contents = SameContents() if keep_first else None
        #: Occurrences of repeated identities, by their first lines. A line may be the first of two, by its cells and by
        #: its party; they are counted together, and numbers must not change, as external IDs are computed from them.
        self._occurrences: dict[int, int] = {}

    def add_to(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Return the batch with unique identities, `party` and `written` where they are others, and `duplicate`.

        Those are problems as JSON entries.

        Args:
            batch: rows in list order, after those of all earlier batches.
        """
        if self._contents is not None:
            self._contents.add(batch)
        batch = batch.with_columns(
            party=pl.when(pl.col(PARTY_IDENTITY) != pl.col(IDENTITY)).then(PARTY_IDENTITY),
            written=pl.when(pl.col(WRITTEN_IDENTITY) != pl.col(IDENTITY)).then(WRITTEN_IDENTITY),
            duplicate=pl.lit(None, dtype=pl.String),
        )
        unidentified = batch[IDENTITY].is_null()
        if unidentified.any():
            cells = [unreadable_identity(text) for text in batch["cells"].filter(unidentified)]
            batch = batch.with_columns(batch[IDENTITY].scatter(unidentified.arg_true(), pl.Series(cells)))
        own = batch.select("line", key=IDENTITY)
        parties = batch.select("line", key="party").filter(pl.col("key").is_not_null())
        keys = self._seen.add_hints(pl.concat([own, parties]).sort("line"))
        repeated = keys.filter(pl.col("hint").is_not_null() | pl.col("hash").is_duplicated())
        if self._allow and not repeated["key"].str.starts_with(REFERENCE_PREFIX).any():
            # The party of a row with a reference matters only if the reference may be repeated, or if an identity has
            # its hash. Another one that is skipped here and shares a hash is not kept: in that rare case a refused row
            # may lack the warning not to pay it.
            is_identity = pl.col("key").is_in(own["key"].implode())
            shared = repeated.filter(is_identity)["hash"]
            repeated = repeated.filter(is_identity | pl.col("hash").is_in(shared.implode()))
        if not repeated.is_empty():
            batch, keys = self._resolve(batch, keys, repeated)
        self._seen.add(keys)
        return batch

    def _resolve(
        self, batch: pl.DataFrame, keys: pl.DataFrame, repeated: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Check possible duplicates one by one; return the batch, and its keys with those that were added."""
        first_lines = self._seen.lines_of(repeated)
        may_be_equal = pl.col("line").is_in(repeated["line"].implode()) | pl.col(IDENTITY).str.starts_with(CELLS_PREFIX)
        rows = batch.with_row_index("index").filter(may_be_equal)
        added = self._seen.add_hints(_repeated_references(rows, first_lines))
        first_lines |= self._seen.lines_of(added)
        # A key whose hash was unique so far may share it with one of those.
        shares = pl.col("hash").is_in(added["hash"].implode())
        sharing = keys.filter(shares & ~pl.col("key").is_in(repeated["key"].implode()))
        repeated, keys = (pl.concat(found).sort("line") for found in ([repeated, sharing, added], [keys, added]))
        self._seen.keep_colliding(repeated, first_lines.keys())
        cells = dict(added.select("line", "key").iter_rows())
        spellings = dict(rows.select("line", WRITTEN_IDENTITY).iter_rows())
        identities, written, duplicates = [], [], []
        for row in rows.iter_rows(named=True):
            problems = list(self._problems(row, first_lines, spellings))
            identity = cells.get(row["line"]) or row[IDENTITY]
            occurrence = 1
            if (first := first_lines.get(identity)) is not None:
                occurrence = self._occurrences[first] = self._occurrences.get(first, 1) + 1
            for key in (identity, row[PARTY_IDENTITY]):
                if key is not None:
                    first_lines.setdefault(key, row["line"])
            identities.append(occurrence_identity(identity, occurrence))
            written.append(_written(row, occurrence))
            duplicates.append(problem_entries(problems))
        batch = batch.with_columns(
            batch[IDENTITY].scatter(rows["index"], pl.Series(identities, dtype=pl.String)),
            batch["written"].scatter(rows["index"], pl.Series(written, dtype=pl.String)),
            batch["duplicate"].scatter(rows["index"], pl.Series(duplicates, dtype=pl.String)),
        )
        return batch, keys

    def _problems(
        self, row: Mapping[str, Any], first_lines: Mapping[str, int], spellings: Mapping[int, str | None]
    ) -> Iterator[Problem]:
        """Yield the problems of a row whose reference or credit party an earlier row has."""
        first_of_party = first_lines.get(row[PARTY_IDENTITY])
        same = first_of_party if row[PARTY_IDENTITY] is not None else first_lines.get(row[REFERENCE_IDENTITY])
        if self._contents is not None and same is not None and self._contents.are_same(same, row["line"]):
            text = f"The same as {self._position_word} {same}, left out."
            yield Problem(column="", message=text, is_left_out=True)
            return
        if (first := first_lines.get(row[REFERENCE_IDENTITY])) is not None:
            aside = _ASIDE if spellings.get(first, row[WRITTEN_IDENTITY]) != row[WRITTEN_IDENTITY] else ""
            yield Problem(
                column=self._columns.get(fields.REFERENCE, ""),
                message=f'"{row[fields.REFERENCE]}" is already the reference of {self._position_word} {first}{aside}. '
                "Every row needs its own.",
                may_be_paid=row[PARTY_IDENTITY] is None or first_of_party is not None,
                kind=ProblemKind.DUPLICATE,
            )
        if first_of_party is not None and not self._allow:
            field = fields.CREDIT_MOBILE if row.get(fields.CREDIT_MOBILE) else fields.CREDIT_ACCOUNT
            text = f"Duplicate of {self._position_word} {first_of_party}. Remove one, or add --allow-duplicates."
            yield Problem(column=self._columns.get(field, ""), message=text, may_be_paid=True)


def _written(row: Mapping[str, Any], occurrence: int) -> str | None:
    """Return a row's identity as it is written, numbered as its identity is; None if it is that."""
    written = row["written"]
    return None if written is None else occurrence_identity(written, occurrence)


def _repeated_references(rows: pl.DataFrame, first_lines: Mapping[str, int]) -> pl.DataFrame:
    """Return identities by cells for rows with a repeated reference.

    An identity with the number of the occurrence could equal that of a row whose own reference ends with "#2".
    """
    seen = set(first_lines)
    lines, keys = [], []
    for line, reference, cells in rows.select("line", REFERENCE_IDENTITY, "cells").iter_rows():
        if reference in seen:
            lines.append(line)
            keys.append(unreadable_identity(cells))
        elif reference is not None:
            seen.add(reference)
    return pl.DataFrame({"line": lines, "key": keys}, schema={"line": pl.Int64, "key": pl.String})
