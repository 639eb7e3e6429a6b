"""The options of a list."""

from pathlib import Path

import pytest

from bulk_topup.errors import ConfigurationError
from bulk_topup.intake import Formats, ListSource


@pytest.mark.parametrize("country", ["sg", "SGP", "XX", ""])
def test_a_default_country_without_numbers_is_an_error(country: str) -> None:
    with pytest.raises(ConfigurationError, match="Write two capital letters"):
        Formats(default_country=country)


def test_an_unknown_decimal_mark_or_delimiter_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="is not a decimal mark"):
        Formats(decimal_mark="'")
    with pytest.raises(ConfigurationError, match="is not a delimiter"):
        ListSource(path=Path("pay.csv"), delimiter=":")
