"""CSV files: delimiter, records and physical lines; reads the file only."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Final, TextIO

import polars as pl

from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import quoted, strip
from bulk_topup.intake.files.batches import Layout, Row, frame_of_columns, frame_of_rows
from bulk_topup.intake.files.csv_fast_path import GUARDED, columns_of
from bulk_topup.intake.files.csv_headers import possible_headers, split_line
from bulk_topup.intake.files.encodings import MAX_ROW_CHARACTERS, encoding_of, row_too_long, scan_text
from bulk_topup.intake.files.source import DELIMITERS, SEARCHED_ROWS, HeaderRowError, ListSource

#: Most lines of a header, whose names may contain line breaks.
HEADER_LINES: Final = 100
#: Characters that are split into columns at a time.
CHUNK_CHARACTERS: Final = 1 << 20

_DELIMITER_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab"}
#: The delimiter of lists whose header has none of those above: a name may have it.
_PIPE: Final = "|"
#: The first line by which spreadsheet programs know the delimiter.
_SEP: Final = re.compile(r'"?sep=([^"\r\n]*)"?\s*', re.IGNORECASE)


class CsvTable:
    """A CSV file as a header and rows of text cells.

    Args:
        source: the file and its format.

    Raises:
        ListError: the file cannot be read as CSV.
    """

    def __init__(self, source: ListSource) -> None:
        self._path = source.path
        self._encoding = source.encoding or encoding_of(source.path)
        self._has_apostrophes = scan_text(self._path, self._encoding)
        named = self._named_delimiter()
        self._has_sep_line = named is not None
        self._header_row = source.header_row
        self._known_delimiter = source.delimiter or named
        self._delimiter = self._known_delimiter or self._find_delimiter()
        with self._opened() as file:
            self.header_line, self.header = self._header(self._from_header(file))

    def rows(self) -> Iterator[Row]:
        """Yield each record after the header with the physical line on which it starts, counted from 1.

        Raises:
            ListError: the file cannot be read to its end, or changed since it was opened.
        """
        with self._opened() as file:
            yield from self._below_header(file)

    def frames(self, layout: Layout) -> Iterator[pl.DataFrame]:
        """Yield the same rows as frames.

        Raises:
            ListError: as above, or a cell in a column without a name is not empty.
        """
        with self._opened() as file:
            line = self._below_header(file).line
            while text := file.read(CHUNK_CHARACTERS):
                text += file.readline()
                end = line + _count_lines(text)
                found = columns_of(text, line, self._delimiter, len(self.header))
                # Only row by row can tell which of two cells in columns without a name comes first.
                if found is None or (found[1] and layout.nameless):
                    # The last record may continue beyond this text.
                    records = self._records(chain(io.StringIO(text, newline=""), file), line)
                    yield frame_of_rows(records.up_to(end), layout)
                    line = records.line
                    continue
                columns, longer = found
                frame = frame_of_columns(columns, layout)
                if longer:
                    rows = (row for number, text in longer for row in self._records([text], number))
                    frame = pl.concat([frame, frame_of_rows(rows, layout)]).sort("line")
                yield frame
                line = end

    def first_rows(self) -> list[Row]:
        """Return the first lines as headers that the file may have, split at each of their delimiters."""
        with self._opened() as file:
            skipped = int(self._has_sep_line)
            found = possible_headers(islice(file, SEARCHED_ROWS), self._known_delimiter)
            return [(line, cells) for line, cells in found if line > skipped and any(map(strip, cells))]

    def above_header(self) -> list[Row]:
        """Return the lines above the header that have a cell."""
        with self._opened() as file:
            rows = enumerate((split_line(line, self._delimiter) for line in islice(file, self.header_line - 1)), 1)
            return [
                (line, cells)
                for line, cells in rows
                if any(map(strip, cells)) and not (line == 1 and self._has_sep_line)
            ]

    def _from_header(self, file: TextIO) -> "_Records":
        """Return the records from the given header row on, or all; lines above may be no records."""
        above = 0 if self._header_row is None else self._header_row - 1
        for _ in islice(file, above):
            pass
        return self._records(file, above + 1)

    def _below_header(self, file: TextIO) -> "_Records":
        records = self._from_header(file)
        if self._header(records) != (self.header_line, self.header):
            raise self._changed()
        return records

    def _header(self, records: Iterator[Row]) -> Row:
        for line, cells in records:
            if line == 1 and self._has_sep_line:
                continue
            if any(map(strip, cells)):
                return line, cells
            if self._header_row is not None:
                break
        if self._header_row is not None:
            raise ListError(
                f"{self._path.name} line {self._header_row} is empty. Give the line of the column names with "
                "--header-row N."
            )
        raise ListError(f"{self._path.name} has no cells. The first row must contain column names.")

    def _records(self, lines: Iterable[str], line: int) -> "_Records":
        return _Records(self._path, lines, line, self._delimiter, is_guarded=self._has_apostrophes)

    def _named_delimiter(self) -> str | None:
        """Return the delimiter in a first line such as `sep=;`; None for a list without one."""
        with self._opened() as file:
            found = _SEP.fullmatch(file.readline(HEADER_LINES))
        if found is None:
            return None
        if found[1] not in DELIMITERS:
            raise ListError(
                f"{self._path.name} line 1: {quoted(found[0].strip())} names a delimiter that is not a comma, a "
                "semicolon, a tab or a pipe. Save the list with one of these, and remove the line."
            )
        return found[1]

    def _find_delimiter(self) -> str:
        """Return the delimiter in the header; a header without one is that of a list with one column."""
        header = ""
        above = 0 if self._header_row is None else self._header_row - 1
        with self._opened() as file:
            for line in islice(file, above, above + HEADER_LINES):
                header += line
                if strip(header) and header.count('"') % 2 == 0:
                    break
        outside_quotes = re.sub(r'"[^"]*"', "", header)
        found = [delimiter for delimiter in _DELIMITER_NAMES if delimiter in outside_quotes]
        if len(found) > 1:
            names = " and ".join(_DELIMITER_NAMES[delimiter] for delimiter in found)
            text = f"The header of {self._path.name} has several delimiters: {names}. Choose one with --delimiter."
            raise HeaderRowError(text, self.first_rows())
        if not found and _PIPE in outside_quotes:
            return _PIPE
        return found[0] if found else DELIMITERS[0]

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        """Open the file after its byte order mark."""
        try:
            with self._path.open(encoding=self._encoding, newline="") as file:
                if file.read(1) != "\ufeff":
                    file.seek(0)
                yield file
        except UnicodeDecodeError as error:
            raise self._changed() from error
        except OSError as error:
            raise ListError(f"Can't read {self._path}: {error.strerror}.") from error

    def _changed(self) -> ListError:
        return ListError(f"{self._path.name} changed while being read. Run again once it is complete.")


class _Records:
    """Records with the lines on which they start.

    Args:
        path: the file, for messages.
        lines: physical lines with their ends; the first one starts a record.
        line: the number of the first line.
        delimiter: the character between cells.
        is_guarded: whether cells may have an apostrophe as a guard against formulas.
    """

    def __init__(self, path: Path, lines: Iterable[str], line: int, delimiter: str, *, is_guarded: bool) -> None:
        #: The line on which the next record starts.
        self.line = line
        self._path = path
        self._before = line - 1
        self._is_guarded = is_guarded
        #: Characters of the current row.
        self._row_length = 0
        # Spaces around cells never matter, and a space before a quote would hide the quote.
        self._reader = csv.reader(self._bounded(lines), delimiter=delimiter, strict=True, skipinitialspace=True)

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        line = self.line
        try:
            cells = next(self._reader)
        except csv.Error as error:
            if self._row_length > MAX_ROW_CHARACTERS:
                raise row_too_long(self._path, line) from error
            raise ListError(f"{self._path.name} line {line}: {_explain(error)}") from error
        self._row_length = 0
        self.line = self._before + self._reader.line_num + 1
        if self._is_guarded:
            cells = [cell[1:] if cell.startswith(GUARDED) else cell for cell in cells]
        return line, cells

    def up_to(self, end: int) -> Iterator[Row]:
        """Yield the records that start before a line."""
        while self.line < end and (row := next(self, None)):
            yield row

    def _bounded(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the lines; raise csv.Error once their row is too long."""
        for line in lines:
            self._row_length += len(line)
            if self._row_length > MAX_ROW_CHARACTERS:
                raise csv.Error("row limit")
            yield line


def _count_lines(text: str) -> int:
    ends = text.count("\n") + text.count("\r") - text.count("\r\n")
    return ends if text.endswith(("\n", "\r")) else ends + 1


def _explain(error: csv.Error) -> str:
    text = str(error)
    if "end of data" in text:
        return "a quote in the record that starts here is never closed. Close it, or remove it."
    if "field limit" in text:
        return (
            f"a cell of the record that starts here has more than {csv.field_size_limit():,} characters. "
            "Most likely its quote is not closed."
        )
    return (
        "the record that starts here has misplaced quotes. Put quotes around whole cells only, and double those inside."
    )
