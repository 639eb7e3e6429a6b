"""Workbooks whose optional parts are odd or missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

Read = Callable[..., list[dict[str, Any]]]
SheetFile = Callable[..., Path]

MOBILE = "credit_party_identifier.mobile_number"
SHEET = "xl/worksheets/sheet1.xml"
RELATIONS = "xl/worksheets/_rels/sheet1.xml.rels"
DRAWING_RELATION = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/drawing" '
    b'Target="../drawings/drawing1.xml"/></Relationships>'
)
NO_DRAWING = b'<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"/>'
#: The same cells as texts of their own, as programs without shared texts write them.
OWN_TEXTS = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="1:2"/><sheetData>'
    b'<row r="1"><c r="A1" t="inlineStr"><is><t>phone</t></is></c></row>'
    b'<row r="2"><c r="A2" t="inlineStr"><is><t>+6595123100</t></is></c></row></sheetData></worksheet>'
)


@pytest.fixture
def book(sheet_file: SheetFile) -> Callable[[Callable[[dict[str, bytes]], None]], Path]:
    """Return a function that writes a workbook of one number, whose parts a caller may change."""

    def write(change: Callable[[dict[str, bytes]], None]) -> Path:
        path = sheet_file([["phone"], ["+6595123100"]])
        with ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        change(parts)
        with ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        return path

    return write


Book = Callable[[Callable[[dict[str, bytes]], None]], Path]


@pytest.mark.parametrize(
    "dimension",
    [
        b'<dimension ref="1:2"/>',
        b'<dimension ref="1:1048576"/>',
        b'<dimension ref="A:A"/>',
        b'<dimension ref="$A$1:$A$2"/>',
        b'<dimension ref="#REF!"></dimension>',
        b"<dimension/>",
        b"",
    ],
)
def test_the_dimension_of_a_sheet_is_not_needed(read: Read, book: Book, dimension: bytes) -> None:
    def change(parts: dict[str, bytes]) -> None:
        assert b'<dimension ref="A1:A2"/>' in parts[SHEET] or b'<dimension ref="A1:A2" />' in parts[SHEET]
        for usual in (b'<dimension ref="A1:A2"/>', b'<dimension ref="A1:A2" />'):
            parts[SHEET] = parts[SHEET].replace(usual, dimension)

    assert [row[MOBILE] for row in read(book(change))] == ["+6595123100"]


@pytest.mark.parametrize("drawing", [NO_DRAWING, b"", None])
def test_an_empty_or_missing_drawing_is_ignored(read: Read, book: Book, drawing: bytes | None) -> None:
    def change(parts: dict[str, bytes]) -> None:
        parts[SHEET] = parts[SHEET].replace(
            b"</worksheet>",
            b'<drawing xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rId1"/>'
            b"</worksheet>",
        )
        parts[RELATIONS] = DRAWING_RELATION
        if drawing is not None:
            parts["xl/drawings/drawing1.xml"] = drawing

    assert [row[MOBILE] for row in read(book(change))] == ["+6595123100"]


def test_optional_parts_may_be_missing(read: Read, book: Book) -> None:
    def change(parts: dict[str, bytes]) -> None:
        parts[SHEET] = OWN_TEXTS
        for name in ("xl/sharedStrings.xml", "xl/styles.xml", "xl/theme/theme1.xml", "docProps/core.xml"):
            parts.pop(name, None)

    assert [row[MOBILE] for row in read(book(change))] == ["+6595123100"]
