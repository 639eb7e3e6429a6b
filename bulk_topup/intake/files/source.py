"""What a caller says about a list: where it is, how it is written, how its numbers are meant; touches no file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.errors import ConfigurationError

#: The characters that may stand between the cells of a CSV line.
DELIMITERS: Final = (",", ";", "\t")


@dataclass(frozen=True, kw_only=True, slots=True)
class ListSource:
    """A list and how to open it.

    Raises:
        ConfigurationError: the delimiter is none that a list can have.
    """

    path: Path
    #: XLSX only: the sheet's name; None takes the only sheet that has cells.
    sheet: str | None = None
    #: CSV only: the encoding's name; None means UTF-8, or UTF-16 where the file begins with its byte order mark.
    encoding: str | None = None
    #: CSV only: `,`, `;` or a tab; None finds it in the header line.
    delimiter: str | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None and self.delimiter not in DELIMITERS:
            raise ConfigurationError(
                f'"{self.delimiter}" cannot be the delimiter; choose a comma, a semicolon or a tab.'
            )
