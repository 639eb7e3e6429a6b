"""A workbook is read cell by cell as a person sees it, whichever program wrote it."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import polars as pl
import pytest
import xlsxwriter  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.domain.fields import FIELDS
from bulk_topup.domain.unseen_rows import Unseen
from bulk_topup.errors import ListError
from bulk_topup.intake import CellProblem, Formats
from bulk_topup.intake.cells.normalise import normaliser_of
from bulk_topup.intake.files import xlsx_file, xlsx_looks
from bulk_topup.intake.files.batches import Layout
from bulk_topup.intake.files.source import ListSource
from bulk_topup.intake.files.xlsx_file import XlsxTable
from bulk_topup.intake.files.xlsx_formulas import parse
from bulk_topup.intake.files.xlsx_looks import Looks, read_looks
from bulk_topup.intake.files.xlsx_styles import read_styles

SHEET = "xl/worksheets/sheet1.xml"
#: Values with a number format, and what a person sees of them.
CORPUS: list[tuple[object, str, str]] = [
    (1234500, "0000000000", "0001234500"),
    (8712345678, "0000000000", "8712345678"),
    (42, '"INV-"00000', "INV-00042"),
    (0.5, "0%", "50%"),
    (1000, '"$"#,##0.00', "$1000"),
    (1000, "$#,##0.00", "$1000"),
    (1000, "#,##0.00", "1000"),
    (5.5, "0.00", "5.5"),
    (5.456, "0.00", '=TEXT(5.456,"0.00")'),
    (5.456, "General", "5.456"),
    (6595123100, "0", "6595123100"),
    (6595123100, "+00 0000 0000", "+65 9512 3100"),
    ("5,50", "0.00", "5,50"),
    ("00042", "@", "00042"),
    (True, "0", "TRUE"),
    (date(2026, 11, 30), "dd/mm/yyyy", "2026-11-30"),
    (datetime.fromisoformat("2026-11-30T10:05"), "dd/mm/yyyy", "2026-11-30"),
    (datetime.fromisoformat("2026-11-30T10:05"), "dd/mm/yyyy hh:mm", "2026-11-30 10:05:00"),
    (date(2026, 11, 30), "[$-409]d-mmm-yy;@", "2026-11-30"),
]


def _with_openpyxl(path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.append(["cell", "last"])
    for value, code, _ in CORPUS:
        sheet.append([value, "x"])
        sheet.cell(sheet.max_row, 1).number_format = code
    book.save(path)


def _with_xlsxwriter(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["cell", "last"])
        for row, (value, code, _) in enumerate(CORPUS, start=1):
            form = book.add_format({"num_format": code})
            (sheet.write_datetime if isinstance(value, date) else sheet.write)(row, 0, value, form)
            sheet.write(row, 1, "x")


@pytest.mark.parametrize("write", [_with_openpyxl, _with_xlsxwriter])
@pytest.mark.parametrize("chunk", [1, 7, xlsx_file.CHUNK_CELLS])
def test_cells_are_read_as_a_person_sees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None], chunk: int
) -> None:
    monkeypatch.setattr(xlsx_file, "ROWS_CELLS", chunk)
    write(tmp_path / "book.xlsx")
    table = XlsxTable(ListSource(path=tmp_path / "book.xlsx"))
    assert [cells[0] for _, cells in table.rows()] == [shown for _, _, shown in CORPUS]
    earlier = XlsxTable(ListSource(path=tmp_path / "book.xlsx", as_shown=False))
    assert [cells[0] for _, cells in earlier.rows()][:4] == ["1234500", "8712345678", "42", "0.5"]


def test_number_cells_have_the_decimal_mark_of_the_list(sheet_file: Callable[..., Path]) -> None:
    path = sheet_file([["amount"], [5.5], ["5,5"], [20]], lambda sheet: _format(sheet, "A4", "0.00"))
    table = XlsxTable(ListSource(path=path, decimal_mark=","))
    assert [cells[0] for _, cells in table.rows()] == ["5,5", "5,5", "20"]


def _format(sheet: Worksheet, cell: str, code: str) -> None:
    sheet[cell].number_format = code


def _hide(sheet: Worksheet) -> None:
    sheet.row_dimensions[3].hidden = True


def _group(sheet: Worksheet) -> None:
    sheet.row_dimensions.group(3, 3, hidden=True)


def _strike_cell(sheet: Worksheet) -> None:
    sheet["B3"].font = Font(strike=True)
    sheet["B2"].font = Font(bold=True)
    sheet["C4"].font = Font(strike=True)  # an empty cell


def _strike_part(sheet: Worksheet) -> None:
    sheet["A3"] = CellRichText(TextBlock(InlineFont(strike=True), "5"), " 10")
    sheet["A2"] = CellRichText(TextBlock(InlineFont(b=True), "5"), " strike")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_hide, Unseen.HIDDEN),
        (_group, Unseen.HIDDEN),
        (_strike_cell, Unseen.STRUCK),
        (_strike_part, Unseen.STRUCK),
    ],
)
def test_rows_that_a_person_does_not_see_are_known(
    sheet_file: Callable[..., Path], change: Callable[[Worksheet], None], why: Unseen
) -> None:
    path = sheet_file([["a", "b"], ["1", 1], ["2", 2], ["3", 3]], change)
    assert XlsxTable(ListSource(path=path)).unseen == {3: why}


def test_a_row_without_height_is_hidden(sheet_file: Callable[..., Path]) -> None:
    path = sheet_file([["a", "b"], ["1", 1], ["2", 2], ["3", 3]])
    path = _rewritten(path, '<row r="3"', '<row r="3" ht="0" customHeight="1"')
    assert XlsxTable(ListSource(path=path)).unseen == {3: Unseen.HIDDEN}


@pytest.mark.parametrize(
    "row",
    [
        '<row r="3" hidden="1"',
        '<row r="3" hidden = "true"',
        '<row r="3" hidden="&#49;"',
        "<row r='3' hidden='1'",
        '<row hidden="1" r="3"',
        '<row r="3"\nht="0" customHeight="1"',
        '<row r="3" ht=".0"',
        '<row r="3" ht="0.5" customHeight="1"',
    ],
)
def test_a_hidden_row_is_known_however_it_is_written(sheet_file: Callable[..., Path], row: str) -> None:
    path = _rewritten(sheet_file([["a"], ["x"], ["y"], ["z"]]), '<row r="3"', row)
    assert XlsxTable(ListSource(path=path)).unseen == {3: Unseen.HIDDEN}


@pytest.mark.parametrize("column", ['min="2" max="2" width="0.05"', "max='2' min='2' hidden = '1'"])
def test_a_hidden_column_is_known_however_it_is_written(sheet_file: Callable[..., Path], column: str) -> None:
    path = _rewritten(sheet_file([["a", "b"], ["x", "y"]]), "<sheetData>", f"<cols><col {column}/></cols><sheetData>")
    assert XlsxTable(ListSource(path=path)).hidden_columns == (1,)


@pytest.mark.parametrize("style", ["\ns='1'", ' s = "1"', ' s="&#49;"'])
def test_a_style_is_known_however_it_is_written(sheet_file: Callable[..., Path], style: str) -> None:
    path = sheet_file([["a"], [7]], lambda sheet: _format(sheet, "A2", "000"))
    path = _rewritten(path, ' s="1"', style)
    assert list(XlsxTable(ListSource(path=path)).rows()) == [(2, ["007"])]


def _merged(path: Path, *ranges: str) -> Path:
    """Merge cells that keep their values, as programs other than openpyxl do."""
    cells = "".join(f'<mergeCell ref="{each}"/>' for each in ranges)
    return _rewritten(path, "</sheetData>", f"</sheetData><mergeCells>{cells}</mergeCells>")


def test_a_value_under_merged_cells_is_refused_by_every_field(sheet_file: Callable[..., Path]) -> None:
    rows = [["", "a", "b"], ["", 5, "x"], ["", 6, "y"], ["", 7, "z"], ["", "", 8]]
    table = XlsxTable(ListSource(path=_merged(sheet_file(rows), "B2:B3", "B4:C5")))
    cells = [["5", "x"], ['=MERGED("6")', "y"], ["7", '=MERGED("z")'], ["", '=MERGED("8")']]
    assert [cells for _, cells in table.rows()] == cells
    layout = Layout(name="pay.xlsx", width=2, nameless=(), wanted=(0, 1))
    frames = pl.concat(table.frames(layout))
    assert [list(row) for row in frames.select("0", "1").iter_rows()] == cells
    for field in FIELDS:
        problem = normaliser_of(field, Formats()).cell('=MERGED("6")')
        assert isinstance(problem, CellProblem)
        assert problem.message.startswith('The cell has "6" under merged cells')
    table.ignore_formats()
    assert [cells for _, cells in table.rows()] == [["5", "x"], ["6", "y"], ["7", "z"], ["", "8"]]


def test_merged_cells_that_overlap_are_refused(sheet_file: Callable[..., Path]) -> None:
    path = _merged(sheet_file([["a", "b"], [1, 2], [3, 4]]), "A2:B1048576", "A2:XFD3")
    with pytest.raises(ListError, match=r"\.xlsx has merged cells that overlap\. Open it"):
        XlsxTable(ListSource(path=path))


def test_rows_that_a_filter_of_the_workbook_hides_are_known(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        struck = book.add_format({"font_strikeout": True})
        for row, cells in enumerate([["state", "n"], ["paid", 1], ["rejected", 2], ["paid", 3]]):
            sheet.write_row(row, 0, cells)
        sheet.autofilter(0, 0, 3, 1)
        sheet.filter_column(0, "x == paid")
        sheet.set_row(2, options={"hidden": True})
        sheet.write_rich_string(3, 0, struck, "old", " new")
        sheet.set_column(1, 1, None, None, {"hidden": True})
    table = XlsxTable(ListSource(path=path))
    assert table.unseen == {3: Unseen.HIDDEN, 4: Unseen.STRUCK}
    assert table.hidden_columns == (1,)


def test_an_ordinary_sheet_is_not_read_again(sheet_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = sheet_file([["a", "b"], ["1", 1], ["2", 2.5]])
    monkeypatch.setattr(xlsx_looks, "_from_bytes", None)
    monkeypatch.setattr(xlsx_looks, "_LookScanner", None)
    assert XlsxTable(ListSource(path=path)).unseen == {}


def test_formats_of_a_named_style_and_of_a_condition_are_no_formats_of_cells(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_column(0, 0, ["n", 5])
        rule = {"type": "cell", "criteria": ">", "value": 1, "format": book.add_format({"font_strikeout": True})}
        sheet.conditional_format("A2:A9", rule)
    table = XlsxTable(ListSource(path=path))
    assert (list(table.rows()), table.unseen) == ([(2, ["5"])], {})


def _rewritten(path: Path, pattern: str, text: str, part: str = SHEET) -> Path:
    """Return the workbook with a pattern of a part replaced."""
    target = path.with_name("rewritten.xlsx")
    with ZipFile(path) as old, ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == part:
                changed = re.sub(pattern, text, content.decode())
                assert changed != content.decode()
                content = changed.encode()
            new.writestr(name, content)
    return target


def _look(path: Path) -> Looks:
    with ZipFile(path) as archive:
        return read_looks(archive, "Sheet", {SHEET})


def _all_of(looks: Looks) -> tuple[Any, ...]:
    cells = looks.cells.sort("row", "column")
    return looks.hidden, looks.struck, looks.hidden_columns, cells.rows(), looks.formats


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r'<c r="[A-Z]+[0-9]+"', "<c"),  # cells without a position
        (r'<c r="([A-Z]+[0-9]+)" s="(\d+)"', r'<c s="\2" r="\1"'),
        (r'<c r="([A-Z]+[0-9]+)" s="(\d+)"', r"<c r='\1' s='\2'"),
        (r'<c r="([A-Z]+[0-9]+)" s="(\d+)"', """<c  r="\\1" s='\\2'"""),
        (r"<(/?)(c|v|row|cols|col|sheetData|worksheet)\b", r"<\1x:\2"),
    ],
)
def test_any_way_to_write_a_sheet_gives_the_same(sheet_file: Callable[..., Path], pattern: str, text: str) -> None:
    def change(sheet: Worksheet) -> None:
        for cell in ("A2", "B2", "A3", "B4"):
            sheet[cell].number_format = "0.00"
        sheet["A4"].font = Font(strike=True)
        sheet["B1"].number_format = "0"
        sheet["A1"].number_format = "0"
        sheet["B3"].number_format = "000"
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions["B"].hidden = True

    path = sheet_file([["a", "b"], [1, 2], [3, 4], [5, 6]], change)
    expected = _all_of(_look(path))
    assert expected[0] == {3}
    assert len(expected[3]) == 7
    rewritten = _rewritten(path, pattern, text)
    if "x:" in text:
        rewritten = _rewritten(path, pattern, text)
        rewritten = _rewritten(rewritten.rename(path), r"xmlns=", "xmlns:x=")
    assert _all_of(_look(rewritten)) == expected


@given(
    rows=st.lists(
        st.lists(
            st.tuples(
                st.sampled_from([1, 2.5, "x", None, "a<b"]), st.sampled_from(["General", "0.00", "000", "strike"])
            ),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=6,
    ),
    hidden=st.sets(st.integers(1, 6)),
    cut=st.integers(1, 300),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_bytes_and_elements_give_the_same(
    sheet_file: Callable[..., Path],
    rows: list[list[tuple[object, str]]],
    hidden: set[int],
    cut: int,
) -> None:
    def change(sheet: Worksheet) -> None:
        for number, row in enumerate(rows, start=1):
            for column, (_, form) in enumerate(row, start=1):
                if form == "strike":
                    sheet.cell(number, column).font = Font(strike=True)
                else:
                    sheet.cell(number, column).number_format = form
        for number in hidden:
            sheet.row_dimensions[number].hidden = True

    path = sheet_file([[value for value, _ in row] for row in rows], change)
    with ZipFile(path) as archive:
        styles = read_styles(archive, "xl/styles.xml")
        xml = archive.read(SHEET)
    scanner = xlsx_looks._LookScanner(styles, frozenset())
    parse([xml], scanner.start, scanner.text, scanner.end)
    found = xlsx_looks._from_bytes(_cut(xml, cut), styles)
    assert found is not None
    assert _all_of(found) == _all_of(scanner.looks())


def _cut(xml: bytes, size: int) -> Iterator[bytes]:
    return (xml[start : start + size] for start in range(0, len(xml), size))


def test_columns_and_rows_have_the_same_cells(sheet_file: Callable[..., Path]) -> None:
    def change(sheet: Worksheet) -> None:
        for number in range(2, 40):
            _format(sheet, f"C{number}", "0000")

    path = sheet_file([[None, "a", "b"], *([None, "x", number] for number in range(2, 40))], change)
    table = XlsxTable(ListSource(path=path))
    layout = Layout(name="pay.xlsx", width=2, nameless=(), wanted=(1,))
    frames = pl.concat(table.frames(layout))
    assert (
        frames["1"].to_list() == [cells[1] for _, cells in table.rows()] == [f"{number:04}" for number in range(2, 40)]
    )
