"""Numbering plans: the regular expressions say of every number what phonenumbers says of it."""

import re
from itertools import product

import phonenumbers
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberType

from bulk_topup.domain import number_plans

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
EXAMPLES = [
    number
    for region, type_ in product(REGIONS, PhoneNumberType.values())
    if (number := phonenumbers.example_number_for_type(region, type_)) is not None
]


def e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Any digits after a calling code, or an example of some type with one digit changed, added or removed."""
    if draw(st.booleans()):
        return f"+{draw(st.sampled_from(CODES))}{draw(st.text('0123456789', min_size=3, max_size=13))}"
    text = e164(draw(st.sampled_from(EXAMPLES)))
    at = draw(st.integers(4, len(text)))
    return text[:at] + draw(st.text("0123456789", max_size=1)) + text[at + draw(st.integers(0, 1)) :]


def parts(number: str) -> tuple[int, PhoneNumber]:
    """Return an E.164 number as phonenumbers holds it, without any rule for what people dial."""
    match = re.match(number_plans.calling_codes(), number)
    assert match is not None
    code, digits = int(match[1]), number[match.end() :]
    zeros = len(digits) - len(str(int(digits or 0)))
    return code, PhoneNumber(
        country_code=code,
        national_number=int(digits or 0),
        italian_leading_zero=True if zeros else None,
        number_of_leading_zeros=zeros if zeros > 1 else None,
    )


def is_allowed(number: str) -> bool:
    """Return True if the general description of a region with the number's calling code has it."""
    code, parsed = parts(number)
    digits = phonenumbers.national_significant_number(parsed)
    return any(
        phonenumbers.phonenumberutil._is_number_matching_desc(digits, plan.general_desc)
        for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
        if (plan := number_plans.metadata_of(str(code), region)) is not None
    )


def matches(pattern: str, number: str) -> bool:
    """Return whether polars finds the pattern in a number; Python must agree."""
    found = bool(pl.Series([number]).str.contains(pattern)[0])
    assert found is (re.search(pattern, number) is not None)
    return found


@given(number=numbers())
def test_a_number_is_allowed_if_a_general_description_of_its_calling_code_has_it(number: str) -> None:
    assert matches(number_plans.allowed_numbers(), number) is is_allowed(number)


def test_every_example_of_phonenumbers_is_allowed() -> None:
    texts = pl.Series([e164(number) for number in EXAMPLES])
    assert texts.filter(~texts.str.contains(number_plans.allowed_numbers())).to_list() == []
    assert len(texts) > 1000


@given(number=numbers())
def test_the_first_region_whose_pattern_has_a_number_is_that_of_phonenumbers(number: str) -> None:
    code, parsed = parts(number)
    regions = number_plans.regions_of(str(code))
    if len(regions) > 1:
        found = next((region for region in regions if matches(number_plans.numbers_of(region), number)), None)
        assert found == phonenumbers.region_code_for_number(parsed)
    elif regions[0] != number_plans.NO_COUNTRY:
        assert matches(number_plans.numbers_of(regions[0]), number)


@given(number=numbers())
def test_mobile_numbers_and_fixed_lines_are_those_of_phonenumbers(number: str) -> None:
    _, parsed = parts(number)
    region = phonenumbers.region_code_for_number(parsed)
    if region in (None, number_plans.NO_COUNTRY):
        return
    type_ = phonenumbers.number_type(parsed)
    mobile, fixed, other = (
        matches(pattern([region]), number)
        for pattern in (number_plans.mobile_numbers, number_plans.fixed_lines, number_plans.other_numbers)
    )
    assert (fixed and not mobile and not other) is (type_ == PhoneNumberType.FIXED_LINE)
    if type_ in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
        assert mobile
    if mobile:
        assert matches(number_plans.allowed_numbers(), number)


def test_no_calling_code_starts_with_another() -> None:
    texts = list(map(str, CODES))
    assert [(one, other) for one, other in product(texts, texts) if one != other and other.startswith(one)] == []
