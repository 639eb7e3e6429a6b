"""Amounts: ranges, steps, fixed denominations, currencies and calculation modes, with exact decimals."""

import itertools
from collections.abc import Callable
from decimal import Context, Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.domain.money import format_plain
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import Product
from bulk_topup.plan import PlanOptions
from tests.helpers.checked_rows import CheckedRow

LARGEST = "999999999999999999.999999999"
EXACT = Context(prec=100)

MakeProduct = Callable[..., Product]
Check = Callable[..., list[CheckedRow]]

numbers = itertools.count()


def row(amount: str | None, **other: str | None) -> dict[str, str | None]:
    return {fields.CREDIT_MOBILE: f"+65951{next(numbers) % 100_000:05}", fields.AMOUNT: amount, **other}


def messages(checked: list[CheckedRow]) -> list[list[str]]:
    return [[problem.message for problem in row.problems] for row in checked]


def with_range(ranged: MakeProduct, **bounds: object) -> Product:
    return ranged(destination={"unit_type": "CURRENCY", "unit": "SGD", "amount": bounds})


def test_both_ends_of_the_range_belong_to_it(check: Check, ranged: MakeProduct) -> None:
    amounts = ["0.999999999", "1", "100", "100.000000001"]
    checked = check(ranged(), *map(row, amounts))
    assert messages(checked) == [
        ["0.999999999 must be 1.00 to 100.00 SGD (product 6418)."],
        [],
        [],
        ["100.000000001 must be 1.00 to 100.00 SGD (product 6418)."],
    ]
    assert checked[0].problems[0].column == "its amount"


def test_a_range_may_be_open_at_either_end(check: Check, ranged: MakeProduct) -> None:
    up = check(with_range(ranged, min="5", max=None), row(LARGEST), row("4.99"))
    down = check(with_range(ranged, min=None, max="5"), row("0.000000001"), row("5.01"))
    open_ = check(with_range(ranged), row("0.000000001"), row(LARGEST))
    assert [bool(found) for found in messages(up) + messages(down) + messages(open_)] == [
        *(False, True),
        *(False, True),
        *(False, False),
    ]


def test_steps_are_counted_from_the_minimum(check: Check, ranged: MakeProduct) -> None:
    product = with_range(ranged, min="1", max="10", increment="0.3")
    checked = check(product, *map(row, ["1", "1.3", "9.7", "1.2", "0.9", "9.8"]))
    assert [bool(found) for found in messages(checked)] == [False, False, False, True, True, True]
    assert messages(checked)[3] == ["1.2 must be 1.00 SGD plus steps of 0.30 (product 6418)."]


def test_steps_are_exact_where_binary_fractions_are_not(check: Check, ranged: MakeProduct) -> None:
    product = with_range(ranged, min="0", max="1000000", increment="0.1")
    checked = check(product, *map(row, ["0.3", "0.7", "999999.9", "0.30000001"]))
    assert [bool(found) for found in messages(checked)] == [False, False, False, True]


@pytest.mark.parametrize("increment", ["0", None])
def test_no_step_means_that_every_amount_of_the_range_is_possible(
    check: Check, ranged: MakeProduct, increment: str | None
) -> None:
    assert messages(check(with_range(ranged, min="1", max="2", increment=increment), row("1.234567891"))) == [[]]


amounts = st.decimals(min_value=0, max_value=Decimal(LARGEST), places=9, allow_nan=False) | st.sampled_from(
    [Decimal(LARGEST), Decimal("1E-9"), Decimal(10) ** 17, Decimal("0.1"), Decimal("0.3")]
)
bounds = st.none() | amounts | st.decimals(min_value=0, max_value=10**6, places=18) | st.integers(0, 10**18)


@settings(max_examples=120, deadline=None)
@given(
    amount=amounts,
    least=bounds,
    most=bounds,
    step=st.none() | st.sampled_from(["0.01", "0.5", "3", "0.000000007", "0.000000000000000007"]).map(Decimal),
)
@example(amount=Decimal(LARGEST), least=Decimal("1E-18"), most=Decimal(10) ** 19 - 1, step=Decimal("1E-18"))
def test_amounts_are_checked_exactly(
    check: Check,
    ranged: MakeProduct,
    amount: Decimal,
    least: Decimal | None,
    most: Decimal | None,
    step: Decimal | None,
) -> None:
    least, most = (None if bound is None else Decimal(bound) for bound in (least, most))
    [checked] = check(with_range(ranged, min=least, max=most, increment=step), row(format_plain(amount)))
    start = least or Decimal(0)
    is_in_range = (least is None or amount >= least) and (most is None or amount <= most)
    offset = EXACT.subtract(amount, start)
    is_on_step = step is None or EXACT.remainder(offset, step) == 0
    assert (checked.problems == ()) is (is_in_range and is_on_step)
    if checked.request is not None:
        assert codec.decode(checked.request)["destination"]["amount"] == amount
        assert checked.amount == amount


@pytest.mark.parametrize(
    "bounds",
    [
        {"min": "1.0000000000000000001"},
        {"max": "1e30"},
        {"max": "10000000000000000000"},
        {"min": "-10000000000000000000"},
        {"increment": "0.0000000000000000001"},
    ],
)
def test_a_range_that_cannot_be_compared_exactly_refuses_every_row(
    check: Check, ranged: MakeProduct, bounds: dict[str, str]
) -> None:
    checked = check(with_range(ranged, **bounds), row("1"), row(LARGEST))
    assert [
        "has a range with more digits than this version can compare" in found[0] for found in messages(checked)
    ] == [True, True]


def test_a_ranged_product_requires_an_amount_in_every_row(check: Check, ranged: MakeProduct) -> None:
    assert messages(check(ranged(), row(None), row("5"))) == [["Amount required for product 6418."], []]
    [unmapped] = check(ranged(), {fields.CREDIT_MOBILE: "+6595123100"})
    assert [problem.message for problem in unmapped.problems] == [
        'Amount required for product 6418. Add a column "amount" to the list.'
    ]
    assert unmapped.request is None


def test_a_fixed_product_has_no_other_amount_and_requires_none(check: Check, fixed: MakeProduct) -> None:
    checked = check(fixed(), *map(row, [None, "5", "5.000000000", "5.000000001", "50"]))
    assert [bool(found) for found in messages(checked)] == [False, False, False, True, True]
    [message] = messages(checked)[4]
    assert message == (
        "Product 4520 has the fixed amount 5.00 SGD, but the list has 50. "
        "Correct the amount, or choose another product."
    )
    assert [row.amount for row in checked] == [Decimal(5)] * 5


def test_a_fixed_amount_with_too_many_digits_refuses_rows_with_an_amount(check: Check, fixed: MakeProduct) -> None:
    product = fixed(destination={"unit": "SGD", "amount": "5.0000000000000000001"})
    assert [bool(found) for found in messages(check(product, row("5"), row(None)))] == [True, False]


def test_a_fixed_amount_is_compared_on_the_side_of_the_mode(check: Check, fixed: MakeProduct) -> None:
    options = PlanOptions(calculation_mode=CalculationMode.SOURCE_AMOUNT)
    [accepted, refused] = check(fixed(), row("3.60"), row("5"), options=options)
    assert (accepted.amount, accepted.unit, accepted.problems) == (Decimal("3.6"), "USD", ())
    assert "has the fixed amount 3.60 USD, but the list has 5." in refused.problems[0].message


@pytest.mark.parametrize("make", ["fixed", "ranged"])
def test_another_currency_than_the_products_is_refused(check: Check, make: str, request: pytest.FixtureRequest) -> None:
    product = request.getfixturevalue(make)()
    checked = check(product, *(row("5", currency=currency) for currency in ("SGD", "USD", None)))
    assert messages(checked) == [[], [f"The list has USD, but product {product.id} has SGD."], []]
    assert checked[1].problems[0].column == "its currency"


def test_the_currency_is_that_of_the_side_of_the_mode(check: Check, ranged: MakeProduct) -> None:
    options = PlanOptions(calculation_mode=CalculationMode.SOURCE_AMOUNT)
    checked = check(ranged(), row("5", currency="USD"), row("5", currency="SGD"), options=options)
    assert [bool(found) for found in messages(checked)] == [False, True]


def test_the_range_is_that_of_the_side_of_the_mode(check: Check, ranged: MakeProduct) -> None:
    options = PlanOptions(calculation_mode=CalculationMode.SOURCE_AMOUNT)
    checked = check(ranged(), row("80"), row("90"), options=options)
    assert [bool(found) for found in messages(checked)] == [False, True]


def test_an_unsupported_calculation_mode_refuses_every_row(check: Check, ranged: MakeProduct) -> None:
    product = ranged(accepted_calculation_modes=["SOURCE_AMOUNT"])
    checked = check(product, row("5"), row(None))
    text = "Product 6418 does not support DESTINATION_AMOUNT. Add --calculation-mode SOURCE_AMOUNT."
    assert messages(checked) == [[text], [text]]
    source = PlanOptions(calculation_mode=CalculationMode.SOURCE_AMOUNT)
    assert messages(check(product, row("5"), options=source)) == [[]]


@pytest.mark.parametrize("accepted", [None, []])
def test_a_product_without_modes_supports_both(check: Check, ranged: MakeProduct, accepted: object) -> None:
    for mode in CalculationMode:
        options = PlanOptions(calculation_mode=mode)
        assert messages(check(ranged(accepted_calculation_modes=accepted), row("5"), options=options)) == [[]]


def test_braces_in_texts_of_the_list_or_of_dvs_are_plain_characters(check: Check, fixed: MakeProduct) -> None:
    product = fixed(destination={"unit": "{X}", "amount": "5"})
    amount = (
        "Product 4520 has the fixed amount 5.00 {X}, but the list has 6. Correct the amount, or choose another product."
    )
    currency = "The list has {}{0}, but product 4520 has {X}."
    assert messages(check(product, row("6", currency="{}{0}"))) == [[currency, amount]]
