"""What a caller says about a list: where it is, how it is written, how its numbers are meant; touches no file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import phonenumbers

from bulk_topup.errors import ConfigurationError
from bulk_topup.intake.texts import quoted

#: The characters that may stand between the cells of a CSV line.
DELIMITERS: Final = (",", ";", "\t")

#: The characters that may stand before the decimals of an amount.
DECIMAL_MARKS: Final = (".", ",")


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Formats:
    """How the list writes numbers.

    Raises:
        ConfigurationError: the country or the mark is none that exists.
    """

    #: The country of mobile numbers that have no country code, ISO 3166-1 alpha-2, such as SG; None has none.
    default_country: str | None = None
    #: What stands before the decimals of an amount, `.` or `,`.
    decimal_mark: str = "."

    def __post_init__(self) -> None:
        country = self.default_country
        if country is not None and country not in phonenumbers.SUPPORTED_REGIONS:
            raise ConfigurationError(
                f"{quoted(country)} is not a country that has mobile numbers; "
                "write its two capital letters (ISO 3166-1 alpha-2), such as SG."
            )
        if self.decimal_mark not in DECIMAL_MARKS:
            raise ConfigurationError(f'"{self.decimal_mark}" cannot be the decimal mark; choose . or ,')
