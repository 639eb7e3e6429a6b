"""CSV files: their delimiter, records and physical lines; reads the file and nothing else."""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Final

from bulk_topup.errors import ListError
from bulk_topup.intake.encodings import MAX_ROW_CHARACTERS, encoding_of, scan_text, too_long
from bulk_topup.intake.source import DELIMITERS, ListSource
from bulk_topup.intake.texts import strip

#: Lines over which a header may go on because a name in it holds line breaks.
HEADER_LINES: Final = 100

#: How a cell begins that a report guarded against being taken for a formula.
_GUARDED: Final = ("'=", "'+", "'-", "'@", "'\t", "'\r")
_DELIMITER_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab"}


class CsvTable:
    """A CSV file as a header and rows of text cells.

    Args:
        source: the file and how it is written.

    Raises:
        ListError: the file cannot be read as CSV.
    """

    def __init__(self, source: ListSource) -> None:
        self._path = source.path
        #: Characters of the row that is being read.
        self._row_length = 0
        self._encoding = source.encoding or encoding_of(source.path)
        self._has_apostrophes = scan_text(self._path, self._encoding)
        self._delimiter = source.delimiter or self._find_delimiter()
        self.header_line, self.header = self._header(self._records())

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give each record after the header with the physical line on which it begins, counted from 1.

        Raises:
            ListError: the file cannot be read to its end, or was changed since it was opened.
        """
        records = self._records()
        if self._header(records) != (self.header_line, self.header):
            raise self._changed()
        return records

    def _header(self, records: Iterator[tuple[int, list[str]]]) -> tuple[int, list[str]]:
        for line, cells in records:
            if any(map(strip, cells)):
                return line, cells
        raise ListError(f"{self._path.name} has no cells; its first line has to name the columns.")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        with self._lines() as lines:
            # Blanks around cells never matter, and a blank before a quote would hide the quote.
            reader = csv.reader(self._bounded(lines), delimiter=self._delimiter, strict=True, skipinitialspace=True)
            line = 1
            try:
                for cells in reader:
                    self._row_length = 0
                    yield line, self._unguarded(cells) if self._has_apostrophes else cells
                    line = reader.line_num + 1
            except csv.Error as error:
                if self._row_length > MAX_ROW_CHARACTERS:
                    raise too_long(self._path, line) from error
                raise ListError(f"{self._path.name} line {line}: {_why_no_record(error)}") from error

    def _bounded(self, lines: Iterator[str]) -> Iterator[str]:
        """Give the lines until they make a row that is too long."""
        for line in lines:
            self._row_length += len(line)
            if self._row_length > MAX_ROW_CHARACTERS:
                raise csv.Error("row limit")
            yield line

    def _unguarded(self, cells: list[str]) -> list[str]:
        return [cell[1:] if cell.startswith(_GUARDED) else cell for cell in cells]

    def _find_delimiter(self) -> str:
        """Take the one that the header has; a header without any is that of a list with one column."""
        header = ""
        with self._lines() as lines:
            for line in islice(lines, HEADER_LINES):
                header += line
                if strip(header) and header.count('"') % 2 == 0:
                    break
        outside_quotes = re.sub(r'"[^"]*"', "", header)
        found = [delimiter for delimiter in DELIMITERS if delimiter in outside_quotes]
        if len(found) > 1:
            names = " and ".join(_DELIMITER_NAMES[delimiter] for delimiter in found)
            raise ListError(
                f"The header of {self._path.name} has more than one kind of delimiter, {names}; "
                "say which separates the columns with --delimiter."
            )
        return found[0] if found else DELIMITERS[0]

    @contextmanager
    def _lines(self) -> Iterator[Iterator[str]]:
        """Give the physical lines without the byte order mark."""
        try:
            with self._path.open(encoding=self._encoding, newline="") as file:
                yield chain((file.readline().removeprefix("\ufeff"),), file)
        except UnicodeDecodeError as error:
            raise self._changed() from error
        except OSError as error:
            raise ListError(f"{self._path} cannot be read: {error.strerror}.") from error

    def _changed(self) -> ListError:
        return ListError(f"{self._path.name} was changed while it was read; start again.")


def _why_no_record(error: csv.Error) -> str:
    text = str(error)
    if "end of data" in text:
        return "a quote opens a cell in the record that begins here and is never closed; close it, or remove it."
    if "field limit" in text:
        return (
            f"a cell of the record that begins here has more than {csv.field_size_limit()} characters; "
            "most likely its quote is not closed."
        )
    return (
        "the quotes of the record that begins here do not fit its cells; put quotes around whole cells only, "
        "and double those inside."
    )
