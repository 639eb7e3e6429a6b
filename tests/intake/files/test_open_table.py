"""Files that do not match their names, and files that are not lists."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from bulk_topup.errors import ListError

Read = Callable[..., list[dict[str, Any]]]
SheetFile = Callable[..., Path]

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
OLD = COMPOUND + "Workbook".encode("utf-16-le")
ODS = "application/vnd.oasis.opendocument.spreadsheet"
LOCKED = COMPOUND + "EncryptedPackage".encode("utf-16-le")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("pay.csv", b"", "pay.csv is empty. The first row must contain column names."),
        ("pay.xlsx", b"", "pay.xlsx is empty"),
        ("pay.xlsx", b"phone,amount\n+6595123100,5\n", "If it is a CSV file, rename it to pay.csv."),
        ("pay.xlsx", COMPOUND, "is an old Office document"),
        ("pay.xlsx", LOCKED, "is a workbook with a password, not a list that can be read. Open it with its password"),
        ("pay.csv", LOCKED, "is a workbook with a password"),
        ("pay.xls", OLD, "is a workbook in the old format XLS, not a list that can be read. Open it in a spreadsheet"),
        ("pay.xlsx", OLD, "is a workbook in the old format XLS"),
        ("pay.csv", COMPOUND + "WordDocument".encode("utf-16-le"), "is a Word document"),
        ("pay.xls", b"<html><table><tr><td>phone</td></tr></table></html>", "is a web page with a table, not a list"),
        ("pay.csv", b"\xef\xbb\xbf\r\n <!DOCTYPE html><p>Log in", "is a web page without a table, such as a login"),
        ("pay.csv", "<table><tr>".encode("utf-16"), "is a web page with a table"),
        (
            "pay.xls",
            b"<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'/>",
            "is a workbook in the XML format of Excel 2003, not a list that can be read. Open it in a spreadsheet",
        ),
        ("pay.fods", b"<?xml?><office:document xmlns:office='urn:oasis:opendocument'/>", "in one XML file"),
        ("pay.xlsx", b"<?xml version='1.0'?><pay/>", "is XML, not a list that can be read. Export the list"),
        ("pay.csv", b'[\n {"phone": "+6595123100"}]', "is JSON, not a list that can be read. Export the list as CSV."),
        ("pay.csv", b"\x1f\x8b\x08rest", "is a file compressed with gzip, not a list that can be read. Unpack it"),
        ("pay.xlsx", b"%PDF-1.7", "is a PDF document, not a list that can be read. Ask for the list as XLSX or CSV."),
        ("pay.csv", b"PAR1\x15\x04", "is a Parquet file"),
        ("pay.csv", "phone\n".encode("utf-16-le"), "--encoding utf-16-le"),
        ("pay.csv", "phone\n".encode("utf-16-be"), "--encoding utf-16-be"),
        ("pay.csv", "phone\n".encode("utf-32"), "--encoding utf-32"),
        ("pay.xlsx", b"PK\x03\x04rest", "is incomplete or damaged. Download it again"),
    ],
)
def test_a_file_that_is_not_a_list_is_an_error_with_a_fix(
    read: Read, tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ListError) as caught:
        read(path)
    assert expected in str(caught.value)


def test_a_missing_file_is_an_error(read: Read, tmp_path: Path) -> None:
    with pytest.raises(ListError, match=r"Can't read .*none\.csv: No such file or directory\."):
        read(tmp_path / "none.csv")


def test_a_folder_and_a_pipe_are_no_lists(read: Read, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(ListError, match=r"is not a file\. Choose a CSV or XLSX file"):
            read(path)


@pytest.mark.parametrize("size", [0.2, 0.6, 0.9, 0.99])
def test_a_truncated_workbook_is_an_error(read: Read, sheet_file: SheetFile, size: float) -> None:
    path = sheet_file([["phone"], ["+6595123100"]])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * size)])
    with pytest.raises(ListError, match=r"is incomplete or damaged\. Download it again"):
        read(path)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml"])
@pytest.mark.parametrize("content", [b"", b"<worksheet><sheetData>"])
def test_a_workbook_with_a_damaged_part_is_an_error(
    read: Read, sheet_file: SheetFile, tmp_path: Path, part: str, content: bytes
) -> None:
    damaged = tmp_path / "damaged.xlsx"
    with ZipFile(sheet_file([["phone"], ["=1"], ["+6595123100"]])) as whole, ZipFile(damaged, "w") as copy:
        for name in whole.namelist():
            copy.writestr(name, content if name == part else whole.read(name))
    with pytest.raises(ListError):
        read(damaged)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"mimetype": ODS},
            "is an OpenDocument spreadsheet (ODS), not a list that can be read. Open it in a spreadsheet",
        ),
        ({"xl/workbook.bin": ""}, "is a binary workbook (XLSB), not a list that can be read. Open it in a spreadsheet"),
        ({"word/document.xml": ""}, "is a Word document"),
        ({"Index/Document.iwa": ""}, "In Numbers, choose File > Export To > Excel"),
        (
            {"pay.csv": "phone"},
            "is an archive (ZIP), not a list that can be read. Unpack it, and choose the list in it.",
        ),
    ],
)
@pytest.mark.parametrize("name", ["pay.xlsx", "pay.csv"])
def test_another_archive_is_no_workbook(
    read: Read, tmp_path: Path, name: str, parts: dict[str, str], expected: str
) -> None:
    path = tmp_path / name
    with ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    with pytest.raises(ListError) as caught:
        read(path)
    assert expected in str(caught.value)


def test_the_fix_for_a_workbook_with_another_name_works(read: Read, sheet_file: SheetFile, tmp_path: Path) -> None:
    path = sheet_file([["phone"], ["+6595123100"]]).rename(tmp_path / "pay.csv")
    with pytest.raises(ListError, match=r"is an XLSX workbook, despite its name\. Rename it to pay\.xlsx\."):
        read(path)
    assert len(read(path.rename(tmp_path / "pay.xlsx"))) == 1


def test_options_for_the_other_format_are_an_error(read: Read, sheet_file: SheetFile) -> None:
    with pytest.raises(ListError, match=r"pay\.csv is a CSV file without sheets\. Remove --sheet"):
        read("phone\n+6595123100\n", sheet="Payroll")
    workbook = sheet_file([["phone"], ["+6595123100"]])
    with pytest.raises(ListError, match=r"pay\.xlsx is a workbook, .* Remove --encoding"):
        read(workbook, encoding="latin-1")
    with pytest.raises(ListError, match=r"pay\.xlsx is a workbook, .* Remove --delimiter"):
        read(workbook, delimiter=";")
