"""What may be said about a list."""

from pathlib import Path

import pytest

from bulk_topup.errors import ConfigurationError
from bulk_topup.intake import Formats, ListSource


@pytest.mark.parametrize("country", ["sg", "SGP", "XX", ""])
def test_a_default_country_that_has_no_numbers_is_refused(country: str) -> None:
    with pytest.raises(ConfigurationError, match="write its two capital letters"):
        Formats(default_country=country)


def test_a_decimal_mark_and_a_delimiter_are_among_those_that_lists_have() -> None:
    with pytest.raises(ConfigurationError, match="cannot be the decimal mark"):
        Formats(decimal_mark="'")
    with pytest.raises(ConfigurationError, match="cannot be the delimiter"):
        ListSource(path=Path("pay.csv"), delimiter="|")
