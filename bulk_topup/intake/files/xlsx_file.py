"""XLSX files: the sheet, its header and its cells as text; reads the file only."""

import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Final
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

import polars as pl
from python_calamine import CalamineError

from bulk_topup.domain.unseen_rows import Unseen
from bulk_topup.errors import ListError
from bulk_topup.intake.cells.number_formats import format_of
from bulk_topup.intake.cells.spreadsheet_artefacts import Value, cell_text, number_text
from bulk_topup.intake.cells.texts import strip
from bulk_topup.intake.files.batches import Layout, Row, frame_of_columns, frame_of_rows
from bulk_topup.intake.files.source import SEARCHED_ROWS, HeaderRowError, ListSource
from bulk_topup.intake.files.xlsx_bounds import check_size
from bulk_topup.intake.files.xlsx_formulas import find_without_value
from bulk_topup.intake.files.xlsx_looks import read_looks
from bulk_topup.intake.files.xlsx_merges import MergedCells
from bulk_topup.intake.files.xlsx_sheet import check_xlsx, load_sheet

#: Cells that become columns at a time, and at least one row.
CHUNK_CELLS: Final = 200_000

#: The same where rows are needed one by one, of which the first may be enough.
ROWS_CELLS: Final = 2_000
#: Numbers from here on are never plain.
MAX_PLAIN: Final = 10**15

#: Errors that readers raise for an archive that is truncated, altered or locked.
_DAMAGE: Final = (
    CalamineError,
    BadZipFile,
    ExpatError,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
)


class XlsxTable:
    """One sheet of an XLSX file as a header and rows of text cells.

    Args:
        source: the file and its sheet.

    Raises:
        ListError: the file is not a workbook, the choice of the sheet is ambiguous, or its header is invalid.
    """

    def __init__(self, source: ListSource) -> None:
        path = source.path
        try:
            with path.open("rb") as file, ZipFile(file) as archive:
                marked = check_size(file, archive, path.name)
                check_xlsx(archive, path)
                self._sheet = load_sheet(file, archive, source)
                self._valueless = find_without_value(archive, self._sheet.name, marked.formulas)
                self._looks = read_looks(archive, self._sheet.name, marked.looks)
        except _DAMAGE as error:
            raise ListError(
                f"{path.name} is incomplete or damaged. Download it again, or save it as XLSX in a spreadsheet program."
            ) from error
        except OSError as error:
            raise ListError(f"Can't read {path}: {error.strerror}.") from error
        self._name = path.name
        self._decimal_mark = source.decimal_mark
        self._header_row = source.header_row
        self._merged = MergedCells(self._sheet, path.name)
        self._as_shown = source.as_shown and self.may_look_otherwise
        # Cells without a value may be outside the area with values that calamine reads.
        start = self._start = self._sheet.start[1] if self._sheet.start else 0
        columns = {column for cells in self._valueless.values() for column in cells}
        self._first = min({start, *columns})
        self._skipped = start - self._first
        self._width = max({start + self._sheet.width, *(column + 1 for column in columns)}) - self._first
        self._set_header()

    def ignore_formats(self) -> None:
        """Read the values from now on, however they are shown, as the first two reading versions do."""
        self._as_shown, self._decimal_mark = False, "."
        self._set_header()

    @property
    def sheet_name(self) -> str:
        """The name of the sheet."""
        return str(self._sheet.name)

    @property
    def first_column(self) -> int:
        """The index of the list's first column in the sheet."""
        return self._first

    @property
    def unseen(self) -> dict[int, Unseen]:
        """Why a person does not see rows as a part of the list, by their number in the sheet."""
        found = {**dict.fromkeys(self._looks.struck, Unseen.STRUCK), **dict.fromkeys(self._looks.hidden, Unseen.HIDDEN)}
        return {number: found[number] for number in sorted(found) if number > self.header_line}

    @property
    def may_look_otherwise(self) -> bool:
        """Whether cells may be shown otherwise than their values, by a number format or as merged cells."""
        return bool(self._merged) or not self._looks.cells.is_empty()

    @property
    def hidden_columns(self) -> tuple[int, ...]:
        """The indexes of columns that are hidden in the workbook."""
        ranges = [(first - self._first, last - self._first) for first, last in self._looks.hidden_columns]
        return tuple(index for index in range(len(self.header)) if any(a <= index <= b for a, b in ranges))

    def first_rows(self) -> list[Row]:
        """Return the first rows of the sheet that have a cell."""
        return [row for row in islice(self._all_rows(), SEARCHED_ROWS) if any(map(strip, row[1]))]

    def above_header(self) -> list[Row]:
        """Return the rows above the header that have a cell."""
        return [row for row in islice(self._all_rows(), self.header_line - 1) if any(map(strip, row[1]))]

    def rows(self) -> Iterator[Row]:
        """Yield each row after the header with its number in the sheet."""
        return (row for row in self._all_rows() if row[0] > self.header_line)

    def frames(self, layout: Layout) -> Iterator[pl.DataFrame]:
        """Yield the same rows as frames.

        Raises:
            ListError: a cell in a column without a name is not empty.
        """
        rows = self._sheet.iter_rows()
        number = 0
        while chunk := list(islice(rows, 1 + CHUNK_CELLS // len(self.header))):
            columns = self._columns(number + 1, chunk)
            number += len(chunk)
            yield frame_of_columns(columns.filter(pl.col("line") > self.header_line), layout)
        yield frame_of_rows((row for row in self._later_rows(number) if row[0] > self.header_line), layout)

    def _columns(self, first: int, rows: list[list[Value]]) -> pl.DataFrame:
        """Return rows of the sheet, the first of which has the given number, as columns of texts."""
        lines = pl.int_range(first, first + len(rows), eager=True)
        blank = pl.Series([""]).new_from_index(0, len(rows))
        columns = list(zip(*rows, strict=True))
        texts = [blank] * self._skipped + [_texts(values, self._decimal_mark) for values in columns]
        for index, places, found in self._shown(first, columns):
            texts[index] = texts[index].scatter(places, pl.Series(found, dtype=pl.String))
        texts += [blank] * (len(self.header) - len(texts))
        valueless: dict[int, dict[int, str]] = {}
        for number in self._valueless.keys() & range(first, first + len(rows)):
            for column, text in self._valueless[number].items():
                valueless.setdefault(column - self._first, {})[number - first] = text
        for index, errors in valueless.items():
            texts[index] = texts[index].scatter(list(errors), list(errors.values()))
        return pl.DataFrame({"line": lines, **{str(index): column for index, column in enumerate(texts)}})

    def _shown(self, first: int, columns: list[tuple[Value, ...]]) -> Iterator[tuple[int, list[int], list[str]]]:
        """Yield the cells of some rows that are shown otherwise than their values: column index, rows and texts.

        Args:
            first: the number of the first of these rows.
            columns: the values of each column from the first one with a value.
        """
        if not self._as_shown or not columns:
            return
        rows = pl.col("row").is_between(first, first + len(columns[0]) - 1)
        groups = self._looks.cells.filter(rows).partition_by("column", "style", as_dict=True)
        for (column, style), cells in groups.items():
            if not 0 <= column - self._start < len(columns):
                continue
            values = columns[column - self._start]
            form = format_of(self._looks.formats[style], self._decimal_mark)
            places = [number - first for number in cells["row"] if not _is_plain(values[number - first], form.decimals)]
            # Equal numbers look the same, so each is formatted once.
            known = {value: form.shown(value) for value in {values[place] for place in places} if type(value) is float}
            texts = [
                known[value] if type(value) is float else form.shown(value) for value in map(values.__getitem__, places)
            ]
            yield column - self._first, places, texts
        for index, places, texts in self._merged.covered(first - 1, self._start, columns):
            yield index + self._skipped, places, texts

    def _all_rows(self) -> Iterator[Row]:
        number = 0
        rows = self._sheet.iter_rows()
        while chunk := list(islice(rows, 1 + ROWS_CELLS // max(1, self._sheet.width))):
            first, number = number + 1, number + len(chunk)
            texts = [[cell_text(value, self._decimal_mark) for value in values] for values in chunk]
            for index, places, found in self._shown(first, list(zip(*chunk, strict=True))):
                for place, text in zip(places, found, strict=True):
                    texts[place][index - self._skipped] = text
            for line, cells in enumerate(texts, start=first):
                yield line, self._with_valueless(line, [""] * self._skipped + cells)
        yield from self._later_rows(number)

    def _later_rows(self, last: int) -> Iterator[Row]:
        """Yield the rows after the last one with a value."""
        for number in sorted(self._valueless):
            if number > last:
                yield number, self._with_valueless(number, [])

    def _with_valueless(self, number: int, cells: list[str]) -> list[str]:
        for column, text in self._valueless.get(number, {}).items():
            index = column - self._first
            cells += [""] * (index + 1 - len(cells))
            cells[index] = text
        return cells

    def _set_header(self) -> None:
        self.header_line, self.header = self._find_header()
        self.header += [""] * (self._width - len(self.header))
        self._check_header()

    def _find_header(self) -> tuple[int, list[str]]:
        for number, cells in self._all_rows():
            if any(map(strip, cells)) and self._header_row in {None, number}:
                return number, cells
        if self._header_row is not None:
            raise ListError(
                f"{self._title()} row {self._header_row} is empty. Give the row of the column names with "
                "--header-row N."
            )
        raise ListError(f"{self._title()} has no cells. The first row must contain column names.")

    def _check_header(self) -> None:
        """Raise ListError for a title, or names that span columns or rows, which make the columns ambiguous."""
        row = self.header_line - 1
        merged = self._merged.has_row(row)
        # The only name of a row that is given is no title.
        is_single = len(self.header) > 1 and sum(map(bool, map(strip, self.header))) == 1
        title = is_single and self._header_row is None
        if merged or title:
            found = "merged cells" if merged else "one cell over several columns"
            text = (
                f"{self._title()} row {self.header_line} has {found}. The first row must contain column names, each in "
                "a cell of its own. Remove titles above it, or give the row of the column names with --header-row N, "
                "and split merged cells."
            )
            raise HeaderRowError(text, self.first_rows())

    def _title(self) -> str:
        return f'{self._name}, sheet "{self._sheet.name}",'


def _is_plain(value: Value, decimals: int | None) -> bool:
    """Return True for an empty cell, and for a number that a format with so many decimals shows as its value is."""
    if value == "":
        return True
    return decimals is not None and type(value) is float and 0 < value < MAX_PLAIN and round(value, decimals) == value


def _texts(values: tuple[Value, ...], decimal_mark: str) -> pl.Series:
    numbers = {value for value in values if type(value) is float}
    # Equal numbers have equal texts, so each is formatted once.
    known = {number: number_text(number, decimal_mark) for number in numbers}
    texts = [
        value if type(value) is str else known[value] if type(value) is float else cell_text(value) for value in values
    ]
    return pl.Series(texts, dtype=pl.String)
