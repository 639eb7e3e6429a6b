"""Text of a CSV file as columns, where each of its lines can be told to be a record at a glance; pure.

Text that cannot be told so is left to the reader of records, whose answer would be the same.
"""

import csv
import re
from typing import Final

import polars as pl

#: Columns of a header whose lines are split; a pattern of many more would be too large.
MAX_SPLIT_COLUMNS: Final = 1_000

#: How a cell begins that a report guarded against being taken for a formula.
GUARDED: Final = ("'=", "'+", "'-", "'@", "'\t", "'\r")

#: The columns of rows that have at most as many cells as the header, beside `line`; and other lines by their numbers.
Columns = tuple[pl.DataFrame, list[tuple[int, str]]]


def columns_of(text: str, line: int, delimiter: str, width: int) -> Columns | None:
    """Split lines into the header's columns.

    Args:
        text: whole lines, of which the first begins a record.
        line: the number of the first one.
        delimiter: what stands between cells.
        width: how many cells the header has.

    Returns:
        `line` and a column of texts for each place, a blank line among them; and the lines that have more cells. None
        where quotes, long lines or very many columns ask for a reader of records.
    """
    if width > MAX_SPLIT_COLUMNS:
        return None
    # The line ends of files: a line feed, a carriage return, or both.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = pl.Series([text]).str.split("\n").explode()
    if text.endswith("\n"):
        lines = lines.head(-1)
    if (lines.str.len_bytes() > csv.field_size_limit()).any():
        return None
    numbered = pl.DataFrame({"line": pl.int_range(line, line + len(lines), eager=True), "text": lines})
    if '"' not in text:
        return _unquoted(text, numbered, delimiter, width)
    if not lines.str.contains(_whole_record(delimiter, width)).all() or (lines == "").any():
        return None
    return _unguarded(text, _quoted(text, numbered["line"], delimiter, width)), []


def _unquoted(text: str, numbered: pl.DataFrame, delimiter: str, width: int) -> Columns:
    places = [str(place) for place in range(width)]
    marks = numbered["text"].str.count_matches(delimiter, literal=True)
    others: list[tuple[int, str]] = []
    if (marks >= width).any():
        others = numbered.filter(marks >= width).rows()
        numbered = numbered.filter(marks < width)
    cells = numbered["text"].str.split_exact(delimiter, width - 1).struct.rename_fields(places).struct.unnest()
    if (marks < width - 1).any():
        cells = cells.with_columns(pl.all().fill_null(""))
    # Blanks before a cell are left out by the reader of records too.
    if text.startswith(" ") or f"{delimiter} " in text or "\n " in text:
        cells = cells.with_columns(pl.all().str.strip_chars_start(" "))
    return _unguarded(text, cells.insert_column(0, numbered["line"])), others


def _quoted(text: str, line: pl.Series, delimiter: str, width: int) -> pl.DataFrame:
    # The line before the others keeps their beginning from being taken for a mark of what the bytes are.
    first = delimiter.join(["0"] * width)
    cells = pl.read_csv(f"{first}\n{text}".encode(), has_header=False, separator=delimiter, infer_schema=False)
    cells.columns = [str(place) for place in range(width)]
    return cells.slice(1).with_columns(pl.all().fill_null("")).insert_column(0, line)


def _unguarded(text: str, columns: pl.DataFrame) -> pl.DataFrame:
    if "'" not in text:
        return columns
    return columns.with_columns(pl.exclude("line").str.replace("^'([=+\\-@\t])", "$1"))


def _whole_record(delimiter: str, width: int) -> str:
    """Give a pattern of lines that have the header's cells, each in quotes or without any."""
    mark = re.escape(delimiter)
    cell = f'(?:"(?:[^"]|"")*"|[^"{mark} ][^"{mark}]*|)'
    return f"^{cell}(?:{mark}{cell}){{{width - 1}}}$"
