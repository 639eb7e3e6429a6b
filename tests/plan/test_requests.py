"""Request bodies and expected costs."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_topup import fields
from bulk_topup.dvs import codec
from bulk_topup.dvs.models import CalculationMode, Product, TransactionRequest
from bulk_topup.plan.requests import amount_and_unit, expected_cost, request_body

MakeProduct = Callable[..., Product]

SOURCE, DESTINATION = CalculationMode.SOURCE_AMOUNT, CalculationMode.DESTINATION_AMOUNT
PARTY = {fields.CREDIT_MOBILE: "+6595123100"}


def test_the_body_of_a_ranged_product_is_these_bytes(ranged: MakeProduct) -> None:
    values = {"sender.last_name": "Imagined", **PARTY, "statement_identifier.due_date": "2026-11-30"}
    assert request_body(ranged(), DESTINATION, values, Decimal("12.50")) == (
        b'{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT",'
        b'"destination":{"unit_type":"CURRENCY","unit":"SGD","amount":12.5},'
        b'"credit_party_identifier":{"mobile_number":"+6595123100"},"sender":{"last_name":"Imagined"},'
        b'"statement_identifier":{"due_date":"2026-11-30"}}'
    )


def test_the_body_of_a_fixed_product_states_neither_mode_nor_amount(fixed: MakeProduct) -> None:
    assert request_body(fixed(), SOURCE, PARTY, Decimal(5)) == (
        b'{"product_id":4520,"auto_confirm":true,"credit_party_identifier":{"mobile_number":"+6595123100"}}'
    )


def test_in_source_mode_the_amount_goes_to_the_source_side(ranged: MakeProduct) -> None:
    body = codec.decode(request_body(ranged(), SOURCE, PARTY, Decimal(7)))
    assert body["calculation_mode"] == "SOURCE_AMOUNT"
    assert body["source"] == {"unit_type": "CURRENCY", "unit": "USD", "amount": 7}
    assert "destination" not in body


filled = st.dictionaries(st.sampled_from(fields.DVS_FIELDS), st.none() | st.text('ab é{}"\\', min_size=1, max_size=5))
amounts = st.decimals(min_value=Decimal("1E-9"), max_value=Decimal(10) ** 18, places=9)


@settings(max_examples=60, deadline=None)
@given(values=filled, amount=amounts, order=st.randoms())
def test_equal_rows_give_equal_bytes_whatever_the_order_of_columns_and_the_padding_of_amounts(
    ranged: MakeProduct, values: dict[str, Any], amount: Decimal, order: Any
) -> None:
    items = list(values.items())
    order.shuffle(items)
    body = request_body(ranged(), DESTINATION, values, amount)
    padded = Decimal(f"{amount:f}" + "00")
    assert request_body(ranged(), DESTINATION, dict(items), padded) == body
    decoded = codec.decode(body)
    assert decoded["destination"]["amount"] == amount
    sent = {
        f"{group}.{name}": text for group in fields.GROUPS if group in decoded for name, text in decoded[group].items()
    }
    assert sent == {name: text for name, text in values.items() if text is not None}
    assert not any(decoded[group] == {} for group in fields.GROUPS if group in decoded)


def test_a_body_with_an_external_id_is_a_valid_request(ranged: MakeProduct) -> None:
    body = codec.decode(request_body(ranged(), DESTINATION, PARTY, Decimal("0.000000001")))
    request = TransactionRequest.model_validate({**body, "external_id": "list-abc-1"})
    assert request.destination is not None
    assert request.destination.amount == Decimal("0.000000001")


def test_a_fixed_product_costs_its_wholesale_price_and_fee(fixed: MakeProduct) -> None:
    assert expected_cost(fixed(), DESTINATION, None) == (Decimal("3.7"), "USD")
    no_fee = fixed(prices={"wholesale": {"unit": "USD", "amount": "3.6"}})
    assert expected_cost(no_fee, DESTINATION, None) == (Decimal("3.6"), "USD")
    no_price = fixed(prices={"wholesale": {"unit": "USD", "fee": "0.1"}})
    assert expected_cost(no_price, DESTINATION, None) == (None, "USD")


def test_a_ranged_product_costs_the_destination_by_the_wholesale_rate(ranged: MakeProduct) -> None:
    assert expected_cost(ranged(), DESTINATION, Decimal(10)) == (Decimal("7.69"), "USD")
    with_fee = ranged(prices={"wholesale": {"unit": "USD", "fee": "0.25"}})
    assert expected_cost(with_fee, DESTINATION, Decimal(10)) == (Decimal("7.94"), "USD")


def test_in_source_mode_the_amount_is_first_turned_into_the_destinations(ranged: MakeProduct) -> None:
    assert expected_cost(ranged(), SOURCE, Decimal(8)) == (Decimal("7.69"), "USD")


@pytest.mark.parametrize(
    ("mode", "rates"),
    [(DESTINATION, {"base": "1"}), (SOURCE, {"wholesale": "1"}), (DESTINATION, {"wholesale": "0"}), (SOURCE, {})],
)
def test_a_cost_that_the_rates_do_not_tell_is_unknown_not_zero(
    ranged: MakeProduct, mode: CalculationMode, rates: dict[str, str]
) -> None:
    assert expected_cost(ranged(rates=rates), mode, Decimal(10)) == (None, "USD")


def test_a_product_of_an_unknown_type_has_neither_amount_nor_cost(fixed: MakeProduct) -> None:
    product = fixed(type="SOMETHING_NEW")
    assert expected_cost(product, DESTINATION, Decimal(1)) == (None, None)
    assert amount_and_unit(product, DESTINATION, Decimal(1)) == (None, None)


def test_the_cost_of_the_largest_amount_at_the_smallest_rate_is_still_exact(ranged: MakeProduct) -> None:
    product = ranged(rates={"base": "1.000000000000001", "wholesale": "0.000000001"})
    cost, _ = expected_cost(product, DESTINATION, Decimal("999999999999999999.999999999"))
    assert cost == Decimal("999999999999999999999999999.00")
    cost, _ = expected_cost(product, SOURCE, Decimal("999999999999999999.999999999"))
    assert cost == Decimal("1000000000000000999999999999.00")
