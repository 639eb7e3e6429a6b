"""How a list writes numbers and where its mobile numbers belong; touches nothing."""

from dataclasses import dataclass
from typing import Final

import phonenumbers

from bulk_topup.errors import ConfigurationError
from bulk_topup.intake.cells.texts import quoted

#: The characters that may stand before the decimals of an amount.
DECIMAL_MARKS: Final = (".", ",")


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
