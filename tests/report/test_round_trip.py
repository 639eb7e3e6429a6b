"""Every file of a report has every row once, with the same state and amount to the last digit."""

import csv
import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.report import ReportFormat, write_report
from bulk_topup.report.columns import RESULT_FIELDS
from bulk_topup.security.formulas import FORMULA_STARTS

_NASTY = st.sampled_from(
    [
        "=1+1",
        "+6595123100",
        "-",
        "@SUM(A1)",
        "\t=1",
        "\r",
        "a\r\nb",
        "<r>x</r>",
        "<f>1</f>",
        "_x0041_",
        "\x00",
        '"',
        ";,",
        "'quoted'",
        "http://example.org",
        "{=1}",
        "1e5",
        "007",
        "#N/A",
        "TRUE",
        "\ufeff",
        "\u202e",
        "\uffff",
        "  ",
    ]
)
#: Intake removes a `'` before such a character, so no cell of a ledger starts with both.
_TEXT = (_NASTY | st.text(max_size=12)).filter(lambda text: not (text[:1] == "'" and text[1:2] in FORMULA_STARTS))
_AMOUNTS = (
    st.decimals(min_value=0, max_value=10**4, places=2)
    | st.decimals(min_value=0, max_value=10**17, places=9)
    | st.decimals(min_value=0, allow_nan=False, allow_infinity=False, max_value=10**18).map(lambda d: round(d, 9))
)
_TIMES = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_PROBLEMS = st.lists(st.builds(Problem, column=_TEXT, message=_TEXT), max_size=2).map(tuple)
_UNITS = st.sampled_from(["SGD", "USD", "=EUR"])


@st.composite
def _runs(draw: st.DrawFn) -> tuple[Run, list[Outcome]]:
    columns = draw(st.lists(_TEXT | st.sampled_from(["reason", "result_state"]), max_size=4, unique=True))
    run = Run(
        id=1,
        job="payroll",
        run_key="2026-11",
        environment="sandbox",
        list_path="payroll.csv",
        columns=tuple(columns),
        created_at=draw(_TIMES),
    )
    outcome = st.builds(
        Outcome,
        line=st.just(0),
        state=st.sampled_from(RowState),
        cells=st.tuples(*[_TEXT for _ in columns]),
        problems=_PROBLEMS,
        message=_TEXT,
        note=_TEXT,
        product_id=st.none() | st.integers(1, 9999),
        credit_party=st.none() | _TEXT,
        amount=st.none() | _AMOUNTS,
        unit=st.none() | _UNITS,
        attempt=st.integers(0, 9),
        external_id=st.none() | _TEXT,
        transaction_id=st.none() | st.integers(1, 2**63 - 1),
        status_class=st.none() | st.sampled_from(["COMPLETED", "DECLINED"]),
        status_message=st.none() | _TEXT,
        planned_cost=st.none() | _AMOUNTS,
        planned_unit=st.none() | _UNITS,
        price=st.none() | _AMOUNTS,
        fee=st.none() | _AMOUNTS,
        price_unit=st.none() | _UNITS,
        delivered=st.none() | _AMOUNTS,
        delivered_unit=st.none() | _UNITS,
        bonus=st.none() | _TEXT,
        retail_price=st.none() | _AMOUNTS,
        retail_unit=st.none() | _UNITS,
        operator_reference=st.none() | _TEXT,
        **{name: st.none() | _TEXT for name in SECRET_FIELDS},
        creation_date=st.none() | _TIMES,
        final_at=st.none() | _TIMES,
        in_list=st.booleans(),
    )
    drawn = draw(st.lists(outcome, max_size=6))
    fields = dict.fromkeys(Outcome.__slots__)
    return run, [
        Outcome(**{name: getattr(each, name) for name in fields if name != "line"}, line=line)
        for line, each in enumerate(drawn, start=2)
    ]


Row = tuple[int, str, Decimal | None]


def _row(values: Sequence[object]) -> Row:
    line, state, amount = (values[RESULT_FIELDS.index(field)] for field in ("line", "state", "amount"))
    return int(str(line)), str(state), Decimal(str(amount)) if amount not in {None, ""} else None


@settings(max_examples=40, deadline=None)
@given(_runs())
def test_every_file_has_every_row_once_with_its_exact_amount(report: tuple[Run, list[Outcome]]) -> None:
    run, rows = report
    expected = [(row.line, row.state.value, row.amount) for row in rows]
    width = len(run.columns)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_report(
            run, [Outcomes.of(rows)], folder, formats=[ReportFormat.CSV, ReportFormat.XLSX, ReportFormat.JSONL]
        )
        with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
            assert [_row(list(row[width:])) for row in list(csv.reader(file))[1:]] == expected
        lines = (folder / "results.jsonl").read_bytes().split(b"\n")[:-1]
        assert [_row(list(json.loads(line).values())) for line in lines] == expected
        sheet = load_workbook(folder / "results.xlsx")["Results"]
        cells = [list(row[width:]) for row in sheet.iter_rows(values_only=True)]
        assert [_row(row) for row in cells[1:]] == expected
