from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.report.cells import (
    CELL_UNITS,
    MASK,
    fits_number_cell,
    list_cells,
    result_values,
    secret_texts,
    time_text,
    time_texts,
    xlsx_text,
)
from bulk_topup.report.columns import RESULT_FIELDS
from bulk_topup.security.formulas import csv_text


def test_times_are_written_in_utc_whatever_their_zone() -> None:
    singapore = timezone(timedelta(hours=8))
    assert time_text(datetime(2026, 11, 24, 10, 0, tzinfo=singapore)) == "2026-11-24T02:00:00Z"
    assert time_text(datetime(2026, 11, 24, 2, 0, 0, 5, tzinfo=UTC)) == "2026-11-24T02:00:00.000005Z"
    given = ["2026-11-24T10:00:00+08:00", "2026-11-24T02:00:00+00:00", "2026-11-24T02:00:00.000005+00:00", None]
    assert time_texts(given) == ["2026-11-24T02:00:00Z", "2026-11-24T02:00:00Z", "2026-11-24T02:00:00.000005Z", None]


@given(moment=st.datetimes(timezones=st.timezones()))
def test_times_in_texts_are_written_as_times_are(moment: datetime) -> None:
    in_utc = moment.astimezone(UTC)
    assert time_texts([moment.isoformat(), in_utc.isoformat()]) == [time_text(moment), time_text(in_utc)]


def test_a_masked_secret_reveals_neither_its_characters_nor_its_length() -> None:
    assert secret_texts(["1", "987654321"], reveal=False) == [MASK, MASK]
    assert not set(MASK) & set("987654321")


def test_a_missing_secret_is_not_masked() -> None:
    assert secret_texts([None, ""], reveal=False) == secret_texts([None, ""], reveal=True) == [None, None]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_starts_like_a_formula_is_quoted_in_csv(start: str) -> None:
    assert csv_text(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "plain", "1=1", "'", " =1"])
def test_other_text_is_unchanged_in_csv(text: str) -> None:
    assert csv_text(text) == text


@given(st.text())
def test_every_xlsx_text_is_valid_in_xml(text: str) -> None:
    shown = xlsx_text(text)
    assert all(char in "\t\n" or (char >= " " and char not in "\ufffe\uffff") for char in shown)
    assert not any("\ud800" <= char <= "\udfff" for char in shown)


def test_control_characters_are_shown_and_not_dropped() -> None:
    assert xlsx_text("a\x00b\x1bc\ufffed\ud800e") == "a\u2400b\u241bc\ufffdd\ufffde"


def test_line_breaks_stay_line_breaks_in_xlsx() -> None:
    assert xlsx_text("one\r\ntwo\rthree\nfour") == "one\ntwo\nthree\nfour"


@pytest.mark.parametrize("char", ["x", "\N{GRINNING FACE}"])
def test_text_longer_than_a_cell_ends_in_an_ellipsis_and_fits(char: str) -> None:
    shown = xlsx_text("x" + char * CELL_UNITS)
    assert shown.endswith(char + "…")
    assert CELL_UNITS - 1 <= len(shown.encode("utf-16-le")) // 2 <= CELL_UNITS


def test_text_as_long_as_a_cell_is_whole() -> None:
    assert xlsx_text("x" * CELL_UNITS) == "x" * CELL_UNITS


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**22), max_value=10**22))
def test_an_amount_that_fits_a_number_cell_survives_the_float_in_it(amount: Decimal) -> None:
    text = format_plain(amount)
    if fits_number_cell(text):
        assert Decimal(repr(float(text))) == amount


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("123456789012345", True),
        ("1234567890.12345", True),
        ("0.000000123456789", True),
        ("100000000000000000", True),
        ("1234567890123456", False),
        ("9007199254740993", False),
        ("0.1234567890123456", False),
        ("1" + "0" * 60, False),
        ("0." + "0" * 320 + "1", False),
    ],
)
def test_fifteen_significant_digits_fit_a_number_cell_and_more_do_not(text: str, fits: bool) -> None:
    assert fits_number_cell(text) is fits


def test_a_row_has_one_cell_for_every_column_of_the_list(outcome: Callable[..., Outcome]) -> None:
    row = Outcomes.of([outcome(cells=("a", "b", "c"))])
    assert list_cells(row, 3) == [("a", "b", "c")]
    assert list_cells(row, 5) == [("a", "b", "c", "", "")]
    assert list_cells(row, 2) == [("a", "b")]


@pytest.mark.parametrize("reveal", [True, False])
def test_every_result_field_has_its_value(outcome: Callable[..., Outcome], run: Run, reveal: bool) -> None:
    columns = result_values(Outcomes.of([outcome(note="Look.")]), run, 3, reveal_pins=reveal)
    assert dict(zip(RESULT_FIELDS, [value for [value] in columns], strict=True)) == {
        "line": 2,
        "state": "completed",
        "reason": "",
        "note": "Look.",
        "product_id": 6418,
        "credit_party": "+6595123100",
        "amount": "12.5",
        "unit": "SGD",
        "attempt": 1,
        "external_id": "payroll-0123456789abcdef-1",
        "transaction_id": 2237512891,
        "status_class": "COMPLETED",
        "status": "COMPLETED",
        "planned_cost": "9.35",
        "planned_unit": "USD",
        "price": "9.3",
        "fee": "0.05",
        "price_unit": "USD",
        "delivered": "12.4",
        "delivered_unit": "SGD",
        "bonus": "1 SGD, 500 MB",
        "retail_price": "9.9",
        "retail_unit": "USD",
        "operator_reference": "OP-1",
        "pin_code": "1234-5678" if reveal else MASK,
        "pin_serial": "SERIAL-9" if reveal else MASK,
        "esim_activation_code": "LPA:1$esim.example$4711" if reveal else MASK,
        "esim_apple_universal_link": "https://esim.example/apple/4711" if reveal else MASK,
        "esim_android_universal_link": "https://esim.example/android/4711" if reveal else MASK,
        "esim_installation_url": "https://esim.example/install/4711" if reveal else MASK,
        "created": "2026-11-24T02:01:05.123456Z",
        "final": "2026-11-24T02:01:09Z",
        "environment": run.environment,
        "account": run.account,
    }
