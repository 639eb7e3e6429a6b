"""XLSX files: sheets, headers, and cells of every kind."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet
from xlsxwriter import Workbook as WriterBook  # type: ignore[import-untyped]

from bulk_topup.errors import ListError
from bulk_topup.intake.files.source import ListSource
from bulk_topup.intake.files.xlsx_file import XlsxTable

Read = Callable[..., list[dict[str, Any]]]
SheetFile = Callable[..., Path]

MOBILE = "credit_party_identifier.mobile_number"
ACCOUNT = "credit_party_identifier.account_number"


def _cells(rows: Iterable[dict[str, Any]]) -> list[list[str]]:
    return [json.loads(row["cells"]) for row in rows]


def _messages(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem["column"], problem["message"]) for problem in row["problems"]]


def _rewritten(path: Path, part: str, change: Callable[[str], str]) -> Path:
    """Return the workbook with another XML in one part, as programs write it differently."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part].decode()).encode()
    with ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _computed(path: Path) -> Path:
    """Return the workbook without the request to compute formulas, as spreadsheet programs save it."""
    return _rewritten(path, "xl/workbook.xml", lambda xml: re.sub(r"<calcPr[^>]*/>", '<calcPr calcId="191029"/>', xml))


def test_cells_of_every_kind_read_as_what_was_typed(read: Read, sheet_file: SheetFile) -> None:
    path = sheet_file(
        [
            ["phone", "amount", "account number", "due date", "note"],
            ["+6595123100", 12.5, 77001, date(2026, 11, 30), True],
            [" +65 9512 3101 ", 0.1, "0077001", "2026-11-30", False],
            ["+6595123102", 5, None, None, None],
        ]
    )
    rows = read(path)
    assert [row["problems"] for row in rows] == [[], [], []]
    assert [row["amount"] for row in rows] == ["12.5", "0.1", "5"]
    assert [row[ACCOUNT] for row in rows] == ["77001", "0077001", None]
    assert [row["statement_identifier.due_date"] for row in rows] == ["2026-11-30", "2026-11-30", None]
    assert _cells(rows) == [
        ["+6595123100", "12.5", "77001", "2026-11-30", "TRUE"],
        [" +65 9512 3101 ", "0.1", "0077001", "2026-11-30", "FALSE"],
        ["+6595123102", "5", "", "", ""],
    ]


def test_a_number_cell_keeps_its_digits_however_it_is_shown(read: Read, sheet_file: SheetFile) -> None:
    def show_as_scientific(sheet: Worksheet) -> None:
        sheet["A2"].number_format = "0.00E+00"

    path = sheet_file([["phone"], [6595123100]], show_as_scientific)
    with pytest.raises(ListError, match=r"Remove --encoding"):
        read(path, encoding="utf-8")
    assert _cells(read(path)) == [["6595123100"]]


@pytest.mark.parametrize("number", [1234567890123456, 2**53, 10**15, 0.1 + 0.2])
def test_a_number_that_may_have_lost_digits_is_refused(read: Read, sheet_file: SheetFile, number: float) -> None:
    def exactly(xml: str) -> str:
        return xml.replace("<v>77</v>", f"<v>{number!r}</v>")

    path = _rewritten(
        sheet_file([["phone", "account", "amount"], ["+6595123100", 77, 77]]), "xl/worksheets/sheet1.xml", exactly
    )
    [row] = read(path)
    assert (row[ACCOUNT], row["amount"]) == (None, None)
    assert [column for column, _ in _messages(row)] == ["amount", "account"]
    assert all("is in scientific notation" in message for _, message in _messages(row))


def test_lines_are_the_sheets_rows_and_blank_rows_are_skipped(read: Read, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for cell, value in {"C3": "phone", "D3": "note", "C5": "+6595123100", "D6": " ", "C9": "+6595123101"}.items():
        sheet[cell] = value
    book.save(tmp_path / "pay.xlsx")
    rows = read(tmp_path / "pay.xlsx")
    assert [(row["line"], row[MOBILE]) for row in rows] == [(5, "+6595123100"), (9, "+6595123101")]


def test_errors_of_formulas_are_refused_where_their_column_is_mapped(read: Read, sheet_file: SheetFile) -> None:
    rows = read(
        sheet_file([["phone", "amount", "note"], ["+6595123100", "#N/A", "#REF!"], ["+6595123101", 5, "#REF!"]])
    )
    assert _cells(rows) == [["+6595123100", "#N/A", "#REF!"], ["+6595123101", "5", "#REF!"]]
    [(column, message)] = _messages(rows[0])
    assert (column, message[:6], rows[0]["amount"]) == ("amount", '"#N/A"', None)
    assert rows[1]["problems"] == []


def test_a_formula_that_was_never_computed_is_refused_and_never_blank(read: Read, sheet_file: SheetFile) -> None:
    rows = read(
        sheet_file([["phone", "amount"], ["+6595123100", "=B9*2"], ["+6595123101", 5], [None, "=1"], [None, "=2"]])
    )
    assert [row["line"] for row in rows] == [2, 3, 4, 5]
    assert _cells(rows)[0] == ["+6595123100", "=B9*2"]
    [(column, message)] = _messages(rows[0])
    assert column == "amount"
    assert message.startswith('"=B9*2" is a formula without a value. Open the list in a')
    assert [row["amount"] for row in rows] == [None, "5", None, None]


def test_a_column_of_formulas_that_were_never_computed_is_not_overlooked(read: Read, sheet_file: SheetFile) -> None:
    with pytest.raises(ListError, match=r"pay\.xlsx row 2: column 1 has a value here, but no name"):
        read(sheet_file([[None, "phone", "amount"], ["=1", "+6595123100", 5]]))
    with pytest.raises(ListError, match=r"pay\.xlsx row 2: column 3 has a value here, but no name"):
        read(sheet_file([["phone", "amount"], ["+6595123100", 5, "=1"]]))


@pytest.mark.parametrize(
    ("cell", "value", "computed"),
    [
        ('<c r="A2"><f>1+1</f><v>2</v></c>', "2", True),
        ('<c r="A2" t="str"><f>"a"</f><v>a</v></c>', "a", True),
        ('<c r="A2" t="str"><f>""</f><v></v></c>', "", True),
        ('<c r="A2" t="b"><f>TRUE()</f><v>1</v></c>', "TRUE", True),
        ('<c r="A2" t="e"><f>NA()</f><v>#N/A</v></c>', "#N/A", True),
        ('<c r="A2"><f>1+1</f></c>', "=1+1", True),
        ('<c r="A2"><f>1+1</f><v></v></c>', "=1+1", True),
        ('<c><f t="shared" si="0"/></c>', "=", True),
        ('<c r="A2"><f t="shared" ref="A2:A9" si="0">B2</f><v/></c>', "=B2", True),
        ('<c r="A2"><f t="shared" si="0" /><v>7</v></c>', "7", True),
        ('<c r="A2"><f t="shared" si="0" />\n<v />\n</c>', "=", True),
        ('<c r="A2"><f>1+1</f><v>0</v></c>', "=1+1", False),
        ('<c r="A2"><f>1+1</f><v>2</v></c>', "=1+1", False),
        ('<c r="A2" t="e"><v>#REF!</v></c>', "#REF!", False),
    ],
)
def test_values_of_formulas_are_those_that_a_spreadsheet_program_computed(
    read: Read, sheet_file: SheetFile, cell: str, value: str, *, computed: bool
) -> None:
    path = sheet_file([["note", "phone"], ["here", "+6595123100"]])
    path = _rewritten(path, "xl/worksheets/sheet1.xml", lambda xml: re.sub(r'<c r="A2".*?</c>', cell, xml))
    path = _computed(path) if computed else path
    assert _cells(read(path)) == [[value, "+6595123100"]]


def test_a_value_that_a_program_made_up_for_its_formula_is_refused(read: Read, tmp_path: Path) -> None:
    with WriterBook(str(tmp_path / "pay.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["phone", "account"])
        sheet.write_string(1, 0, "+6595123100")
        sheet.write_formula(1, 1, "=A2")
    [row] = read(tmp_path / "pay.xlsx")
    assert (row[ACCOUNT], len(row["problems"])) == (None, 1)


def test_cells_and_rows_that_do_not_tell_their_places_are_counted(read: Read, sheet_file: SheetFile) -> None:
    path = sheet_file([["phone", "amount"], ["+6595123100", "#N/A"], ["+6595123101", 5]])
    path = _rewritten(path, "xl/worksheets/sheet1.xml", lambda xml: re.sub(r' r="[A-Z]*[0-9]+"', "", xml))
    assert _cells(read(path)) == [["+6595123100", "#N/A"], ["+6595123101", "5"]]


def test_elements_with_a_prefix_are_understood(read: Read, sheet_file: SheetFile) -> None:
    def prefixed(xml: str) -> str:
        return re.sub(r"(</?)(?=[a-zA-Z])", r"\1x:", xml).replace("xmlns=", "xmlns:x=")

    path = sheet_file([["phone", "amount"], ["+6595123100", "=1+1"]])
    path = _rewritten(_rewritten(path, "xl/worksheets/sheet1.xml", prefixed), "xl/workbook.xml", prefixed)
    assert _cells(read(path)) == [["+6595123100", "=1+1"]]


def test_a_workbook_that_is_gone_when_it_is_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(ListError, match=r"Can't read .*gone\.xlsx: No such file or directory\."):
        XlsxTable(ListSource(path=tmp_path / "gone.xlsx"))


@pytest.fixture
def several(tmp_path: Path) -> Path:
    book = Workbook()
    for name, number in (("October", "+6595123100"), ("November", "+6595123101"), ("Empty", None)):
        sheet = book.create_sheet(name)
        if number:
            sheet.append(["phone"])
            sheet.append([number])
    path = tmp_path / "pay.xlsx"
    book.save(path)
    return path


def test_a_named_sheet_is_taken(read: Read, several: Path) -> None:
    assert [row[MOBILE] for row in read(several, sheet="November")] == ["+6595123101"]


def test_several_sheets_with_cells_are_told_and_asked_for(read: Read, several: Path) -> None:
    with pytest.raises(
        ListError, match=r'several sheets with cells: "October", "November"\. Choose the list with --sheet'
    ):
        read(several)


def test_a_sheet_that_is_not_there_is_told_with_those_that_are(read: Read, several: Path) -> None:
    with pytest.raises(ListError, match=r'no sheet "Nov"\. Sheets: "Sheet", "October", "November", "Empty"\.'):
        read(several, sheet="Nov")


def test_an_empty_sheet_is_told(read: Read, several: Path, sheet_file: SheetFile) -> None:
    with pytest.raises(ListError, match=r'pay\.xlsx, sheet "Empty", has no cells'):
        read(several, sheet="Empty")
    with pytest.raises(ListError, match=r"pay\.xlsx has no sheet with cells"):
        read(sheet_file([]))


def test_the_only_sheet_with_cells_is_taken_and_hidden_ones_do_not_count(read: Read, sheet_file: SheetFile) -> None:
    def add_hidden(sheet: Worksheet) -> None:
        assert sheet.parent is not None
        sheet.parent.create_sheet("Choices", 0).append(["PREPAID"])
        sheet.parent["Choices"].sheet_state = "hidden"
        sheet.parent.create_sheet("Empty")

    assert len(read(sheet_file([["phone"], ["+6595123100"]], add_hidden))) == 1


@pytest.mark.parametrize(("merged", "row"), [("A1:B1", 1), ("A1:A2", 1), ("B1:B3", 1)])
def test_a_header_with_merged_cells_is_told(read: Read, sheet_file: SheetFile, merged: str, row: int) -> None:
    path = sheet_file([["phone", "amount"], ["+6595123100", 5]], lambda sheet: sheet.merge_cells(merged))
    with pytest.raises(
        ListError, match=rf'sheet "Sheet", row {row} has merged cells\. The first row must contain column names'
    ):
        read(path)


def test_merged_cells_below_the_header_are_no_matter(read: Read, sheet_file: SheetFile) -> None:
    rows = [["phone", "dept"], ["+6595123100", "Sales"], ["+6595123101", None]]
    assert len(read(sheet_file(rows, lambda sheet: sheet.merge_cells("B2:B3")))) == 2


def test_a_title_above_the_header_is_told(read: Read, sheet_file: SheetFile) -> None:
    with pytest.raises(ListError, match=r"row 2 has one cell over several columns\. .* Remove titles above it"):
        read(sheet_file([[], ["Payroll, November"], ["celular", "plata"], ["+6595123100", 5]]))


def test_a_sheet_may_have_one_column(read: Read, sheet_file: SheetFile) -> None:
    assert [row[MOBILE] for row in read(sheet_file([["phone"], ["+6595123100"]]))] == ["+6595123100"]
