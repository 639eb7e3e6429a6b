"""Products and operators are found by words, amounts and prices, and sorted by value and currency."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.catalogue_search import OPERATOR_KEYS, PRODUCT_KEYS, Search, fold, sorted_by
from bulk_topup.dvs.models.catalogue import Operator
from bulk_topup.dvs.models.product import PRODUCT, Product

AGUILA = {"id": 1596, "name": "Águila Celular", "country": {"name": "México", "iso_code": "MEX"}}


def fixed(id_: int = 1, name: str = "Recarga", amount: str = "10", unit: str = "MXN", price: str = "0.55") -> Product:
    return product(
        type="FIXED_VALUE_RECHARGE",
        id=id_,
        name=name,
        destination={"unit": unit, "amount": Decimal(amount)},
        prices={"wholesale": {"unit": "USD", "amount": Decimal(price)}},
    )


def ranged(id_: int = 2, low: str = "5", high: str = "100", step: str | None = "2.5") -> Product:
    amount = {"min": Decimal(low), "max": Decimal(high), "increment": None if step is None else Decimal(step)}
    return product(
        type="RANGED_VALUE_RECHARGE",
        id=id_,
        name="Saldo",
        source={"unit": "USD", "amount": {"min": 1, "max": 9}},
        destination={"unit": "MXN", "amount": amount},
        prices={"wholesale": {"unit": "USD", "amount": {"min": Decimal("0.3"), "max": 9}}},
    )


def product(**fields: Any) -> Product:
    data = {"type": "DATA", "unit_type": "DATA", "unit": "GB", "amount": {"total_including_tax": 3}}
    common = {
        "service": {"id": 1, "name": "Mobile"},
        "operator": AGUILA,
        "source": {"unit": "USD", "amount": 1},
        "benefits": [data],
    }
    return PRODUCT.validate_python({**common, **fields})


UNREADABLE = PRODUCT.validate_python({"id": 9, "type": "NEW", "name": "Águila new"})


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("aguila", True),
        ("ÁGUILA", True),
        ("a\u0301guila", True),
        ("celular recarga", True),
        ("recarga bold", False),
        ("mex mexico", True),
        ("mobile", True),
        ("3 gb", True),
        ("data", True),
        ("10", True),
        ("10.00", True),
        ("10 mxn", True),
        ("mxn 10", True),
        ("10 usd", False),
        ("0.55", True),
        ("0.55 USD", True),
        ("0.55 mxn", False),
        ("1", True),  # its ID
        ("1 usd", False),  # nor what the source is: the price decides
        ("11", False),
        ("0.5", False),
        ("99999999999999999999.5", False),
        ("aguila 10 mxn recarga", True),
    ],
)
def test_a_fixed_product_is_found_by_all_of_its_words_and_numbers(text: str, is_found: bool) -> None:
    assert Search.of(text).finds(fixed()) is is_found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("5 mxn", True),
        ("7.5 MXN", True),
        ("100", True),
        ("6 mxn", False),
        ("4", False),
        ("102.5", False),
        ("8 usd", False),  # its prices are a range, which has nearly every number
    ],
)
def test_a_ranged_product_is_found_by_the_amounts_that_it_can_give(text: str, is_found: bool) -> None:
    assert Search.of(text).finds(ranged()) is is_found


def test_a_range_without_step_has_each_amount_and_one_without_end_none() -> None:
    assert Search.of("5.01 mxn").finds(ranged(step=None))
    assert not Search.of("7 mxn").finds(
        product(
            type="RANGED_VALUE_RECHARGE",
            id=4,
            name="A",
            source={"unit": "USD", "amount": {}},
            destination={"unit": "MXN", "amount": {}},
            prices={"wholesale": {"unit": "USD"}},
        )
    )


def test_operators_and_unreadable_products_are_found_by_their_words() -> None:
    operator = Operator.model_validate(AGUILA)
    assert Search.of("celular mexico").finds(operator)
    assert Search.of("1596").finds(operator)
    assert not Search.of("10 mxn").finds(operator)
    assert Search.of("aguila NEW").finds(UNREADABLE)


@given(st.text(), st.text())
def test_any_text_is_a_search_and_each_of_its_words_finds_a_name_that_has_them(text: str, more: str) -> None:
    name = f"{text} {more}".strip() or "x"
    search = Search.of(text)
    words = [term for term in search.terms if term.amount is None]
    item = Operator.model_validate({**AGUILA, "name": name})
    assert Search(tuple(words)).finds(item)
    assert fold(fold(text)) == fold(text)


def test_amounts_and_prices_are_sorted_by_currency_and_unknown_ones_are_last() -> None:
    items = [
        UNREADABLE,
        fixed(1, amount="30"),
        fixed(3, amount="20", unit="COP"),
        fixed(4, amount="9000", unit="COP", price="0.1"),
        ranged(2),
    ]

    def ids(*keys: str) -> list[int]:
        return [each.id for each in sorted_by(items, keys, PRODUCT_KEYS)]

    assert ids() == [9, 1, 3, 4, 2]
    assert ids("amount") == [3, 4, 2, 1, 9]
    assert ids("-amount") == [4, 3, 1, 2, 9]
    assert ids("price") == [4, 2, 1, 3, 9]
    assert ids("price", "-id") == [4, 2, 3, 1, 9]
    assert ids("-id") == [9, 4, 3, 2, 1]
    assert ids("name", "id") == [9, 1, 3, 4, 2]


def test_operators_are_sorted_without_case_and_accents() -> None:
    names = (("Zeta", "Chad"), ("águila", "Mexico"), ("Bold", "mali"))
    operators = [
        Operator.model_validate({"id": id_, "name": name, "country": {"name": country, "iso_code": "AAA"}})
        for id_, (name, country) in enumerate(names, start=1)
    ]
    assert [each.id for each in sorted_by(operators, ["name"], OPERATOR_KEYS)] == [2, 3, 1]
    assert [each.id for each in sorted_by(operators, ["-country"], OPERATOR_KEYS)] == [2, 3, 1]
