"""The file of a list's look-ups: complete or not there, private, and without formulas."""

import csv
import stat
from pathlib import Path

import openpyxl
import pytest

from bulk_topup.errors import InvalidInputError, ReportError
from bulk_topup.report.lookup_file import lookup_file

COLUMNS = ("=name", "phone", "lookup_candidates", "lookup_reason")
ROWS = (("=1+1", "+6595123402", "5.00 SGD", ""), ("<b>", "-1", "", "None.\x00"))


@pytest.mark.parametrize("name", ["out.csv", "OUT.CSV"])
def test_a_csv_file_has_no_formulas(name: str, tmp_path: Path) -> None:
    with lookup_file(tmp_path / name, COLUMNS, force=False) as write:
        for row in ROWS:
            write(row)
    with (tmp_path / name).open(encoding="utf-8-sig", newline="") as file:
        header, first, second = csv.reader(file)
    assert header == ["'=name", *COLUMNS[1:]]
    assert first == ["'=1+1", "'+6595123402", "5.00 SGD", ""]
    assert second[1] == "'-1"
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_workbook_has_texts_and_no_formulas(tmp_path: Path) -> None:
    with lookup_file(tmp_path / "out.xlsx", COLUMNS, force=False) as write:
        for row in ROWS:
            write(row)
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Look-ups"]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert cells[0] == list(COLUMNS)
    assert cells[1] == ["=1+1", "+6595123402", "5.00 SGD", None]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert stat.S_IMODE((tmp_path / "out.xlsx").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
def test_an_existing_file_is_replaced_only_on_purpose_and_an_error_changes_nothing(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text("mine")
    with pytest.raises(InvalidInputError, match="already exists"), lookup_file(file, COLUMNS, force=False):
        pytest.fail("the block was entered")
    with pytest.raises(ZeroDivisionError), lookup_file(file, COLUMNS, force=True) as write:
        write((*ROWS[0], str(1 / 0)))
    assert file.read_text() == "mine"
    with lookup_file(file, COLUMNS, force=True) as write:
        write(ROWS[0])
    assert file.read_bytes() != b"mine"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_that_another_process_writes_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    with pytest.raises(InvalidInputError, match="already exists"), lookup_file(file, COLUMNS, force=False):
        file.write_text("theirs")
    assert file.read_text() == "theirs"


def test_other_endings_too_many_columns_and_missing_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"must end in \.csv or \.xlsx"):
        lookup_file(tmp_path / "out.txt", COLUMNS, force=False).__enter__()
    with pytest.raises(InvalidInputError, match="Write a CSV file"):
        lookup_file(tmp_path / "out.xlsx", ["c"] * 16_385, force=False).__enter__()
    with pytest.raises(ReportError, match="Can't write"):
        lookup_file(tmp_path / "none/out.csv", COLUMNS, force=False).__enter__()
