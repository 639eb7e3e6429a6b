"""Lists as polars frames, a batch at a time: columns mapped, cells normalised, problems added; reads the file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.amount_notes import AmountNotes
from bulk_topup.domain.column_use import ColumnUse
from bulk_topup.domain.currency_signs import AMOUNT_SIGN
from bulk_topup.domain.number_notes import NumberNotes
from bulk_topup.domain.outside_rows import Outside, OutsideRows
from bulk_topup.domain.problem_kinds import ProblemKind, kind_of_field
from bulk_topup.domain.problems import DO_NOT_PAY, REASON_COLUMN, position, position_word
from bulk_topup.domain.run import LEFT_OUT_VERSION
from bulk_topup.errors import ListError, MappingError
from bulk_topup.intake.amount_columns import AmountColumn
from bulk_topup.intake.cells.formats import Formats
from bulk_topup.intake.cells.instead import instead_of
from bulk_topup.intake.cells.normalise import Normaliser, normaliser_of
from bulk_topup.intake.cells.texts import EARLIER_BLANKS, CellProblem, RowCheck, strip
from bulk_topup.intake.column_mapping import map_columns, propose_columns
from bulk_topup.intake.files.batches import Layout, batches_of, frames_of_rows
from bulk_topup.intake.files.csv_file import CsvTable
from bulk_topup.intake.files.open_table import Table, file_table, titles_of
from bulk_topup.intake.files.source import ListSource
from bulk_topup.intake.files.xlsx_file import XlsxTable
from bulk_topup.intake.footers import FooterColumns, Footers, find_footers
from bulk_topup.intake.header_row import open_headed_table
from bulk_topup.intake.number_columns import NumberColumns, RowCountries
from bulk_topup.intake.row_problems import RowProblem, with_problems

#: Most columns of a list: a sheet must have space for them and for those of the report.
MAX_COLUMNS: Final = 1_000

#: The column name of a field with the same value in every row, for messages.
CONSTANT: Final = "(the same in every row)"


class ListReader:
    """A list with mapped columns; created by `read_list`."""

    def __init__(
        self,
        name: str,
        table: Table,
        indexes: Mapping[str, int],
        constants: Mapping[str, str],
        formats: Formats,
        row_checks: Mapping[int, RowCheck],
        *,
        leaves_out: bool,
    ) -> None:
        self._name = name
        self._table = table
        self._indexes = indexes
        self._constants = constants
        self._row_checks = row_checks
        self._formats = replace(formats, default_country=constants.get(fields.COUNTRY, formats.default_country))
        self._numbers = NumberColumns(self._formats)
        self._amounts = AmountColumn(formats, self._amount_cells)
        self._footer_columns = FooterColumns(mapped=indexes, amounts_of=self._read_amounts)
        self._leaves_out = leaves_out and bool(self._footer_columns.party)
        #: Totals and signatures below the list; None until a row may be one.
        self._footers: Footers | None = None
        self._normalisers: dict[str, Normaliser] = {
            field: normaliser_of(field, formats) for field in indexes if field not in fields.MOBILE_FIELDS
        }
        #: The list's own column names in their order.
        self.columns: tuple[str, ...] = _names(table.header)
        #: Indexes of columns with a reason, where the list is a not-completed file of a report.
        self._reasons = [index for index, column in enumerate(self.columns) if column == REASON_COLUMN]
        self._layout = Layout(
            name=name,
            width=len(self.columns),
            nameless=tuple(index for index, cell in enumerate(table.header) if not strip(cell)),
            wanted=tuple(sorted({*indexes.values(), *self._reasons, *row_checks})),
        )
        #: The word for a row's position, `line` or `row`.
        self.position_word = position_word(name)
        #: The fields for which frames have a column.
        self.mapped: tuple[str, ...] = tuple(field for field in fields.FIELDS if field in indexes or field in constants)

    @property
    def number_notes(self) -> NumberNotes:
        """How the credited numbers were read, as far as `batches` has come."""
        return self._numbers.notes

    def column_of(self, field: str) -> str:
        """Return the list's column of a mapped field, for messages."""
        return CONSTANT if field in self._constants else self.columns[self._indexes[field]]

    @property
    def amount_notes(self) -> AmountNotes:
        """How the amounts were read, as far as `batches` has come."""
        return self._amounts.notes

    @property
    def outside_rows(self) -> OutsideRows:
        """The rows that are no part of the list, as far as `batches` has come."""
        titles = dict.fromkeys((line for line, _ in titles_of(self._table)), Outside.TITLE) if self._leaves_out else {}
        below = {line: kind for line, kind, _ in self.footers()}
        return OutsideRows(rows=titles | below, position_word=self.position_word)

    def footers(self) -> Iterator[tuple[int, Outside, list[str]]]:
        """Yield the totals and signatures below the list with their lines and cells, as far as `batches` has come."""
        rows = {} if self._footers is None else self._footers.rows
        return ((line, kind, cells) for line, (kind, cells) in sorted(rows.items()))

    @property
    def column_use(self) -> ColumnUse:
        """Which of the list's columns are used for what, and which are only kept."""
        used = set(self._indexes.values())
        return ColumnUse(
            used={field: self.columns[index] for field, index in self._indexes.items()},
            kept=tuple(column for index, column in enumerate(self.columns) if column and index not in used),
            proposed=propose_columns(self.columns, used, self.mapped),
        )

    def batches(self) -> Iterator[pl.DataFrame]:
        """Yield the list's rows from the start, without empty ones.

        Returns:
            Frames of at most `BATCH_ROWS` rows, with `line` (Int64, the line on which the row starts, or its number in
            the sheet), `cells` (String, a JSON array of all of the row's cells), `problems` (List of Struct of
            `FRAME_FIELDS`) and a String column a mapped field, null where the cell is empty or refused; and with a
            column of amounts `AMOUNT_SIGN` (String, the currency that the amount is written with, null for none).

        Raises:
            ListError: the list cannot be read to its end, or has no rows.
        """
        self._numbers = NumberColumns(self._formats)
        self._amounts = AmountColumn(self._formats, self._amount_cells)
        self._footers = None
        is_empty = True
        for rows in batches_of(_frames(self._table, self._layout)):
            batch = self._without_footers(rows)
            is_empty = is_empty and batch.is_empty()
            if batch.is_empty():
                continue
            yield self._frame(batch)
        if is_empty:
            raise ListError(
                f"{self._name} has a header, but no rows. Add a row for each beneficiary, or choose another list."
            )

    def _without_footers(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return a batch without the totals and signatures of the list, which is searched for them if it needs to."""
        if not self._leaves_out:
            return rows
        if self._footers is None and rows.select(self._footer_columns.lacks_party().any()).item():
            self._footers = find_footers(_frames(self._table, self._layout), self._footer_columns)
            if (file := file_table(self._table)) is not self._table:
                # A total may be that of all rows of the file, whatever is left out of them or corrected.
                layout = replace(self._layout, nameless=())
                self._footers.rows |= find_footers(_frames(file, layout), self._footer_columns).rows
        if self._footers is None or not self._footers.rows:
            return rows
        return rows.filter(~pl.col("line").is_in(list(self._footers.rows)))

    def _read_amounts(self, cells: pl.Series) -> pl.Series:
        """Return amounts without noting how they are read."""
        return AmountColumn(self._formats, self._amount_cells).read(cells)[0]

    def _amount_cells(self) -> Iterator[pl.Series]:
        """Yield the cells of the whole amount column, as the file has it."""
        index = self._indexes[fields.AMOUNT]
        layout = replace(self._layout, nameless=(), wanted=(index,))
        return (frame[str(index)] for frame in _frames(file_table(self._table), layout))

    def _frame(self, rows: pl.DataFrame) -> pl.DataFrame:
        problems = list(self._row_problems(rows))
        values: dict[str, pl.Series] = {}
        countries: RowCountries | None = None
        for field in self.mapped:
            if field in self._constants:
                values[field] = pl.Series([self._constants[field]], dtype=pl.String).new_from_index(0, rows.height)
                continue
            column, cells = self.columns[self._indexes[field]], rows[str(self._indexes[field])]
            if field in fields.MOBILE_FIELDS:
                values[field], refused, unknown = self._numbers.read(field, cells, rows["line"], countries)
                if countries is not None:
                    kind = kind_of_field(fields.COUNTRY).value
                    problems.extend((row, countries.column, message, kind, None) for row, message in unknown.items())
            elif field == fields.COUNTRY:
                # An unknown country is a problem only where a number needs it.
                values[field], unknown = self._normalisers[field].column(cells)
                countries = RowCountries(column=column, codes=values[field], unknown=unknown)
                continue
            elif field == fields.AMOUNT and self._formats.knows_names:
                values[field], refused, values[AMOUNT_SIGN] = self._amounts.read(cells)
            else:
                values[field], refused = self._normalisers[field].column(cells)
            problems.extend(self._refusals(field, column, cells, refused))
        return with_problems(rows.select("line", "cells"), problems).with_columns(**values)

    def _refusals(self, field: str, column: str, cells: pl.Series, refused: Mapping[int, str]) -> Iterator[RowProblem]:
        kind = kind_of_field(field).value
        instead: dict[str, str | None] = {}
        for row, message in refused.items():
            if (cell := cells[row]) not in instead:
                instead[cell] = instead_of(field, cell, self._formats)
            yield row, column, message, kind, instead[cell]

    def _row_problems(self, rows: pl.DataFrame) -> Iterator[RowProblem]:
        """Yield the problems of rows that cells alone do not have."""
        for row in rows["count"].is_not_null().arg_true():
            text = (
                f"The row has {rows['count'][row]} cells, but the header {len(self.columns)}. "
                "Put quotes around cells that contain a delimiter or a decimal comma."
            )
            yield row, "", text, ProblemKind.ROW_SHAPE.value, None
        for line, text in ({} if self._footers is None else self._footers.problems).items():
            for row in (rows["line"] == line).arg_true():
                yield row, self.column_of(fields.AMOUNT), text, ProblemKind.AMOUNT.value, None
        text = "This row must not be paid by a list, see its reason. Remove the row."
        for index in self._reasons:
            for row in rows[str(index)].str.starts_with(DO_NOT_PAY).arg_true():
                yield row, REASON_COLUMN, text, ProblemKind.DUPLICATE.value, None
        for index, check in self._row_checks.items():
            cells = rows[str(index)]
            found = {cell: message for cell in cells.unique() if (message := check(cell)) is not None}
            for row in cells.is_in(list(found)).arg_true() if found else ():
                yield row, self.columns[index], found[cells[row]], ProblemKind.TEXT.value, None


def _frames(table: Table, layout: Layout) -> Iterator[pl.DataFrame]:
    return table.frames(layout) if isinstance(table, CsvTable | XlsxTable) else frames_of_rows(table.rows(), layout)


def read_list(
    source: ListSource,
    *,
    mapping: Mapping[str, str],
    constants: Mapping[str, str],
    formats: Formats,
    table: Table | None = None,
    row_checks: Mapping[int, RowCheck] | None = None,
    leaves_out: bool = True,
) -> ListReader:
    """Open a list and map its columns.

    Args:
        source: the list and how it is opened.
        mapping: the list's column for a field; other columns are mapped by well-known names.
        constants: the value of a field in every row, written as in a cell.
        formats: the list's number formats.
        table: the list, if it is open already.
        row_checks: checks by column index that refuse a row for its cell, in addition to those of its fields.
        leaves_out: whether totals and signatures below the list are left out, where its version does that.

    Raises:
        ListError: the list cannot be read.
        MappingError: a field or a column does not exist or is ambiguous, or a constant is not a value of its field.
    """
    if table is None:
        table = open_headed_table(source, mapping, formats.version)
    names = _names(table.header)
    if len(names) > MAX_COLUMNS:
        raise ListError(
            f"{position(source.path.name, table.header_line)}: the header has {len(names):,} columns, more than "
            f"{MAX_COLUMNS:,}. Remove columns that are not needed."
        )
    recognised = names
    if not formats.knows_names:
        recognised = tuple(cell.strip(EARLIER_BLANKS) for cell in table.header[: len(names)])
    indexes = map_columns(recognised, mapping, constants, formats.version)
    values = {field: _constant(field, text, formats) for field, text in constants.items()}
    leaves_out = leaves_out and formats.version >= LEFT_OUT_VERSION
    return ListReader(source.path.name, table, indexes, values, formats, row_checks or {}, leaves_out=leaves_out)


def _names(header: Sequence[str]) -> tuple[str, ...]:
    """Return the column names of a header, without empty ones at its end."""
    names = list(map(strip, header))
    while not names[-1]:
        names.pop()
    return tuple(names)


def _constant(field: str, text: str, formats: Formats) -> str:
    text = strip(text)
    if not text:
        raise MappingError(f"The constant of field {field} is empty. Give it a value, or remove it.")
    value = normaliser_of(field, formats).cell(text)
    if isinstance(value, CellProblem):
        raise MappingError(f"The constant of field {field} is invalid: {value.message}")
    return value
