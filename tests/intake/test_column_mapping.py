"""Which column holds which field: as stated, else by name, and never by a guess between two."""

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
def test_names_that_explain_themselves_need_no_mapping(column: str, field: str) -> None:
    assert map_columns([column], {}, ()) == {field: 0}


@given(st.permutations(["first name", "Last Name", "name", "email", "address", "comment", "reason", "line", "phone"]))
def test_a_persons_name_without_its_role_is_sent_to_nobody(columns: list[str]) -> None:
    assert map_columns(columns, {}, ()) == {fields.CREDIT_MOBILE: columns.index("phone")}


def test_fields_come_in_their_own_order_whatever_the_lists() -> None:
    assert list(map_columns(["phone", "amount", "id"], {}, ())) == ["reference", "amount", fields.CREDIT_MOBILE]


def test_a_stated_column_wins_over_one_that_explains_itself() -> None:
    columns = ["phone", "private line", "amount"]
    assert map_columns(columns, {fields.CREDIT_MOBILE: "private line"}, ())[fields.CREDIT_MOBILE] == 1


def test_a_constant_wins_over_a_column_that_explains_itself() -> None:
    assert map_columns(["phone", "product"], {}, {"product_id"}) == {fields.CREDIT_MOBILE: 0}


def test_a_column_that_is_stated_for_one_field_is_not_taken_for_another() -> None:
    assert map_columns(["phone", "amount"], {"sender.mobile_number": "phone"}, ()) == {
        "amount": 1,
        "sender.mobile_number": 0,
    }


def test_one_column_may_be_stated_for_two_fields() -> None:
    mapping = {"reference": "meter", fields.CREDIT_ACCOUNT: "meter"}
    assert map_columns(["meter"], mapping, ()) == {"reference": 0, fields.CREDIT_ACCOUNT: 0}


def test_the_exact_name_is_found_before_one_in_other_capitals() -> None:
    assert map_columns(["TEL", "Tel"], {"reference": " Tel "}, ()) == {"reference": 1}
    assert map_columns(["TEL", "x"], {"reference": "tel"}, ()) == {"reference": 0}


@pytest.mark.parametrize(
    ("columns", "mapping", "told"),
    [
        (["a", "b"], {"amount": "c"}, 'has no column "c", which is stated for amount; its columns are "a", "b".'),
        (["a", ""], {"amount": " "}, 'has no column "", which is stated for amount; its columns are "a".'),
        (["a", "a"], {"amount": "a"}, 'has 2 columns "a", one of which is stated for amount; rename the others.'),
        (["A", "a "], {"amount": "ä"}, 'has no column "ä"'),
        (["TEL", "tel"], {"amount": "Tel"}, 'has 2 columns "Tel"'),
        (["a"], {"amuont": "a"}, 'There is no field "amuont"; do you mean amount?'),
        (["a"], {"phone": "a"}, 'There is no field "phone"; do you mean credit_party_identifier.mobile_number?'),
        (["a"], {"sender.firstname": "a"}, "do you mean sender.first_name?"),
        (["a"], {"xyzzy": "a"}, "the fields are reference, product_id, amount"),
        (
            ["phone", "mobile"],
            {},
            'The columns "phone", "mobile" could each be credit_party_identifier.mobile_number; ',
        ),
        (["Product", "Product ID"], {}, "choose one with --map product_id=COLUMN."),
        (["phone", "phone"], {}, 'has 2 columns "phone", one of which would be credit_party_identifier.mobile_number'),
        (["+6595123100", "5"], {}, "state which is which with --map FIELD=COLUMN."),
    ],
)
def test_what_is_not_clear_is_told_with_a_cure(columns: list[str], mapping: Mapping[str, str], told: str) -> None:
    with pytest.raises(MappingError) as caught:
        map_columns(columns, mapping, ())
    assert told in str(caught.value)


def test_two_columns_of_one_name_are_fine_where_neither_is_mapped() -> None:
    assert map_columns(["note", "phone", "note"], {}, ()) == {fields.CREDIT_MOBILE: 1}


def test_a_field_with_a_column_and_a_constant_is_not_clear() -> None:
    with pytest.raises(MappingError, match=r'Field product_id has a column, "p", and a constant; state only one'):
        map_columns(["p"], {"product_id": "p"}, {"product_id"})


def test_a_constant_of_no_field_is_told() -> None:
    with pytest.raises(MappingError, match=r'There is no field "produkt"; do you mean product_id\?'):
        map_columns(["phone"], {}, {"produkt"})


def test_a_list_of_very_many_columns_is_not_told_to_its_end() -> None:
    with pytest.raises(MappingError, match=r'"c39" and 61 more\. ') as caught:
        map_columns([f"c{number}" for number in range(LISTED_COLUMNS + 61)], {}, ())
    assert '"c40"' not in str(caught.value)
