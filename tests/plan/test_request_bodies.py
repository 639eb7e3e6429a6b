"""Request bodies and expected costs."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.domain.money import format_plain
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import Product, RangedProduct
from bulk_topup.dvs.models.transaction import TransactionRequest
from bulk_topup.plan import request_bodies
from bulk_topup.plan.prices import Prices, amount_and_unit, expected_cost

MakeProduct = Callable[..., Product]

SOURCE, DESTINATION = CalculationMode.SOURCE_AMOUNT, CalculationMode.DESTINATION_AMOUNT
PARTY = {fields.CREDIT_MOBILE: "+6595123100"}

#: The fields of each group with the names that a row has them under, written once and not for every row.
_NAMES = {group: [(name, f"{group}.{name}") for name in names] for group, names in fields.GROUPS.items()}


def body_of_one_row(
    product: Product,
    mode: CalculationMode,
    values: Mapping[str, str | None],
    amount: Decimal | None,
    *,
    auto_confirm: bool = True,
) -> bytes:
    """Return a body as every earlier version wrote it, row by row: ledgers have such bodies and compare by them."""
    body: dict[str, object] = {"product_id": product.id, "auto_confirm": auto_confirm}
    if isinstance(product, RangedProduct) and amount is not None:
        source = mode is CalculationMode.SOURCE_AMOUNT
        side = product.source if source else product.destination
        exact = Decimal(format_plain(amount))
        body["calculation_mode"] = mode
        body["source" if source else "destination"] = {"unit_type": side.unit_type, "unit": side.unit, "amount": exact}
    for group, names in _NAMES.items():
        filled = {name: value for name, full in names if (value := values.get(full)) is not None}
        if filled:
            body[group] = filled
    return codec.encode(body)


def bodies(
    product: Product,
    mode: CalculationMode,
    rows: Sequence[tuple[Mapping[str, str | None], str | None]],
    *,
    auto_confirm: bool = True,
) -> list[bytes | None]:
    """Return the bodies of rows with amounts as in the list."""
    names = dict.fromkeys(name for values, _ in rows for name in values)
    columns = {name: [values.get(name) for values, _ in rows] for name in names}
    columns[fields.AMOUNT] = [amount for _, amount in rows]
    frame = Prices(product, mode, {}).add_to(pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)))
    body = request_bodies.request_body(product, mode, list(names), pl.col("number"), auto_confirm=auto_confirm)
    return [None if text is None else text.encode() for text in frame.with_columns(body=body)["body"]]


def request_body(product: Product, mode: CalculationMode, values: Mapping[str, str | None], amount: Decimal) -> bytes:
    """Return the body of one row."""
    [body] = bodies(product, mode, [(values, f"{amount:f}")])
    assert body is not None
    return body


texts = st.text(st.characters(codec="utf-8") | st.sampled_from('"\\\b\f\n\r\t\0\x1f\x7f\u2028'), max_size=8)
written_amounts = st.from_regex(r"[0-9]{1,18}(\.[0-9]{1,9})?", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.dictionaries(st.sampled_from(fields.DVS_FIELDS), st.none() | texts), written_amounts),
        min_size=1,
        max_size=5,
    ),
    mode=st.sampled_from(CalculationMode),
    is_ranged=st.booleans(),
    auto_confirm=st.booleans(),
)
def test_bodies_are_byte_for_byte_those_of_earlier_versions(
    fixed: MakeProduct,
    ranged: MakeProduct,
    rows: list[tuple[dict[str, str | None], str]],
    mode: CalculationMode,
    is_ranged: bool,
    auto_confirm: bool,
) -> None:
    product = ranged() if is_ranged else fixed()
    assert bodies(product, mode, rows, auto_confirm=auto_confirm) == [
        body_of_one_row(product, mode, values, Decimal(amount), auto_confirm=auto_confirm) for values, amount in rows
    ]


def test_a_ranged_product_without_an_amount_has_no_body(ranged: MakeProduct) -> None:
    assert bodies(ranged(), DESTINATION, [(PARTY, None)]) == [None]


def test_the_body_of_a_ranged_product_is_these_bytes(ranged: MakeProduct) -> None:
    values = {"sender.last_name": "Imagined", **PARTY, "statement_identifier.due_date": "2026-11-30"}
    assert request_body(ranged(), DESTINATION, values, Decimal("12.50")) == (
        b'{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT",'
        b'"destination":{"unit_type":"CURRENCY","unit":"SGD","amount":12.5},'
        b'"credit_party_identifier":{"mobile_number":"+6595123100"},"sender":{"last_name":"Imagined"},'
        b'"statement_identifier":{"due_date":"2026-11-30"}}'
    )


def test_the_body_of_a_fixed_product_has_neither_mode_nor_amount(fixed: MakeProduct) -> None:
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


@pytest.mark.parametrize(("unit", "cost"), [("USD", "7.69"), ("JPY", "8"), ("KWD", "7.693")])
def test_a_cost_is_rounded_to_the_smallest_unit_of_its_currency(unit: str, cost: str, ranged: MakeProduct) -> None:
    priced = ranged(prices={"wholesale": {"unit": unit}}, rates={"base": "1.2", "wholesale": "1.29988"})
    assert expected_cost(priced, DESTINATION, Decimal(10)) == (Decimal(cost), unit)


def test_in_source_mode_the_amount_is_first_converted_to_the_destination(ranged: MakeProduct) -> None:
    assert expected_cost(ranged(), SOURCE, Decimal(8)) == (Decimal("7.69"), "USD")


@pytest.mark.parametrize(
    ("mode", "rates"),
    [
        (DESTINATION, {"base": "1"}),
        (SOURCE, {"wholesale": "1"}),
        (DESTINATION, {"wholesale": "0"}),
        (SOURCE, {}),
        (DESTINATION, {"base": "1", "wholesale": "-1"}),
        (SOURCE, {"base": "-1", "wholesale": "1"}),
    ],
)
def test_a_cost_without_rates_is_unknown_not_zero(
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
