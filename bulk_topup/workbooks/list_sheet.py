"""The sheet of a workbook that is the list of a run: finds its rows, and writes outcomes next to them."""

import json
import re
from collections import deque
from collections.abc import Iterable, Sequence
from copy import copy
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.domain.corrections import KeptCorrection
from bulk_topup.domain.list_parts import lines_before, part_of
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.unseen_rows import HiddenRows
from bulk_topup.errors import ListError, MappingError
from bulk_topup.intake import Formats, ListSource, Table, read_list
from bulk_topup.intake.cells.texts import strip
from bulk_topup.intake.corrected_table import CorrectedTable
from bulk_topup.intake.files.xlsx_file import XlsxTable
from bulk_topup.intake.filters import Filter, FilteredTable
from bulk_topup.intake.header_row import open_headed_table
from bulk_topup.report.cells import fits_number_cell, result_values, xlsx_text
from bulk_topup.report.columns import AMOUNT_FIELDS, COUNT_FIELDS, RESULT_FIELDS, RUN_FIELDS, result_columns
from bulk_topup.report.formats.xlsx_sheets import SHEET_COLUMNS, STATE_COLOURS
from bulk_topup.security.formulas import FORMULA_STARTS
from bulk_topup.workbooks.workbook_file import cells_of

#: Fields of an outcome: the report's fields without the line, which is the row itself, and what is said of the run.
FIELDS: Final = tuple(field for field in RESULT_FIELDS if field not in {"line", *RUN_FIELDS})

#: Maximum rows of a workbook: openpyxl keeps every cell in memory, about a gigabyte for this many rows.
MAX_ROWS: Final = 100_000

_FIELD_INDEXES: Final = tuple(RESULT_FIELDS.index(field) for field in FIELDS)
_NUMERIC: Final = frozenset(FIELDS.index(field) for field in (*AMOUNT_FIELDS, *COUNT_FIELDS) if field in FIELDS)
_STATE: Final = FIELDS.index("state")
_FILLS: Final = {
    state: PatternFill("solid", start_color=style["bg_color"].removeprefix("#"))
    for state, style in STATE_COLOURS.items()
}
#: Text that spreadsheet programs read as an escaped character.
_ESCAPE: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_TEXT_FORMAT: Final = "@"
_MIN_WIDTH, _MAX_WIDTH = 12, 40


class ListSheet:
    """The list's sheet, as the run reads lists and as openpyxl has it.

    Args:
        source: the workbook file.
        run: the run.
        workbook: the workbook in openpyxl.
        sheet: name of the sheet; None for the one that has the columns of the run.
        kept: corrections that the run keeps.

    Raises:
        ListError: no sheet or several sheets have the columns of the run, or the sheet has too many rows.
    """

    def __init__(
        self, source: Path, run: Run, workbook: Workbook, sheet: str | None, kept: Sequence[KeptCorrection]
    ) -> None:
        self._file_name, self._run = source.name, run
        names = [sheet] if sheet is not None else [each.title for each in workbook.worksheets]
        found = [each for each in (self._candidate(source, name, only=sheet is not None) for name in names) if each]
        if len(found) > 1:
            found = [each for each in found if each[0] == run.reading_of("sheet")] or found
        if len(found) != 1:
            columns = ", ".join(f'"{column}"' for column in run.columns)
            what = f"Several sheets of {source.name} have" if found else f"No sheet of {source.name} has"
            raise ListError(
                f"{what} the columns of run {run.name}: {columns}. "
                "Use the workbook that was paid, and --sheet for its sheet."
            )
        [(self.name, table, self._width, self._is_annotated)] = found
        self._list_source = _source(run, source, self.name)
        self._sheet: Worksheet = workbook[self.name]
        self._header = table.header_line
        self._names = _outcome_columns(run.columns[: self._width])
        #: Rows of the workbook without an outcome so far, by line.
        self._corrected = CorrectedTable(table, source.name, kept=kept)
        self.lines = {line: own for line, cells in self._corrected.rows() if (own := self._own_cells(cells))}
        if len(self.lines) > MAX_ROWS:
            raise ListError(
                f"{source.name} has too many rows to annotate, more than {MAX_ROWS:,}. "
                "Use results.xlsx of the report instead."
            )
        self._left_out = set(table.unseen) if isinstance(table, XlsxTable) and self._leaves_out() else set()
        if filters := _filters_of(run):
            self._left_out |= {line for line, *_ in FilteredTable(self._corrected, source.name, filters).left_out()}
        #: Lines whose cells differ from the run.
        self.differing: list[int] = []
        #: Lines of the run that have no row in the workbook.
        self.missing: list[int] = []

    def fill(self, pages: Iterable[Outcomes], *, reveal_pins: bool) -> int:
        """Write the outcomes, and return how many rows have one.

        Raises:
            ListError: no row belongs to the run, or the sheet has no space for the columns.
        """
        first = self._first_column()
        if first + len(self._names) > SHEET_COLUMNS:
            raise ListError(f"{self._file_name} has no space for {len(self._names)} more columns. Remove some columns.")
        if self._is_annotated:
            for cell in cells_of(self._sheet):
                if cell.row > self._header and first <= cell.column < first + len(self._names):
                    cell.value, cell.style = None, "Normal"
        self._write_header(first)
        part, written = self._part(), 0
        for page in pages:
            values = result_values(page, self._run, self._width, reveal_pins=reveal_pins)
            rows = zip(*(values[index] for index in _FIELD_INDEXES), strict=True)
            for line, in_list, cells, row in zip(page.line, page.in_list, page.cells, rows, strict=True):
                if in_list and part_of(line) == part and self._has_row(line - lines_before(part), cells):
                    self._write(line - lines_before(part), row, first)
                    written += 1
        if not written:
            raise ListError(
                f'No row of {self._file_name}, sheet "{self.name}", belongs to run {self._run.name}. '
                "Use the workbook that was paid."
            )
        for line in self._left_out | (self._outside_lines() if self.lines else set()):
            self.lines.pop(line, None)
        return written

    def _outside_lines(self) -> set[int]:
        """Return the lines of totals and signatures, which are in no run of the list."""
        reading, version = json.loads(self._run.reading or "{}"), self._run.reading_version
        formats = Formats(version=version, decimal_mark=reading.get("decimal_mark") or ".")
        mapping, constants = reading.get("columns") or {}, reading.get("constants") or {}
        try:
            reader = read_list(
                self._list_source, mapping=mapping, constants=constants, formats=formats, table=self._corrected
            )
            deque(reader.batches(), maxlen=0)
        except (ListError, MappingError):  # then all that is left over is shown
            return set()
        return {line for line, *_ in reader.footers()}

    def _leaves_out(self) -> bool:
        """Return True if the run leaves out rows that are hidden or struck through."""
        return self._run.reading_of("hidden_rows") == HiddenRows.LEAVE_OUT

    def _part(self) -> int:
        """Return which of the run's lists the workbook is, by its name; the first if none has it."""
        names = [part.file_name for part in self._run.parts]
        return names.index(self._file_name) + 1 if self._file_name in names else 1

    def _has_row(self, line: int, cells: Sequence[str]) -> bool:
        """Return True if a line of the workbook has the run's cells; record the line as missing or differing if not."""
        found, own = self.lines.pop(line, None), self._own_cells(cells)
        if found is None:
            self.missing.append(line)
        elif found != own:
            self.differing.append(line)
        return found == own

    def _candidate(self, source: Path, sheet: str, *, only: bool) -> tuple[str, Table, int, bool] | None:
        """Return a sheet that has the run's columns: name, table, number of columns, and whether it has outcomes."""
        try:
            columns = json.loads(self._run.reading or "{}").get("columns") or {}
            table = open_headed_table(_source(self._run, source, sheet), columns, self._run.reading_version)
        except ListError:
            if only:
                raise
            return None
        header = _trim_row([strip(cell) for cell in table.header])
        listed = self._run.columns
        # A list that was run again after it was annotated has the outcomes among its columns.
        if listed[-len(FIELDS) :] == _outcome_columns(listed[: -len(FIELDS)]):
            listed = listed[: -len(FIELDS)]
        if header == listed:
            return sheet, table, len(listed), False
        if header == (*listed, *_outcome_columns(listed)):
            return sheet, table, len(listed), True
        return None

    def _own_cells(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Return the cells of a row in the list's own columns, without empty ones at the end."""
        return _trim_row(cells[: self._width])

    def _first_column(self) -> int:
        """Return the first column of the outcomes: the one they are in already, or the first free one."""
        if self._is_annotated:
            return next(int(cell.column or 0) for cell in self._sheet[self._header] if cell.value == self._names[0])
        used = [cell.column for cell in cells_of(self._sheet) if cell.value is not None]
        merged = [area.max_col or 0 for area in self._sheet.merged_cells.ranges]
        return int(max([*used, *merged])) + 1

    def _write_header(self, first: int) -> None:
        model = self._sheet.cell(self._header, first - 1)
        # Columns keep a width that they have: a second width for one column makes the file invalid.
        ranges = [(each.min or 0, each.max or 0) for each in self._sheet.column_dimensions.values()]
        with_width = {column for lower, upper in ranges for column in range(lower, upper + 1)}
        for column, name in enumerate(self._names, start=first):
            cell = self._sheet.cell(self._header, column)
            write_text(cell, name)
            for part in ("font", "fill", "border", "alignment"):
                setattr(cell, part, copy(getattr(model, part)))
            if column not in with_width:
                width = min(max(len(name) + 2, _MIN_WIDTH), _MAX_WIDTH)
                self._sheet.column_dimensions[get_column_letter(column)].width = width

    def _write(self, line: int, values: Sequence[str | int | None], first: int) -> None:
        for index, value in enumerate(values):
            text = "" if value is None else str(value)
            if not text:
                continue
            cell = self._sheet.cell(line, first + index)
            if index in _NUMERIC and fits_number_cell(text):
                cell.value = Decimal(text)
            else:
                write_text(cell, text)
        self._sheet.cell(line, first + _STATE).fill = _FILLS[RowState(str(values[_STATE]))]


def write_text(cell: Any, text: str) -> None:  # noqa: ANN401 - a cell, or one that is merged into another
    """Write a text that is never read as a formula, an error or an escape."""
    cell.value = _ESCAPE.sub(r"_x005F\g<0>", xlsx_text(text))
    cell.data_type = "s"
    cell.number_format = _TEXT_FORMAT
    if text[:1] in FORMULA_STARTS:
        cell.quotePrefix = True


def _source(run: Run, path: Path, sheet: str | None) -> ListSource:
    """Return how the run reads the workbook."""
    header_row = json.loads(run.reading or "{}").get("header_row")
    if not run.reads_as_shown:
        return ListSource(path=path, sheet=sheet, as_shown=False, header_row=header_row)
    mark = run.reading_of("decimal_mark") or "."
    return ListSource(path=path, sheet=sheet, decimal_mark=mark, header_row=header_row)


def _filters_of(run: Run) -> tuple[Filter, ...]:
    """Return what decides which rows of the list are in the run."""
    return tuple(Filter.model_validate(each) for each in json.loads(run.reading or "{}").get("filters") or ())


def _outcome_columns(listed: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the outcome columns for a list with these columns."""
    return tuple(result_columns(listed)[index] for index in _FIELD_INDEXES)


def _trim_row(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the cells of a row without empty ones at the end."""
    end = len(cells)
    while end and not strip(cells[end - 1]):
        end -= 1
    return tuple(cells[:end])
