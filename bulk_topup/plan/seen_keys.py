"""The first line of each key of a list, in 12 bytes a key; pure."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

import polars as pl

#: Returns identity and party of earlier rows of the list by line.
Recall = Callable[[Collection[int]], Mapping[int, tuple[str, str | None]]]

_TABLE: Final = {"hash": pl.UInt64, "line": pl.UInt32}


class FirstLines:
    """The first lines of the identities and parties of a list's rows.

    Only their hashes are kept. A repeated hash hints at a repeated key; the earlier row itself decides, so that two
    people are never confused.

    Args:
        recall: returns the keys of earlier rows.
    """

    def __init__(self, recall: Recall) -> None:
        self._recall = recall
        #: Sorted by hash; each at least twice as long as the next, so that each hash is sorted only a few times.
        self._tables: list[pl.DataFrame] = []
        #: First lines of keys that share their hash with an earlier one.
        self._colliding: dict[str, int] = {}

    def add_hints(self, keys: pl.DataFrame) -> pl.DataFrame:
        """Return keys with their `hash` and a `hint`: the line of an earlier key with that hash."""
        hashes = keys["key"].hash()
        hints = pl.repeat(None, keys.height, dtype=pl.UInt32, eager=True)
        for table in self._tables:
            found = table[_indexes(table, hashes)]
            hints = hints.zip_with(found["hash"] != hashes, found["line"])
        return keys.with_columns(hash=hashes, hint=hints)

    def lines_of(self, keys: pl.DataFrame) -> dict[str, int]:
        """Return the first lines of those keys, given with hints, that earlier batches have."""
        hinted = keys.filter(pl.col("hint").is_not_null()).unique("key")
        if hinted.is_empty():
            return {}
        earlier = self._recall(hinted["hint"].unique().to_list())
        lines = {}
        for key, hint in hinted.select("key", "hint").iter_rows():
            line = hint if key in earlier[hint] else self._colliding.get(key)
            if line is not None:
                lines[key] = line
        return lines

    def add(self, keys: pl.DataFrame) -> None:
        """Keep keys with their lines, hashes and hints, in list order."""
        new = keys.filter(pl.col("hint").is_null()).unique("hash", keep="first")
        if new.is_empty():
            return
        table = new.select(pl.col(name).cast(kind) for name, kind in _TABLE.items()).sort("hash")
        while self._tables and self._tables[-1].height < 2 * table.height:
            table = pl.concat([self._tables.pop(), table]).sort("hash")
        self._tables.append(table)

    def keep_colliding(self, keys: pl.DataFrame, known: Collection[str]) -> None:
        """Keep those keys as texts that `add` would lose, because another key has the same hash.

        Args:
            keys: those of the keys to be added whose hashes are repeated, in the same order.
            known: those of the keys that earlier batches have.
        """
        owners: dict[int, str] = {}
        for key, line, hash_, hint in keys.select("key", "line", "hash", "hint").iter_rows():
            if key not in known and (hint is not None or owners.setdefault(hash_, key) != key):
                self._colliding.setdefault(key, line)


def _indexes(table: pl.DataFrame, hashes: pl.Series) -> pl.Series:
    return table["hash"].search_sorted(hashes).clip(upper_bound=table.height - 1)
