"""Credited numbers: none that no plan has or of another country is paid in production, and each is named elsewhere."""

from collections.abc import Callable
from typing import Any

import phonenumbers
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.domain.number_notes import NAMED_LINES, NumberConcern, NumberNotes
from bulk_topup.dvs.models.product import KnownProduct
from bulk_topup.plan.checker import PlanOptions
from bulk_topup.plan.number_checks import NUMBER_PROBLEM, NumberCheck, NumberPolicy, product_regions
from tests.helpers.checked_rows import CheckedRow

MakeProduct = Callable[..., KnownProduct]
Check = Callable[..., list[CheckedRow]]

STRICT = NumberPolicy(refuses=True)
NAMES = {"USA": "United States", "GBR": "United Kingdom", "SGP": "Singapore", "KAZ": "Kazakhstan", "ARG": "Argentina"}


def of_country(make: MakeProduct, code: str, **changes: Any) -> KnownProduct:
    operator = {"id": 1, "name": "Operator", "country": {"name": "Country", "iso_code": code, **changes}}
    return make(operator=operator)


def check(
    product: KnownProduct, *numbers: str | None, policy: NumberPolicy = STRICT
) -> tuple[list[str | None], NumberNotes]:
    notes = NumberNotes()
    rows = pl.DataFrame(
        {"line": range(2, 2 + len(numbers)), fields.CREDIT_MOBILE: numbers},
        schema={"line": pl.Int64, fields.CREDIT_MOBILE: pl.String},
    )
    return NumberCheck(product, policy, notes).add_to(rows)[NUMBER_PROBLEM].to_list(), notes


@pytest.mark.parametrize(
    ("country", "number", "problem"),
    [
        ("SGP", "+6591000429", None),
        ("SGP", "+6507700900649", '"+6507700900649" is in no numbering plan of Singapore (+65). Correct it, or add'),
        ("SGP", "+6506591000429", "is in no numbering plan of Singapore (+65)"),
        ("SGP", "+4915112345678", "has the calling code of Germany (+49), but product 4520 is of Singapore."),
        ("SGP", "+254110000000", "has the calling code of Kenya (+254), but product 4520 is of Singapore."),
        ("SGP", "+12025550191", "has the calling code of United States and others (+1), but product"),
        ("SGP", "+80012345678", "has the calling code of no country (+800)"),
        ("SGP", "+9991234567", "has no known calling code"),
        ("USA", "+12025550191", None),
        ("USA", "+14165550191", '"+14165550191" is a number of Canada, but product 4520 is of United States.'),
        ("USA", "+18765550191", "is a number of Jamaica"),
        ("USA", "+18005550191", None),
        ("CAN", "+18005550191", None),
        ("GBR", "+447797712345", None),
        ("KAZ", "+79123456789", None),
        ("BRA", "+5511987654321", None),
        ("MEX", "+525512345678", None),
    ],
)
def test_production_refuses_a_number_of_no_plan_or_of_another_country(
    fixed: MakeProduct, country: str, number: str, problem: str | None
) -> None:
    [message], _ = check(of_country(fixed, country), number)
    assert message is None if problem is None else problem in str(message)


@pytest.mark.parametrize(
    ("country", "number", "concern", "example"),
    [
        ("GBR", "+447797712345", NumberConcern.SHARED_CODE, '"+447797712345" is a number of Jersey, but product 4520'),
        ("KAZ", "+79123456789", NumberConcern.SHARED_CODE, "is a number of Russia, but product 4520 is of Kazakhstan"),
        ("SGP", "+6561234567", NumberConcern.FIXED_LINE, "is a fixed line, but product 4520 is for mobiles."),
        ("ARG", "+541123456789", NumberConcern.FIXED_LINE, "is a fixed line"),
    ],
)
def test_what_may_be_right_is_named_and_paid(
    fixed: MakeProduct, country: str, number: str, concern: NumberConcern, example: str
) -> None:
    problems, notes = check(of_country(fixed, country), number)
    assert problems == [None]
    [note] = notes.concerns
    assert (note.concern, note.rows, note.lines, note.production_refuses) == (concern, 1, [2], False)
    assert example in note.example


def test_elsewhere_what_production_refuses_is_named_with_its_lines(fixed: MakeProduct) -> None:
    numbers = ["+6591000429", *["+4915112345678"] * (NAMED_LINES + 5), "+6507700900649"]
    problems, notes = check(of_country(fixed, "SGP"), *numbers, policy=NumberPolicy())
    assert problems == [None] * len(numbers)
    by_concern = {note.concern: note for note in notes.concerns}
    assert by_concern.keys() == {NumberConcern.OTHER_COUNTRY, NumberConcern.NOT_IN_PLAN}
    assert all(note.production_refuses for note in notes.concerns)
    other = by_concern[NumberConcern.OTHER_COUNTRY]
    assert (other.rows, other.lines) == (NAMED_LINES + 5, list(range(3, 3 + NAMED_LINES)))


def test_an_accepted_number_is_paid_but_never_by_a_product_of_another_calling_code(fixed: MakeProduct) -> None:
    numbers = ("+6507700900649", "+14165550191", "+9991234567")
    policy = NumberPolicy(refuses=True, accepted=frozenset(numbers))
    assert check(of_country(fixed, "SGP"), *numbers, policy=policy)[0][0] is None
    assert "calling code of United States" in str(check(of_country(fixed, "SGP"), *numbers, policy=policy)[0][1])
    assert check(of_country(fixed, "USA"), *numbers, policy=policy)[0][1:] == [None, None]


def test_the_regions_of_a_product_and_its_operator_count_as_its_countries(fixed: MakeProduct) -> None:
    regions = [{"name": "France", "code": "FRA"}, {"name": "Jalisco", "code": "MX-JAL"}]
    assert product_regions(of_country(fixed, "GXX", regions=regions)) == {"FR", "MX"}
    operator = {"id": 1, "name": "O", "country": {"name": "C", "iso_code": "SGP"}, "regions": regions[:1]}
    assert product_regions(fixed(operator=operator, regions=regions[1:])) == {"SG", "FR", "MX"}
    problems, _ = check(of_country(fixed, "GXX", regions=regions), "+33612345678", "+525512345678", "+6591000429")
    assert problems[:2] == [None, None]
    assert "but product 4520 is of France or Mexico." in str(problems[2])


def test_a_product_without_a_country_takes_numbers_of_every_country(fixed: MakeProduct) -> None:
    problems, notes = check(of_country(fixed, "GXX"), "+33612345678", "+6591000429", "+6561234567", "+6507700900649")
    assert problems[:3] == [None, None, None]
    assert "is in no numbering plan" in str(problems[3])
    assert notes.concerns == []


def test_fixed_lines_are_not_named_for_other_services(fixed: MakeProduct) -> None:
    product = fixed(service={"id": 3, "name": "Utilities"})
    assert check(product, "+6561234567")[1].concerns == []


def test_a_refused_number_is_a_problem_of_its_column(fixed: MakeProduct, check: Check) -> None:
    rows = [{fields.CREDIT_MOBILE: "+4915112345678"}, {fields.CREDIT_MOBILE: "+6591000429"}]
    [refused, valid] = check(of_country(fixed, "SGP"), *rows, options=PlanOptions(numbers=STRICT))
    [problem] = refused.problems
    assert problem.column == f"its {fields.CREDIT_MOBILE}"
    assert refused.request is None
    assert not valid.problems
    assert not any(row.problems for row in check(of_country(fixed, "SGP"), *rows))


def test_numbers_of_other_people_may_be_anywhere(fixed: MakeProduct, check: Check) -> None:
    row = {
        fields.CREDIT_MOBILE: "+6591000429",
        "sender.mobile_number": "+4915112345678",
        "debit_party_identifier.mobile_number": "+6507700900649",
    }
    [checked] = check(of_country(fixed, "SGP"), row, options=PlanOptions(numbers=STRICT))
    assert not checked.problems


@given(
    country=st.sampled_from(sorted(NAMES)),
    region=st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)),
)
def test_an_example_mobile_of_the_products_country_has_no_concern_and_others_have_one(
    fixed: MakeProduct, country: str, region: str
) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    product = of_country(fixed, country)
    [problem], notes = check(product, number)
    if phonenumbers.region_code_for_number(example) in product_regions(product):
        assert (problem, notes.concerns) == (None, [])
    else:
        assert problem is not None or notes.concerns
