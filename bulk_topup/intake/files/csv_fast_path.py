"""Text of a CSV file split into columns, where every line is obviously one record; pure.

Other text is left to the reader of records, which gives the same result.
"""

import csv
import re
from typing import Final

import polars as pl

#: Most columns that are split; the pattern for more would be too large.
MAX_SPLIT_COLUMNS: Final = 1_000

#: Starts of cells that a report guarded against use as a formula.
GUARDED: Final = ("'=", "'+", "'-", "'@", "'\t", "'\r")

#: `line` and the columns of rows with at most as many cells as the header; and the other lines with their numbers.
Columns = tuple[pl.DataFrame, list[tuple[int, str]]]


def columns_of(text: str, line: int, delimiter: str, width: int) -> Columns | None:
    """Split lines into the header's columns.

    Args:
        text: whole lines; the first one starts a record.
        line: the number of the first line.
        delimiter: the character between cells.
        width: the number of the header's cells.

    Returns:
        `line` and a column of texts for each column index, empty lines included; and the lines with more cells. None
        where quotes, long lines or very many columns need the reader of records.
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
    names = [str(index) for index in range(width)]
    marks = numbered["text"].str.count_matches(delimiter, literal=True)
    others: list[tuple[int, str]] = []
    if (marks >= width).any():
        others = numbered.filter(marks >= width).rows()
        numbered = numbered.filter(marks < width)
    cells = numbered["text"].str.split_exact(delimiter, width - 1).struct.rename_fields(names).struct.unnest()
    if (marks < width - 1).any():
        cells = cells.with_columns(pl.all().fill_null(""))
    # The reader of records skips spaces before a cell too.
    if text.startswith(" ") or f"{delimiter} " in text or "\n " in text:
        cells = cells.with_columns(pl.all().str.strip_chars_start(" "))
    return _unguarded(text, cells.insert_column(0, numbered["line"])), others


def _quoted(text: str, line: pl.Series, delimiter: str, width: int) -> pl.DataFrame:
    # The extra first line protects the text: polars would drop a byte order mark at its start.
    first = delimiter.join(["0"] * width)
    cells = pl.read_csv(f"{first}\n{text}".encode(), has_header=False, separator=delimiter, infer_schema=False)
    cells.columns = [str(index) for index in range(width)]
    return cells.slice(1).with_columns(pl.all().fill_null("")).insert_column(0, line)


def _unguarded(text: str, columns: pl.DataFrame) -> pl.DataFrame:
    if "'" not in text:
        return columns
    return columns.with_columns(pl.exclude("line").str.replace("^'([=+\\-@\t])", "$1"))


def _whole_record(delimiter: str, width: int) -> str:
    """Return a pattern of lines with exactly the header's cells, each completely quoted or without quotes."""
    mark = re.escape(delimiter)
    cell = f'(?:"(?:[^"]|"")*"|[^"{mark} ][^"{mark}]*|)'
    return f"^{cell}(?:{mark}{cell}){{{width - 1}}}$"
