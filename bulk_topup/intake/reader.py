"""Lists as polars frames, a batch at a time: columns mapped, cells normalised, problems noted; reads the file."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec
import polars as pl

from bulk_topup import fields
from bulk_topup.errors import ListError, MappingError
from bulk_topup.intake.columns import map_columns
from bulk_topup.intake.normalise import Normaliser, normaliser_of
from bulk_topup.intake.source import Formats, ListSource
from bulk_topup.intake.tables import Table, open_table
from bulk_topup.intake.texts import Refusal, strip
from bulk_topup.problems import DO_NOT_PAY, REASON_COLUMN

#: Rows that a batch has at most.
BATCH_ROWS: Final = 5_000
#: Characters of their cells after which a batch ends earlier.
BATCH_CHARACTERS: Final = 8_000_000
#: Columns of a list; a report has to fit them and its own into a sheet.
MAX_COLUMNS: Final = 1_000

#: Stands for the column of a field that has the same value in every row.
CONSTANT: Final = "(the same in every row)"

_PROBLEMS: Final = pl.List(pl.Struct({"column": pl.String, "message": pl.String}))

_JSON: Final = msgspec.json.Encoder()

#: The line on which a row begins, and its cells: one a column, then those beyond the header.
_Row = tuple[int, list[str]]

#: The place of a row in its batch, the column that is concerned, and what is wrong.
_Problem = tuple[int, str, str]


class ListReader:
    """A list whose columns are mapped; made by `read_list`."""

    def __init__(
        self, name: str, table: Table, places: Mapping[str, int], constants: Mapping[str, str], formats: Formats
    ) -> None:
        self._name = name
        self._table = table
        self._places = places
        self._constants = constants
        self._normalisers: dict[str, Normaliser] = {field: normaliser_of(field, formats) for field in places}
        self._nameless = [place for place, cell in enumerate(table.header) if not strip(cell)]
        #: The list's own column names in their order.
        self.columns: tuple[str, ...] = _names(table.header)
        #: The fields that a frame has a column for.
        self.mapped: tuple[str, ...] = tuple(field for field in fields.FIELDS if field in places or field in constants)

    def column_of(self, field: str) -> str:
        """Give the list's column that holds a mapped field, for messages."""
        return CONSTANT if field in self._constants else self.columns[self._places[field]]

    def batches(self) -> Iterator[pl.DataFrame]:
        """Read the list from its beginning, blank rows left out.

        Returns:
            Frames of at most `BATCH_ROWS` rows, with `line` (Int64, the line on which the row begins, or its number in
            the sheet), `cells` (String, a JSON array of all of the row's cells), `problems` (List of Struct of column
            and message) and a String column a mapped field, null where the cell is blank or refused.

        Raises:
            ListError: the list cannot be read to its end, or has no rows.
        """
        rows = self._rows()
        batch = _batch(rows)
        if not batch:
            raise ListError(
                f"{self._name} has a header and no rows below it; add a row for each beneficiary, or name another list."
            )
        while batch:
            yield self._frame(batch)
            batch = _batch(rows)

    def _rows(self) -> Iterator[_Row]:
        width = len(self.columns)
        for line, cells in self._table.rows():
            if len(cells) != width:
                _fit(cells, width)
            # Nearly every row is decided by its first cell.
            if not strip(cells[0]) and not any(map(strip, cells)):
                continue
            if self._nameless:
                self._demand_blank(line, cells)
            yield line, cells

    def _demand_blank(self, line: int, cells: Sequence[str]) -> None:
        for place in self._nameless:
            if place < len(cells) and strip(cells[place]):
                raise ListError(
                    f"{self._name} line {line}: column {place + 1} has a value here and no name in the header; "
                    "name it, or remove it."
                )

    def _frame(self, rows: Sequence[_Row]) -> pl.DataFrame:
        problems = list(self._row_problems(rows))
        values: dict[str, pl.Series | pl.Expr] = {}
        for field in self.mapped:
            if field in self._constants:
                values[field] = pl.lit(self._constants[field], dtype=pl.String)
                continue
            place = self._places[field]
            values[field], refused = self._normalisers[field].column([cells[place] for _, cells in rows])
            problems.extend((row, self.columns[place], message) for row, message in refused.items())
        frame = pl.DataFrame(
            {
                "line": pl.Series([line for line, _ in rows], dtype=pl.Int64),
                # A line of JSON for each row: line breaks inside of cells are escaped.
                "cells": pl.Series(_JSON.encode_lines([cells for _, cells in rows]).decode().split("\n")[:-1]),
            }
        )
        return _with_problems(frame, problems).with_columns(**values)

    def _row_problems(self, rows: Sequence[_Row]) -> Iterator[_Problem]:
        """Find what is wrong with rows as a whole."""
        width = len(self.columns)
        for row, (_, cells) in enumerate(rows):
            if len(cells) > width:
                text = (
                    f"The row has {len(cells)} cells and the header {width}; "
                    "put quotes around a cell that has a delimiter or a decimal comma in it."
                )
                yield row, "", text
        text = "The row is not to be paid by a list, its reason says why; remove the row."
        for place in [place for place, column in enumerate(self.columns) if column == REASON_COLUMN]:
            for row, (_, cells) in enumerate(rows):
                if cells[place].startswith(DO_NOT_PAY):
                    yield row, REASON_COLUMN, text


def _batch(rows: Iterator[_Row]) -> list[_Row]:
    batch: list[_Row] = []
    characters = 0
    for row in islice(rows, BATCH_ROWS):
        batch.append(row)
        characters += len("".join(row[1]))
        if characters > BATCH_CHARACTERS:
            break
    return batch


def _with_problems(frame: pl.DataFrame, problems: Sequence[_Problem]) -> pl.DataFrame:
    """Add each row's problems in the order in which they were found; most batches have none."""
    if not problems:
        return frame.with_columns(problems=pl.lit([], dtype=_PROBLEMS))
    found = pl.DataFrame(problems, schema={"row": pl.UInt32, "column": pl.String, "message": pl.String}, orient="row")
    by_row = found.group_by("row", maintain_order=True).agg(problems=pl.struct("column", "message"))
    joined = frame.with_row_index("row").join(by_row, on="row", how="left", maintain_order="left")
    return joined.drop("row").with_columns(pl.col("problems").fill_null([]))


def read_list(
    source: ListSource,
    *,
    mapping: Mapping[str, str],
    constants: Mapping[str, str],
    formats: Formats,
    table: Table | None = None,
) -> ListReader:
    """Open a list and map its columns.

    Args:
        source: the list and how it is opened.
        mapping: the list's column for a field; other columns are mapped where their names explain themselves.
        constants: the same value for a field in every row, written as in a cell.
        formats: how the list writes numbers.
        table: the list where it is open already.

    Raises:
        ListError: the list cannot be read.
        MappingError: a field or a column does not exist or is not clear, or a constant is no value of its field.
    """
    if table is None:
        table = open_table(source)
    names = _names(table.header)
    if len(names) > MAX_COLUMNS:
        raise ListError(
            f"{source.path.name} line {table.header_line}: the header has {len(names):,} columns, and a list "
            f"has at most {MAX_COLUMNS:,}; remove those that nobody needs."
        )
    places = map_columns(names, mapping, constants)
    values = {field: _constant(field, text, formats) for field, text in constants.items()}
    return ListReader(source.path.name, table, places, values, formats)


def _names(header: Sequence[str]) -> tuple[str, ...]:
    """Give the names that a header states; what is blank at its end is no column."""
    names = list(map(strip, header))
    while not names[-1]:
        names.pop()
    return tuple(names)


def _fit(cells: list[str], width: int) -> None:
    """Fill a short row with blanks, and take the blanks off the end of a long one."""
    while len(cells) > width and not strip(cells[-1]):
        cells.pop()
    cells += [""] * (width - len(cells))


def _constant(field: str, text: str, formats: Formats) -> str:
    text = strip(text)
    if not text:
        raise MappingError(f"The constant of field {field} is blank; give it a value, or leave it out.")
    value = normaliser_of(field, formats).cell(text)
    if isinstance(value, Refusal):
        raise MappingError(f"The constant of field {field} cannot be used: {value.message}")
    return value
