"""Rows written column by column, compared with the same rows written one at a time in the simplest way."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import ReportError
from bulk_topup.report import ReportFormat, write_report
from bulk_topup.report.cells import MASK
from bulk_topup.report.columns import AMOUNT_FIELDS, RESULT_FIELDS

#: Texts as in lists: formulas, quotes, line breaks, characters without UTF-8 form.
TEXTS = st.text(st.sampled_from("=+-@\t\r\n'\",;\x00\x1f\ud800é🎉 aB0"), max_size=6)
AMOUNTS = st.none() | st.decimals(min_value=0, max_value=10**18, places=9)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-5, minutes=30))])
#: A day from both ends of the calendar, so that every one of them has a time in UTC.
TIMES = st.none() | st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - bounds have no zone
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=ZONES,
)
IDS = st.none() | st.integers(1, 2**62)

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "line": st.integers(2, 10**6),
            "state": st.sampled_from(RowState),
            "cells": st.lists(TEXTS, max_size=4).map(tuple),
            "problems": st.lists(st.builds(Problem, column=TEXTS, message=TEXTS), max_size=2).map(tuple),
            "message": TEXTS,
            "note": TEXTS,
            "product_id": IDS,
            "credit_party": st.none() | TEXTS,
            "amount": AMOUNTS,
            "unit": st.none() | TEXTS,
            "attempt": st.integers(0, 9),
            "external_id": st.none() | TEXTS,
            "transaction_id": IDS,
            "status_class": st.none() | TEXTS,
            "status_message": st.none() | TEXTS,
            "planned_cost": AMOUNTS,
            "planned_unit": st.none() | TEXTS,
            "price": AMOUNTS,
            "fee": AMOUNTS,
            "price_unit": st.none() | TEXTS,
            "delivered": AMOUNTS,
            "retail_price": AMOUNTS,
            **{name: st.none() | TEXTS for name in ("delivered_unit", "bonus", "retail_unit")},
            "operator_reference": st.none() | TEXTS,
            **{name: st.none() | TEXTS for name in SECRET_FIELDS},
            "creation_date": TIMES,
            "final_at": TIMES,
        }
    ),
    min_size=1,
    max_size=4,
)


def json_values(row: Outcome, run: Run, *, reveal_pins: bool) -> dict[str, Any]:
    """Return the values of a row in JSON."""
    problems = [f'Column "{each.column}": {each.message}' if each.column else each.message for each in row.problems]
    beyond = ", ".join(f'"{cell}"' for cell in row.cells[len(run.columns) :])
    notes = [row.note, f"Cells beyond the header: {beyond}." if beyond else ""]

    def secret(text: str | None) -> str | None:
        return (text if reveal_pins else MASK) if text else None

    def amount(value: Decimal | None) -> str | None:
        return None if value is None else format_plain(value)

    def moment(value: datetime | None) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")

    return {
        "line": row.line,
        "state": row.state.value,
        "reason": " ".join([row.message, *problems] if row.message else problems),
        "note": " ".join(filter(None, notes)) if beyond else row.note,
        "product_id": row.product_id,
        "credit_party": row.credit_party,
        "amount": amount(row.amount),
        "unit": row.unit,
        "attempt": row.attempt,
        "external_id": row.external_id,
        "transaction_id": row.transaction_id,
        "status_class": row.status_class,
        "status": row.status_message,
        "planned_cost": amount(row.planned_cost),
        "planned_unit": row.planned_unit,
        "price": amount(row.price),
        "fee": amount(row.fee),
        "price_unit": row.price_unit,
        "delivered": amount(row.delivered),
        "delivered_unit": row.delivered_unit,
        "bonus": row.bonus,
        "retail_price": amount(row.retail_price),
        "retail_unit": row.retail_unit,
        "operator_reference": row.operator_reference,
        **{name: secret(getattr(row, name)) for name in SECRET_FIELDS},
        "created": moment(row.creation_date),
        "final": moment(row.final_at),
        "environment": run.environment,
        "account": run.account,
    }


def cells_of(row: Outcome, columns: int) -> list[str]:
    return [*row.cells[:columns], *[""] * (columns - len(row.cells))]


def json_line(row: Outcome, run: Run, *, reveal_pins: bool) -> bytes:
    columns = len(run.columns)
    problems = [{"column": each.column, "message": each.message} for each in row.problems]
    cells = dict(zip(run.columns, cells_of(row, columns), strict=True))
    values = {**json_values(row, run, reveal_pins=reveal_pins), "problems": problems, "list": cells}
    try:
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(values).encode() + b"\n"


def csv_line(row: Outcome, run: Run, *, reveal_pins: bool) -> bytes:
    def guarded(text: str) -> str:
        return "'" + text if text[:1] in set("=+-@\t\r") else text

    values = json_values(row, run, reveal_pins=reveal_pins).values()
    texts = ["" if value is None else str(value) for value in values]
    file = io.StringIO(newline="")
    csv.writer(file).writerow([guarded(text) for text in [*cells_of(row, len(run.columns)), *texts]])
    return file.getvalue().encode(errors="backslashreplace")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=ROWS, reveal_pins=st.booleans())
def test_rows_in_batches_are_written_byte_for_byte_as_single_rows(
    run: Run, outcome: Callable[..., Outcome], tmp_path: Path, found: list[dict[str, Any]], reveal_pins: bool
) -> None:
    rows = [outcome(**values) for values in found]
    kinds = (ReportFormat.CSV, ReportFormat.JSONL)
    pages = [Outcomes.of(rows[:1]), *[Outcomes.of(rows[1:])] * bool(rows[1:])]
    write_report(run, pages, tmp_path, formats=kinds, reveal_pins=reveal_pins)
    _, _, written = (tmp_path / "results.csv").read_bytes().partition(b"\r\n")
    assert written == b"".join(csv_line(row, run, reveal_pins=reveal_pins) for row in rows)
    written = (tmp_path / "results.jsonl").read_bytes()
    assert written == b"".join(json_line(row, run, reveal_pins=reveal_pins) for row in rows)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=ROWS, reveal_pins=st.booleans())
def test_parquet_has_the_same_values_with_types(
    run: Run, outcome: Callable[..., Outcome], tmp_path: Path, found: list[dict[str, Any]], reveal_pins: bool
) -> None:
    rows = [outcome(**values) for values in found]
    write_report(run, [Outcomes.of(rows)], tmp_path, formats=[ReportFormat.PARQUET], reveal_pins=reveal_pins)
    for row, values in zip(rows, pl.read_parquet(tmp_path / "results.parquet").iter_rows(named=True), strict=True):
        assert [values[name] for name in run.columns] == [_shown(cell) for cell in cells_of(row, len(run.columns))]
        expected: dict[str, Any] = json_values(row, run, reveal_pins=reveal_pins)
        expected |= {name: value and Decimal(value) for name, value in expected.items() if name in AMOUNT_FIELDS}
        expected |= {"created": row.creation_date, "final": row.final_at}
        assert {name: values[f"result_{name}"] for name in RESULT_FIELDS} == {
            name: _shown(value) for name, value in expected.items()
        }


def _shown(value: Any) -> Any:
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def test_parquet_names_each_column_once(run: Run, outcome: Callable[..., Outcome], tmp_path: Path) -> None:
    alike = replace(run, columns=("a", "a", "", "", "result_line", "\ud800"))
    row = outcome(cells=("1", "2", "3", "4", "5", "6"))
    write_report(alike, [Outcomes.of([row])], tmp_path, formats=[ReportFormat.PARQUET])
    [values] = pl.read_parquet(tmp_path / "results.parquet").iter_rows(named=True)
    assert list(values)[:7] == ["a", "a_2", "column_3", "column_4", "result_line", "\\ud800", "result_line_2"]
    assert list(values.values())[:7] == ["1", "2", "3", "4", "5", "6", 2]


@pytest.mark.parametrize("price", ["1E+20", "1E-19"])
def test_an_amount_that_parquet_would_round_is_not_written(
    run: Run, outcome: Callable[..., Outcome], tmp_path: Path, price: str
) -> None:
    rows = [outcome(), outcome(price=Decimal(price))]
    with pytest.raises(ReportError, match="has more digits than a decimal column holds"):
        write_report(run, [Outcomes.of(rows)], tmp_path, formats=[ReportFormat.PARQUET])
    assert list(tmp_path.iterdir()) == []


@given(found=ROWS)
def test_rows_survive_the_conversion_to_columns(outcome: Callable[..., Outcome], found: list[dict[str, Any]]) -> None:
    rows = [outcome(**values) for values in found]
    assert list(Outcomes.of(rows).rows()) == rows
