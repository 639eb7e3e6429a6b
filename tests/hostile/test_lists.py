"""Lists that are broken or made to do harm: one error with its position and its fix, quickly and in little memory."""

import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from bulk_topup.errors import BulkTopupError, ListError, MappingError
from bulk_topup.intake import Formats, ListSource, read_list
from bulk_topup.intake.files.encodings import MAX_ROW_CHARACTERS

#: Memory that a reader may use in addition to what it starts with; bombs need gigabytes.
MEMORY = 1_500_000_000

TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATION = '<Relationship Id="{}" Type="' + RELATIONS + '/{}" Target="{}"/>'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET, STRINGS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"


def _relations(*each: tuple[str, str, str]) -> str:
    inner = "".join(RELATION.format(*one) for one in each)
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'
    )


def _sheet(rows: str) -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


HEADER = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
ROW = '<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><v>5</v></c></row>'
PARTS = {
    "[Content_Types].xml": TYPES,
    "_rels/.rels": _relations(("rId1", "officeDocument", "xl/workbook.xml")),
    BOOK: f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">'
    '<sheets><sheet name="Pay" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": _relations(
        ("rId1", "worksheet", "worksheets/sheet1.xml"), ("rId2", "sharedStrings", "sharedStrings.xml")
    ),
    SHEET: _sheet(HEADER + ROW),
    STRINGS: f'<sst xmlns="{MAIN}"><si><t>phone</t></si><si><t>amount</t></si><si><t>+6595123100</t></si></sst>',
}


def _book(**changes: str | bytes | None) -> bytes:
    """Return a workbook of one row, with changed parts by the last words of their names."""
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, content in PARTS.items():
            changed = changes.get(re.split(r"[./]", name)[-2] or "rels", content)
            if changed is not None:
                archive.writestr(name, changed)
    return out.getvalue()


def _cells(*cells: str) -> bytes:
    return _book(sheet1=_sheet(HEADER + "".join(cells)))


def _shared_text_bomb(cell: str = '<c r="A{}" t="s"><v>3</v></c>', text: str = "<si><t>{}</t></si></sst>") -> bytes:
    text = text.format(os.urandom(16_000).hex())
    rows = "".join(f'<row r="{row}">{cell.format(row)}</row>' for row in range(3, 40_003))
    return _book(sheet1=_sheet(HEADER + rows), sharedStrings=PARTS[STRINGS].replace("</sst>", text))


def _archive_with_wrong_size(size: bytes) -> bytes:
    """Return a workbook whose archive has a wrong, smaller size for its sheet."""
    book = _book(sheet1=_sheet(HEADER + ROW) + "<!-- -->" + " " * 30_000_000)
    for mark, offset, name_at in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        for position in [match.start() for match in re.finditer(re.escape(mark), book)]:
            if book[position + name_at :].startswith(SHEET.encode()):
                book = book[: position + offset] + size + book[position + offset + 4 :]
    return book


def _locked() -> bytes:
    book = bytearray(_book())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for match in re.finditer(re.escape(mark), bytes(book)):
            book[match.start() + offset] |= 1
    return bytes(book)


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + level)} "{f"&{chr(97 + level)};" * 10}">' for level in range(20)
)

WORKBOOKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a sheet that unpacks to a thousand times its size": (
        lambda: _book(sheet1=_sheet(HEADER) + " " * 50_000_000),
        "has a part that unpacks to more than 200 times its size. Save the list as CSV",
    ),
    "texts that unpack to a thousand times their size": (
        lambda: _book(sharedStrings=PARTS[STRINGS] + "\n" * 50_000_000),
        "has a part that unpacks to more than 200 times its size. Save the list as CSV",
    ),
    "a part whose stated size is too small": (
        lambda: _archive_with_wrong_size(b"\x10\x27\0\0"),
        "is incomplete or damaged. Download it again",
    ),
    "a part whose stated size is too large": (
        lambda: _archive_with_wrong_size(b"\0\0\0\x01"),
        "is incomplete or damaged. Download it again",
    ),
    "two cells at opposite ends of a sheet": (
        lambda: _cells('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        "has more than 20,000,000 cells from .* Delete rows and columns beyond the list",
    ),
    "a cell beyond every sheet": (
        lambda: _cells('<row r="3"><c r="ZZZZZZZZ3"><v>1</v></c></row>'),
        'a cell with the invalid position "ZZZZZZZZ3". Open it in a spreadsheet program',
    ),
    "a row beyond every sheet": (
        lambda: _cells('<row r="4294967295"><c r="A4294967295"><v>1</v></c></row>'),
        'a cell with the invalid position "4294967295"',
    ),
    "a formula far beyond the list": (
        lambda: _cells('<row r="3"><c r="ZZZZZZZZ3"><f>1+1</f></c></row>'),
        'a cell with the invalid position "ZZZZZZZZ3"',
    ),
    "a far cell that is written unlike others": (
        lambda: _cells("<row r='1048576'><c s='1'\n r  =  'XFD1048576'><v>1</v></c></row>"),
        "has more than 20,000,000 cells from its first to its last one",
    ),
    "a far cell whose position an attribute hides": (
        lambda: _cells("<row r='1048576'><c x=' r=\"A1\"' r='XFD1048576'><v>1</v></c></row>"),
        "has more than 20,000,000 cells from its first to its last one",
    ),
    "a position that is written with references": (
        lambda: _cells('<row r="3"><c r="&#88;FD1048576"><v>1</v></c></row>'),
        "has more than 20,000,000 cells from its first to its last one",
    ),
    "more columns than a list can have": (
        lambda: _book(sheet1=_sheet('<row r="1">' + '<c t="str"><v>x</v></c>' * 100_000 + "</row>")),
        r"row 1: the header has 100,000 columns, more than 1,000. Remove",
    ),
    "one long text in ten thousands of cells": (
        _shared_text_bomb,
        "has more than 512 MiB of text in its cells. Split",
    ),
    "the same, written unlike others": (
        lambda: _shared_text_bomb("<c t='s' r='A{}'><v > 3 </v ></c>"),
        "has more than 512 MiB of text in its cells. Split",
    ),
    "the same, with tags that end in spaces": (
        lambda: _shared_text_bomb(text="<si ><t>{}</t></si ></sst>"),
        "has more than 512 MiB of text in its cells. Split",
    ),
    "a billion laughs": (
        lambda: _book(sharedStrings=LAUGHS + "]>" + PARTS[STRINGS].replace("+6595123100", "&u;")),
        "has XML with a document type, which workbooks never have",
    ),
    "an entity that names a file": (
        lambda: _book(
            sharedStrings='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            + PARTS[STRINGS].replace("+6595123100", "&a;")
        ),
        "has XML with a document type, which workbooks never have",
    ),
    "a document type far inside": (
        lambda: _book(sheet1=" " * 1_048_570 + "<!DOCTYPE x>" + PARTS[SHEET]),
        "has XML with a document type, which workbooks never have",
    ),
    "no sheet": (lambda: _book(sheet1=None), "is incomplete or damaged. Download it again"),
    "no workbook part": (lambda: _book(workbook=None), "has no sheet with cells"),
    "no content types": (lambda: _book(**{"[Content_Types]": None}), "is not an XLSX workbook. Open it"),
    "XML that is cut off": (lambda: _book(sheet1=PARTS[SHEET][:-60]), "is incomplete or damaged. Download it again"),
    "a cell of an unknown type": (
        lambda: _cells('<row r="2"><c r="A2" t="zz"><v>5</v></c></row>'),
        "is incomplete or damaged. Download it again",
    ),
    "a sheet outside of the archive": (
        lambda: _book(rels=_relations(("rId1", "worksheet", "../../../../etc/passwd"))),
        "is incomplete or damaged. Download it again",
    ),
    "half an archive": (lambda: _book()[:900], "is incomplete or damaged. Download it again"),
    "parts with a password": (_locked, "is protected by a password. Save it without one"),
    "a workbook with a password": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 9000,
        "is an old Office document",
    ),
    "an archive in an archive": (lambda: _zip({"pay.xlsx": _book()}), "is an archive .ZIP., not a list"),
    "more parts than any workbook has": (
        lambda: _zip({"[Content_Types].xml": b"", **{f"{number}": b"" for number in range(10_000)}}),
        "has more than 10,000 parts, which workbooks never have",
    ),
    "a CSV file": (lambda: b"phone,amount\n+6595123100,5\n", "is not an XLSX workbook, despite its name"),
    "a web page": (lambda: b"<html><table><tr><td>phone", "is a web page with a table, not a list"),
    "nothing": (lambda: b"", "is empty. The first row must contain column names"),
    "merged cells over the whole sheet": (
        lambda: _book(
            sheet1=PARTS[SHEET].replace(
                "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
            )
        ),
        "row 1 has merged cells",
    ),
}


def _zip(parts: dict[str, bytes]) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that reads a list to its end with little memory."""
    before = resource.getrlimit(resource.RLIMIT_AS)

    def read_(content: bytes | Path, name: str = "pay.csv", **options: Any) -> list[dict[str, Any]]:
        path = content if isinstance(content, Path) else tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
        try:
            reader = read_list(ListSource(path=path, **options), mapping={}, constants={}, formats=Formats())
            return [row for frame in reader.batches() for row in frame.iter_rows(named=True)]
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    return read_


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_hostile_workbook_is_refused_with_one_message(read: Callable[..., Any], name: str) -> None:
    make, message = WORKBOOKS[name]
    with pytest.raises(ListError, match=r"^pay\.xlsx.*" + message) as caught:
        read(make(), "pay.xlsx")
    assert len(str(caught.value)) < 400


def test_the_workbook_that_the_hostile_ones_are_made_of_is_valid(read: Callable[..., Any]) -> None:
    [row] = read(_book(), "pay.xlsx")
    assert (row["credit_party_identifier.mobile_number"], row["amount"]) == ("+6595123100", "5")


@pytest.mark.parametrize(
    ("cell", "type_"),
    [
        ("NaN", "n"),
        ("INF", "n"),
        ("1e400", "n"),
        ("-0", "n"),
        ("#REF!", "e"),
        ("1", "b"),
        ("2026-11-30T00:00:00", "d"),
        ("6.595123001E9", "str"),
        ("=1+1", "str"),
    ],
)
def test_a_cell_that_is_no_amount_refuses_its_row(read: Callable[..., Any], cell: str, type_: str) -> None:
    row = f'<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" t="{type_}"><v>{cell}</v></c></row>'
    [row] = read(_cells(row), "pay.xlsx")
    assert row["amount"] is None
    assert [problem["column"] for problem in row["problems"]] == ["amount"]


def test_a_formula_without_a_computed_value_refuses_its_row(read: Callable[..., Any]) -> None:
    [row] = read(_cells('<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><f>2+3</f></c></row>'), "pay.xlsx")
    assert row["amount"] is None
    assert "is a formula" in row["problems"][0]["message"]


def test_deep_xml_is_read_and_hidden_rows_count_as_rows(read: Callable[..., Any]) -> None:
    hidden = ROW.replace('r="2"', 'r="2" hidden="1"')
    sheet = _sheet(HEADER + hidden).replace("</sheetData>", "</sheetData>" + "<x>" * 50_000 + "</x>" * 50_000)
    assert len(read(_book(sheet1=sheet), "pay.xlsx")) == 1


def test_a_cell_position_in_a_text_is_no_cell(read: Callable[..., Any]) -> None:
    text = '<row r="2"><c r="A2" t="str"><v>see r="XFD1048576" and :c </v></c></row>'
    assert len(read(_cells(text), "pay.xlsx")) == 1


GOOD = b"phone,amount\n+6595123100,5\n"
TEXTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a line of 100 MB": (
        lambda: GOOD + b"x" * 100_000_000,
        r"line 3: the row that starts here has more than 1,000,000",
    ),
    "a quoted cell of 100 MB": (lambda: GOOD + b'"' + b"x" * 100_000_000 + b'"', "line 3: the row that starts here"),
    "a cell of more than 131,072 characters": (
        lambda: GOOD + b'"' + b"x" * 131_073 + b'"\n',
        "line 3: a cell of the record that starts here has more than 131,072 characters",
    ),
    "a row of endless lines": (lambda: GOOD + b'"a\n",' * 500_000, "line 3: the row that starts here"),
    "100,000 columns": (
        lambda: b",".join(b"c%d" % number for number in range(100_000)) + b"\n",
        "line 1: the header has 100,000 columns, more than 1,000",
    ),
    "a header of empty names": (lambda: b",,,\n,,\n", "has no cells. The first row must contain column names"),
    "a value under no name": (
        lambda: b"phone,,amount\n+6595123100,x,5\n",
        "line 2: column 2 has a value here, but no name",
    ),
    "two columns of one name": (
        lambda: b"phone,phone\n1,2\n",
        'has 2 columns "phone", and field credit_party_identifier.mobile_number needs one',
    ),
    "a NUL": (lambda: GOOD + b"+65\x009512310,5\n", "line 3: it has a NUL character"),
    "UTF-16 without its mark": (lambda: GOOD.decode().encode("utf-16-le"), "line 1: it has a NUL character.*utf-16-le"),
    "half a UTF-16 character": (lambda: GOOD.decode().encode("utf-16") + b"x", "line 3: byte 0x78 is not utf-16"),
    "half a surrogate pair": (
        lambda: GOOD.decode().encode("utf-16") + b"\0\xd8",
        "line 3: byte 0x00 is not utf-16",
    ),
    "bytes of two encodings": (lambda: GOOD + "Zoë,Zo".encode() + b"\xeb\n", "line 3: byte 0xEB is not utf-8"),
    "a surrogate in UTF-8": (lambda: GOOD + b"\xed\xa0\x80\n", "line 3: byte 0xED is not utf-8"),
    "a quote that is never closed": (
        lambda: GOOD + b'"+6595123101,5\n',
        "line 3: a quote in the record that starts here is never closed",
    ),
    "a quote inside of a cell": (
        lambda: GOOD + b'"a"b,5\n',
        "line 3: the record that starts here has misplaced quotes",
    ),
    "a header and nothing else": (lambda: b"phone,amount\n", "has a header, but no rows"),
    "a header and a million empty lines": (
        lambda: b"phone,amount\n" + b"\n" * 1_000_000,
        "has a header, but no rows",
    ),
    "a million empty lines": (lambda: b"\n" * 1_000_000, "has no cells"),
    "nothing": (lambda: b"", "is empty"),
    "a workbook": (_book, "is an XLSX workbook, despite its name"),
    "an old workbook": (lambda: b"\xd0\xcf\x11\xe0" + b"\0" * 600, "is an old Office document"),
    "a program": (lambda: b"\x7fELF\x02\x01\x01" + b"\0" * 90, "line 1: it has a NUL character"),
    "no known columns": (lambda: b"x,y\n1,2\n", "No column maps to a field"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_csv_file_is_refused_with_one_message(read: Callable[..., Any], name: str) -> None:
    make, message = TEXTS[name]
    with pytest.raises((ListError, MappingError), match=message) as caught:
        read(make())
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "name",
    [
        "idna",
        "punycode",
        "undefined",
        "unicode_escape",
        "raw_unicode_escape",
        "rot13",
        "zip",
        "../x",
        "x" * 9999,
        "a\0b",
    ],
)
def test_an_encoding_that_no_list_has_is_refused(read: Callable[..., Any], name: str) -> None:
    with pytest.raises(ListError, match=r"is not a text encoding\. Choose another, e.g. --encoding") as caught:
        read(GOOD, encoding=name)
    assert len(str(caught.value)) < 400


def test_a_list_in_another_encoding_than_the_given_one_is_refused(read: Callable[..., Any]) -> None:
    with pytest.raises(ListError, match=r"line 1: the text is not utf-16, .* e\.g\. --encoding utf-16-le"):
        read(GOOD, encoding="utf-16")


def test_half_a_character_in_an_encoding_that_can_contain_one_is_refused(read: Callable[..., Any]) -> None:
    with pytest.raises(ListError, match=r"^pay\.csv line 3: it has half a character, which is not text\. Add the list"):
        read(GOOD.replace(b"+", b"+-") + b"+-6595123101,+2AA-\n", encoding="utf-7")


def test_long_rows_come_in_small_batches(tmp_path: Path) -> None:
    path = tmp_path / "pay.csv"
    path.write_bytes(b"phone,note\n" + (b"+6595123100," + b"x" * 100_000 + b"\n") * 200)
    reader = read_list(ListSource(path=path), mapping={}, constants={}, formats=Formats())
    assert [frame.height for frame in reader.batches()] == [80, 80, 40]


def test_lines_that_end_in_carriage_returns_alone_are_rows(read: Callable[..., Any]) -> None:
    assert len(read(GOOD.replace(b"\n", b"\r"))) == 1


def test_a_byte_order_mark_inside_the_list_is_ignored(read: Callable[..., Any]) -> None:
    [row] = read(b"\xef\xbb\xbfphone,amount\n\xef\xbb\xbf+6595123100,5\n")
    assert row["credit_party_identifier.mobile_number"] == "+6595123100"


def test_the_longest_row_that_a_list_may_have_is_read(read: Callable[..., Any]) -> None:
    cells = b",".join([b"x" * 100_000] * 9)
    assert len(read(b"phone,a,b,c,d,e,f,g,h,i\n+6595123100," + cells + b"\n")) == 1
    assert len(cells) < MAX_ROW_CHARACTERS


def _folder(path: Path) -> None:
    path.mkdir()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def _nothing(_path: Path) -> None:
    pass


@pytest.mark.parametrize("name", ["pay.csv", "pay.xlsx"])
@pytest.mark.parametrize("make", [_folder, _fifo, _zeros, _loop, _dangling, _nothing])
def test_a_path_that_is_no_file_is_refused_without_waiting(
    read: Callable[..., Any], tmp_path: Path, make: Callable[[Path], None], name: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(ListError, match=r"is not a file\. Choose a CSV|^Can't read "):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "a\0b.csv", "../" * 2000 + "x.csv"])
def test_a_name_that_no_file_can_have_is_refused(read: Callable[..., Any], tmp_path: Path, name: str) -> None:
    with pytest.raises(ListError, match=r"^Can't read "):
        read(tmp_path / name)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Drop privileges, so that file permissions apply even if root runs the tests."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_without_read_permission_is_refused(read: Callable[..., Any]) -> None:
    with unprivileged(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pay.csv"
        path.write_bytes(GOOD)
        path.chmod(0)
        with pytest.raises(ListError, match=r"^Can't read .*: Permission denied\."):
            read(path)


def test_a_list_without_end_on_the_command_line_ends_with_code_3(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pay.csv")
    command = [str(Path(sys.executable).with_name("bulk-topup")), "plan", "pay.csv", "--ledger", "ledger.db"]
    result = subprocess.run(
        command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 3
    assert "is not a file. Choose a CSV or XLSX file." in result.stderr
    assert "Traceback" not in result.stderr


def test_every_error_of_a_list_is_one_of_ours() -> None:
    assert issubclass(ListError, BulkTopupError)
    assert issubclass(MappingError, BulkTopupError)
