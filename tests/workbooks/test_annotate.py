"""Outcomes next to the rows of a user's workbook."""

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet
from xlsxwriter import Workbook as XlsxWorkbook  # type: ignore[import-untyped]

from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import ListError, PurgedRunError
from bulk_topup.report.columns import PREFIX, RESULT_FIELDS
from bulk_topup.workbooks.annotate import AnnotateResult, AnnotationError

HEADER = ("employee", "phone", "amount")
ROWS = (("E1", "+6595123100", 12.5), ("E2", "+6595123101", 7), ("E3", "+6595123102", 20))
Make = Callable[..., Path]
Annotate = Callable[..., AnnotateResult]
NAMES = [PREFIX + field for field in RESULT_FIELDS if field != "line"]


def rewritten(path: Path, other: Path, part: str, old: bytes, new: bytes, **more: bytes) -> Path:
    """Write a copy of a workbook with a replacement in one part, and with more parts."""
    with ZipFile(path) as archive, ZipFile(other, "w") as written:
        for each in archive.infolist():
            content = archive.read(each)
            written.writestr(each, content.replace(old, new) if each.filename == part else content)
        for name, content in more.items():
            written.writestr(name, content)
    return other


def beside(path: Path, sheet: str = "November") -> list[dict[str, Any]]:
    """Return the cells of each row below the header, by column name."""
    rows = load_workbook(path)[sheet].iter_rows(values_only=True)
    header = next(rows)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def test_every_row_has_its_outcome_under_the_column_names_of_the_report(workbook: Make, annotated: Annotate) -> None:
    done = annotated(workbook())
    assert (done.rows, done.is_complete, done.sheet) == (3, True, "November")
    rows = beside(done.file)
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


def test_the_workbook_keeps_its_content_and_formats(workbook: Make, annotated: Annotate) -> None:
    def change(sheet: Worksheet) -> None:
        sheet.column_dimensions["B"].width = 33
        sheet.freeze_panes = "A2"
        sheet["C2"].number_format = "#,##0.00"
        sheet["A3"].comment = Comment("on leave", "Mei")
        assert sheet.parent is not None
        sheet.parent["Notes"]["B3"] = "=SUM(November!C2:C4)"
        sheet.row_dimensions[3].hidden = True

    done = annotated(workbook(change))
    book = load_workbook(done.file)
    sheet = book["November"]
    assert book.sheetnames == ["November", "Notes"]
    assert book["Notes"]["B2"].value == "Ask Mei"
    assert (sheet.column_dimensions["B"].width, sheet.freeze_panes) == (33, "A2")
    assert sheet["C2"].number_format == "#,##0.00"
    assert sheet["A3"].comment.text == "on leave"
    assert book["Notes"]["B3"].value == "=SUM(November!C2:C4)"
    assert sheet.row_dimensions[3].hidden
    assert done.has_formulas


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
    assert beside(annotated(path).file)[0]["result_pin_code"] == "••••"
    assert beside(annotated(path, tmp_path / "pins.xlsx", reveal_pins=True).file)[0]["result_pin_code"] == "1234-5678"


def test_changed_lines_are_reported_and_get_no_outcome(workbook: Make, annotated: Annotate) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["C3"] = 8
        sheet["A4"].value = sheet["B4"].value = sheet["C4"].value = None
        sheet["A7"], sheet["B7"], sheet["C7"] = "E9", "+6595123109", 3

    done = annotated(workbook(change))
    assert (done.rows, done.is_complete) == (1, False)
    assert (done.differing, done.missing, done.unknown) == ((3,), (4,), (7,))
    assert [row["result_state"] for row in beside(done.file)] == ["completed", None, None, None, None, None]


def test_a_row_that_was_removed_from_the_list_does_not_replace_another_row(
    workbook: Make, annotated: Annotate, outcomes: list[Outcome]
) -> None:
    gone = replace(outcomes[0], line=3, in_list=False, external_id="gone", state=RowState.REVERSED)
    done = annotated(workbook(), rows=[*outcomes, gone])
    assert done.is_complete
    assert [row["result_state"] for row in beside(done.file)] == ["completed", "failed", "pending"]


def test_a_second_time_the_outcomes_are_updated_in_place(
    workbook: Make, annotated: Annotate, outcomes: list[Outcome]
) -> None:
    path = workbook()
    annotated(path, path)
    rows = [outcomes[0], replace(outcomes[1], state=RowState.COMPLETED, message=""), outcomes[2]]
    done = annotated(path, path, rows=rows)
    assert done.is_complete
    assert list(beside(path)[0]) == ["employee", "phone", "amount", *NAMES]
    assert [row["result_state"] for row in beside(path)] == ["completed", "completed", "pending"]
    assert beside(path)[1]["result_reason"] is None


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
    assert list(beside(path)[0]) == ["employee", "phone", "amount", *NAMES]


def test_the_original_is_unchanged_and_the_file_is_private(workbook: Make, annotated: Annotate) -> None:
    path = workbook()
    before = path.read_bytes()
    done = annotated(path)
    assert path.read_bytes() == before
    assert stat.S_IMODE(done.file.stat().st_mode) == 0o600


def test_in_place_the_target_of_a_link_is_changed(workbook: Make, annotated: Annotate, tmp_path: Path) -> None:
    path = workbook()
    link = tmp_path / "link.xlsx"
    link.symlink_to(path)
    annotated(link, link)
    assert link.is_symlink()
    assert beside(path)[0]["result_state"] == "completed"


def test_a_file_that_exists_is_replaced_only_with_force(workbook: Make, annotated: Annotate, tmp_path: Path) -> None:
    path, target = workbook(), tmp_path / "out.xlsx"
    target.write_text("precious")
    with pytest.raises(AnnotationError, match=r"already exists\. Choose another file with --output, or add --force"):
        annotated(path, target)
    assert target.read_text() == "precious"
    assert annotated(path, target, force=True).rows == 3


def test_a_chart_is_lost_only_with_allow_loss(workbook: Make, annotated: Annotate, tmp_path: Path) -> None:
    def change(sheet: Worksheet) -> None:
        chart = BarChart()
        chart.add_data(Reference(sheet, min_col=3, min_row=1, max_row=4))
        sheet.add_chart(chart, "H2")

    path = workbook(change)
    before = path.read_bytes()
    with pytest.raises(AnnotationError, match=r"pictures, charts or shapes.*--allow-loss"):
        annotated(path)
    assert not (tmp_path / "out.xlsx").exists()
    assert path.read_bytes() == before
    assert annotated(path, allow_loss=True).losses == ("pictures, charts or shapes",)


def test_a_warning_of_openpyxl_is_a_loss(workbook: Make, annotated: Annotate, tmp_path: Path) -> None:
    extension = b'<extLst><ext uri="{05C60535-1F16-4fd2-B633-F4F36F0B64E0}"/></extLst></worksheet>'
    other = tmp_path / "extended.xlsx"
    path = rewritten(workbook(), other, "xl/worksheets/sheet1.xml", b"</worksheet>", extension)
    with pytest.raises(AnnotationError, match="Sparkline Group extension is not supported"):
        annotated(path)


def test_macros_are_kept(workbook: Make, annotated: Annotate, tmp_path: Path) -> None:
    binary = b'<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>'
    macros = {"xl/vbaProject.bin": b"macros"}
    other = tmp_path / "macros.xlsm"
    path = rewritten(workbook(), other, "[Content_Types].xml", b"</Types>", binary, **macros)
    with ZipFile(annotated(path, tmp_path / "out.xlsm").file) as archive:
        assert archive.read("xl/vbaProject.bin") == b"macros"
    with pytest.raises(AnnotationError, match=r"must end in \.xlsm"):
        annotated(path, tmp_path / "out.xlsx")


def test_computed_cells_of_the_list_are_compared_by_their_values_and_stay_formulas(
    annotated: Annotate, tmp_path: Path
) -> None:
    with XlsxWorkbook(tmp_path / "written.xlsx") as book:
        sheet = book.add_worksheet("November")
        for number, row in enumerate((HEADER, *ROWS)):
            sheet.write_row(number, 0, row)
        sheet.write_formula("C2", "=5*2.5", None, 12.5)
    # As a spreadsheet program saves it, which has computed what it saves.
    computed = tmp_path / "computed.xlsx"
    path = rewritten(tmp_path / "written.xlsx", computed, "xl/workbook.xml", b' fullCalcOnLoad="1"', b"")
    done = annotated(path)
    assert (done.is_complete, done.has_formulas) == (True, True)
    assert load_workbook(done.file)["November"]["C2"].value == "=5*2.5"
    with pytest.raises(AnnotationError, match="the values of its formulas"):
        annotated(path, path)


@pytest.mark.parametrize("name", ["payroll.csv", "payroll.ods"])
def test_only_workbooks_are_annotated(annotated: Annotate, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("employee,phone,amount\n")
    with pytest.raises(ListError, match="is not an XLSX workbook"):
        annotated(path)


@pytest.mark.parametrize("content", [b"PK", b"PK\x03\x04" + bytes(500), b"", b"no archive"])
def test_a_damaged_workbook_is_refused(annotated: Annotate, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.xlsx"
    path.write_bytes(content)
    with pytest.raises(ListError, match="is not a complete XLSX workbook"):
        annotated(path)


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
    assert beside(done.file, "October")[0]["result_state"] == "completed"
    assert "result_state" not in beside(done.file)[0]


def test_a_purged_run_cannot_be_annotated(workbook: Make, annotated: Annotate, run: Run) -> None:
    with pytest.raises(PurgedRunError, match="is purged, so its rows can't be found"):
        annotated(workbook(), of=replace(run, purged_at=datetime(2026, 12, 1, tzinfo=UTC)))


def test_a_workbook_with_more_rows_than_memory_should_hold_is_refused(
    workbook: Make, annotated: Annotate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulk_topup.workbooks.list_sheet.MAX_ROWS", 2)
    with pytest.raises(ListError, match="has more than 2 rows, too many to annotate"):
        annotated(workbook())
