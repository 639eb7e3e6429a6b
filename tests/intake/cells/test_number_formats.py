"""Cells are read as their number formats show them, or become a text that every field refuses."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.fields import FIELDS
from bulk_topup.intake import CellProblem, Formats
from bulk_topup.intake.amount_columns import AmountColumn
from bulk_topup.intake.cells.normalise import normaliser_of
from bulk_topup.intake.cells.number_formats import format_of
from bulk_topup.intake.cells.spreadsheet_artefacts import Value, number_text

ACCOUNTS = '_-* #,##0.00\\ [$€-407]_-;\\-* #,##0.00\\ [$€-407]_-;_-* "-"??\\ [$€-407]_-;_-@_-'


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("0000000000", 1234500.0, "0001234500"),
        ("00", 5.0, "05"),
        ("00.00", 5.5, "05.50"),
        ('"INV-"00000', 42.0, "INV-00042"),
        ('"INV" 0', 42.0, "INV 42"),
        ('"No."0', 5.0, "No.5"),
        ('"A"General', 5.5, "A5.5"),
        ("000-00-0000", 123456789.0, "123-45-6789"),
        ("000\\-0000", 12.0, "000-0012"),
        ("+00 0000 0000", 6595123100.0, "+65 9512 3100"),
        ("# ##0", 1234.0, "1 234"),
        ("0%", 0.5, "50%"),
        ("0.0%", 0.125, "12.5%"),
        ('0" kg"', 5.0, "5 kg"),
        ('0 "SGD"', 5.0, "5 SGD"),
        ('"+"@', "6595123100", "+6595123100"),
        ('"+"@', 6595123100.0, "+6595123100"),
        ('"$"#,##0.00', 1000.0, "$1000"),
        ('"$"#,##0_);("$"#,##0)', 1000.0, "$1000"),
        ("[$€-407] #,##0.00", 1234.5, "€ 1234.5"),
        ("[$SGD] #,##0.00", 5.0, "SGD 5"),
        ("[$US$-1009]#,##0", 5.0, "US$5"),
        ('#,##0.00\\ "kr"', 5.0, "5 kr"),
        ('0.00 "SGD"', 5.0, "5.00 SGD"),
        ('_("$"* #,##0.00_);_("$"* (#,##0.00);_("$"* "-"??_);_(@_)', 5.0, "$5"),
        (ACCOUNTS, 12.5, "12.5 €"),
        (ACCOUNTS, 0.0, "0"),
        ("%0", 0.5, "%50"),
        ('0" %"', 50.0, "50 %"),
        ("0\\%", 50.0, "50%"),
        ("0%%", 0.5, "5000%%"),
    ],
)
def test_what_a_person_sees_is_read(code: str, value: Value, shown: str) -> None:
    assert format_of(code).shown(value) == shown


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("#,##0.00_);(#,##0.00)", 1000.0, "1000"),
        ("#,##,##0.00", 12345678.5, "12345678.5"),
        ("#,0", 12345.0, "12345"),
        ("#,##0;[Red]-#,##0", 1234567.0, "1234567"),
        ("0.00", 5.5, "5.5"),
        ("0.00", 0.1 + 0.2, "0.3"),
        ("0", -5.0, "-5"),
        ("###0", 5.0, "5"),
        ("0.00E+00", 6595123100.0, "6595123100"),
        ("0.00", "12,50", "12,50"),
        ("#,##0.00;[Red]-#,##0.00;0.00;@", "abc", "abc"),
        ("_(@_)", "abc", "abc"),
        ("0.00", True, "TRUE"),
    ],
)
def test_amounts_and_plain_texts_are_read_as_their_values(code: str, value: Value, shown: str) -> None:
    assert format_of(code).shown(value) == shown


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("dd/mm/yyyy", date(2026, 11, 30), "2026-11-30"),
        ("dd/mm/yyyy", datetime.fromisoformat("2026-11-30T10:05"), "2026-11-30"),
        ("[$-409]d-mmm-yy;@", datetime.fromisoformat("2026-11-30T10:05"), "2026-11-30"),
        ("dd/mm/yyyy hh:mm", datetime.fromisoformat("2026-11-30T10:05"), "2026-11-30 10:05:00"),
        ("h:mm AM/PM", time(5, 0), "05:00:00"),
        ("[h]:mm", timedelta(hours=30), "1 day, 6:00:00"),
    ],
)
def test_dates_are_read_by_their_date(code: str, value: Value, shown: str) -> None:
    assert format_of(code).shown(value) == shown


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("0.00", 5.456),  # a person sees 5.46
        ("0", 5.5),
        ("0%", 0.125),
        ("0000", 5.5),
        ("# ?/?", 0.5),
        ("#,##0,", 1000.0),  # in thousands
        ('0.0,,"M"', 1500000.0),
        (";;;", 5.0),  # nothing is seen
        (";;;", "x"),
        ("0;-0;;@", 0.0),
        ("#", 0.0),
        ('"paid"', 5.0),
        ("[>100]0;0000", 5.0),
        ("[<=9999999]###-####;(###) ###-####", 5551234.0),
        ("##-##", 5.0),
        ("$#,##0.00_);($#,##0.00)", -5.0),
        ("yyyy", 46356.0),  # a date by its format, a number by its reader
        ("0.00", date(2026, 11, 30)),
        ("0.00", 1e16),
        ("0.00E+00", 5.5),
        ("0" * 500, 5.0),
    ],
)
def test_what_is_shown_otherwise_than_it_can_be_read_is_refused_by_every_field(code: str, value: Value) -> None:
    text = format_of(code).shown(value)
    assert text.startswith("=TEXT(")
    for field in FIELDS:
        problem = normaliser_of(field, Formats()).cell(text)
        assert isinstance(problem, CellProblem)
        assert problem.message.endswith("Format the column as text and enter what is meant.")
        assert code[:20] in problem.message


def test_decimals_have_the_mark_of_the_list() -> None:
    assert format_of("0.00", ",").shown(5.5) == "5,5"
    assert format_of("0.0%", ",").shown(0.125) == "12,5%"
    assert format_of('"No."0', ",").shown(5.0) == "No.5"
    assert number_text(5.5, ",") == "5,5"


@given(
    code=st.sampled_from(["0.00", "#,##0.00", "0", "#,##0", "_(#,##0.00_);(#,##0.00)", "0.0##"]),
    number=st.decimals(min_value=0, max_value=10**9, places=4).map(float),
)
def test_an_amount_is_read_exactly_or_refused(code: str, number: float) -> None:
    text = format_of(code).shown(number)
    assert text.startswith("=TEXT(") or Decimal(text) == Decimal(repr(number))
    decimals = format_of(code).decimals
    assert decimals is not None
    if number > 0 and round(number, decimals) == number:
        assert text == number_text(number)


@given(
    code=st.sampled_from(['"$"#,##0.00', "[$SGD] 0.00", ACCOUNTS, '#,##0.00" kr."', '"Rp"#,##0', "[$S/.-280A] 0.00"]),
    number=st.decimals(min_value="0.01", max_value=10**9, places=2).map(float),
)
def test_an_amount_with_the_currency_of_its_format_is_read_exactly_or_refused(code: str, number: float) -> None:
    text = format_of(code).shown(number)
    if text.startswith("=TEXT("):
        return
    cells = pl.Series([text])
    amounts, _, signs = AmountColumn(Formats(), lambda: iter([cells])).read(cells)
    assert Decimal(amounts[0]) == Decimal(repr(number))
    assert signs[0] in {"$", "SGD", "€", "KR", "RP", "S/"}


@given(places=st.integers(1, 15), number=st.integers(1, 10**12))
def test_zeros_in_front_change_no_other_digit(places: int, number: int) -> None:
    shown = format_of("0" * places).shown(float(number))
    assert int(shown) == number
    assert len(shown) == max(places, len(str(number)))
