"""CSV files: encodings, delimiters, quotes, physical lines, and files that are not CSV."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.errors import ListError
from bulk_topup.intake.files.csv_file import CsvTable
from bulk_topup.intake.files.encodings import CHUNK_BYTES
from bulk_topup.intake.files.source import ListSource
from bulk_topup.security.formulas import FORMULA_STARTS, csv_text

Read = Callable[..., list[dict[str, Any]]]

MOBILE = "credit_party_identifier.mobile_number"
NAME = "sender.first_name"
ONE_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
HEADER = "phone,sender first name\r\n"


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}+6595123100,Renée\r\n".encode(),
        f"\ufeff{HEADER}+6595123100,Renée\r\n".encode(),
        f"{HEADER}+6595123100,Renée".encode("utf-16"),
        f"\ufeff{HEADER}+6595123100,Renée\n".encode("utf-16-be"),
        '\ufeff"phone","sender first name"\r+6595123100,Renée\r'.encode(),
    ],
)
def test_utf8_and_utf16_are_read_with_and_without_a_mark(read: Read, content: bytes) -> None:
    [row] = read(content)
    assert (row["line"], row[MOBILE], row[NAME], row["problems"]) == (2, "+6595123100", "Renée", [])


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "utf-8-sig", "UTF8"])
def test_a_given_encoding_is_used(read: Read, encoding: str) -> None:
    [row] = read(f"{HEADER}+6595123100,Renée\r\n".encode(encoding), encoding=encoding)
    assert row[NAME] == "Renée"


@pytest.mark.parametrize("rows_before", [0, 3, 50_000])
def test_an_invalid_byte_is_an_error_with_its_line_and_the_fix(read: Read, rows_before: int) -> None:
    content = HEADER.encode() + b"+6595123100,Ad\xc3\xa0\r\n" * rows_before + b"+6595123101,Ren\xe9e\r\n"
    assert rows_before < 50_000 or len(content) > CHUNK_BYTES
    with pytest.raises(ListError) as caught:
        read(content)
    assert str(caught.value) == (
        f"pay.csv line {rows_before + 2}: byte 0xE9 is not utf-8. "
        "Add the list's encoding, e.g. --encoding cp1252, or save it as UTF-8."
    )


def test_a_file_that_ends_inside_a_character_is_an_error(read: Read) -> None:
    with pytest.raises(ListError, match="line 2: byte 0xC3 is not utf-8"):
        read(f"{HEADER}+6595123100,René".encode()[:-1])
    with pytest.raises(ListError, match="line 2: byte 0x41 is not utf-16"):
        read(f"{HEADER}x,".encode("utf-16") + b"A")


@pytest.mark.parametrize("encoding", ["utf-9", "rot13", "base64", "locale\0"])
def test_an_unknown_encoding_is_an_error(read: Read, encoding: str) -> None:
    with pytest.raises(ListError, match=r"is not a text encoding\. Choose another, e.g. --encoding"):
        read(HEADER, encoding=encoding)


def test_a_nul_is_an_error_with_its_line(read: Read) -> None:
    with pytest.raises(ListError, match=r"pay.csv line 3: it has a NUL character, .* e\.g\. --encoding utf-16-le"):
        read(f"{HEADER}+6595123100,Ada\n+6595123101,A\0da\n")
    with pytest.raises(ListError, match=r"line 1: it has a NUL character"):
        read(HEADER.encode("utf-16-le"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_in_the_header(read: Read, delimiter: str) -> None:
    [row] = read(f"phone{delimiter}amount\n+6595123100{delimiter}5\n")
    assert (row[MOBILE], row["amount"]) == ("+6595123100", "5")


def test_delimiters_inside_of_quoted_names_are_not_counted(read: Read) -> None:
    [row] = read('"name, first\nand last";phone\n"Holt, Ada";+6595123100\n')
    assert (row[MOBILE], row["line"]) == ("+6595123100", 3)


def test_a_given_delimiter_is_used_whatever_the_header_has(read: Read) -> None:
    [row] = read("phone;note, if any\n+6595123100;1,2\n", delimiter=";")
    assert json.loads(row["cells"]) == ["+6595123100", "1,2"]


def test_a_header_with_two_delimiters_is_an_error(read: Read) -> None:
    with pytest.raises(ListError, match=r"has several delimiters: comma and semicolon\. Choose one with --delimiter"):
        read("phone;note, if any\n+6595123100;1,2\n")


def test_a_list_may_have_one_column(read: Read) -> None:
    assert [row[MOBILE] for row in read("phone\n+6595123100\n\n+6595123101")] == ["+6595123100", "+6595123101"]


def test_lines_are_physical_ones_whatever_is_between_them(read: Read) -> None:
    rows = read(
        "\r\n"
        '"phone","sender first\r\nname"\r\n'
        "+6595123100,Ada\r\n"
        "\r\n"
        " , \r\n"
        '+6595123101,"Ada ""the\r\nfirst"""\r\n'
        "+6595123102,Bram"
    )
    assert [(row["line"], row[MOBILE][-3:]) for row in rows] == [(4, "100"), (7, "101"), (9, "102")]
    assert json.loads(rows[1]["cells"])[1] == 'Ada "the\r\nfirst"'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@ONE_FILE
@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0'\ufeff"), max_size=8), min_size=2, max_size=2
        ),
        max_size=8,
    )
)
def test_rows_of_a_csv_writer_are_read_back_with_their_lines(tmp_path: Path, end: str, rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    expected = []
    writer = csv.writer(written, lineterminator=end, quoting=csv.QUOTE_ALL)
    for row in [["phone", "note"], *rows]:
        text = written.getvalue().replace("\r\n", "\n").replace("\r", "\n")
        expected.append((text.count("\n") + 1, row))
        writer.writerow(row)
    path = tmp_path / "written.csv"
    path.write_bytes(written.getvalue().encode())
    assert list(CsvTable(ListSource(path=path)).rows()) == expected[1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f'{HEADER}+6595123100,Ada\n+6595123101,"Bram\n+6595123102,Chidi\n',
            "line 3: a quote in the record that starts here is never closed",
        ),
        (f'{HEADER}+6595123100,"{"x" * 200_000}\n', r"line 2: a cell of the record .* more than 131,072 characters"),
        (
            f'{HEADER}+6595123100,Ada\n+6595123101,"Ada" Holt\n',
            "line 3: the record that starts here has misplaced quotes",
        ),
    ],
)
def test_misplaced_quotes_are_an_error_with_their_line(read: Read, text: str, expected: str) -> None:
    with pytest.raises(ListError, match=expected):
        read(text)


def test_a_space_before_a_quote_does_not_hide_the_quote(read: Read) -> None:
    [row] = read('phone, note, amount\n+6595123100, "a, b", 5\n')
    assert (json.loads(row["cells"]), row["amount"]) == (["+6595123100", "a, b", "5"], "5")


@given(
    text=st.sampled_from(["", *sorted(FORMULA_STARTS), "'", "''"]).flatmap(lambda start: st.text().map(start.__add__))
)
@ONE_FILE
def test_a_cell_that_a_report_guarded_is_read_back_unchanged(tmp_path: Path, text: str) -> None:
    if "\0" in text or (text[:1] == "'" and text[1:2] in FORMULA_STARTS):
        return
    path = tmp_path / "not-completed.csv"
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["phone", csv_text("+note")], ["1", csv_text(text)]])
    table = CsvTable(ListSource(path=path))
    assert table.header == ["phone", "+note"]
    assert list(table.rows()) == [(2, ["1", text.encode("utf-8", "replace").decode()])]


def test_an_apostrophe_without_a_formula_is_unchanged(read: Read) -> None:
    [row] = read(f"{HEADER}'+6595123100,O'Brien\n")
    assert (row[MOBILE], row[NAME]) == ("+6595123100", "O'Brien")


def test_a_list_that_changes_while_being_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "pay.csv"
    path.write_text("phone,amount\n+6595123100,5\n", encoding="utf-8")
    table = CsvTable(ListSource(path=path))
    path.write_text("amount,phone\n5,+6595123100\n", encoding="utf-8")
    with pytest.raises(ListError, match=r"pay\.csv changed while being read\. Run again once it is complete"):
        list(table.rows())
    path.write_bytes(b"phone,amount\n+6595123100,\xe9\n")
    with pytest.raises(ListError, match=r"pay\.csv changed while being read\. Run again once it is complete"):
        list(table.rows())
    path.unlink()
    with pytest.raises(ListError, match=r"Can't read .*pay\.csv: No such file or directory\."):
        list(table.rows())


@pytest.mark.parametrize("text", ["\n\n", " ,\n,\n", "\ufeff"])
def test_a_list_of_blanks_has_no_header(read: Read, text: str) -> None:
    with pytest.raises(ListError, match=r"has no cells\. The first row must contain column names"):
        read(text)
