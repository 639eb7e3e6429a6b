"""Column names below titles: found in the one row that has them, never guessed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.errors import ListError, MappingError
from bulk_topup.intake import Formats, ListReader, ListSource, read_list
from bulk_topup.intake.header_row import find_header

HEADER = "phone,amount,reference"
ROWS = "+6591234567,5,a1\n+6591234568,7,a2\n"

#: Texts that no column is called.
TITLES = st.text(st.sampled_from("PQXZ 16,;"), max_size=6).map(lambda text: f"Q {text}")


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ListReader]:
    """Return a function that opens a list with a text as it is."""

    def open_(text: str, *, name: str = "list.csv", version: int | None = None, **source: Any) -> ListReader:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        formats = Formats() if version is None else Formats(version=version)
        return read_list(ListSource(path=path, **source), mapping={}, constants={}, formats=formats)

    return open_


def lines(reader: ListReader) -> list[int]:
    return [line for batch in reader.batches() for line in batch["line"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(titles=st.lists(st.one_of(st.just(""), TITLES), max_size=12), delimiter=st.sampled_from(",;\t|"))
def test_titles_above_the_header_change_no_row(
    read: Callable[..., ListReader], titles: list[str], delimiter: str
) -> None:
    text = "".join(f"{title}\n" for title in titles) + f"{HEADER}\n{ROWS}".replace(",", delimiter)
    reader = read(text)
    assert reader.columns == ("phone", "amount", "reference")
    assert lines(reader) == [len(titles) + 2, len(titles) + 3]
    assert list(reader.outside_rows.rows) == [line for line, title in enumerate(titles, start=1) if title.strip()]


def test_two_rows_that_could_be_the_header_are_refused(read: Callable[..., ListReader]) -> None:
    with pytest.raises(ListError, match=r"lines 1 and 3 could each have the column names.*--header-row 1 or .*row 3"):
        read(f"Reference,,\n\n{HEADER}\n{ROWS}")
    with pytest.raises(ListError, match=r"lines 2 and 3 could each"):
        read(f"Payroll\nTel,Amount\n{HEADER}\n{ROWS}")


def test_a_header_that_is_repeated_below_is_the_first_one(read: Callable[..., ListReader]) -> None:
    assert lines(read(f"{HEADER}\n{HEADER}\n{ROWS}")) == [2, 3, 4]


def test_a_given_row_is_the_header_whatever_is_above(read: Callable[..., ListReader]) -> None:
    reader = read(f'Reference,"unclosed\n+6591234569,1,a0\n{HEADER}\n{ROWS}', header_row=3)
    assert lines(reader) == [4, 5]
    assert list(reader.outside_rows.rows) == [1, 2]
    with pytest.raises(ListError, match=r"line 2 is empty\. Give the line of the column names with --header-row"):
        read(f"Payroll\n\n{HEADER}\n{ROWS}", header_row=2)


def test_a_row_above_the_header_that_may_be_a_person_is_refused(read: Callable[..., ListReader]) -> None:
    with pytest.raises(ListError, match=r"list.csv line 2 may be a row to pay, but the column names are below it"):
        read(f"Payroll\n+65 9123 4566,3,a0\n{HEADER}\n{ROWS}")
    assert lines(read(f"Payroll\nDate,2026-11-30\n{HEADER}\n{ROWS}")) == [4, 5]


def test_names_that_are_given_make_a_header(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"Payroll\nCel,Plata\n{ROWS}", encoding="utf-8")
    mapping = {"credit_party_identifier.mobile_number": "Cel", "amount": "Plata"}
    reader = read_list(ListSource(path=path), mapping=mapping, constants={}, formats=Formats())
    assert reader.columns == ("Cel", "Plata")


def test_no_row_with_known_names_is_told_with_the_option(read: Callable[..., ListReader]) -> None:
    with pytest.raises(MappingError, match=r"give the row that has them with --header-row N"):
        read("Payroll\nfoo,bar\n1,2\n")


def test_an_earlier_run_takes_the_first_row(read: Callable[..., ListReader]) -> None:
    with pytest.raises(MappingError):
        read(f"Payroll\n{HEADER}\n{ROWS}", version=3)
    assert lines(read(f"Reference,x,y\n{HEADER}\n{ROWS}", version=3)) == [2, 3, 4]


def test_titles_of_a_workbook_may_be_merged(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in (["Payroll, November"], [], ["Printed", "2026-11-30"], HEADER.split(","), ["+6591234567", 5, "a1"]):
        sheet.append(row)
    sheet.merge_cells("A1:C1")
    book.save(tmp_path / "list.xlsx")
    reader = read_list(ListSource(path=tmp_path / "list.xlsx"), mapping={}, constants={}, formats=Formats())
    assert lines(reader) == [5]
    assert reader.outside_rows.sentence() == "2 rows above the column names (rows 1, 3)"


@given(titles=st.lists(TITLES, max_size=5), rows=st.lists(TITLES, max_size=5))
def test_only_one_row_is_ever_the_header(titles: list[str], rows: list[str]) -> None:
    texts = [*titles, HEADER, *rows]
    found = find_header([(line, text.split(",")) for line, text in enumerate(texts, start=1)], None, {}, "list.csv")
    assert found == len(titles) + 1
