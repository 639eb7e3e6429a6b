"""JSON numbers and decimals: exact both ways."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.product import PRODUCT, UnknownProduct
from bulk_topup.dvs.models.transaction import Pin, Transaction


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=0, max_value=Decimal("1e25")))
def test_a_decimal_comes_back_from_json_as_it_went_in(amount: Decimal) -> None:
    assert codec.decode(codec.encode({"amount": amount}))["amount"] == amount


def test_a_number_with_more_digits_than_a_float_holds_stays_exact() -> None:
    assert codec.decode(b'{"a":0.12345678901234567890123}') == {"a": Decimal("0.12345678901234567890123")}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"a":', b'{"a":"\xff"}', b"1e99999999999999999999", b"[" * 100_000 + b"]" * 100_000]
)
def test_what_is_not_json_says_so(body: bytes) -> None:
    with pytest.raises(codec.InvalidJSON):
        codec.decode(body)


def test_a_product_of_an_unknown_type_can_be_read() -> None:
    operator = {"id": 1, "name": "o", "country": {"name": "Singapore", "iso_code": "SGP"}}
    product = PRODUCT.validate_python(
        {"id": 1, "name": "n", "type": "BRAND_NEW", "service": {"id": 1, "name": "Mobile"}, "operator": operator}
    )
    assert isinstance(product, UnknownProduct)


def test_null_and_absent_are_the_same_and_unknown_fields_are_ignored() -> None:
    body = {
        "id": 2237512891,
        "external_id": "x-1",
        "creation_date": "2021-03-24T20:05:05.883561999Z",
        "status": {"id": 10000, "message": "CREATED", "class": {"id": 1, "message": "CREATED"}},
        "product": {
            "id": 1,
            "name": "n",
            "service": {"id": 1, "name": "Mobile"},
            "operator": {"id": 1, "name": "o", "country": {"name": "Singapore", "iso_code": "SGP"}},
        },
        "prices": {"wholesale": {"unit_type": "CURRENCY", "unit": "USD", "amount": 1, "fee": 0}},
    }
    nulls = {"pin": None, "benefits": None, "sender": None, "requested_values": None, "promotions": None}
    assert Transaction.model_validate(body) == Transaction.model_validate({**body, **nulls, "brand_new": 1})


def test_a_pin_is_not_shown_by_the_repr_of_its_transaction() -> None:
    assert "1234" not in repr(Pin(code="1234", serial="1234"))
