"""Which column has which field: as given, otherwise by name, and never by a guess between two."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.errors import MappingError
from bulk_topup.intake.column_mapping import LISTED_COLUMNS, map_columns


@pytest.mark.parametrize("field", fields.FIELDS)
def test_a_column_with_the_name_of_a_field_is_that_field(field: str) -> None:
    assert map_columns(["x", field], {}, ()) == {field: 1}


@pytest.mark.parametrize(
    ("column", "field"),
    [
        *(
            (name, fields.CREDIT_MOBILE)
            for name in ("Phone", "Phone Number", "mobile_number", "MSISDN", "Cell", "Mobile")
        ),
        *((name, fields.CREDIT_ACCOUNT) for name in ("Account", "account-number", "Meter  Number", "Customer Number")),
        *((name, fields.REFERENCE) for name in ("Employee ID", "employee_id", "ID", "Ref", "External Reference")),
        ("Account Qualifier", fields.CREDIT_QUALIFIER),
        ("Product", fields.PRODUCT_ID),
        ("PRODUCT ID", fields.PRODUCT_ID),
        ("Value", fields.AMOUNT),
        ("Unit", fields.CURRENCY),
        ("Sender First Name", "sender.first_name"),
        ("beneficiary_last_name", "beneficiary.last_name"),
        ("Sender nationality", "sender.nationality_country_iso_code"),
        ("Beneficiary Phone", "beneficiary.mobile_number"),
        ("Bill reference", "statement_identifier.reference"),
        ("Invoice", "statement_identifier.reference"),
        ("Due\ndate", "statement_identifier.due_date"),
        ("Purchaser ID", "additional_identifier.purchaser_id"),
    ],
)
def test_well_known_names_need_no_mapping(column: str, field: str) -> None:
    assert map_columns([column], {}, ()) == {field: 0}


@given(st.permutations(["first name", "Last Name", "name", "email", "address", "comment", "reason", "line", "phone"]))
def test_a_persons_name_without_its_group_is_not_mapped(columns: list[str]) -> None:
    assert map_columns(columns, {}, ()) == {fields.CREDIT_MOBILE: columns.index("phone")}


def test_fields_are_in_their_own_order_whatever_the_lists() -> None:
    assert list(map_columns(["phone", "amount", "id"], {}, ())) == ["reference", "amount", fields.CREDIT_MOBILE]


def test_a_given_column_wins_over_a_well_known_name() -> None:
    columns = ["phone", "private line", "amount"]
    assert map_columns(columns, {fields.CREDIT_MOBILE: "private line"}, ())[fields.CREDIT_MOBILE] == 1


def test_a_constant_wins_over_a_well_known_name() -> None:
    assert map_columns(["phone", "product"], {}, {"product_id"}) == {fields.CREDIT_MOBILE: 0}


def test_a_column_that_is_given_for_one_field_is_not_used_for_another() -> None:
    assert map_columns(["phone", "amount"], {"sender.mobile_number": "phone"}, ()) == {
        "amount": 1,
        "sender.mobile_number": 0,
    }


def test_one_column_may_be_given_for_two_fields() -> None:
    mapping = {"reference": "meter", fields.CREDIT_ACCOUNT: "meter"}
    assert map_columns(["meter"], mapping, ()) == {"reference": 0, fields.CREDIT_ACCOUNT: 0}


def test_the_exact_name_is_found_before_one_in_other_capitals() -> None:
    assert map_columns(["TEL", "Tel"], {"reference": " Tel "}, ()) == {"reference": 1}
    assert map_columns(["TEL", "x"], {"reference": "tel"}, ()) == {"reference": 0}


@pytest.mark.parametrize(
    ("columns", "mapping", "expected"),
    [
        (["a", "b"], {"amount": "c"}, 'has no column "c" for field amount. Columns: "a", "b".'),
        (["a", ""], {"amount": " "}, 'has no column "" for field amount. Columns: "a".'),
        (["a", "a"], {"amount": "a"}, 'has 2 columns "a", and field amount needs one. Rename the others.'),
        (["A", "a "], {"amount": "ä"}, 'has no column "ä"'),
        (["TEL", "tel"], {"amount": "Tel"}, 'has 2 columns "Tel"'),
        (["a"], {"amuont": "a"}, 'There is no field "amuont". Did you mean amount?'),
        (["a"], {"phone": "a"}, 'There is no field "phone". Did you mean credit_party_identifier.mobile_number?'),
        (["a"], {"sender.firstname": "a"}, "Did you mean sender.first_name?"),
        (["a"], {"xyzzy": "a"}, "Fields: reference, product_id, amount"),
        (
            ["phone", "mobile"],
            {},
            'Columns "phone", "mobile" could each be credit_party_identifier.mobile_number. ',
        ),
        (["Product", "Product ID"], {}, "Choose one with --map product_id=COLUMN."),
        (
            ["phone", "phone"],
            {},
            'has 2 columns "phone", and field credit_party_identifier.mobile_number needs one. Rename',
        ),
        (["+6595123100", "5"], {}, "Map columns with --map FIELD=COLUMN."),
    ],
)
def test_an_ambiguous_mapping_is_an_error_with_a_fix(
    columns: list[str], mapping: Mapping[str, str], expected: str
) -> None:
    with pytest.raises(MappingError) as caught:
        map_columns(columns, mapping, ())
    assert expected in str(caught.value)


def test_two_columns_of_one_name_are_fine_where_neither_is_mapped() -> None:
    assert map_columns(["note", "phone", "note"], {}, ()) == {fields.CREDIT_MOBILE: 1}


def test_a_field_with_a_column_and_a_constant_is_an_error() -> None:
    with pytest.raises(MappingError, match=r'Field product_id has both a column, "p", and a constant\. Remove one'):
        map_columns(["p"], {"product_id": "p"}, {"product_id"})


def test_a_constant_of_an_unknown_field_is_an_error() -> None:
    with pytest.raises(MappingError, match=r'There is no field "produkt"\. Did you mean product_id\?'):
        map_columns(["phone"], {}, {"produkt"})


def test_an_error_lists_a_bounded_number_of_columns() -> None:
    with pytest.raises(MappingError, match=r'"c39" and 61 more\. ') as caught:
        map_columns([f"c{number}" for number in range(LISTED_COLUMNS + 61)], {}, ())
    assert '"c40"' not in str(caught.value)
