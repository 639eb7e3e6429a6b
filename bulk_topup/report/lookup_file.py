"""The file of a list's look-ups, as CSV or as a workbook: complete or not there; writes the given path."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bulk_topup.errors import InvalidInputError, ReportError
from bulk_topup.report.formats.xlsx_sheets import SHEET_COLUMNS, Column, Pages, Styles
from bulk_topup.report.formats.xlsx_workbook import streamed_workbook
from bulk_topup.security.formulas import csv_text
from bulk_topup.system.files import atomic_write

#: Writes the next row.
WriteRow = Callable[[Sequence[str]], None]

#: Widths of a workbook's columns, in characters, and that of the last two, which have sentences.
_NARROWEST, _WIDEST, _SENTENCES = 12, 40, 80


@contextmanager
def lookup_file(path: Path, columns: Sequence[str], *, force: bool) -> Iterator[WriteRow]:
    """Yield a function that writes a row; the file is there once the block has ended without an error.

    Args:
        path: the file, which ends in .csv or .xlsx.
        columns: the headings; the last two columns have sentences.
        force: replace a file that exists.

    Raises:
        InvalidInputError: the file exists, or has another ending.
        ReportError: it can't be written.
    """
    formats = {".csv": _csv_file, ".xlsx": _workbook}
    write = formats.get(path.suffix.lower())
    if write is None:
        raise InvalidInputError(f"{path} must end in .csv or .xlsx. Choose another file with --output.")
    if write is _workbook and len(columns) > SHEET_COLUMNS:
        raise InvalidInputError(f"A sheet has {SHEET_COLUMNS:,} columns, fewer than {path} needs. Write a CSV file.")
    exists = InvalidInputError(f"{path} already exists. Choose another file with --output, or add --force.")
    try:
        if path.exists() and not force:
            raise exists
        with atomic_write(path) as temporary:
            with write(temporary, columns) as row:
                yield row
            if path.exists() and not force:  # another process wrote it meanwhile
                raise exists
    except OSError as error:
        raise ReportError(f"Can't write {path}: {error.strerror or error}. Choose another with --output.") from error


@contextmanager
def _csv_file(path: Path, columns: Sequence[str]) -> Iterator[WriteRow]:
    # As in reports: with a byte order mark, and with formulas escaped. Reading a list removes both.
    with path.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(map(csv_text, columns))

        def write(texts: Sequence[str]) -> None:
            writer.writerow(map(csv_text, texts))

        yield write


@contextmanager
def _workbook(path: Path, columns: Sequence[str]) -> Iterator[WriteRow]:
    with streamed_workbook(path) as workbook:
        widths = [min(max(len(name) + 4, _NARROWEST), _WIDEST) for name in columns[:-2]] + [_SENTENCES] * 2
        headings = [Column(name=name, width=width) for name, width in zip(columns, widths, strict=True)]
        pages = Pages(workbook, "Look-ups", headings, Styles(workbook))
        yield pages.write
        pages.finish()
