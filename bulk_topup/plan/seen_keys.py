"""Remembers on which line of a list each of many texts came first, in 12 bytes a text; pure."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

import polars as pl

#: Gives identity and party of earlier rows of the list by their lines.
Recall = Callable[[Collection[int]], Mapping[int, tuple[str, str | None]]]

_TABLE: Final = {"hash": pl.UInt64, "line": pl.UInt32}


class FirstLines:
    """The first lines of the identities and parties of a list's rows.

    Only their hashes are kept. A hash that comes again is a hint that a text may; whether it does, the earlier row
    itself says, so that no two people are ever taken for one.

    Args:
        recall: where the texts of earlier rows are.
    """

    def __init__(self, recall: Recall) -> None:
        self._recall = recall
        #: Sorted by hash; each more than twice as long as the next, so that each hash is sorted in a few times only.
        self._tables: list[pl.DataFrame] = []
        #: First lines of texts that share their hash with an earlier one.
        self._hidden: dict[str, int] = {}

    def hinted(self, keys: pl.DataFrame) -> pl.DataFrame:
        """Add to texts (`key`) their `hash` and, where that came before, a `hint` of the line."""
        hashes = keys["key"].hash()
        hints = pl.repeat(None, keys.height, dtype=pl.UInt32, eager=True)
        for table in self._tables:
            found = table[_places(table, hashes)]
            hints = hints.zip_with(found["hash"] != hashes, found["line"])
        return keys.with_columns(hash=hashes, hint=hints)

    def lines_of(self, keys: pl.DataFrame) -> dict[str, int]:
        """Give the first lines of those of the texts, with their hints, that came in earlier batches."""
        hinted = keys.filter(pl.col("hint").is_not_null()).unique("key")
        if hinted.is_empty():
            return {}
        texts = self._recall(hinted["hint"].unique().to_list())
        lines = {}
        for key, hint in hinted.select("key", "hint").iter_rows():
            line = hint if key in texts[hint] else self._hidden.get(key)
            if line is not None:
                lines[key] = line
        return lines

    def add(self, keys: pl.DataFrame) -> None:
        """Remember texts with their lines, hashes and hints, in list order."""
        new = keys.filter(pl.col("hint").is_null()).unique("hash", keep="first", maintain_order=True)
        if new.is_empty():
            return
        table = new.select(pl.col(name).cast(kind) for name, kind in _TABLE.items()).sort("hash")
        while self._tables and self._tables[-1].height < 2 * table.height:
            table = pl.concat([self._tables.pop(), table]).sort("hash")
        self._tables.append(table)

    def keep_hidden(self, keys: pl.DataFrame, known: Collection[str]) -> None:
        """Remember those of the texts as they are that `add` would lose, because another text has the same hash.

        Args:
            keys: those of what is going to be added whose hashes come again, in the same order.
            known: those of the texts that came in earlier batches.
        """
        owners: dict[int, str] = {}
        for key, line, hash_, hint in keys.select("key", "line", "hash", "hint").iter_rows():
            if key not in known and (hint is not None or owners.setdefault(hash_, key) != key):
                self._hidden.setdefault(key, line)


def _places(table: pl.DataFrame, hashes: pl.Series) -> pl.Series:
    return table["hash"].search_sorted(hashes).clip(upper_bound=table.height - 1)
