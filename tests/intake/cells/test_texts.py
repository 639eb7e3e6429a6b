"""Text cells: spaces, invisible characters, and the formats of codes and dates."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.intake import CellProblem, Formats
from bulk_topup.intake.cells.normalise import normaliser_of
from bulk_topup.intake.cells.texts import (
    BLANKS,
    PRODUCT_ID_MAX,
    QUOTED_CHARACTERS,
    check_invisible,
    normalise_country_code,
    normalise_currency,
    normalise_date,
    normalise_product_id,
    normalise_text,
    quoted,
    strip,
)


@given(blanks=st.text(BLANKS), core=st.text("abc 1", min_size=1).filter(lambda text: text == text.strip()))
def test_blanks_of_every_kind_around_a_text_never_matter(blanks: str, core: str) -> None:
    assert strip(blanks + core + blanks) == core
    assert normalise_text(blanks + core) == core


@given(st.text())
def test_a_text_is_unchanged_or_refused_for_an_invisible_character(text: str) -> None:
    answer = normalise_text(text)
    if isinstance(answer, CellProblem):
        assert "invisible character U+" in answer.message
    else:
        assert answer == strip(text)
        assert check_invisible(answer) is None


@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
def test_a_column_of_texts_reads_as_its_cells_do(texts: list[str]) -> None:
    normaliser = normaliser_of("sender.first_name", Formats())
    values, messages = normaliser.column(pl.Series(texts))
    for index, text in enumerate(texts):
        answer = normaliser.cell(strip(text)) if strip(text) else None
        assert values[index] == (answer if isinstance(answer, str) else None)
        assert messages.get(index) == (answer.message if isinstance(answer, CellProblem) else None)


def test_names_of_every_script_are_kept() -> None:
    for name in ("Renée", "O'Brien", "Åse-Marie", "王小明", "مريم", "क\u094d\u200dष"):
        assert normalise_text(name) == name


@given(st.integers(1, PRODUCT_ID_MAX), st.text("0", max_size=4))
def test_a_product_id_keeps_its_value_without_leading_zeros(number: int, zeros: str) -> None:
    assert normalise_product_id(f" {zeros}{number} ") == str(number)


@given(st.dates())
def test_every_date_that_exists_is_accepted(day: date) -> None:
    assert normalise_date(f" {day.isoformat()} ") == day.isoformat()


@pytest.mark.parametrize(
    ("normalise", "text", "expected"),
    [
        (normalise_product_id, "0", "is not a product ID"),
        (normalise_product_id, "-1", "is not a product ID"),
        (normalise_product_id, "6418.0", "is not a product ID"),
        (normalise_product_id, str(PRODUCT_ID_MAX + 1), "is not a product ID"),
        (normalise_product_id, "\u0665", "is not a product ID"),
        (normalise_currency, "S$", "Write three letters, such as SGD."),
        (normalise_currency, "SG\u200bD", "invisible character U+200B"),
        (normalise_date, "30/11/2026", "is not a date in the form YYYY-MM-DD"),
        (normalise_date, "2026-02-30", "does not exist. Correct the date"),
        (normalise_country_code, "S\u202eG", "invisible character U+202E"),
    ],
)
def test_an_invalid_code_is_refused_with_a_fix(
    normalise: Callable[[str], str | CellProblem], text: str, expected: str
) -> None:
    answer = normalise(text)
    assert isinstance(answer, CellProblem)
    assert expected in answer.message


def test_codes_are_written_in_capitals() -> None:
    assert normalise_currency(" sgd ") == "SGD"
    assert normalise_country_code("sgp") == "SGP"


def test_a_long_text_is_cut_and_invisible_characters_are_shown_in_quotes() -> None:
    assert quoted("x" * QUOTED_CHARACTERS) == f'"{"x" * QUOTED_CHARACTERS}"'
    assert quoted("x" * 1000) == f'"{"x" * QUOTED_CHARACTERS}…"'
    assert quoted("a\u202eb") == '"a<U+202E>b"'
