"""Lists as polars frames, a batch at a time: columns mapped, cells normalised, problems noted; reads the file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.problems import DO_NOT_PAY, REASON_COLUMN
from bulk_topup.errors import ListError, MappingError
from bulk_topup.intake.cells.formats import Formats
from bulk_topup.intake.cells.normalise import Normaliser, normaliser_of
from bulk_topup.intake.cells.texts import CellProblem, Doubt, strip
from bulk_topup.intake.column_mapping import map_columns
from bulk_topup.intake.files.batches import Layout, batches_of, pieces_of_rows
from bulk_topup.intake.files.csv_file import CsvTable
from bulk_topup.intake.files.open_table import Table, open_table
from bulk_topup.intake.files.source import ListSource
from bulk_topup.intake.files.xlsx_file import XlsxTable

#: Columns of a list; a report has to fit them and its own into a sheet.
MAX_COLUMNS: Final = 1_000

#: Stands for the column of a field that has the same value in every row.
CONSTANT: Final = "(the same in every row)"

_PROBLEMS: Final = pl.List(pl.Struct({"column": pl.String, "message": pl.String}))

#: The place of a row in its batch, the column that is concerned, and what is wrong.
_Problem = tuple[int, str, str]


class ListReader:
    """A list whose columns are mapped; made by `read_list`."""

    def __init__(
        self,
        name: str,
        table: Table,
        places: Mapping[str, int],
        constants: Mapping[str, str],
        formats: Formats,
        doubts: Mapping[int, Doubt],
    ) -> None:
        self._name = name
        self._table = table
        self._places = places
        self._constants = constants
        self._doubts = doubts
        self._normalisers: dict[str, Normaliser] = {field: normaliser_of(field, formats) for field in places}
        #: The list's own column names in their order.
        self.columns: tuple[str, ...] = _names(table.header)
        #: Columns that say why a row is there, where a report wrote the list.
        self._reasons = [place for place, column in enumerate(self.columns) if column == REASON_COLUMN]
        self._layout = Layout(
            name=name,
            width=len(self.columns),
            nameless=tuple(place for place, cell in enumerate(table.header) if not strip(cell)),
            wanted=tuple(sorted({*places.values(), *self._reasons, *doubts})),
        )
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
        table = self._table
        pieces = (
            table.pieces(self._layout)
            if isinstance(table, CsvTable | XlsxTable)
            else pieces_of_rows(table.rows(), self._layout)
        )
        is_empty = True
        for batch in batches_of(pieces):
            is_empty = False
            yield self._frame(batch)
        if is_empty:
            raise ListError(
                f"{self._name} has a header and no rows below it; add a row for each beneficiary, or name another list."
            )

    def _frame(self, rows: pl.DataFrame) -> pl.DataFrame:
        problems = list(self._row_problems(rows))
        values: dict[str, pl.Series | pl.Expr] = {}
        for field in self.mapped:
            if field in self._constants:
                values[field] = pl.lit(self._constants[field], dtype=pl.String)
                continue
            place = self._places[field]
            values[field], refused = self._normalisers[field].column(rows[str(place)])
            problems.extend((row, self.columns[place], message) for row, message in refused.items())
        return _with_problems(rows.select("line", "cells"), problems).with_columns(**values)

    def _row_problems(self, rows: pl.DataFrame) -> Iterator[_Problem]:
        """Find what is wrong with rows as a whole."""
        for row in rows["count"].is_not_null().arg_true():
            text = (
                f"The row has {rows['count'][row]} cells and the header {len(self.columns)}; "
                "put quotes around a cell that has a delimiter or a decimal comma in it."
            )
            yield row, "", text
        text = "The row is not to be paid by a list, its reason says why; remove the row."
        for place in self._reasons:
            for row in rows[str(place)].str.starts_with(DO_NOT_PAY).arg_true():
                yield row, REASON_COLUMN, text
        for place, doubt in self._doubts.items():
            cells = rows[str(place)]
            found = {cell: message for cell in cells.unique() if (message := doubt(cell)) is not None}
            for row in cells.is_in(list(found)).arg_true() if found else ():
                yield row, self.columns[place], found[cells[row]]


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
    doubts: Mapping[int, Doubt] | None = None,
) -> ListReader:
    """Open a list and map its columns.

    Args:
        source: the list and how it is opened.
        mapping: the list's column for a field; other columns are mapped where their names explain themselves.
        constants: the same value for a field in every row, written as in a cell.
        formats: how the list writes numbers.
        table: the list where it is open already.
        doubts: what refuses a row for its cell in a place, beside what its fields demand.

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
    return ListReader(source.path.name, table, places, values, formats, doubts or {})


def _names(header: Sequence[str]) -> tuple[str, ...]:
    """Give the names that a header states; what is blank at its end is no column."""
    names = list(map(strip, header))
    while not names[-1]:
        names.pop()
    return tuple(names)


def _constant(field: str, text: str, formats: Formats) -> str:
    text = strip(text)
    if not text:
        raise MappingError(f"The constant of field {field} is blank; give it a value, or leave it out.")
    value = normaliser_of(field, formats).cell(text)
    if isinstance(value, CellProblem):
        raise MappingError(f"The constant of field {field} cannot be used: {value.message}")
    return value
