"""Required fields: one inner list with all of its fields is enough."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.dvs.models.product import Product
from tests.helpers.checked_rows import CheckedRow

MOBILE = "+6595123100"

MakeProduct = Callable[..., Product]
Check = Callable[..., list[CheckedRow]]


@pytest.mark.parametrize("nothing", [None, [], [[]], [[], ["last_name"]], [["last_name"], []]])
def test_null_and_empty_lists_require_nothing(check: Check, fixed: MakeProduct, nothing: object) -> None:
    [row] = check(fixed(required_sender_fields=nothing), {fields.CREDIT_MOBILE: MOBILE})
    assert row.problems == ()


@pytest.mark.parametrize("group", fields.GROUPS)
def test_every_group_of_required_fields_is_checked(check: Check, fixed: MakeProduct, group: str) -> None:
    name = fields.GROUPS[group][0]
    product = fixed(**{f"required_{group}_fields": [[name]]})
    row = {fields.CREDIT_ACCOUNT: "A-1", f"{group}.{name}": None}
    [refused] = check(product, row)
    assert any(f"requires {group}.{name}. Fill it in." in problem.message for problem in refused.problems)
    assert refused.request is None
    [accepted] = check(product, {**row, fields.CREDIT_MOBILE: MOBILE, f"{group}.{name}": "filled-in-1"})
    assert accepted.problems == ()


def test_an_unmapped_field_is_missing_in_every_row(check: Check, fixed: MakeProduct) -> None:
    product = fixed(required_beneficiary_fields=[["last_name", "first_name"]])
    rows = check(
        product,
        {fields.CREDIT_MOBILE: MOBILE, "beneficiary.last_name": "Invented"},
        {fields.CREDIT_MOBILE: "+6595123101", "beneficiary.last_name": "Imagined"},
    )
    message = (
        "Product 4520 requires beneficiary.last_name and beneficiary.first_name. "
        'Add a column "beneficiary.first_name" to the list.'
    )
    assert [[problem.message for problem in row.problems] for row in rows] == [[message], [message]]
    assert rows[0].problems[0].column == "its beneficiary.last_name"


def test_the_message_for_an_unknown_field_suggests_no_mapping(check: Check, fixed: MakeProduct) -> None:
    [row] = check(fixed(required_sender_fields=[["passport_number"]]), {fields.CREDIT_MOBILE: MOBILE})
    assert "This version can't send sender.passport_number." in row.problems[0].message
    assert "--map" not in row.problems[0].message


def test_two_alternatives_are_not_mixed(check: Check, fixed: MakeProduct) -> None:
    product = fixed(
        required_credit_party_identifier_fields=[["account_number", "account_qualifier"], ["mobile_number"]]
    )
    rows = check(
        product,
        {fields.CREDIT_MOBILE: None, fields.CREDIT_ACCOUNT: "A-1", fields.CREDIT_QUALIFIER: None},
        {fields.CREDIT_MOBILE: None, fields.CREDIT_ACCOUNT: "A-2", fields.CREDIT_QUALIFIER: "home"},
        {fields.CREDIT_MOBILE: MOBILE, fields.CREDIT_ACCOUNT: None, fields.CREDIT_QUALIFIER: None},
        {fields.CREDIT_MOBILE: None, fields.CREDIT_ACCOUNT: None, fields.CREDIT_QUALIFIER: None},
    )
    assert [bool(row.problems) for row in rows] == [True, False, False, True]


NAMES = fields.GROUPS["sender"][:3]
alternatives = st.lists(st.lists(st.sampled_from(NAMES), max_size=3, unique=True), max_size=4)
rows_of_names = st.lists(
    st.fixed_dictionaries(dict.fromkeys(NAMES, st.sampled_from([None, "x"]))), min_size=1, max_size=5
)


@settings(max_examples=60, deadline=None)
@given(required=st.none() | alternatives, rows=rows_of_names, mapped=st.sets(st.sampled_from(NAMES)))
def test_a_row_passes_exactly_when_all_fields_of_one_alternative_are_filled(
    check: Check, fixed: MakeProduct, required: list[list[str]] | None, rows: list[dict[str, Any]], mapped: set[str]
) -> None:
    given_rows = [
        {fields.CREDIT_MOBILE: f"+6595123{number:03}", **{f"sender.{name}": row[name] for name in sorted(mapped)}}
        for number, row in enumerate(rows)
    ]
    checked = check(fixed(required_sender_fields=required), *given_rows)
    for row, result in zip(rows, checked, strict=True):
        filled = {name for name in mapped if row[name] is not None}
        expected = not required or any(set(inner) <= filled for inner in required)
        assert (result.problems == ()) is expected
