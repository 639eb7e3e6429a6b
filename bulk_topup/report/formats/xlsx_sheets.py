"""Sheets of a workbook: cells that are never formulas, tables over several sheets; touches XlsxWriter only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.format import Format  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from bulk_topup.domain.states import RowState
from bulk_topup.report.cells import CELL_UNITS, NOT_IN_XML, fits_number_cell, xlsx_text
from bulk_topup.security.formulas import FORMULA_STARTS

#: Rows of a sheet with its header, and columns: the limits of the format.
SHEET_ROWS: Final = 1_048_576
SHEET_COLUMNS: Final = 16_384

_EVERY_CELL: Final = "A1:XFD1048576"
_TEXT_FORMAT: Final = 49  # the built-in number format "@": what is typed into such a cell stays text

_GREEN: Final = {"bg_color": "#C6EFCE", "font_color": "#006100"}
_AMBER: Final = {"bg_color": "#FFEB9C", "font_color": "#9C5700"}
_RED: Final = {"bg_color": "#FFC7CE", "font_color": "#9C0006"}
STATE_COLOURS: Final[dict[RowState, dict[str, str]]] = {
    RowState.REFUSED: _RED,
    RowState.PENDING: _AMBER,
    RowState.IN_FLIGHT: _AMBER,
    RowState.ACCEPTED: _AMBER,
    RowState.COMPLETED: _GREEN,
    RowState.FAILED: _RED,
    RowState.REVERSED: _RED,
    RowState.CONFLICT: _RED,
}


class Styles:
    """The cell formats of a workbook."""

    def __init__(self, workbook: Workbook) -> None:
        #: Column headings.
        self.heading: Format = workbook.add_format({"bold": True, "num_format": _TEXT_FORMAT})
        #: Text that stays text when the cell is edited.
        self.text: Format = workbook.add_format({"num_format": _TEXT_FORMAT})
        #: Text that would be a formula if it was typed: the cell is marked as text.
        self.quoted: Format = workbook.add_format({"num_format": _TEXT_FORMAT, "quote_prefix": True})
        #: The state of a row: green for completed, amber for open, red for what needs review.
        self.states: dict[RowState, Format] = {state: workbook.add_format(STATE_COLOURS[state]) for state in RowState}


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a sheet."""

    name: str
    #: In characters.
    width: int
    #: Amounts and counts that fit a number cell are numbers; everything else is text.
    numeric: bool = False


class Pages:
    """A table that continues on further sheets, each with the header, where a sheet is full."""

    def __init__(
        self, workbook: Workbook, name: str, columns: Sequence[Column], styles: Styles, *, sheet_rows: int = SHEET_ROWS
    ) -> None:
        self._workbook = workbook
        self._name = name
        self._columns = columns
        self._styles = styles
        self._sheet_rows = sheet_rows
        self._numeric = frozenset(index for index, column in enumerate(columns) if column.numeric)
        self._number = 0
        self._start_sheet()

    def write(self, texts: Sequence[str], state: tuple[int, RowState] | None = None) -> None:
        """Write the next row.

        Args:
            texts: the cells.
            state: index of the cell that is coloured by the row's state, and that state; None for no colour.
        """
        if self._row == self._sheet_rows:
            self.finish()
            self._start_sheet()
        write_row(self._sheet, self._row, texts, self._numeric, self._styles)
        if state:
            index, row_state = state
            self._sheet.write_string(self._row, index, row_state.value, self._styles.states[row_state])
        self._row += 1

    def finish(self) -> None:
        """Set the filter over all rows of the current sheet."""
        self._sheet.autofilter(0, 0, self._row - 1, len(self._columns) - 1)

    def _start_sheet(self) -> None:
        self._number += 1
        name = self._name if self._number == 1 else f"{self._name} {self._number}"
        self._sheet: Worksheet = self._workbook.add_worksheet(name)
        for index, column in enumerate(self._columns):
            self._sheet.set_column(index, index, column.width, None if column.numeric else self._styles.text)
        self._sheet.freeze_panes(1, 0)
        self._sheet.ignore_errors({"number_stored_as_text": _EVERY_CELL})
        write_heading(self._sheet, 0, [column.name for column in self._columns], self._styles)
        self._row = 1


def write_heading(sheet: Worksheet, row: int, texts: Sequence[str], styles: Styles) -> None:
    """Write a row of headings."""
    for index, text in enumerate(texts):
        _write_text(sheet, row, index, xlsx_text(text), styles.heading)


def write_row(sheet: Worksheet, row: int, texts: Sequence[str], numeric: Collection[int], styles: Styles) -> None:
    """Write a row of cells: numbers where the column is numeric and the text fits, otherwise text; no empty cells.

    Rows are written from the top down: a sheet keeps only the last one in memory.
    """
    joined = "".join(texts)
    if len(joined) > CELL_UNITS // 2 or NOT_IN_XML.search(joined):
        texts = [xlsx_text(text) for text in texts]
    for index, text in enumerate(texts):
        if not text:
            continue
        if index in numeric and fits_number_cell(text):
            sheet.write_number(row, index, Decimal(text))
        elif text[0] in FORMULA_STARTS:
            sheet.write_string(row, index, text, styles.quoted)
        elif text[0] == "<":
            _write_text(sheet, row, index, text, styles.text)
        else:
            sheet.write_string(row, index, text)


def _write_text(sheet: Worksheet, row: int, column: int, text: str, style: Format) -> None:
    if text.startswith("<r>") and text.endswith("</r>"):
        # XlsxWriter treats such text as its own XML and does not escape it; in two parts it is plain text.
        sheet.write_rich_string(row, column, style, text[0], style, text[1:], style)
    else:
        sheet.write_string(row, column, text, style)
