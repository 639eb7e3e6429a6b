"""Which product a row gets: never a PIN, nothing that was not asked for, and one of several only by a preference."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.dvs.models.base import CalculationMode, Period
from bulk_topup.dvs.models.product import (
    FixedValuePinPurchase,
    FixedValueRecharge,
    PinInformation,
    ProductType,
    RangedProduct,
    RangedValuePayment,
    RangedValuePinPurchase,
    RangedValueRecharge,
)
from bulk_topup.plan.prices import expected_cost
from bulk_topup.plan.product_choice import Choice, Wish, choose
from bulk_topup.sandbox.catalogue.operators import OPERATORS
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct, fixed_product, ranged_product

OPERATOR = OPERATORS[1310]
AIRTIME, BUNDLE, DATA = (1, 11), (1, 12), (1, 13)


def fixed(
    id_: int,
    amount: str,
    cost: str = "4",
    *,
    service: tuple[int, int | None] = AIRTIME,
    model: type[FixedValueRecharge | FixedValuePinPurchase] = FixedValueRecharge,
    unit: str = "SGD",
    cost_unit: str = "USD",
) -> AnyProduct:
    return fixed_product(
        model,
        id_,
        f"Fixed {id_}",
        operator=OPERATOR,
        service=service,
        destination=f"{amount} {unit}",
        source=f"{cost} {cost_unit}",
        wholesale=f"{cost} {cost_unit}",
    )


def ranged(
    id_: int,
    low: str = "1",
    high: str = "100",
    step: str = "0.5",
    *,
    service: tuple[int, int | None] = AIRTIME,
    model: type[RangedValueRecharge | RangedValuePinPurchase | RangedValuePayment] = RangedValueRecharge,
    unit: str = "SGD",
    cost_unit: str = "USD",
) -> AnyProduct:
    return ranged_product(
        model,
        id_,
        f"Ranged {id_}",
        operator=OPERATOR,
        service=service,
        unit=unit,
        limits=(low, high, step),
        cost_unit=cost_unit,
        base="1.25",
        wholesale="1.25",
    )


def pick(sold: Sequence[Any], amount: str = "8", currency: str | None = "SGD", /, **policy: Any) -> Choice | str:
    wish = Wish(mode=CalculationMode.DESTINATION_AMOUNT, amount=Decimal(amount), currency=currency)
    return choose(OPERATOR, sold, AutoProduct(**policy), wish)


def chosen(sold: Sequence[Any], /, *words: Any, **policy: Any) -> tuple[int, str]:
    choice = pick(sold, *words, **policy)
    assert isinstance(choice, Choice), choice
    return choice.offer.product.id, str(choice.offer.amount)


def refusal(sold: Sequence[Any], /, *words: Any, **policy: Any) -> str:
    choice = pick(sold, *words, **policy)
    assert isinstance(choice, str), choice
    return choice


@pytest.mark.parametrize(
    ("amount", "currency", "found"),
    [
        ("8", "SGD", True),
        ("8", None, True),
        ("8.00", "SGD", True),
        ("8", "USD", False),
        ("7.5", "SGD", True),
        ("7.7", "SGD", False),
        ("1", "SGD", True),
        ("0.5", "SGD", False),
        ("100", "SGD", True),
        ("100.5", "SGD", False),
    ],
)
def test_a_product_is_chosen_when_it_gives_exactly_the_amount(amount: str, currency: str | None, found: bool) -> None:
    assert isinstance(pick([ranged(1)], amount, currency), Choice) is found
    assert isinstance(pick([fixed(1, "8")], amount, currency), Choice) is (Decimal(amount) == 8 and currency != "USD")


def test_a_mode_that_a_product_does_not_take_makes_it_no_choice() -> None:
    narrow = ranged(1).model_copy(update={"accepted_calculation_modes": [CalculationMode.SOURCE_AMOUNT]})
    assert "has no airtime product of 8.00 SGD. Correct" in refusal([narrow])


def test_an_amount_that_is_charged_is_compared_with_the_source() -> None:
    wish = Wish(mode=CalculationMode.SOURCE_AMOUNT, amount=Decimal("6.4"), currency="USD")
    choice = choose(OPERATOR, [fixed(1, "8", "6.4"), fixed(2, "6.4", "9")], AutoProduct(), wish)
    assert isinstance(choice, Choice)
    assert choice.offer.product.id == 1


PINS = [
    fixed(1, "8", model=FixedValuePinPurchase),
    ranged(2, model=RangedValuePinPurchase),
    fixed(3, "8").model_copy(update={"pin": PinInformation(validity=Period(unit="DAY", quantity=Decimal(1)))}),
]


@pytest.mark.parametrize("pin", PINS)
def test_a_pin_is_never_chosen_for_a_top_up(pin: AnyProduct) -> None:
    policy: dict[str, Any]
    for policy in ({}, {"prefer": ["cheapest"]}, {"amounts": "at_or_below"}, {"products": {"1310": pin.id}}):
        assert isinstance(pick([pin], **policy), str)
        named = {"products": {"1310": 9}} if "products" in policy else {}
        assert chosen([pin, fixed(9, "8")], **{**policy, **named}) == (9, "8")


def test_a_type_that_is_no_pin_does_not_allow_a_recharge_that_gives_one() -> None:
    assert isinstance(pick([PINS[-1]], type=PINS[-1].type), str)
    assert chosen([PINS[-1], fixed(9, "8")], type="FIXED_VALUE_RECHARGE") == (9, "8")


def test_a_pin_is_chosen_where_the_job_names_its_type() -> None:
    assert chosen([*PINS[:1], fixed(9, "8")], type=ProductType.FIXED_VALUE_PIN_PURCHASE) == (1, "8")


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ({}, 1),
        ({"subservices": ["bundle"]}, 2),
        ({"subservices": ["data"]}, 3),
        ({"subservice_id": 12}, 2),
    ],
)
def test_bundles_and_data_are_chosen_only_where_they_are_asked_for(policy: dict[str, Any], found: int) -> None:
    products = [
        fixed(1, "8"),
        fixed(2, "8", service=BUNDLE),
        fixed(3, "8", service=DATA),
        fixed(4, "8", service=(1, None)),
    ]
    assert chosen(products, **policy) == (found, "8")
    assert isinstance(pick([each for each in products if each.id != found], **policy), str)


def test_another_service_has_no_subservices_that_would_have_to_be_asked_for() -> None:
    bill = ranged(1, service=(3, 31), model=RangedValuePayment)
    assert chosen([bill, fixed(2, "8")], service_id=3) == (1, "8.0")


def test_several_products_are_refused_with_their_prices_until_a_preference_ends_the_tie() -> None:
    products = [ranged(1), fixed(2, "8", "5.9"), fixed(3, "8", "5.8"), fixed(4, "8", "5", cost_unit="EUR")]
    text = refusal(products)
    assert text.startswith(
        "Lionwave has several airtime products of 8.00 SGD: 8.00 SGD for 6.40 USD (product 1, Ranged 1)"
    )
    assert text.endswith("8.00 SGD for 5.00 EUR (product 4, Fixed 4). Add prefer or products to [auto_product].")
    assert "currency" not in text
    for prefer, found in (
        (["ranged"], 1),
        (["EUR"], 4),
        (["fixed", "USD", "cheapest"], 3),
        (["USD", "cheapest"], 3),
        (["JPY", "ranged"], 1),
    ):
        choice = pick(products, prefer=prefer)
        assert isinstance(choice, Choice)
        assert (choice.offer.product.id, choice.preference) == (found, prefer[-1])
        assert choice.other is not None
        assert choice.other.product.id != found
    # Prices of several currencies are not compared, and equal ones decide nothing.
    assert "several" in refusal(products, prefer=["cheapest"])
    assert "several" in refusal([fixed(1, "8"), fixed(2, "8")], prefer=["fixed", "cheapest"])


def test_an_unknown_price_is_not_the_cheapest_nor_dearer() -> None:
    unknown = fixed(2, "8")
    prices = unknown.prices.model_copy(
        update={"wholesale": unknown.prices.wholesale.model_copy(update={"amount": None})}
    )
    assert "several" in refusal([fixed(1, "8"), unknown.model_copy(update={"prices": prices})], prefer=["cheapest"])


def test_no_preference_decides_between_two_currencies_of_the_amount() -> None:
    products = [fixed(1, "8", "6"), fixed(2, "8", "8", unit="USD")]
    policy: dict[str, Any]
    for policy in ({}, {"prefer": ["cheapest"]}, {"amounts": "at_or_below"}):
        assert refusal(products, "8", None, **policy).endswith(" Add a currency.")
    assert chosen(products) == (1, "8")


def test_an_operator_has_the_product_that_the_job_names_for_it() -> None:
    products = [ranged(1), fixed(2, "8"), fixed(3, "8", service=DATA)]
    for key in ("1310", "lionwave", " LIONWAVE"):
        for product in (1, 2, 3):
            choice = pick(products, products={key: product})
            assert isinstance(choice, Choice)
            assert (choice.offer.product.id, choice.is_named) == (product, True)
    assert "several" in refusal(products, products={"1311": 2})
    assert refusal(products, "9", products={"1310": 2}).startswith(
        "Lionwave has no airtime product of 9.00 SGD. Nearest: 8"
    )
    assert refusal(products, products={"1310": 77}).startswith("[auto_product] names product 77 for Lionwave")


@pytest.mark.parametrize(
    ("products", "amount", "found"),
    [
        ([fixed(1, "5"), fixed(2, "10"), fixed(3, "15")], "12", (2, "10")),
        ([fixed(1, "5"), fixed(2, "12")], "12", (2, "12")),
        ([ranged(1, "1", "100", "5")], "12", (1, "11")),
        ([ranged(1, "1", "10", "2")], "500", (1, "9")),
        ([ranged(1, "1", "10", "0")], "500", (1, "10")),
        ([fixed(1, "5"), ranged(2, "6", "9", "1")], "5.5", (1, "5")),
    ],
)
def test_the_nearest_amount_at_or_below_is_chosen_where_that_is_enough(
    products: list[AnyProduct], amount: str, found: tuple[int, str]
) -> None:
    assert chosen(products, amount, amounts="at_or_below") == found
    if found[1] != amount:
        assert isinstance(pick(products, amount), str)


def test_no_amount_of_zero_is_chosen_where_the_range_has_no_smallest_one() -> None:
    text = refusal([ranged(1, "0", "10", "1")], "0.5", amounts="at_or_below")
    assert text.startswith("Lionwave has no airtime product of at most 0.50 SGD. Nearest: 1.00 SGD")


def test_nothing_above_the_amount_is_chosen() -> None:
    text = refusal([fixed(1, "5"), fixed(2, "9")], "4", amounts="at_or_below")
    assert text.startswith("Lionwave has no airtime product of at most 4.00 SGD. Nearest: 5.00 SGD for 4.00 USD")


def test_a_refusal_names_the_two_nearest_offers_with_their_prices() -> None:
    products = [fixed(1, "5", "3.9"), fixed(2, "20", "15"), ranged(3, "10", "100", "10"), fixed(4, "12", service=DATA)]
    assert refusal(products, "12") == (
        "Lionwave has no airtime product of 12.00 SGD. Nearest: 10.00 SGD for 8.00 USD (product 3, Ranged 3) or "
        "5.00 SGD for 3.90 USD (product 1, Fixed 1). Correct the amount, or widen [auto_product]."
    )
    assert "Nearest: 10.00 SGD for 8.00 USD (product 3, Ranged 3) or 20.00 SGD" in refusal([products[2]], "12.5")
    assert "Nearest: 5.00 SGD" in refusal(products, "12", "EUR")
    assert refusal(products[3:], "11") == (
        "Lionwave has no airtime product. It has 12.00 SGD for 4.00 USD (product 4, Fixed 4). To allow that, set "
        "subservices in [auto_product]."
    )
    assert refusal(PINS).startswith("Lionwave has no airtime product. Widen [auto_product]")
    assert refusal([], subservices=["airtime", "data"]).startswith("Lionwave has no airtime or data product. Widen")


_AMOUNTS = st.decimals("0.01", "500", places=2)
_PRODUCTS = st.lists(
    st.one_of(
        st.builds(
            lambda amount, service, model: fixed(1, str(amount), service=service, model=model),
            _AMOUNTS,
            st.sampled_from([AIRTIME, BUNDLE, DATA]),
            st.sampled_from([FixedValueRecharge, FixedValuePinPurchase]),
        ),
        st.builds(
            lambda low, size, step: ranged(1, str(low), str(low + size), str(step)),
            _AMOUNTS,
            _AMOUNTS,
            st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("0.5"), Decimal(7)]),
        ),
    ),
    max_size=8,
).map(lambda products: [product.model_copy(update={"id": index}) for index, product in enumerate(products, 1)])


@given(_PRODUCTS, _AMOUNTS, st.sampled_from(["exact", "at_or_below"]), st.permutations(["ranged", "fixed", "cheapest"]))
def test_what_is_chosen_is_asked_for_possible_and_at_most_the_amount_in_any_order_of_products(
    products: list[Any], amount: Decimal, amounts: str, prefer: list[str]
) -> None:
    choice = pick(products, str(amount), amounts=amounts, prefer=prefer)
    backwards = pick(products[::-1], str(amount), amounts=amounts, prefer=prefer)
    if isinstance(choice, str):
        assert isinstance(backwards, str)
        return
    assert isinstance(backwards, Choice)
    assert backwards.offer == choice.offer
    offer, product = choice.offer, choice.offer.product
    assert product.service.subservice is not None
    assert (product.service.subservice.id, product.pin) == (11, None)
    assert offer.amount == amount if amounts == "exact" else offer.amount <= amount
    if isinstance(product, RangedProduct):
        bounds = product.destination.amount
        assert bounds.min is not None
        assert bounds.max is not None
        assert bounds.min <= offer.amount <= bounds.max
        assert not bounds.increment or (offer.amount - bounds.min) % bounds.increment == 0
    else:
        assert offer.amount == product.destination.amount
    assert (offer.cost, offer.cost_unit) == expected_cost(product, CalculationMode.DESTINATION_AMOUNT, offer.amount)
