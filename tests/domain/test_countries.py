"""Countries: every code and name finds its country, however it is written."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.countries import COUNTRIES, Country, find_country


@given(country=st.sampled_from(COUNTRIES), part=st.integers(0, 2), change=st.sampled_from([str.lower, str.upper, str]))
def test_codes_and_names_are_found_in_any_case(country: Country, part: int, change: type[str]) -> None:
    assert find_country(change(country[part])) == country


def test_the_table_has_each_country_of_iso_3166_and_kosovo_once() -> None:
    assert len(COUNTRIES) == 250
    assert len({country.alpha_2 for country in COUNTRIES}) == len({country.alpha_3 for country in COUNTRIES}) == 250
    assert all(country.alpha_2.isupper() and country.alpha_3.isupper() for country in COUNTRIES)
    # Ascension and Tristan da Cunha have calling codes, and belong to Saint Helena in ISO 3166-1.
    assert phonenumbers.SUPPORTED_REGIONS - {country.alpha_2 for country in COUNTRIES} == {"AC", "TA"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("UK", "GB"),
        ("u.k.", "GB"),
        ("Cote d'Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Trinidad & Tobago", "TT"),
        ("guinea bissau", "GW"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Congo-Kinshasa", "CD"),
        ("Republic of Korea", "KR"),
        ("XKX", "XK"),
    ],
)
def test_other_usual_names_are_found(text: str, code: str) -> None:
    found = find_country(text)
    assert found is not None
    assert found.alpha_2 == code


@pytest.mark.parametrize("text", ["", "XX", "65", "Deutschland", "Guinea Papua", "Atlantis", "+"])
def test_a_text_that_names_no_country_finds_none(text: str) -> None:
    assert find_country(text) is None
