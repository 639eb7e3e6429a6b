"""Amounts: every notation gives the same number, and an ambiguous one is refused."""

import re
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.money import MAX_DIGITS_AFTER_MARK, MAX_DIGITS_BEFORE_MARK, format_plain
from bulk_topup.intake import CellProblem, normalise_amount
from bulk_topup.intake.cells.amounts import PLAIN_AMOUNT, normalise_amounts
from bulk_topup.intake.cells.formats import Formats
from bulk_topup.intake.cells.normalise import normaliser_of

AMOUNTS = st.decimals(min_value="0.000000001", max_value=10**18 - 1, allow_nan=False, allow_infinity=False, places=9)
MARKS = st.sampled_from([".", ","])


@given(amount=AMOUNTS, mark=MARKS, zeros=st.text("0", max_size=3), blanks=st.text(" \t\u00a0", max_size=2))
def test_every_amount_keeps_its_value_whatever_surrounds_it(
    amount: Decimal, mark: str, zeros: str, blanks: str
) -> None:
    written = f"{blanks}{zeros}{format_plain(amount).replace('.', mark)}{blanks}"
    normal = normalise_amount(written, mark)
    assert isinstance(normal, str)
    assert Decimal(normal) == amount


@given(amount=AMOUNTS, mark=MARKS)
def test_a_normal_amount_is_unchanged(amount: Decimal, mark: str) -> None:
    normal = normalise_amount(format_plain(amount).replace(".", mark), mark)
    assert normal == format_plain(amount)


@given(text=st.text("0123456789.,+-eE '", max_size=14) | st.text(max_size=8), mark=MARKS)
def test_the_result_of_any_text_is_plain_and_positive_or_a_message(text: str, mark: str) -> None:
    answer = normalise_amount(text, mark)
    if isinstance(answer, CellProblem):
        assert answer.message.endswith(".")
    else:
        assert Decimal(answer) > 0
        assert answer == format_plain(Decimal(answer))


@given(text=st.text("0123456789.,", min_size=1, max_size=12), mark=MARKS)
def test_the_other_mark_is_never_read_as_the_decimal_mark(text: str, mark: str) -> None:
    other = "," if mark == "." else "."
    if other in text:
        assert isinstance(normalise_amount(text, mark), CellProblem)


@given(
    texts=st.lists(st.text("0123456789.,", max_size=6) | AMOUNTS.map(format_plain), min_size=1, max_size=8), mark=MARKS
)
def test_a_column_of_amounts_reads_as_its_cells_do(texts: list[str], mark: str) -> None:
    values, messages = normaliser_of("amount", Formats(decimal_mark=mark)).column(pl.Series(texts))
    for index, text in enumerate(texts):
        answer = normalise_amount(text, mark) if text else None
        assert values[index] == (answer if isinstance(answer, str) else None)
        assert messages.get(index) == (answer.message if isinstance(answer, CellProblem) else None)


@pytest.mark.parametrize(
    ("text", "mark", "expected"),
    [
        (
            "1,234",
            ".",
            '"1,234" has a ",", but the decimal mark is ".". Remove thousands separators: 1234. Or',
        ),
        ("5,50", ".", '"5,50" has a ",", but the decimal mark is ".". Write 5.50, or add --decimal-mark ",".'),
        ("5.50", ",", '"5.50" has a ".", but the decimal mark is ",". Write 5,50, or add --decimal-mark ".".'),
        ("123,456", ".", "Remove thousands separators: 123456. Or"),
        ("1234,567", ".", 'Write 1234.567, or add --decimal-mark ",".'),
        ("0,123", ".", 'Write 0.123, or add --decimal-mark ",".'),
        ("5,1234", ".", 'Write 5.1234, or add --decimal-mark ",".'),
        ("5,x", ".", "is more than a number"),
        (",50", ".", "is not an amount"),
        ("5,50,5", ".", "is not an amount"),
        ("1,234.50", ".", "has thousands separators. Remove them."),
        ("1.234,50", ",", "has thousands separators. Remove them."),
        ("1 234", ".", "has thousands separators. Remove them."),
        ("1'234.50", ".", "has thousands separators. Remove them."),
        ("1\u2019234.50", ".", "has thousands separators. Remove them."),
        ("1E3", ".", "is in scientific notation"),
        ("1.5e+3", ".", "is in scientific notation"),
        ("-5", ".", "is not more than zero"),
        ("\u22125", ".", "is not more than zero"),
        ("0", ".", "is not more than zero"),
        ("0.00", ".", "is not more than zero"),
        ("+5", ".", "has a sign"),
        ("5 SGD", ".", "is more than a number"),
        ("$5", ".", "is more than a number"),
        ("\u0665", ".", "digits other than 0 to 9"),
        ("1" * 19, ".", "has too many digits"),
        ("0.0000000001", ".", "has too many digits"),
        ("5\u200b0", ".", "invisible character U+200B"),
        ("five", ".", "is not an amount"),
        ("5.", ".", "is not an amount"),
        (".5", ".", "is not an amount"),
        ("1.2.3", ".", "is not an amount"),
        ("nan", ".", "is not an amount"),
    ],
)
def test_an_ambiguous_or_invalid_amount_is_refused_with_a_fix(text: str, mark: str, expected: str) -> None:
    answer = normalise_amount(text, mark)
    assert isinstance(answer, CellProblem)
    assert expected in answer.message


@pytest.mark.parametrize(("text", "normal"), [("5", "5"), ("05.50", "5.5"), ("5.00", "5"), ("0.5", "0.5")])
def test_padding_zeros_are_dropped(text: str, normal: str) -> None:
    assert normalise_amount(text, ".") == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        *[("100", "100"), ("0100", "100"), ("0010", "10"), ("00100", "100"), ("1000000", "1000000")],
        *[("100.0", "100"), ("0100.00", "100"), ("0010.10", "10.1"), ("10.010", "10.01"), ("000.500", "0.5")],
        *[("000.050", "0.05"), ("100.001", "100.001")],
    ],
)
@pytest.mark.parametrize("mark", [".", ","])
def test_zeros_within_an_amount_stay_in_a_cell_and_in_a_column(text: str, normal: str, mark: str) -> None:
    written = text.replace(".", mark)
    assert normalise_amount(written, mark) == normal
    assert normalise_amounts(pl.Series([written]), mark).to_list() == [normal]


@given(amount=AMOUNTS)
def test_the_pattern_of_plain_amounts_knows_every_normal_amount(amount: Decimal) -> None:
    normaliser = normaliser_of("amount", Formats())
    assert normaliser.pattern == PLAIN_AMOUNT
    values, _ = normaliser.column(pl.Series([format_plain(amount)]))
    assert values.str.contains(PLAIN_AMOUNT).all()


@pytest.mark.parametrize("whole", ["0", "1" * (MAX_DIGITS_BEFORE_MARK - 1), "1" * MAX_DIGITS_BEFORE_MARK])
@pytest.mark.parametrize("digits", [0, 1, MAX_DIGITS_AFTER_MARK - 1, MAX_DIGITS_AFTER_MARK])
def test_the_pattern_of_plain_amounts_knows_as_many_digits_as_an_amount_may_have(whole: str, digits: int) -> None:
    text = f"{whole}.{'1' * digits}" if digits else whole
    is_amount = text != "0"
    assert (re.search(PLAIN_AMOUNT, text) is not None) is is_amount
    assert pl.Series([text]).str.contains(PLAIN_AMOUNT).to_list() == [is_amount]


@pytest.mark.parametrize(
    "text",
    [
        "1" * (MAX_DIGITS_BEFORE_MARK + 1),
        f"1.{'1' * (MAX_DIGITS_AFTER_MARK + 1)}",
        f"0.{'1' * (MAX_DIGITS_AFTER_MARK + 1)}",
        *("01", "00.1", "1.0", "1.10", "0.0", "1.", ".1", "1.1.1", "-1", "1 ", "x1", ""),
    ],
)
def test_the_pattern_of_plain_amounts_knows_nothing_else(text: str) -> None:
    assert re.search(PLAIN_AMOUNT, text) is None
    assert pl.Series([text]).str.contains(PLAIN_AMOUNT).to_list() == [False]
