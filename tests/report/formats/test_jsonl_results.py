import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.delivery import DELIVERY_FIELDS
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Tally
from bulk_topup.report.formats.jsonl_results import jsonl_results


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "written.jsonl"


def _results(path: Path, run: Run, rows: Sequence[Outcome], *, reveal_pins: bool = False) -> list[Any]:
    with jsonl_results(path, run, Tally(run), reveal_pins=reveal_pins) as sink:
        sink(Outcomes.of(rows))
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


def test_a_row_is_one_object_with_exact_types(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    problem = Problem(column="phone", message="Wrong.")
    [row] = _results(path, run, [outcome(note="Look.", problems=(problem,), transaction_id=2**62 + 1)])
    assert row == {
        "line": 2,
        "state": "completed",
        "reason": 'Column "phone": Wrong.',
        "note": "Look.",
        "product_id": 6418,
        "credit_party": "+6595123100",
        "amount": "12.5",
        "unit": "SGD",
        "attempt": 1,
        "external_id": "payroll-0123456789abcdef-1",
        "transaction_id": 2**62 + 1,
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
        "pin_code": "••••",
        "pin_serial": "••••",
        "esim_activation_code": "••••",
        "esim_apple_universal_link": "••••",
        "esim_android_universal_link": "••••",
        "esim_installation_url": "••••",
        "created": "2026-11-24T02:01:05.123456Z",
        "final": "2026-11-24T02:01:09Z",
        "environment": run.environment,
        "account": run.account,
        "problems": [{"column": "phone", "message": "Wrong."}],
        "list": {"employee": "E1", "phone": "+6595123100", "amount": "12.50"},
    }


def test_unknown_values_are_null(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    run = replace(run, account="")
    texts = ("credit_party", "unit", "external_id", "status_class", "price_unit", "operator_reference")
    others = ("product_id", "amount", "transaction_id", "price", "fee", "pin_code", "pin_serial")
    unknown = dict.fromkeys((*texts, *others, *DELIVERY_FIELDS))
    [row] = _results(path, run, [outcome(**unknown, status_message=None, creation_date=None, final_at=None)])
    assert {key for key, value in row.items() if value is None} == {*unknown, "status", "created", "final", "account"}


def test_pins_are_shown_where_they_are_revealed(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    [row] = _results(path, run, [outcome()], reveal_pins=True)
    assert (row["pin_code"], row["pin_serial"]) == ("1234-5678", "SERIAL-9")


def test_amounts_are_strings_without_exponent(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    [row] = _results(path, run, [outcome(amount=Decimal("1E+3"), price=Decimal("123456789012345678.123456789"))])
    assert (row["amount"], row["price"]) == ("1000", "123456789012345678.123456789")


def test_line_breaks_in_cells_do_not_break_the_line(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    cells = ("a\r\nb\u2028c", "\x00", "=1")
    rows = _results(path, run, [outcome(cells=cells), outcome(line=3)])
    assert tuple(rows[0]["list"].values()) == cells
    assert [row["line"] for row in rows] == [2, 3]


def test_half_a_surrogate_pair_is_written_as_an_escape(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    [row] = _results(path, run, [outcome(state=RowState.FAILED, message="a\ud800")])
    assert row["reason"] == "a\ud800"


def test_columns_with_the_same_name_keep_all_their_cells(path: Path, run: Run, outcome: Callable[..., Outcome]) -> None:
    [row] = _results(path, replace(run, columns=("a", "", "", "_2")), [outcome(cells=("1", "2", "3", "4"))])
    assert sorted(row["list"].values()) == ["1", "2", "3", "4"]
    assert row["list"]["a"] == "1"
