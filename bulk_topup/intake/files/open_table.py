"""Opening a list as what it is: a CSV file or a workbook; looks at the file's first bytes."""

from collections.abc import Iterator
from typing import Final, Protocol

from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import quoted
from bulk_topup.intake.files.csv_file import CsvTable
from bulk_topup.intake.files.source import ListSource
from bulk_topup.intake.files.xlsx_file import XlsxTable
from bulk_topup.system.files import similar_to

_WORKBOOK_ENDINGS: Final = frozenset({".xlsx", ".xlsm"})
_ZIP: Final = b"PK"
#: Begins the old format XLS, and every workbook that is protected by a password.
_COMPOUND_FILE: Final = b"\xd0\xcf\x11\xe0"
#: Web pages that programs export under the name of a list begin with it, after blanks and a byte order mark.
_MARKUP: Final = b"<"
_FIRST_BYTES: Final = 512


class Table(Protocol):
    """A list as a header and rows of text cells."""

    @property
    def header(self) -> list[str]:
        """The cells of the header as they are."""
        ...

    @property
    def header_line(self) -> int:
        """Where the header begins: a physical line or a sheet's row, counted from 1."""
        ...

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give each row after the header, blank ones too, with its line."""
        ...


def open_table(source: ListSource) -> Table:
    """Open a list.

    Raises:
        ListError: it is neither a CSV file nor an XLSX workbook, or is not what its name says, or cannot be read.
    """
    path = source.path
    try:
        # A pipe or a device may never end, so that it is not even opened.
        if path.exists() and not path.is_file():
            raise ListError(f"{path} is not a file; name a CSV or an XLSX file.")
        with path.open("rb") as file:
            start = file.read(_FIRST_BYTES)
    except OSError as error:
        raise ListError(f"{path} cannot be read: {error.strerror}.{similar_to(path)}") from error
    except ValueError as error:
        raise ListError(f"{quoted(str(path))} cannot be read: no file has a NUL in its name.") from error
    if not start:
        raise ListError(f"{path.name} is empty; its first line has to name the columns.")
    if start.startswith(_COMPOUND_FILE):
        raise ListError(
            f"{path.name} is protected by a password or in the old format XLS; "
            "open it in a spreadsheet program and save it as XLSX, without a password."
        )
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_MARKUP):
        raise ListError(
            f"{path.name} is a web page or XML and not a list; "
            "open it in a spreadsheet program and save it as XLSX or as CSV."
        )
    if path.suffix.lower() in _WORKBOOK_ENDINGS:
        if not start.startswith(_ZIP):
            raise ListError(
                f"{path.name} is not an XLSX workbook, although its name says so; "
                "if it is a CSV file, let its name end in .csv."
            )
        return _open_workbook(source)
    if start.startswith(_ZIP + b"\x03\x04"):
        raise ListError(
            f"{path.name} is a workbook or another archive, although its name does not say so; "
            "if it is an XLSX workbook, let its name end in .xlsx, else save it as XLSX or as CSV."
        )
    if source.sheet is not None:
        raise ListError(f"{path.name} is a CSV file and has no sheets; leave --sheet out.")
    return CsvTable(source)


def _open_workbook(source: ListSource) -> XlsxTable:
    for option, value in (("--encoding", source.encoding), ("--delimiter", source.delimiter)):
        if value is not None:
            raise ListError(f"{source.path.name} is a workbook; leave {option} out, it is for CSV files.")
    return XlsxTable(source)
