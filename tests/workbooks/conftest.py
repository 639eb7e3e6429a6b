"""A run of three rows, and the workbook that is its list; invented persons and numbers."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.workbooks.annotate import AnnotateResult, annotate
from tests.helpers.sample_run import COMPLETED, RUN

HEADER = ("employee", "phone", "amount")
ROWS = (("E1", "+6595123100", "12.5"), ("E2", "+6595123101", "7"), ("E3", "+6595123102", "20"))


@pytest.fixture
def run() -> Run:
    return replace(RUN, list_path="payroll.xlsx", columns=HEADER)


@pytest.fixture
def outcomes() -> list[Outcome]:
    first = replace(COMPLETED, cells=ROWS[0], amount=Decimal("12.5"))
    return [
        first,
        replace(first, line=3, cells=ROWS[1], state=RowState.FAILED, message="The number is barred."),
        replace(first, line=4, cells=ROWS[2], state=RowState.PENDING, external_id=None, pin_code=None, price=None),
    ]


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that creates the workbook, which a test can change before it is saved."""

    def make(change: Callable[[Worksheet], None] | None = None, name: str = "payroll.xlsx", top: int = 1) -> Path:
        book = Workbook()
        sheet = book.active
        assert isinstance(sheet, Worksheet)
        sheet.title = "November"
        for place, heading in enumerate(HEADER, start=1):
            cell = sheet.cell(top, place, heading)
            cell.font, cell.fill = Font(bold=True), PatternFill("solid", start_color="DDEBF7")
        for number, (employee, phone, amount) in enumerate(ROWS, start=top + 1):
            sheet[f"A{number}"], sheet[f"B{number}"], sheet[f"C{number}"] = employee, phone, float(amount)
        book.create_sheet("Notes")["B2"] = "Ask Mei"
        if change is not None:
            change(sheet)
        book.save(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def annotated(run: Run, outcomes: list[Outcome], tmp_path: Path) -> Callable[..., AnnotateResult]:
    """Return a function that annotates a workbook into another file."""

    def write(
        source: Path,
        target: Path | None = None,
        *,
        of: Run | None = None,
        rows: list[Outcome] | None = None,
        **options: Any,
    ) -> AnnotateResult:
        given = outcomes if rows is None else rows
        pages = [Outcomes.of(given[:1]), Outcomes.of(given[1:])]
        return annotate(of or run, pages, source, target or tmp_path / "out.xlsx", **options)

    return write
