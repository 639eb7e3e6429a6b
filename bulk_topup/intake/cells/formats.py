"""The number formats of a list: decimal mark, and country of mobile numbers; pure."""

from dataclasses import dataclass
from typing import Final

import phonenumbers

from bulk_topup.domain.run import READING_VERSION
from bulk_topup.errors import ConfigurationError
from bulk_topup.intake.cells.texts import quoted

#: The possible decimal marks.
DECIMAL_MARKS: Final = (".", ",")


@dataclass(frozen=True, kw_only=True, slots=True)
class Formats:
    """The number formats of a list.

    Raises:
        ConfigurationError: the country or the mark does not exist.
    """

    #: The country of mobile numbers without a country code, ISO 3166-1 alpha-2, such as SG; None refuses them.
    default_country: str | None = None
    #: The character before the decimals of an amount, `.` or `,`.
    decimal_mark: str = "."
    #: How the list is read, see `READING_VERSION`.
    version: int = READING_VERSION

    @property
    def is_modern(self) -> bool:
        """Whether old spellings are brought into their modern form, and a column may have the country of numbers."""
        return self.version > 1

    @property
    def knows_names(self) -> bool:
        """Whether columns are known by all names of `column_names`."""
        return self.version > 2

    def __post_init__(self) -> None:
        country = self.default_country
        if country is not None and country not in phonenumbers.SUPPORTED_REGIONS:
            raise ConfigurationError(
                f"{quoted(country)} is not a country with mobile numbers. "
                "Write two capital letters (ISO 3166-1 alpha-2), such as SG."
            )
        if self.decimal_mark not in DECIMAL_MARKS:
            raise ConfigurationError(f'"{self.decimal_mark}" is not a decimal mark. Choose "." or ",".')
