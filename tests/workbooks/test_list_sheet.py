"""Outcomes next to the rows of a user's workbook: which rows are found, and what is written to their cells."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import ListError
from bulk_topup.report.columns import PREFIX, RESULT_FIELDS, RUN_FIELDS
from bulk_topup.workbooks.annotate import AnnotateResult
from tests.helpers.workbooks import rows_of_sheet

Make = Callable[..., Path]
Annotate = Callable[..., AnnotateResult]
NAMES = [PREFIX + field for field in RESULT_FIELDS if field not in {"line", *RUN_FIELDS}]


def test_every_row_has_its_outcome_under_the_column_names_of_the_report(workbook: Make, annotated: Annotate) -> None:
    done = annotated(workbook())
    assert (done.rows, done.is_complete, done.sheet) == (3, True, "November")
    rows = rows_of_sheet(done.file)
    assert list(rows[0]) == ["employee", "phone", "amount", *NAMES]
    assert [row["result_state"] for row in rows] == ["completed", "failed", "pending"]
    assert rows[0]["result_external_id"] == "payroll-0123456789abcdef-1"
    assert (rows[0]["result_price"], rows[0]["result_fee"], rows[0]["result_transaction_id"]) == (
        9.3,
        0.05,
        "2237512891",
    )
    assert rows[1]["result_reason"] == "The number is barred."
    assert rows[2]["result_external_id"] is None


def test_outcomes_are_right_of_all_used_columns(workbook: Make, annotated: Annotate) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["F9"] = "a note far off"

    # The note below the list is not one of its rows.
    done = annotated(workbook(change))
    assert load_workbook(done.file)["November"]["G1"].value == "result_state"


def test_new_headings_have_the_format_of_the_list_and_states_have_their_colours(
    workbook: Make, annotated: Annotate
) -> None:
    sheet = load_workbook(annotated(workbook()).file)["November"]
    assert sheet["D1"].font.bold
    assert sheet["D1"].fill.start_color.rgb.endswith("DDEBF7")
    assert [sheet[f"D{row}"].fill.start_color.rgb[2:] for row in (2, 3, 4)] == ["C6EFCE", "FFC7CE", "FFEB9C"]


def test_a_list_that_does_not_start_in_the_first_cell_is_found(
    workbook: Make, annotated: Annotate, outcomes: list[Outcome]
) -> None:
    path = workbook(lambda sheet: sheet.insert_cols(1, 2), top=5)
    rows = [replace(outcome, line=outcome.line + 4) for outcome in outcomes]
    sheet = load_workbook(annotated(path, rows=rows).file)["November"]
    assert (sheet["F5"].value, sheet["F6"].value, sheet["F1"].value) == ("result_state", "completed", None)


@pytest.mark.parametrize(
    "text", ["=1+1", "+6595123100", "-1", "@SUM(1)", "=cmd|' /C calc'!A0", "#N/A", "_x0041_", "\x07"]
)
def test_no_text_of_an_outcome_becomes_a_formula_an_error_or_an_escape(
    workbook: Make, annotated: Annotate, outcomes: list[Outcome], text: str
) -> None:
    rows = [replace(outcomes[0], message=text), *outcomes[1:]]
    done = annotated(workbook(), rows=rows)
    cell = load_workbook(done.file)["November"]["E2"]
    assert cell.data_type == "s"
    assert cell.quotePrefix == (text[0] in "=+-@")
    with ZipFile(done.file) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in xml
    assert ("_x005F_x0041_" in xml or cell.value == "A") == (text == "_x0041_")


def test_pins_are_masked_unless_revealed(workbook: Make, annotated: Annotate, tmp_path: Path) -> None:
    path = workbook()
    assert rows_of_sheet(annotated(path).file)[0]["result_pin_code"] == "••••"
    assert (
        rows_of_sheet(annotated(path, tmp_path / "pins.xlsx", reveal_pins=True).file)[0]["result_pin_code"]
        == "1234-5678"
    )


def test_changed_lines_are_reported_and_get_no_outcome(workbook: Make, annotated: Annotate) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["C3"] = 8
        sheet["A4"].value = sheet["B4"].value = sheet["C4"].value = None
        sheet["A7"], sheet["B7"], sheet["C7"] = "E9", "+6595123109", 3

    done = annotated(workbook(change))
    assert (done.rows, done.is_complete) == (1, False)
    assert (done.differing, done.missing, done.unknown) == ((3,), (4,), (7,))
    assert [row["result_state"] for row in rows_of_sheet(done.file)] == ["completed", None, None, None, None, None]


def test_a_row_that_was_removed_from_the_list_does_not_replace_another_row(
    workbook: Make, annotated: Annotate, outcomes: list[Outcome]
) -> None:
    gone = replace(outcomes[0], line=3, in_list=False, external_id="gone", state=RowState.REVERSED)
    done = annotated(workbook(), rows=[*outcomes, gone])
    assert done.is_complete
    assert [row["result_state"] for row in rows_of_sheet(done.file)] == ["completed", "failed", "pending"]


def test_a_second_time_the_outcomes_are_updated_in_place(
    workbook: Make, annotated: Annotate, outcomes: list[Outcome]
) -> None:
    path = workbook()
    annotated(path, path)
    rows = [outcomes[0], replace(outcomes[1], state=RowState.COMPLETED, message=""), outcomes[2]]
    done = annotated(path, path, rows=rows)
    assert done.is_complete
    assert list(rows_of_sheet(path)[0]) == ["employee", "phone", "amount", *NAMES]
    assert [row["result_state"] for row in rows_of_sheet(path)] == ["completed", "completed", "pending"]
    assert rows_of_sheet(path)[1]["result_reason"] is None


def test_a_row_that_was_edited_since_loses_its_outcome_and_colour(workbook: Make, annotated: Annotate) -> None:
    path = workbook()
    annotated(path, path)
    book = load_workbook(path)
    book["November"]["C3"].value = 8
    book.save(path)
    assert annotated(path, path).differing == (3,)
    row = load_workbook(path)["November"][3]
    assert [cell.value for cell in row[3:]] == [None] * len(NAMES)
    assert row[3].fill.fill_type is None


def test_a_distant_cell_creates_no_cells_in_between(workbook: Make, annotated: Annotate) -> None:
    path = workbook(lambda sheet: sheet.__setitem__("AAA20000", "far"))
    sheet = load_workbook(annotated(path).file)["November"]
    assert len(sheet._cells) < 200
    assert sheet["AAB1"].value == "result_state"


def test_a_run_of_an_annotated_list_separates_outcomes_from_its_own_columns(
    workbook: Make, annotated: Annotate, run: Run, outcomes: list[Outcome]
) -> None:
    path = workbook()
    annotated(path, path)
    later = replace(run, columns=(*run.columns, *NAMES))
    rows = [replace(outcome, cells=(*outcome.cells, "what", "was", "read")) for outcome in outcomes]
    done = annotated(path, path, of=later, rows=rows)
    assert done.is_complete
    assert list(rows_of_sheet(path)[0]) == ["employee", "phone", "amount", *NAMES]


def test_another_workbook_is_refused_and_nothing_is_written(
    workbook: Make, annotated: Annotate, run: Run, outcomes: list[Outcome], tmp_path: Path
) -> None:
    path = workbook()
    with pytest.raises(ListError, match=r'No sheet of payroll\.xlsx has the columns of run payroll/2026-11: "other"'):
        annotated(path, of=replace(run, columns=("other",)))
    with pytest.raises(ListError, match=r"No row of payroll\.xlsx, sheet \"November\", belongs to run"):
        annotated(path, rows=[replace(outcome, line=outcome.line + 50) for outcome in outcomes])
    assert not (tmp_path / "out.xlsx").exists()


def test_with_two_sheets_of_the_runs_columns_the_sheet_is_required(workbook: Make, annotated: Annotate) -> None:
    def change(sheet: Worksheet) -> None:
        assert sheet.parent is not None
        sheet.parent.copy_worksheet(sheet).title = "October"

    path = workbook(change)
    with pytest.raises(ListError, match=r"Several sheets of payroll\.xlsx have the columns of run"):
        annotated(path)
    done = annotated(path, sheet="October")
    assert rows_of_sheet(done.file, "October")[0]["result_state"] == "completed"
    assert "result_state" not in rows_of_sheet(done.file)[0]


def test_a_workbook_with_more_rows_than_memory_should_hold_is_refused(
    workbook: Make, annotated: Annotate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_topup.workbooks.list_sheet.MAX_ROWS", 2)
    with pytest.raises(ListError, match="has too many rows to annotate, more than 2"):
        annotated(workbook())
