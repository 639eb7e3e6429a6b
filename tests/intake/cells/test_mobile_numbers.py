"""Mobile numbers: all usual ways to write one give the same E.164 number, and no digit is ever guessed."""

import re

import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bulk_topup.dvs.field_limits import E164
from bulk_topup.intake import CellProblem, Formats, normalise_mobile_number
from bulk_topup.intake.cells.mobile_numbers import possible_lengths_pattern
from bulk_topup.intake.cells.normalise import normaliser_of

SINGAPORE = st.integers(0, 999).map(lambda line: f"+6595123{line:03d}")
LONDON = st.integers(0, 999).map(lambda line: f"+447700900{line:03d}")
NUMBERS = SINGAPORE | LONDON | st.integers(100, 199).map(lambda line: f"+12025550{line}")
MOBILE = "credit_party_identifier.mobile_number"


@given(number=NUMBERS, gaps=st.lists(st.sampled_from(["", " ", "-", ".", "\u00a0", "\u2011"]), min_size=12))
def test_marks_between_digits_and_two_zeros_for_plus_are_accepted(number: str, gaps: list[str]) -> None:
    spaced = "".join(digit + gap for digit, gap in zip(number[1:], gaps, strict=False))
    rest = number[1 + len(gaps) :]
    assume(not re.fullmatch(r"[^.]*\.(?:\D*[0-9]\D*){1,2}|[^.]*\.[^1-9]*", spaced + rest))
    for prefix in ("+", "00", "  +"):
        assert normalise_mobile_number(f"{prefix}{spaced}{rest} ", None) == number


@given(
    number=st.from_regex(E164, fullmatch=True) | NUMBERS,
    sign=st.sampled_from(["+", "00", ""]),
    tail=st.sampled_from([".0", ".00", ".5", ".25", ".000", ",0", ",50", " .0", ".0)"]),
    country=st.sampled_from([None, "SG", "US"]),
)
def test_decimals_after_a_number_are_never_read_as_digits(
    number: str, sign: str, tail: str, country: str | None
) -> None:
    for text in (f"{sign}{number[1:]}{tail}", f"{number[:4]} {number[4:]}{tail}"):
        answer = normalise_mobile_number(text, country)
        assert isinstance(answer, CellProblem)
        assert "has decimals. Format the column as text" in answer.message


@given(number=NUMBERS)
def test_a_normal_number_matches_the_pattern_and_is_unchanged(number: str) -> None:
    assert re.fullmatch(possible_lengths_pattern([number[:4]]), number)
    assert normalise_mobile_number(number, None) == number


@given(
    text=st.text("+0123456789 ()-.", max_size=18) | st.text(max_size=10), country=st.sampled_from([None, "SG", "US"])
)
def test_the_result_of_any_text_is_e164_or_a_message(text: str, country: str | None) -> None:
    answer = normalise_mobile_number(text, country)
    if isinstance(answer, CellProblem):
        assert answer.message.endswith(".")
    else:
        assert re.fullmatch(E164, answer)


@example("67200000")
@given(digits=st.text("0123456789", min_size=1, max_size=17))
def test_no_country_and_no_digit_is_added_to_a_number_with_plus(digits: str) -> None:
    answer = normalise_mobile_number(f"+{digits}", "SG")
    if not isinstance(answer, CellProblem):
        assert len(answer) <= len(digits) + 1
        assert (answer[:2], answer[-4:]) == (f"+{digits[0]}", digits[-4:])


@given(texts=st.lists(NUMBERS | st.text("+0123456789 ", max_size=14), min_size=1, max_size=6))
def test_a_column_of_numbers_reads_as_its_cells_do(texts: list[str]) -> None:
    values, messages = normaliser_of(MOBILE, Formats(default_country="SG")).column(pl.Series(texts))
    for index, text in enumerate(texts):
        answer = normalise_mobile_number(text, "SG") if text.strip() else None
        assert values[index] == (answer if isinstance(answer, str) else None)
        assert messages.get(index) == (answer.message if isinstance(answer, CellProblem) else None)


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("95123100", "SG", "+6595123100"),
        ("9512 3100", "SG", "+6595123100"),
        ("6595123100", "SG", "+6595123100"),
        ("07700 900123", "GB", "+447700900123"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("+44 7700 900123", "SG", "+447700900123"),
        ("65.9512.31.00", "SG", "+6595123100"),
        ("+65.9512.310.0", None, "+6595123100"),
        ("9512.3100", "SG", "+6595123100"),
    ],
)
def test_national_numbers_belong_to_the_default_country(text: str, country: str, number: str) -> None:
    assert normalise_mobile_number(text, country) == number


def test_a_country_code_that_the_tables_do_not_have_is_left_to_dvs() -> None:
    assert normalise_mobile_number("+9991234567", None) == "+9991234567"


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("6595123100", None, "Write it with + and the country code, or add --default-country."),
        ("95123100", None, "is not an E.164 number"),
        ("6.595123E+09", None, "is in scientific notation and has lost digits"),
        ("6,595123E+09", "SG", "is in scientific notation and has lost digits"),
        ("+659512310", None, "has too few digits for country code +65"),
        ("+65951231000", None, "has an impossible number of digits for country code +65"),
        ("+1202555012345", None, "has too many digits for country code +1"),
        ("9512", "SG", "for country SG"),
        ("+65 9512 310O", None, "Write + and digits only."),
        ("+6595123100 / +6595123101", None, "Write + and digits only."),
        ("+0595123100", None, "is not an E.164 number"),
        ("\u0661\u0662\u0663", None, "digits other than 0 to 9"),
        ("+6595\u202e123100", None, "invisible character U+202E"),
        ("", None, "is not an E.164 number"),
    ],
)
def test_an_ambiguous_or_invalid_number_is_refused_with_a_fix(text: str, country: str | None, expected: str) -> None:
    answer = normalise_mobile_number(text, country)
    assert isinstance(answer, CellProblem)
    assert expected in answer.message
