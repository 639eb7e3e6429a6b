"""Rows of a list as polars frames and batches: empty rows dropped, the others fitted to the header; pure.

A frame has `line` (Int64), `cells` (String, a JSON array of all of the row's cells), `count` (Int64, the number of the
row's cells where it exceeds the header's, else null) and a String column for each column that is read, named by its
index.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import polars as pl

from bulk_topup.domain.problems import position
from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import BLANKS, strip

#: Most rows of a batch.
BATCH_ROWS: Final = 20_000
#: Characters of cells, as JSON, with which a batch ends earlier.
BATCH_CHARACTERS: Final = 8_000_000

#: The line on which a row starts, and its cells.
Row = tuple[int, list[str]]

_JSON: Final = msgspec.json.Encoder()
#: Characters besides the quote that JSON escapes in a text.
_ESCAPED: Final = r"[\\\x00-\x1f]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Which of a row's cells are read."""

    #: The list's name, for messages.
    name: str
    #: Columns of the header, up to the last one with a name.
    width: int
    #: Indexes of columns without a name, which must be empty.
    nameless: tuple[int, ...]
    #: Indexes of columns that are read.
    wanted: tuple[int, ...]


def frames_of_rows(rows: Iterable[Row], layout: Layout) -> Iterator[pl.DataFrame]:
    """Yield rows in frames of bounded size.

    Raises:
        ListError: a cell in a column without a name is not empty.
    """
    collected: list[Row] = []
    characters = 0
    for row in _filled_rows(rows, layout):
        collected.append(row)
        characters += len("".join(row[1]))
        if len(collected) == BATCH_ROWS or characters > BATCH_CHARACTERS:
            yield _frame(collected, layout)
            collected, characters = [], 0
    yield _frame(collected, layout)


def frame_of_rows(rows: Iterable[Row], layout: Layout) -> pl.DataFrame:
    """Return rows as one frame.

    Raises:
        ListError: a cell in a column without a name is not empty.
    """
    return _frame(list(_filled_rows(rows, layout)), layout)


def frame_of_columns(columns: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """Return columns as a frame.

    Args:
        columns: `line`, and a column of texts for each column of the header, named by its index.
        layout: which columns are read.

    Raises:
        ListError: a cell in a column without a name is not empty.
    """
    # The first cell shows of nearly every row that it is not empty.
    if _is_blank(columns["0"]).any():
        texts = pl.exclude("line")
        columns = columns.filter(~pl.all_horizontal(texts.str.strip_chars(BLANKS) == ""))
    if layout.nameless:
        _check_empty(columns, layout)
    return columns.select(
        "line",
        _json(columns.select(str(index) for index in range(layout.width))),
        pl.lit(None, dtype=pl.Int64).alias("count"),
        *map(str, layout.wanted),
    )


def batches_of(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the same rows in batches of `BATCH_ROWS`, fewer at the end and where rows are long."""
    collected: list[pl.DataFrame] = []
    rows = characters = 0
    for frame in frames:
        left = frame
        while left.height:
            part, size = _head(left, BATCH_ROWS - rows, BATCH_CHARACTERS - characters)
            left = left.slice(part.height)
            collected.append(part)
            rows += part.height
            characters += size
            if rows == BATCH_ROWS or characters > BATCH_CHARACTERS:
                yield pl.concat(collected)
                collected, rows, characters = [], 0, 0
    if collected:
        yield pl.concat(collected)


def _frame(rows: list[Row], layout: Layout) -> pl.DataFrame:
    cells = [cells for _, cells in rows]
    counts = [len(each) if len(each) > layout.width else None for each in cells]
    return pl.DataFrame(
        {
            "line": pl.Series([line for line, _ in rows], dtype=pl.Int64),
            # One line of JSON for each row: line breaks inside cells are escaped.
            "cells": pl.Series(_JSON.encode_lines(cells).decode().split("\n")[:-1], dtype=pl.String),
            "count": pl.Series(counts, dtype=pl.Int64),
            **{str(index): pl.Series([each[index] for each in cells], dtype=pl.String) for index in layout.wanted},
        }
    )


def _head(frame: pl.DataFrame, rows: int, characters: int) -> tuple[pl.DataFrame, int]:
    """Return the first rows, up to the one that exceeds the characters, and the number of their characters."""
    part = frame.head(rows)
    sizes = part["cells"].str.len_chars()
    size = int(sizes.sum())
    if size > characters:
        part = part.head(int((sizes.cum_sum() <= characters).sum()) + 1)
        size = int(sizes.head(part.height).sum())
    return part, size


def _filled_rows(rows: Iterable[Row], layout: Layout) -> Iterator[Row]:
    for line, cells in rows:
        if len(cells) != layout.width:
            _fit(cells, layout.width)
        if not strip(cells[0]) and not any(map(strip, cells)):
            continue
        for index in layout.nameless:
            if index < len(cells) and strip(cells[index]):
                raise _nameless_error(layout, line, index)
        yield line, cells


def _fit(cells: list[str], width: int) -> None:
    """Extend a short row with empty cells, and drop empty cells at the end of a long one."""
    while len(cells) > width and not strip(cells[-1]):
        cells.pop()
    cells += [""] * (width - len(cells))


def _check_empty(columns: pl.DataFrame, layout: Layout) -> None:
    found = [
        (int(columns["line"][filled[0]]), index)
        for index in layout.nameless
        if not (filled := (~_is_blank(columns[str(index)])).arg_true()).is_empty()
    ]
    if found:
        raise _nameless_error(layout, *min(found))


def _nameless_error(layout: Layout, line: int, index: int) -> ListError:
    return ListError(
        f"{position(layout.name, line)}: column {index + 1} has a value here, but no name in the header. "
        "Name it, or remove it."
    )


def _is_blank(texts: pl.Series) -> pl.Series:
    return texts.str.strip_chars(BLANKS) == ""


def _json(columns: pl.DataFrame) -> pl.Series:
    """Return each row as a JSON array."""
    form = '["' + '","'.join(["{}"] * columns.width) + '"]'
    texts = columns.select(pl.format(form, *columns.columns).alias("cells")).to_series()
    quotes = texts.str.count_matches('"', literal=True)
    escaped = (texts.str.contains(_ESCAPED) | (quotes != 2 * columns.width)).arg_true()
    if not escaped.is_empty():
        exact = [_JSON.encode(row).decode() for row in columns[escaped].iter_rows()]
        texts = texts.scatter(escaped, pl.Series(exact, dtype=pl.String))
    return texts
