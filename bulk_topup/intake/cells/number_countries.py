"""Countries of numbers that are written without a country code, as lists name them; pure."""

import phonenumbers

from bulk_topup.domain.countries import find_country
from bulk_topup.intake.cells.texts import CellProblem, check_invisible, quoted, strip


def normalise_number_country(text: str) -> str | CellProblem:
    """Return the country of numbers, written as a code of ISO 3166-1 or as an English name, by its alpha-2 code."""
    text = strip(text)
    country = find_country(text)
    if country is None:
        return check_invisible(text) or CellProblem(
            message=f"{quoted(text)} is not a country. Write two or three letters (ISO 3166-1) or its English name."
        )
    if country.alpha_2 not in phonenumbers.SUPPORTED_REGIONS:
        return CellProblem(message=f"{country.name} has no mobile numbers. Correct the country.")
    return country.alpha_2
