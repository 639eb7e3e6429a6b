"""Amounts as text."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.money import parse_plain_amount, plain


@given(st.decimals(min_value=0, max_value=Decimal(999999999999999999), places=9))
def test_an_amount_in_plain_notation_reads_back_exactly(amount: Decimal) -> None:
    assert parse_plain_amount(plain(amount)) == amount


@pytest.mark.parametrize(
    "text", ["", " 5", "5 ", "-5", "+5", "1e3", "1E3", "NaN", "inf", "1,5", "1.2.3", ".5", "5.", "٥", "1_0", "0x10"]
)
def test_what_is_not_plain_notation_is_no_amount(text: str) -> None:
    assert parse_plain_amount(text) is None


def test_an_amount_with_too_many_digits_is_no_amount() -> None:
    assert parse_plain_amount("1" * 19) is None
    assert parse_plain_amount("1.0000000001") is None


def test_plain_notation_has_neither_exponent_nor_padding() -> None:
    assert [plain(Decimal(text)) for text in ("5.00", "1E+3", "0.10", "100", "0")] == ["5", "1000", "0.1", "100", "0"]
