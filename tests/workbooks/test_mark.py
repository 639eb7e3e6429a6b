"""Marked workbooks: the user's own with coloured cells and comments, which reads as the list does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill

from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.unseen_rows import Unseen
from bulk_topup.intake import ListSource, open_table
from bulk_topup.intake.files.xlsx_file import XlsxTable
from bulk_topup.plan import Plan
from bulk_topup.plan.plan import RefusedRow
from bulk_topup.system.files import sha256_of
from bulk_topup.workbooks.mark import MarkError, MarkResult, check_marked_file, mark_list
from bulk_topup.workbooks.marked_cells import MAX_COMMENT, PROBLEM_SHEET

NUMBER = Problem(column="phone", message='"0659" is not an E.164 number.', kind=ProblemKind.NUMBER)
AMOUNT = Problem(column="amount", message='"12,5" has a ",".', kind=ProblemKind.AMOUNT, instead="12.5")
RED = "FFFFC8CF"


@pytest.fixture
def book(tmp_path: Path) -> tuple[Path, Workbook]:
    """A workbook with formats, a comment of its own and a list that does not begin in the corner."""
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = "Payroll"
    rows: tuple[tuple[Any, ...], ...] = (("phone", "amount", "name"), ("+6595123100", 5, "Ada"), ("0659", "12,5", "=1"))
    for row, values in enumerate(rows, start=3):
        for column, value in enumerate(values, start=2):
            sheet.cell(row, column).value = value
    sheet["D5"].data_type = "s"
    sheet["C4"].number_format = "0.00"
    sheet["B4"].fill = PatternFill("solid", start_color="FF00FF00")
    sheet["B5"].comment = Comment("Ask Ben.", "Ada")
    sheet["B5"].font = Font(bold=True)
    sheet.column_dimensions["B"].width = 33
    return tmp_path / "pay.xlsx", workbook


def _plan(*rows: tuple[int, tuple[Problem, ...]], total: int = 9) -> Plan:
    refused = [RefusedRow(line=line, problems=problems) for line, problems in rows]
    return Plan(rows=total, refused=len(refused), refused_rows=refused)


def _mark(path: Path, plan: Plan, name: str = "marked.xlsx", **source: Any) -> tuple[MarkResult, Path]:
    target = path.with_name(name)
    return mark_list(ListSource(path=path, **source), plan, target, digest=sha256_of(path)), target


def _read(path: Path, **source: Any) -> list[Any]:
    table = open_table(ListSource(path=path, **source))
    rows = [(line, cells) for line, cells in table.rows() if any(cells)]
    unseen = table.unseen if isinstance(table, XlsxTable) else {}
    return [table.header_line, table.header, rows, unseen]


def test_wrong_cells_of_the_users_own_workbook_are_coloured_and_explained(book: tuple[Path, Workbook]) -> None:
    path, workbook = book
    workbook.save(path)
    result, target = _mark(path, _plan((5, (NUMBER, AMOUNT))))
    assert (result.cells, result.why_new, result.has_formulas) == (2, "", False)
    sheet = load_workbook(target)["Payroll"]
    assert [sheet[name].fill.start_color.rgb for name in ("B5", "C5", "B4")] == [RED, RED, "FF00FF00"]
    assert sheet["B5"].comment.text == f"Ask Ben.\n\nbulk-topup: {NUMBER.message}"
    assert sheet["C5"].comment.text == f"bulk-topup: {AMOUNT.message} Write: 12.5"
    assert (sheet["B5"].font.bold, sheet["C4"].number_format, sheet.column_dimensions["B"].width) == (True, "0.00", 33)
    assert target.stat().st_mode & 0o777 == 0o600


def test_the_sheet_of_problems_has_kinds_and_what_to_write(book: tuple[Path, Workbook]) -> None:
    path, workbook = book
    workbook.save(path)
    hostile = Problem(column="=1+1", message="=cmd", kind=ProblemKind.TEXT)
    _, target = _mark(path, _plan((4, (NUMBER,)), (5, (NUMBER, AMOUNT, hostile))))
    sheet = load_workbook(target)[PROBLEM_SHEET]
    assert [row[:3] for row in sheet.values] == [
        ("Kind", "Row", "Column"),
        ("Number not readable", 4, "phone"),
        ("Number not readable", 5, "phone"),
        ("Amount not readable", 5, "amount"),
        ("Text not allowed", 5, "=1+1"),
    ]
    assert [cell.value for cell in sheet["E"]] == ["Write instead", None, None, "12.5", None]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_a_marked_list_reads_as_the_list_does(book: tuple[Path, Workbook], suffix: str) -> None:
    path, workbook = book
    if suffix == "xlsx":
        workbook.save(path)
    else:
        path = path.with_suffix(".csv")
        path.write_text('phone,amount,"name"\n\n0659,"12,5",=1+1\n+6595123100,007,"A\nB"\n1e5,_x0041_,-\n')
    before = _read(path)
    plan = _plan((3 if suffix == "csv" else 5, (NUMBER, AMOUNT)))
    _, target = _mark(path, plan)
    assert _read(target)[1:3] == before[1:3]
    _, again = _mark(target, plan, "again.xlsx")
    assert _read(again) == _read(target)


def test_what_an_earlier_plan_marked_goes_when_the_cell_is_right(book: tuple[Path, Workbook]) -> None:
    path, workbook = book
    workbook.save(path)
    _, target = _mark(path, _plan((5, (NUMBER, AMOUNT))))
    _, again = _mark(target, _plan((5, (AMOUNT,))), "again.xlsx")
    found = load_workbook(again)
    sheet = found["Payroll"]
    assert (sheet["B5"].comment.text, sheet["B5"].fill.fill_type) == ("Ask Ben.", None)
    assert sheet["C5"].comment.text.count("bulk-topup:") == 1
    assert found.sheetnames == ["Payroll", PROBLEM_SHEET]
    assert [cell.value for cell in found[PROBLEM_SHEET]["A"]] == ["Kind", "Amount not readable"]


@pytest.mark.parametrize("own", ["x" * 1_500, "See bulk-topup: the guide.", "One.\n\nTwo.", "y" * 32_700])
def test_a_comment_of_the_user_stays_whole(book: tuple[Path, Workbook], own: str) -> None:
    path, workbook = book
    workbook["Payroll"]["C5"].comment = Comment(own, "Ada")
    workbook["Payroll"]["D4"].comment = Comment(own, "Ada")
    workbook.save(path)
    _, target = _mark(path, _plan((5, (AMOUNT,))))
    sheet = load_workbook(target)["Payroll"]
    said = "" if len(own) > 32_000 else f"\n\nbulk-topup: {AMOUNT.message} Write: 12.5"
    assert (sheet["C5"].comment.text, sheet["D4"].comment.text) == (own + said, own)
    _, again = _mark(target, _plan((5, (NUMBER,))), "again.xlsx")
    sheet = load_workbook(again)["Payroll"]
    assert (sheet["C5"].comment.text, sheet["D4"].comment.text) == (own, own)


def test_what_is_wrong_is_said_within_its_limit(book: tuple[Path, Workbook]) -> None:
    path, workbook = book
    workbook.save(path)
    _, target = _mark(path, _plan((5, (replace(NUMBER, message="m" * 5_000),))))
    assert len(load_workbook(target)["Payroll"]["B5"].comment.text) == len("Ask Ben.\n\n") + MAX_COMMENT


def test_the_colours_that_a_spreadsheet_program_offers_for_bad_cells_stay(book: tuple[Path, Workbook]) -> None:
    path, workbook = book
    workbook["Payroll"]["D4"].fill = PatternFill("solid", start_color="FFFFC7CE")
    workbook.save(path)
    _, target = _mark(path, _plan((5, (AMOUNT,))))
    assert load_workbook(target)["Payroll"]["D4"].fill.start_color.rgb == "FFFFC7CE"


def test_what_is_wrong_with_every_row_marks_the_header_once(tmp_path: Path) -> None:
    path = tmp_path / "pay.csv"
    path.write_text("phone\n" + "+6595123100\n" * 182)
    missing = Problem(column="", message="No product.", kind=ProblemKind.NO_PRODUCT)
    result, target = _mark(path, _plan(*((line, (missing,)) for line in range(2, 184)), total=182))
    assert result.cells == 1
    found = load_workbook(target)
    assert found["List"]["A1"].comment.text == "bulk-topup: No product."
    assert [row[:2] for row in found[PROBLEM_SHEET].values][1:] == [("No product", "all 182")]


def test_rows_that_are_hidden_stay_hidden_in_a_new_workbook(book: tuple[Path, Workbook]) -> None:
    path, workbook = book
    sheet = workbook.worksheets[0]
    sheet.row_dimensions[4].hidden = True
    sheet["B5"].font = Font(strike=True)
    sheet.column_dimensions["D"].hidden = True
    sheet.add_chart(BarChart(), "F1")  # a copy by openpyxl would change it
    workbook.save(path)
    result, target = _mark(path, _plan((5, (NUMBER,))), sheet="Payroll")
    assert "pictures" in result.why_new
    table = open_table(ListSource(path=target, sheet="Payroll"))
    assert isinstance(table, XlsxTable)
    assert (table.unseen, table.hidden_columns) == ({4: Unseen.HIDDEN, 5: Unseen.STRUCK}, (2,))


def test_formulas_are_kept_and_said(book: tuple[Path, Workbook]) -> None:
    path, workbook = book
    workbook["Payroll"]["C4"].value = "=2+3"
    workbook.save(path)
    result, target = _mark(path, _plan((5, (NUMBER,))))
    assert (result.why_new, result.has_formulas) == ("", True)
    assert load_workbook(target)["Payroll"]["C4"].value == "=2+3"


def test_a_list_that_changed_since_its_plan_is_not_marked(tmp_path: Path) -> None:
    path = tmp_path / "pay.csv"
    path.write_text("phone\n0659\n")
    digest = sha256_of(path)
    path.write_text("phone\n+6595123100\n0659\n")
    with pytest.raises(MarkError, match="changed while being read"):
        mark_list(ListSource(path=path), _plan((2, (NUMBER,))), tmp_path / "m.xlsx", digest=digest)
    assert not (tmp_path / "m.xlsx").exists()


@pytest.mark.parametrize(
    ("name", "force", "message"),
    [
        ("pay.xlsx", True, "is the list itself, which stays as it is"),
        ("link.xlsx", True, "is the list itself, which stays as it is"),
        ("other.xlsx", False, "already exists. Choose another file with --marked, or add --force."),
        ("new.csv", True, "must end in .xlsx"),
        ("other.xlsx", True, ""),
        ("new.xlsx", False, ""),
    ],
)
def test_a_marked_file_never_replaces_the_list_or_another_file_unasked(
    tmp_path: Path, name: str, force: bool, message: str
) -> None:
    path = tmp_path / "pay.xlsx"
    path.write_bytes(b"list")
    (tmp_path / "link.xlsx").symlink_to(path)
    (tmp_path / "other.xlsx").write_bytes(b"other")
    check: Callable[[], None] = lambda: check_marked_file(tmp_path / name, path, force=force)  # noqa: E731
    if not message:
        check()
        return
    with pytest.raises(MarkError, match=message):
        check()
