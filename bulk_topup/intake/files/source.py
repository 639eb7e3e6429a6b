"""Where a list is and how to open it; touches no file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.errors import ConfigurationError, ListError

#: The possible delimiters of a CSV file.
DELIMITERS: Final = (",", ";", "\t", "|")
#: The first rows of a list among which its column names are searched for.
SEARCHED_ROWS: Final = 20
#: The last row that can have the column names.
MAX_HEADER_ROW: Final = 1_000


class HeaderRowError(ListError):
    """The first row of a list with a cell cannot have its column names."""

    def __init__(self, message: str, rows: Sequence[tuple[int, list[str]]]) -> None:
        super().__init__(message)
        #: The first rows of the list, with their lines.
        self.rows = rows


@dataclass(frozen=True, kw_only=True, slots=True)
class ListSource:
    """A list and how to open it.

    Raises:
        ConfigurationError: the delimiter is not one of `DELIMITERS`.
    """

    path: Path
    #: XLSX only: the sheet's name; None means the only sheet with cells.
    sheet: str | None = None
    #: CSV only: the encoding's name; None means UTF-8, or UTF-16 where the file starts with its byte order mark.
    encoding: str | None = None
    #: CSV only: `,`, `;`, a tab or `|`; None means the one that the file names in its first line, or has in its header.
    delimiter: str | None = None
    #: XLSX only: whether cells are read as their number formats show them; runs of earlier versions read their values.
    as_shown: bool = True
    #: The line or the row of the sheet that has the column names; None means the first one with a cell.
    header_row: int | None = None
    #: XLSX only: the mark with which number cells become text, as those of a CSV file have it.
    decimal_mark: str = "."

    def __post_init__(self) -> None:
        if self.delimiter is not None and self.delimiter not in DELIMITERS:
            raise ConfigurationError(
                f'"{self.delimiter}" is not a delimiter. Choose a comma, a semicolon, a tab or a pipe.'
            )
