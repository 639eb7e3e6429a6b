"""What products give, in words: amounts, unlimited and unknown ones, and how long they are valid."""

from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.domain.product_texts import alternatives_text, benefits_text, payment_texts, quantity_text
from bulk_topup.dvs.models.base import Range
from bulk_topup.dvs.models.product import PRODUCT, KnownProduct
from bulk_topup.sandbox.catalogue.products import PRODUCTS

MONEY = ("CREDITS", "CURRENCY", "USD", 3)
DATA = ("DATA", "DATA", "GB", Decimal("2.50"))


def text(*benefits: tuple[str, str, str, object], validity: dict[str, Any] | None = None) -> str:
    country = {"name": "Ecuador", "iso_code": "ECU"}
    money = {"unit": "USD", "amount": 3}
    product = {
        "type": "FIXED_VALUE_RECHARGE",
        "id": 1,
        "name": "A",
        "service": {"id": 1, "name": "Mobile"},
        "operator": {"id": 1, "name": "O", "country": country},
        "source": money,
        "destination": money,
        "prices": {"wholesale": money},
        "benefits": [
            {"type": type_, "unit_type": unit_type, "unit": unit, "amount": {"base": 1, "total_excluding_tax": amount}}
            for type_, unit_type, unit, amount in benefits
        ],
        "validity": validity,
    }
    found = PRODUCT.validate_python(product)
    assert isinstance(found, KnownProduct)
    return benefits_text(found)


@pytest.mark.parametrize(
    ("benefits", "quantity", "expected"),
    [
        ([MONEY], "none", ""),
        ([DATA], "none", "2.5 GB data"),
        ([DATA, ("SMS", "QUANTITY", "SMS", 100), MONEY], 7, "2.5 GB data and 100 SMS, valid for 7 days"),
        ([("TALKTIME", "TIME", "MINUTE", 60)], 1, "60 MINUTE talktime, valid for 1 day"),
        ([("DATA", "DATA", "GB", -1)], -1, "unlimited data, valid for ever"),
        ([("DATA", "DATA", "GB", {"min": 1, "max": -1})], None, "1 GB to unlimited data, valid for an unknown time"),
        ([MONEY], -1, "valid for ever"),
    ],
)
def test_benefits_and_validity_are_told(benefits: list[Any], quantity: object, expected: str) -> None:
    validity = None if quantity == "none" else {"unit": "DAY", "quantity": quantity}
    assert text(*benefits, validity=validity) == expected


def test_an_unknown_amount_is_not_taken_for_zero_or_unlimited() -> None:
    assert quantity_text(None, "GB") == "an unknown amount of"
    assert quantity_text(Range(min=Decimal(1), max=Decimal(1)), "GB") == "1 GB"
    assert quantity_text(Decimal(0), "GB") == "0 GB"


@pytest.mark.parametrize(
    ("alternatives", "expected"),
    [
        (None, ""),
        ([], ""),
        ([[]], ""),
        ([["account_number"]], "account_number"),
        ([[], ["account_number"]], "account_number, or nothing"),
        (
            [["mobile_number"], ["account_number", "account_qualifier"]],
            "mobile_number, or account_number and account_qualifier",
        ),
    ],
)
def test_alternatives_of_fields_say_where_nothing_is_needed(alternatives: Any, expected: str) -> None:
    assert alternatives_text(alternatives) == expected


def test_what_a_product_takes_against_bills_is_told() -> None:
    products = {product.id: product for product in PRODUCTS}
    payment = products[9105].payment.model_copy(update={"notes": ["Bills are posted at night.", " "]})  # type: ignore[union-attr]
    texts = payment_texts(products[9105].model_copy(update={"payment": payment}))
    assert texts == (
        "Takes payments of a bill that are less (PARTIAL), exactly what is due (EXACT), past due (PAST_DUE).",
        "The biller shows a payment after 1 business day.",
        "What is due can be asked for, with account_number and account_qualifier: --amount statement.",
        "Bills are posted at night.",
    )
    assert payment_texts(products[6418]) == ()
