"""Columns of mobile numbers: the conversion at once gives what phonenumbers gives for each number."""

import subprocess
import sys

import phonenumbers
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata

from bulk_topup.intake import normalise_mobile_number
from bulk_topup.intake.cells.mobile_number_columns import normalise_mobile_numbers


def _example(region: str) -> str:
    metadata = PhoneMetadata.metadata_for_region(region)
    return "" if metadata is None or metadata.mobile is None else metadata.mobile.example_number or ""


#: A mobile number of each country that has any.
EXAMPLES = {region: example for region in phonenumbers.SUPPORTED_REGIONS if (example := _example(region))}


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str]:
    """Return a region, and a text that resembles one of its numbers."""
    region = draw(st.sampled_from(sorted(EXAMPLES)))
    code = str(phonenumbers.country_code_for_region(region))
    prefix = phonenumbers.ndd_prefix_for_region(region, True) or "0"
    start = draw(st.sampled_from(["", prefix, code, code + prefix, "00", "00" + code, "+", "+" + code, "0", "1", "15"]))
    digits = list(EXAMPLES[region])
    for index in draw(st.lists(st.integers(0, len(digits) - 1), max_size=4)):
        digits[index] = draw(st.sampled_from("0123456789"))
    gap = draw(st.sampled_from(["", "", " ", "-", "\u2011", ") "]))
    end = draw(st.sampled_from(["", "", "", "1", "12", ".", ".0", "x"]))
    return region, start + gap.join(["".join(digits[:3]), "".join(digits[3:])]) + end


@given(drawn=st.lists(numbers(), min_size=1, max_size=20))
def test_numbers_are_converted_as_by_phonenumbers(drawn: list[tuple[str, str]]) -> None:
    for region, text in drawn:
        [number] = normalise_mobile_numbers(pl.Series([text]), region)
        assert number in {None, normalise_mobile_number(text, region)}


def test_a_plus_alone_is_no_number() -> None:
    assert normalise_mobile_numbers(pl.Series(["+", "+0", "+999999999"]), None).to_list() == [None, None, None]


def test_only_the_plans_of_the_numbers_countries_are_loaded() -> None:
    check = (
        "import sys, polars\n"
        "from bulk_topup.intake.cells.mobile_number_columns import normalise_mobile_numbers\n"
        "normalise_mobile_numbers(polars.Series(['+6591234567', '+4915123456789']), None)\n"
        "print(*sorted(name[-2:] for name in sys.modules if name.startswith('phonenumbers.data.region_')))"
    )
    loaded = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == ["DE", "SG"]


@given(texts=st.lists(st.text("+0123456789 ()-.\u00a0", max_size=18) | st.text(max_size=6), min_size=1, max_size=20))
def test_any_text_is_converted_as_by_phonenumbers_or_left(texts: list[str]) -> None:
    for country in (None, "SG", "US", "GB", "AR", "IT", "BR", "CI"):
        for text, number in zip(texts, normalise_mobile_numbers(pl.Series(texts), country), strict=True):
            assert number in {None, normalise_mobile_number(text, country)}


def test_mobile_numbers_of_all_countries_are_converted_at_once() -> None:
    for region, example in EXAMPLES.items():
        code = phonenumbers.country_code_for_region(region)
        written = [example, f"{example[:3]} {example[3:]}", f"+{code} {example}", f"00{code}-{example}"]
        assert normalise_mobile_numbers(pl.Series(written), region).to_list() == [f"+{code}{example}"] * 4
    assert len(EXAMPLES) > 200


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("07700 900123", "GB", "+447700900123"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("12025550123", "US", "+12025550123"),
        ("0 11 98765-4321", "BR", "+5511987654321"),
        ("6595123100", "SG", "+6595123100"),
    ],
)
def test_numbers_with_dialling_prefixes_are_converted_at_once(text: str, country: str, number: str) -> None:
    assert normalise_mobile_numbers(pl.Series([text]), country).to_list() == [number]
