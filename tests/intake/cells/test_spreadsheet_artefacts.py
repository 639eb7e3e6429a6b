"""Number cells keep their digits or are refused, and formulas and errors are never read as values."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.intake import CellProblem, Formats, normalise_amount
from bulk_topup.intake.cells.normalise import normaliser_of
from bulk_topup.intake.cells.spreadsheet_artefacts import (
    EXACT_DIGITS,
    Value,
    cell_text,
    find_rounded,
    find_uncomputed,
    number_text,
)


@given(st.decimals(min_value=-(10**14), max_value=10**14, allow_nan=False, allow_infinity=False, places=4))
def test_a_number_of_few_digits_reads_as_it_was_typed(number: Decimal) -> None:
    if len(number.normalize().as_tuple().digits) <= EXACT_DIGITS:
        assert Decimal(number_text(float(number))) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_as_plain_digits_without_rounding_or_every_field_refuses_it(number: float) -> None:
    text = number_text(number)
    exact = Decimal(repr(number))
    if "E" in text:
        assert abs(number) >= 10**EXACT_DIGITS or len(exact.as_tuple().digits) > EXACT_DIGITS
        for field in ("amount", "credit_party_identifier.mobile_number", "credit_party_identifier.account_number"):
            assert isinstance(normaliser_of(field, Formats()).cell(text), CellProblem)
    else:
        assert Decimal(text) == exact


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (6595123100.0, "6595123100"),
        (12.5, "12.5"),
        (0.1, "0.1"),
        (8.1999999999999993, "8.2"),
        (6418, "6418"),
        (-0.0, "0"),
        (1e-07, "0.0000001"),
        (999_999_999_999_999.0, "999999999999999"),
        (True, "TRUE"),
        (False, "FALSE"),
        (date(2026, 11, 30), "2026-11-30"),
        (datetime(2026, 11, 30, 9, 5), "2026-11-30 09:05:00"),  # noqa: DTZ001 - a cell knows no time zone
        (time(9, 5), "09:05:00"),
        (timedelta(hours=30), "1 day, 6:00:00"),
        (" as it is ", " as it is "),
    ],
)
def test_the_values_of_cells_read_as_text(value: Value, text: str) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize("number", [1e15, 2.0**53, 1234567890123450.0, 0.1 + 0.2, 1e300])
def test_a_number_that_may_have_lost_digits_is_never_an_account_number_or_an_amount(number: float) -> None:
    text = number_text(number)
    assert find_rounded(text)
    assert isinstance(normalise_amount(text, "."), CellProblem)


@pytest.mark.parametrize(
    "text",
    [
        "#N/A",
        "#REF!",
        "#DIV/0!",
        "#NAME?",
        "#VALUE!",
        "#BEZUG!",
        "#NV",
        "#¡REF!",
        "#¿NOMBRE?",
        "#ДЕЛ/0!",
        "####",
        "Err:502",
    ],
)
def test_the_errors_of_spreadsheet_programs_are_refused_in_every_language(text: str) -> None:
    problem = find_uncomputed(text)
    assert problem
    assert f'"{text}" is a spreadsheet error instead of a value. Correct the formula' in problem.message


@pytest.mark.parametrize("text", ["=B2*2", '="6595123100"', "="])
def test_a_formula_is_refused(text: str) -> None:
    problem = find_uncomputed(text)
    assert problem
    assert "is a formula without a value. Open the list in a spreadsheet program and save it" in problem.message


@pytest.mark.parametrize("text", ["#12", "E-1001", "12E5", "a=b", "1E5A", "Error", "#1 winner"])
def test_texts_that_only_look_similar_are_kept(text: str) -> None:
    assert normaliser_of("reference", Formats()).cell(text) == text
    assert normaliser_of("reference", Formats()).column(pl.Series([text]))[1] == {}


def test_an_account_number_in_scientific_notation_is_refused() -> None:
    values, messages = normaliser_of("credit_party_identifier.account_number", Formats()).column(
        pl.Series(["1.23457E+12", "77"])
    )
    assert values.to_list() == [None, "77"]
    assert "is in scientific notation and may have lost digits" in messages[0]
