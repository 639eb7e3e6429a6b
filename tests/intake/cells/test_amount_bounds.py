"""The most digits of an amount: one more is refused, whether a cell is read by itself or with its column."""

import re

import polars as pl
import pytest

from bulk_topup.domain.money import MAX_DIGITS_AFTER_MARK, MAX_DIGITS_BEFORE_MARK
from bulk_topup.intake import CellProblem, normalise_amount
from bulk_topup.intake.cells.amounts import PLAIN_AMOUNT, normalise_amounts

#: The longest amounts that are read: digits before the mark, after it, and both.
LONGEST = (
    "1" * MAX_DIGITS_BEFORE_MARK,
    f"0.{'0' * (MAX_DIGITS_AFTER_MARK - 1)}1",
    f"5.{'0' * (MAX_DIGITS_AFTER_MARK - 1)}1",
    f"{'1' * MAX_DIGITS_BEFORE_MARK}.{'1' * MAX_DIGITS_AFTER_MARK}",
)
#: One digit more, in each of the places.
TOO_LONG = (
    "1" * (MAX_DIGITS_BEFORE_MARK + 1),
    f"0.{'0' * MAX_DIGITS_AFTER_MARK}1",
    f"5.{'0' * MAX_DIGITS_AFTER_MARK}1",
    f"{'1' * (MAX_DIGITS_BEFORE_MARK + 1)}.{'1' * MAX_DIGITS_AFTER_MARK}",
    f"{'1' * MAX_DIGITS_BEFORE_MARK}.{'1' * (MAX_DIGITS_AFTER_MARK + 1)}",
)


def _column(text: str, mark: str) -> str | None:
    [value] = normalise_amounts(pl.Series([text], dtype=pl.String), mark)
    return value if value is None else str(value)


@pytest.mark.parametrize("mark", [".", ","])
@pytest.mark.parametrize("padding", ["", "0", "000"])
@pytest.mark.parametrize("amount", LONGEST)
def test_the_longest_amounts_are_read_at_once_whatever_zeros_pad_them(amount: str, padding: str, mark: str) -> None:
    written = (padding + amount).replace(".", mark)
    assert (_column(written, mark), normalise_amount(written, mark)) == (amount, amount)
    assert re.search(PLAIN_AMOUNT, amount)


@pytest.mark.parametrize("mark", [".", ","])
@pytest.mark.parametrize("amount", TOO_LONG)
def test_an_amount_with_one_more_digit_is_refused(amount: str, mark: str) -> None:
    written = amount.replace(".", mark)
    assert _column(written, mark) is None
    problem = normalise_amount(written, mark)
    assert isinstance(problem, CellProblem)
    assert "has too many digits" in problem.message
    assert not re.search(PLAIN_AMOUNT, amount)
