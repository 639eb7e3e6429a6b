"""Finds the run's rows in a workbook by line and cells, and writes what became of them beside; saves one file."""

import re
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import InvalidInputError, ListError, PurgedRunError
from bulk_topup.intake import ListSource, Table, open_table
from bulk_topup.intake.cells.texts import strip
from bulk_topup.report.cells import fits_number_cell, result_values, xlsx_text
from bulk_topup.report.columns import AMOUNT_FIELDS, COUNT_FIELDS, RESULT_FIELDS, result_columns
from bulk_topup.report.formats.xlsx_sheets import SHEET_COLUMNS, STATE_COLOURS
from bulk_topup.security.formulas import FORMULA_STARTS
from bulk_topup.system.files import atomic_write, sha256_of
from bulk_topup.workbooks.workbook_file import cells_of, losses, opened

#: What stands beside each row: the report's fields but the line, which is the row's own.
FIELDS: Final = tuple(field for field in RESULT_FIELDS if field != "line")

#: Rows that are annotated at most: openpyxl holds every cell, which takes a gigabyte for so many.
MAX_ROWS: Final = 100_000

_PLACES: Final = tuple(RESULT_FIELDS.index(field) for field in FIELDS)
_NUMERIC: Final = frozenset(FIELDS.index(field) for field in (*AMOUNT_FIELDS, *COUNT_FIELDS) if field in FIELDS)
_STATE: Final = FIELDS.index("state")
_FILLS: Final = {
    state: PatternFill("solid", start_color=look["bg_color"].removeprefix("#")) for state, look in STATE_COLOURS.items()
}
#: What a spreadsheet program reads as an escaped character.
_ESCAPE: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_TEXT_FORMAT: Final = "@"
_NARROWEST, _WIDEST = 12, 40


class AnnotationError(InvalidInputError):
    """The workbook cannot be annotated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotated:
    """What was written, and what was not."""

    file: Path
    sheet: str
    #: Rows that have their outcome beside them now.
    rows: int
    #: Lines whose cells are not those of the run's list; nothing stands beside them.
    differing: tuple[int, ...]
    #: Lines of the run that the workbook has no row at.
    missing: tuple[int, ...]
    #: Lines of the workbook that the run does not know.
    unknown: tuple[int, ...]
    #: What the file has no more, or otherwise than the workbook.
    losses: tuple[str, ...]
    #: Whether there are formulas, whose values a spreadsheet program has to compute anew.
    has_formulas: bool

    @property
    def is_complete(self) -> bool:
        """Whether every row of both has its outcome beside it."""
        return not (self.differing or self.missing or self.unknown)


def annotate(
    run: Run,
    pages: Iterable[Outcomes],
    source: Path,
    target: Path,
    *,
    sheet: str | None = None,
    reveal_pins: bool = False,
    allow_loss: bool = False,
    force: bool = False,
) -> Annotated:
    """Write a workbook with what became of the run's rows beside them.

    Args:
        run: the run.
        pages: every row of the run, once, in the list's order.
        source: the workbook that the list was, or is.
        target: the file to write, which only its owner can read; the workbook itself to change it.
        sheet: which sheet is the list; None for the one that has the run's columns.
        reveal_pins: show PIN codes and serials instead of the mask.
        allow_loss: write although the file lacks something that the workbook has.
        force: take the place of a file that exists.

    Raises:
        ListError: it is no workbook, has no such sheet, or none of the run's rows.
        AnnotationError: the file exists, cannot be written, or would lack something.
        PurgedRunError: the run does not know its rows any more.
    """
    if run.purged_at is not None:
        raise PurgedRunError(
            f"The personal data of run {run.name} was removed, so nobody can tell which row is which; "
            "`bulk-topup report` tells what is left of it."
        )
    in_place = target.resolve() == source.resolve()
    with opened(source) as (workbook, said, read):
        if target.suffix.lower() != source.suffix.lower():
            raise AnnotationError(f"{target} does not end in {source.suffix} as the workbook does; name it so.")
        if target.exists() and not force and not in_place:
            raise AnnotationError(f"{target} exists already; name another file with --output, or state --force.")
        table = _Rows(source, run, workbook, sheet)
        annotated = table.fill(pages, reveal_pins=reveal_pins)
        has_formulas = _has_formulas(workbook)
        try:
            # A link is followed, so that the file that it names is changed.
            with atomic_write(target.resolve()) as temporary:
                workbook.save(temporary)
                lost = [*said, *losses(source, temporary)]
                if in_place and has_formulas:
                    lost.append("the values of its formulas, until a spreadsheet program saves it")
                if lost and not allow_loss:
                    raise AnnotationError(
                        f"{target.name} would not be as {source.name} is in everything: {'; '.join(lost)}. "
                        "State --allow-loss to write it all the same, or take the report's results.xlsx."
                    )
                if sha256_of(source) != read:
                    raise AnnotationError(f"{source} was changed while it was read; start again.")
        except OSError as error:
            raise AnnotationError(f"{target} cannot be written: {error.strerror or error}.") from error
    return Annotated(
        file=target,
        sheet=table.sheet,
        rows=annotated,
        differing=tuple(table.differing),
        missing=tuple(table.missing),
        unknown=tuple(sorted(table.lines)),
        losses=tuple(lost),
        has_formulas=has_formulas,
    )


class _Rows:
    """The list's sheet in both readings: as the run reads lists, and in openpyxl.

    Args:
        source: the workbook.
        run: the run.
        workbook: the workbook in openpyxl.
        sheet: which sheet; None for the one that has the run's columns.

    Raises:
        ListError: no sheet has the run's columns, or more than one, or it has too many rows.
    """

    def __init__(self, source: Path, run: Run, workbook: Workbook, sheet: str | None) -> None:
        self._name, self._run = source.name, run
        names = [sheet] if sheet is not None else [each.title for each in workbook.worksheets]
        found = [each for each in (self._candidate(source, name, only=sheet is not None) for name in names) if each]
        if len(found) != 1:
            columns = ", ".join(f'"{column}"' for column in run.columns)
            what = "No sheet" if not found else "More than one sheet"
            raise ListError(
                f"{what} of {source.name} has the columns of run {run.name}: {columns}. Name the workbook that was "
                "paid, and its sheet with --sheet."
            )
        [(self.sheet, table, self._width, self._is_annotated)] = found
        self._sheet: Worksheet = workbook[self.sheet]
        self._header = table.header_line
        self._names = _block_names(run.columns[: self._width])
        #: The rows of the workbook that no outcome was found for, by line.
        self.lines = {line: own for line, cells in table.rows() if (own := self._own(cells))}
        if len(self.lines) > MAX_ROWS:
            raise ListError(
                f"{source.name} has more than {MAX_ROWS:,} rows, which is too much to annotate; "
                "the report's results.xlsx has the outcomes beside the rows."
            )
        self.differing: list[int] = []
        self.missing: list[int] = []

    def fill(self, pages: Iterable[Outcomes], *, reveal_pins: bool) -> int:
        """Write the outcomes; give how many found their row.

        Raises:
            ListError: none did, or the sheet has no room.
        """
        first = self._first_column()
        if first + len(self._names) > SHEET_COLUMNS:
            raise ListError(f"{self._name} has no room for {len(self._names)} more columns; remove some.")
        if self._is_annotated:
            for cell in cells_of(self._sheet):
                if cell.row > self._header and first <= cell.column < first + len(self._names):
                    cell.value, cell.style = None, "Normal"
        self._write_header(first)
        written = 0
        for page in pages:
            values = result_values(page, self._width, reveal_pins=reveal_pins)
            rows = zip(*(values[place] for place in _PLACES), strict=True)
            for line, in_list, cells, row in zip(page.line, page.in_list, page.cells, rows, strict=True):
                if in_list and self._is_at(line, cells):
                    self._write(line, row, first)
                    written += 1
        if not written:
            raise ListError(
                f'No row of {self._name}, sheet "{self.sheet}", is one of run {self._run.name}; '
                "name the workbook that was paid."
            )
        return written

    def _is_at(self, line: int, cells: Sequence[str]) -> bool:
        """Tell whether the workbook has a row of the run where the run has it; note where it has not."""
        found, own = self.lines.pop(line, None), self._own(cells)
        if found is None:
            self.missing.append(line)
        elif found != own:
            self.differing.append(line)
        return found == own

    def _candidate(self, source: Path, sheet: str, *, only: bool) -> tuple[str, Table, int, bool] | None:
        """Give a sheet that has the run's columns: its table, how many they are, and whether outcomes follow them."""
        try:
            table = open_table(ListSource(path=source, sheet=sheet))
        except ListError:
            if only:
                raise
            return None
        header = _cut([strip(cell) for cell in table.header])
        listed = self._run.columns
        # A list that was started again with the outcomes in it has them among its columns.
        if listed[-len(FIELDS) :] == _block_names(listed[: -len(FIELDS)]):
            listed = listed[: -len(FIELDS)]
        if header == listed:
            return sheet, table, len(listed), False
        if header == (*listed, *_block_names(listed)):
            return sheet, table, len(listed), True
        return None

    def _own(self, cells: Sequence[str]) -> tuple[str, ...]:
        """Give a row's cells under the list's own columns, without the blank ones at its end."""
        return _cut(cells[: self._width])

    def _first_column(self) -> int:
        """Give the first column of the outcomes: where they stand already, else after all that the sheet has."""
        if self._is_annotated:
            return next(int(cell.column or 0) for cell in self._sheet[self._header] if cell.value == self._names[0])
        used = [cell.column for cell in cells_of(self._sheet) if cell.value is not None]
        merged = [area.max_col or 0 for area in self._sheet.merged_cells.ranges]
        return int(max([*used, *merged])) + 1

    def _write_header(self, first: int) -> None:
        like = self._sheet.cell(self._header, first - 1)
        # Columns that have a width already keep it: two widths for one make a damaged file.
        stated = [(each.min or 0, each.max or 0) for each in self._sheet.column_dimensions.values()]
        wide = {place for lower, upper in stated for place in range(lower, upper + 1)}
        for place, name in enumerate(self._names):
            cell = self._sheet.cell(self._header, first + place)
            _put(cell, name)
            for part in ("font", "fill", "border", "alignment"):
                setattr(cell, part, copy(getattr(like, part)))
            if first + place not in wide:
                width = min(max(len(name) + 2, _NARROWEST), _WIDEST)
                self._sheet.column_dimensions[get_column_letter(first + place)].width = width

    def _write(self, line: int, values: Sequence[str | int | None], first: int) -> None:
        for place, value in enumerate(values):
            text = "" if value is None else str(value)
            if not text:
                continue
            cell = self._sheet.cell(line, first + place)
            if place in _NUMERIC and fits_number_cell(text):
                cell.value = Decimal(text)
            else:
                _put(cell, text)
        self._sheet.cell(line, first + _STATE).fill = _FILLS[RowState(str(values[_STATE]))]


def _put(cell: Any, text: str) -> None:  # noqa: ANN401 - a cell, or one that is merged into another
    """Write a text that is never a formula, an error or an escape, whatever it looks like."""
    cell.value = _ESCAPE.sub(r"_x005F\g<0>", xlsx_text(text))
    cell.data_type = "s"
    cell.number_format = _TEXT_FORMAT
    if text[:1] in FORMULA_STARTS:
        cell.quotePrefix = True


def _block_names(listed: Sequence[str]) -> tuple[str, ...]:
    """Give the names of the columns that follow a list's own."""
    return tuple(result_columns(listed)[place] for place in _PLACES)


def _cut(cells: Sequence[str]) -> tuple[str, ...]:
    """Take blank cells off the end of a row."""
    end = len(cells)
    while end and not strip(cells[end - 1]):
        end -= 1
    return tuple(cells[:end])


def _has_formulas(workbook: Workbook) -> bool:
    return any(cell.data_type == "f" for sheet in workbook.worksheets for cell in cells_of(sheet))
