"""Opens a list as a CSV file or a workbook, by its first bytes and its name; the place to add a list format."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from bulk_topup.domain.problems import WORKBOOK_SUFFIXES
from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import quoted
from bulk_topup.intake.files.csv_file import CsvTable
from bulk_topup.intake.files.file_kinds import XLSX, is_archive, kind_of
from bulk_topup.intake.files.source import ListSource
from bulk_topup.intake.files.xlsx_file import XlsxTable
from bulk_topup.system.files import similar_to

_FIRST_BYTES: Final = 4


class Table(Protocol):
    """A list as a header and rows of text cells."""

    @property
    def header(self) -> list[str]:
        """The cells of the header, unchanged."""
        ...

    @property
    def header_line(self) -> int:
        """The physical line on which the header starts, or its row in the sheet, counted from 1."""
        ...

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row after the header with its line, empty ones included."""
        ...


class FileTable(Table, Protocol):
    """A list as its file has it."""

    def first_rows(self) -> list[tuple[int, list[str]]]:
        """Return the first rows that have a cell, each as a header that the list may have."""
        ...

    def above_header(self) -> list[tuple[int, list[str]]]:
        """Return the rows above the header that have a cell."""
        ...


@runtime_checkable
class ChangedTable(Protocol):
    """A table with rows of another one, of which it changes some or leaves them out."""

    @property
    def source_table(self) -> Table:
        """The other table."""
        ...


def file_table(table: Table) -> Table:
    """Return a table as its file has it."""
    while isinstance(table, ChangedTable):
        table = table.source_table
    return table


def titles_of(table: Table) -> list[tuple[int, list[str]]]:
    """Return the rows above the header of a list that have a cell."""
    table = file_table(table)
    return table.above_header() if isinstance(table, CsvTable | XlsxTable) else []


def open_table(source: ListSource) -> FileTable:
    """Return a list as a table.

    Raises:
        ListError: it is neither a CSV file nor an XLSX workbook, does not match its name, or cannot be read.
    """
    path = source.path
    try:
        # A pipe or a device may never end, so it is not even opened.
        if path.exists() and not path.is_file():
            raise ListError(f"{path} is not a file. Choose a CSV or XLSX file.")
        with path.open("rb") as file:
            start = file.read(_FIRST_BYTES)
        kind = kind_of(path)
    except OSError as error:
        hint = similar_to(path) if isinstance(error, FileNotFoundError) else ""
        raise ListError(f"Can't read {path}: {error.strerror}.{hint}") from error
    except ValueError as error:
        raise ListError(f"Can't read {quoted(str(path))}: file names have no NUL.") from error
    if not start:
        raise ListError(f"{path.name} is empty. The first row must contain column names.")
    _check_kind(path, kind, is_zip=is_archive(start))
    if path.suffix.lower() in WORKBOOK_SUFFIXES:
        return _open_workbook(source)
    if source.sheet is not None:
        raise ListError(f"{path.name} is a CSV file without sheets. Remove --sheet.")
    return CsvTable(source)


def _check_kind(path: Path, kind: tuple[str, str] | None, *, is_zip: bool) -> None:
    """Raise ListError for a file that is no list, and for one that is another one than its name says."""
    is_workbook = path.suffix.lower() in WORKBOOK_SUFFIXES
    if kind is not None and kind[0] != XLSX:
        raise ListError(f"{path.name} is {kind[0]}, not a list that can be read. {kind[1]}")
    if is_workbook and not is_zip:
        raise ListError(
            f"{path.name} is not an XLSX workbook, despite its name. If it is a CSV file, rename it to {path.stem}.csv."
        )
    if not is_workbook and kind is not None:
        raise ListError(f"{path.name} is {XLSX}, despite its name. Rename it to {path.stem}.xlsx.")


def _open_workbook(source: ListSource) -> XlsxTable:
    for option, value in (("--encoding", source.encoding), ("--delimiter", source.delimiter)):
        if value is not None:
            raise ListError(f"{source.path.name} is a workbook, and {option} is for CSV files. Remove {option}.")
    return XlsxTable(source)
