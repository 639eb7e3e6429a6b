"""Amounts as text."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.money import (
    format_amount,
    format_money,
    format_plain,
    format_share,
    parse_plain_amount,
    smallest_unit,
    with_fee,
    with_texts,
)


@given(st.decimals(min_value=0, max_value=Decimal(999999999999999999), places=9))
def test_an_amount_in_plain_notation_reads_back_exactly(amount: Decimal) -> None:
    assert parse_plain_amount(format_plain(amount)) == amount


@pytest.mark.parametrize(
    "text", ["", " 5", "5 ", "-5", "+5", "1e3", "1E3", "NaN", "inf", "1,5", "1.2.3", ".5", "5.", "٥", "1_0", "0x10"]
)
def test_what_is_not_plain_notation_is_no_amount(text: str) -> None:
    assert parse_plain_amount(text) is None


def test_an_amount_with_too_many_digits_is_no_amount() -> None:
    assert parse_plain_amount("1" * 18) == Decimal("1" * 18)
    assert parse_plain_amount("1" * 19) is None
    assert parse_plain_amount("1.000000001") == Decimal("1.000000001")
    assert parse_plain_amount("1.0000000001") is None


@pytest.mark.parametrize(
    ("units", "smallest", "text"),
    [
        ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", "1", "1,235 {}"),
        ("BHD IQD JOD KWD LYD OMR TND", "0.001", "1,234.560 {}"),
        ("CLF UYW", "0.0001", "1,234.5600 {}"),
        ("EUR SGD USD GBP INR IDR", "0.01", "1,234.56 {}"),
    ],
)
def test_each_currency_has_its_own_decimals(units: str, smallest: str, text: str) -> None:
    for unit in units.split():
        assert smallest_unit(unit) == Decimal(smallest)
        amount = Decimal(1235) if text == "1,235 {}" else Decimal("1234.56")
        assert format_money(amount, unit) == text.format(unit)


def test_plain_notation_has_neither_exponent_nor_padding() -> None:
    assert [format_plain(Decimal(text)) for text in ("5.00", "1E+3", "0.10", "100", "0")] == [
        "5",
        "1000",
        "0.1",
        "100",
        "0",
    ]


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        ("1672.3", "USD", "1,672.30 USD"),
        ("5", "EUR", "5.00 EUR"),
        ("1234567", "JPY", "1,234,567 JPY"),
        ("0.5", "KWD", "0.500 KWD"),
        ("-1000.1", "USD", "-1,000.10 USD"),
        ("0.12345", "USD", "0.12345 USD"),
        ("10.0", "XYZ", "10.00 XYZ"),
    ],
)
def test_money_for_people_has_groups_and_its_currencys_decimals(amount: str, unit: str, text: str) -> None:
    assert format_money(Decimal(amount), unit) == text


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=6), st.sampled_from(["USD", "JPY", "KWD", "CLF"]))
def test_money_for_people_is_never_rounded(amount: Decimal, unit: str) -> None:
    assert Decimal(format_amount(amount, unit).replace(",", "")) == amount


def test_amounts_in_plain_values_become_texts_and_nothing_else_changes() -> None:
    value = {
        "id": 2237512891,
        "on": True,
        "none": None,
        "name": "x",
        "prices": [Decimal("1E+2"), {"fee": Decimal("0.50")}],
    }
    assert with_texts(value) == {
        "id": 2237512891,
        "on": True,
        "none": None,
        "name": "x",
        "prices": ["100", {"fee": "0.5"}],
    }
    assert with_texts((Decimal(-1),)) == ["-1"]


@pytest.mark.parametrize(("unit", "amount"), [("USD", "0.01"), ("JPY", "1"), ("KWD", "0.001"), ("???", "0.01")])
def test_the_smallest_unit_of_a_currency_has_the_decimals_of_the_currency(unit: str, amount: str) -> None:
    assert smallest_unit(unit) == Decimal(amount)


@pytest.mark.parametrize(
    ("price", "fee", "sum_"),
    [("7.41", "0.05", "7.46"), ("7.41", "0", "7.41"), ("7.41", None, "7.41"), (None, "0.05", None), (None, None, None)],
)
def test_a_price_with_its_fee_is_their_sum_and_nothing_without_a_price(
    price: str | None, fee: str | None, sum_: str | None
) -> None:
    amounts = (None if text is None else Decimal(text) for text in (price, fee, sum_))
    assert with_fee(next(amounts), next(amounts)) == next(amounts)


def test_a_fee_that_is_far_smaller_than_its_price_is_not_lost() -> None:
    price, fee = Decimal("123456789012345678.123456789"), Decimal("0.0000000000001")
    assert with_fee(price, fee) == Decimal("123456789012345678.1234567890001")


@pytest.mark.parametrize(("share", "text"), [("0.02", "2 %"), ("1", "100 %"), ("0.125", "12.5 %"), ("0", "0 %")])
def test_a_share_for_people_is_in_percent(share: str, text: str) -> None:
    assert format_share(Decimal(share)) == text
