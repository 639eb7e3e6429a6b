"""Workbooks with outcomes as files: what they keep, what they lose, and when nothing is written."""

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet
from xlsxwriter import Workbook as XlsxWorkbook  # type: ignore[import-untyped]

from bulk_topup.domain.corrections import KeptCorrection
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.errors import ListError, PurgedRunError
from bulk_topup.workbooks.annotate import AnnotateResult, AnnotationError
from tests.helpers.workbooks import rewrite, rows_of_sheet

HEADER = ("employee", "phone", "amount")
ROWS = (("E1", "+6595123100", 12.5), ("E2", "+6595123101", 7), ("E3", "+6595123102", 20))
Make = Callable[..., Path]
Annotate = Callable[..., AnnotateResult]


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


def test_the_original_is_unchanged_and_the_file_is_private(workbook: Make, annotated: Annotate) -> None:
    path = workbook()
    before = path.read_bytes()
    done = annotated(path)
    assert path.read_bytes() == before
    assert stat.S_IMODE(done.file.stat().st_mode) == 0o600


def test_a_corrected_row_has_its_outcome_beside_the_values_from_before(
    workbook: Make, annotated: Annotate, outcomes: list[Outcome]
) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["B3"] = "+6595123999"

    assert annotated(workbook(change)).differing == (3,)
    [_, second, _] = outcomes
    before = (second.cells[0], "+6595123999", second.cells[2])
    kept = KeptCorrection(id=1, line=3, columns=HEADER, before=before, after=second.cells, note="")
    done = annotated(workbook(change), kept=[kept], force=True)
    assert (done.rows, done.differing) == (3, ())
    assert load_workbook(done.file)["November"]["B3"].value == "+6595123999"


def test_in_place_the_target_of_a_link_is_changed(workbook: Make, annotated: Annotate, tmp_path: Path) -> None:
    path = workbook()
    link = tmp_path / "link.xlsx"
    link.symlink_to(path)
    annotated(link, link)
    assert link.is_symlink()
    assert rows_of_sheet(path)[0]["result_state"] == "completed"


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
    path = rewrite(workbook(), other, "xl/worksheets/sheet1.xml", b"</worksheet>", extension)
    with pytest.raises(AnnotationError, match="Sparkline Group extension is not supported"):
        annotated(path)


def test_macros_are_kept(workbook: Make, annotated: Annotate, tmp_path: Path) -> None:
    binary = b'<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>'
    macros = {"xl/vbaProject.bin": b"macros"}
    other = tmp_path / "macros.xlsm"
    path = rewrite(workbook(), other, "[Content_Types].xml", b"</Types>", binary, **macros)
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
    path = rewrite(tmp_path / "written.xlsx", computed, "xl/workbook.xml", b' fullCalcOnLoad="1"', b"")
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


def test_a_purged_run_cannot_be_annotated(workbook: Make, annotated: Annotate, run: Run) -> None:
    with pytest.raises(PurgedRunError, match="is purged, so its rows can't be found"):
        annotated(workbook(), of=replace(run, purged_at=datetime(2026, 12, 1, tzinfo=UTC)))
