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


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("pay.csv", b"", "pay.csv is empty. The first row must contain column names."),
        ("pay.xlsx", b"", "pay.xlsx is empty"),
        ("pay.xlsx", b"phone,amount\n+6595123100,5\n", "If it is a CSV file, rename it to .csv."),
        ("pay.xlsx", COMPOUND, "has a password or the old format XLS"),
        ("pay.xls", COMPOUND, "save it as XLSX, without a password."),
        ("pay.csv", COMPOUND, "has a password or the old format XLS"),
        ("pay.xls", b"<html><table><tr><td>phone</td></tr></table></html>", "is a web page or XML, not a list"),
        ("pay.csv", b"\xef\xbb\xbf\r\n <!DOCTYPE html>", "save it as XLSX or CSV."),
        ("pay.xlsx", b"<?xml version='1.0'?><Workbook/>", "is a web page or XML, not a list"),
        ("pay.csv", b"PK\x03\x04rest", "If it is an XLSX workbook, rename it to .xlsx"),
        ("pay.ods", b"PK\x03\x04rest", "save it as XLSX or CSV."),
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


def test_another_archive_is_no_workbook(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "pay.xlsx"
    with ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office/>")
    with pytest.raises(ListError, match=r"pay\.xlsx is not an XLSX workbook\. Open it .* and save it as XLSX"):
        read(path)


def test_options_for_the_other_format_are_an_error(read: Read, sheet_file: SheetFile) -> None:
    with pytest.raises(ListError, match=r"pay\.csv is a CSV file without sheets\. Remove --sheet"):
        read("phone\n+6595123100\n", sheet="Payroll")
    workbook = sheet_file([["phone"], ["+6595123100"]])
    with pytest.raises(ListError, match=r"pay\.xlsx is a workbook, .* Remove --encoding"):
        read(workbook, encoding="latin-1")
    with pytest.raises(ListError, match=r"pay\.xlsx is a workbook, .* Remove --delimiter"):
        read(workbook, delimiter=";")
