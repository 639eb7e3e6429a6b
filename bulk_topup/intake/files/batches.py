"""Rows of a list as polars frames of any height: blank rows left out, the others fitted to the header; pure.

A piece has `line` (Int64), `cells` (String, a JSON array of all of the row's cells), `count` (Int64, how many cells the
row has where these are more than the header has, else null) and a String column for each place that is read, named by
the place.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import polars as pl

from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import BLANKS, strip

#: Rows that a batch has at most.
BATCH_ROWS: Final = 20_000
#: Characters of their cells, as JSON, after which a batch ends earlier.
BATCH_CHARACTERS: Final = 8_000_000

#: The line on which a row begins, and its cells.
Row = tuple[int, list[str]]

_JSON: Final = msgspec.json.Encoder()
#: What a text of JSON cannot hold as it is, but for the quote.
_ESCAPED: Final = r"[\\\x00-\x1f]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Which of a row's cells matter, and how."""

    #: The list's name, for messages.
    name: str
    #: Columns of the header, up to the last one that has a name.
    width: int
    #: Places below which no cell may have a value, as the header has no name there.
    nameless: tuple[int, ...]
    #: Places that are read.
    wanted: tuple[int, ...]


def pieces_of_rows(rows: Iterable[Row], layout: Layout) -> Iterator[pl.DataFrame]:
    """Give rows in pieces.

    Raises:
        ListError: a cell has a value below no name.
    """
    some: list[Row] = []
    characters = 0
    for row in _kept(rows, layout):
        some.append(row)
        characters += len("".join(row[1]))
        if len(some) == BATCH_ROWS or characters > BATCH_CHARACTERS:
            yield _piece(some, layout)
            some, characters = [], 0
    yield _piece(some, layout)


def piece_of_rows(rows: Iterable[Row], layout: Layout) -> pl.DataFrame:
    """Give rows as one piece.

    Raises:
        ListError: a cell has a value below no name.
    """
    return _piece(list(_kept(rows, layout)), layout)


def piece_of_columns(columns: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Give columns as a piece.

    Args:
        columns: `line`, and a column of texts for each column of the header, named by its place.
        layout: what is read of them.

    Raises:
        ListError: a cell has a value below no name.
    """
    # Nearly every row is decided by its first cell.
    if _is_blank(columns["0"]).any():
        places = pl.exclude("line")
        columns = columns.filter(~pl.all_horizontal(places.str.strip_chars(BLANKS) == ""))
    if layout.nameless:
        _demand_blank(columns, layout)
    return columns.select(
        "line",
        _json(columns.select(str(place) for place in range(layout.width))),
        pl.lit(None, dtype=pl.Int64).alias("count"),
        *map(str, layout.wanted),
    )


def batches_of(pieces: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Give the same rows in pieces of `BATCH_ROWS`, fewer at the end and where rows are long."""
    held: list[pl.DataFrame] = []
    rows = characters = 0
    for piece in pieces:
        left = piece
        while left.height:
            part, size = _part(left, BATCH_ROWS - rows, BATCH_CHARACTERS - characters)
            left = left.slice(part.height)
            held.append(part)
            rows += part.height
            characters += size
            if rows == BATCH_ROWS or characters > BATCH_CHARACTERS:
                yield pl.concat(held)
                held, rows, characters = [], 0, 0
    if held:
        yield pl.concat(held)


def _piece(rows: list[Row], layout: Layout) -> pl.DataFrame:
    cells = [cells for _, cells in rows]
    counts = [len(each) if len(each) > layout.width else None for each in cells]
    return pl.DataFrame(
        {
            "line": pl.Series([line for line, _ in rows], dtype=pl.Int64),
            # A line of JSON for each row: line breaks inside of cells are escaped.
            "cells": pl.Series(_JSON.encode_lines(cells).decode().split("\n")[:-1], dtype=pl.String),
            "count": pl.Series(counts, dtype=pl.Int64),
            **{str(place): pl.Series([each[place] for each in cells], dtype=pl.String) for place in layout.wanted},
        }
    )


def _part(piece: pl.DataFrame, rows: int, characters: int) -> tuple[pl.DataFrame, int]:
    """Give the first rows, up to the one with which they have more characters, and how many they have."""
    part = piece.head(rows)
    sizes = part["cells"].str.len_chars()
    size = int(sizes.sum())
    if size > characters:
        part = part.head(int((sizes.cum_sum() <= characters).sum()) + 1)
        size = int(sizes.head(part.height).sum())
    return part, size


def _kept(rows: Iterable[Row], layout: Layout) -> Iterator[Row]:
    for line, cells in rows:
        if len(cells) != layout.width:
            _fit(cells, layout.width)
        if not strip(cells[0]) and not any(map(strip, cells)):
            continue
        for place in layout.nameless:
            if place < len(cells) and strip(cells[place]):
                raise _why_nameless(layout, line, place)
        yield line, cells


def _fit(cells: list[str], width: int) -> None:
    """Fill a short row with blanks, and take the blanks off the end of a long one."""
    while len(cells) > width and not strip(cells[-1]):
        cells.pop()
    cells += [""] * (width - len(cells))


def _demand_blank(columns: pl.DataFrame, layout: Layout) -> None:
    found = [
        (int(columns["line"][filled[0]]), place)
        for place in layout.nameless
        if not (filled := (~_is_blank(columns[str(place)])).arg_true()).is_empty()
    ]
    if found:
        raise _why_nameless(layout, *min(found))


def _why_nameless(layout: Layout, line: int, place: int) -> ListError:
    return ListError(
        f"{layout.name} line {line}: column {place + 1} has a value here and no name in the header; "
        "name it, or remove it."
    )


def _is_blank(texts: pl.Series) -> pl.Series:
    return texts.str.strip_chars(BLANKS) == ""


def _json(columns: pl.DataFrame) -> pl.Series:
    """Write each row as a JSON array."""
    form = '["' + '","'.join(["{}"] * columns.width) + '"]'
    texts = columns.select(pl.format(form, *columns.columns).alias("cells")).to_series()
    quotes = texts.str.count_matches('"', literal=True)
    escaped = (texts.str.contains(_ESCAPED) | (quotes != 2 * columns.width)).arg_true()
    if not escaped.is_empty():
        exact = [_JSON.encode(row).decode() for row in columns[escaped].iter_rows()]
        texts = texts.scatter(escaped, pl.Series(exact, dtype=pl.String))
    return texts
