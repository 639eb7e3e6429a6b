"""Patterns and lengths of the API reference, for all products."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.dvs import field_limits
from bulk_topup.dvs.models.product import Product
from tests.helpers.checked_rows import CheckedRow

MakeProduct = Callable[..., Product]
Check = Callable[..., list[CheckedRow]]

PATTERNS = {
    "sender.nationality_country_iso_code": field_limits.COUNTRY_ISO_CODE,
    "sender.address_country_iso_code": field_limits.COUNTRY_ISO_CODE,
    "beneficiary.nationality_country_iso_code": field_limits.COUNTRY_ISO_CODE,
    "beneficiary.address_country_iso_code": field_limits.COUNTRY_ISO_CODE,
    "sender.address_postal_code": field_limits.POSTAL_CODE,
    "beneficiary.address_postal_code": field_limits.POSTAL_CODE,
    "additional_identifier.purchaser_id": field_limits.PURCHASER_ID,
}

texts = st.text(st.sampled_from("AZaz09- _é\n{}+"), max_size=6) | st.sampled_from(
    [
        "SGP",
        "sgp",
        "SGPX",
        "1A 2-B3",
        "-1A",
        "a1B2-c3D4",
        "x" * 36,
        "x" * 37,
        "x" * 7,
        "SGP\n",
        "ΣGP",
        "１２３４５６７８",
    ]
)


@pytest.mark.parametrize("name", PATTERNS)
@settings(max_examples=40, deadline=None)
@given(values=st.lists(texts, min_size=1, max_size=6))
def test_a_text_passes_exactly_when_the_whole_of_it_matches(
    check: Check, fixed: MakeProduct, name: str, values: list[str]
) -> None:
    rows = [{fields.CREDIT_MOBILE: f"+65951231{number:02}", name: text or None} for number, text in enumerate(values)]
    checked = check(fixed(), *rows)
    fits = [not text or re.fullmatch(PATTERNS[name].strip("^$"), text) is not None for text in values]
    assert [row.problems == () for row in checked] == fits


def test_a_message_quotes_the_text_and_names_the_column(check: Check, fixed: MakeProduct) -> None:
    [row] = check(fixed(), {fields.CREDIT_MOBILE: "+6595123100", "sender.address_country_iso_code": "S{}P"})
    [problem] = row.problems
    assert problem.message == '"S{}P" is not a country code of three capital letters (ISO 3166-1 alpha-3).'
    assert problem.column == "its sender.address_country_iso_code"


@pytest.mark.parametrize("name", ["credit_party_identifier.account_number", "debit_party_identifier.account_number"])
def test_account_numbers_have_at_most_90_characters(check: Check, fixed: MakeProduct, name: str) -> None:
    rows = check(
        fixed(),
        {fields.CREDIT_MOBILE: "+6595123100", name: "é" * 90},
        {fields.CREDIT_MOBILE: "+6595123101", name: "1" * 91},
        {fields.CREDIT_MOBILE: "+6595123102", name: None},
    )
    assert [bool(row.problems) for row in rows] == [False, True, False]
    assert rows[1].problems[0].message == "Account numbers have at most 90 characters."


def test_real_names_are_sent_unchanged(check: Check, fixed: MakeProduct) -> None:
    [row] = check(fixed(), {fields.CREDIT_MOBILE: "+6595123100", "beneficiary.last_name": "O'Invented-Ñandú {Jr.}, 苗"})
    assert row.problems == ()
    assert "O'Invented-Ñandú {Jr.}, 苗".encode() in (row.request or b"")
