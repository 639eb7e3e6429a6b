"""Cells of an XLSX sheet with a formula or an error instead of a value; reads the sheet's XML from the open archive.

The reader of workbooks returns an error and a formula that was never computed as an empty cell. A row with an empty
cell may be paid: a product with a fixed amount needs no amount. So both are found here.
"""

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import IO, Final
from xml.parsers import expat
from zipfile import ZipFile

#: Bytes of XML that are read at a time.
CHUNK_BYTES: Final = 1 << 20
#: More than the longest match of the patterns below, so that none is lost between two chunks.
_OVERLAP: Final = 1024

#: Every match of the patterns below contains one of these.
MARKS: Final = ["<f", ":f", '"e"', "'e'"]
_PREFIX: Final = rb"(?:[\w.-]{1,32}:)?"
_ERROR: Final = rb"\st\s?=\s?[\"']e[\"']"
#: Matches in a sheet with any formula or error.
_FORMULAS: Final = re.compile(rb"<P?f[\s/>]|".replace(b"P?", _PREFIX) + _ERROR)
#: Matches in a sheet with an error, or a formula that no value follows.
_BARE_FORMULAS: Final = re.compile(
    rb"(?:</P?f\s?>|<P?f(?:\s[^>]{0,400})?/>)\s{0,99}(?:</P?c|<P?v\s?/>|<P?v\s?></)".replace(b"P?", _PREFIX)
    + b"|"
    + _ERROR
)
_COLUMN_LETTERS: Final = re.compile(r"[A-Z]+")

Attributes = dict[str, str]

#: Texts by position: sheet row counted from 1, then column counted from 0.
Cells = dict[int, dict[int, str]]


def find_without_value(archive: ZipFile, sheet: str, marked: Collection[str]) -> Cells:
    """Return the cells of a sheet with an error, or with a formula without a reliable value.

    A workbook that requests a calculation when it is opened was written by a program that does not calculate: the
    values of its formulas are invented or outdated.

    Args:
        archive: the XLSX file.
        sheet: the sheet's name.
        marked: the parts that may have a formula or an error.

    Returns:
        For each such cell its error, such as `#N/A`, or `=` and its formula.

    Raises:
        KeyError: the archive is not a workbook with such a sheet.
        expat.ExpatError: its XML is not well formed.
    """
    book = WorkbookParts(archive)
    part = book.part_of(sheet)
    # Most sheets have no formulas, and scanning every cell takes time.
    if part not in marked:
        return {}
    with archive.open(part) as stream:
        if not _matches(_FORMULAS if book.requests_calculation else _BARE_FORMULAS, stream):
            return {}
    scanner = _CellScanner(trust_values=not book.requests_calculation)
    with archive.open(part) as stream:
        parse(chunks_of(stream), scanner.start, scanner.text, scanner.end)
    return scanner.found


class WorkbookParts:
    """The parts of a workbook's sheets, and whether the values of its formulas are reliable.

    Args:
        archive: the XLSX file.
    """

    def __init__(self, archive: ZipFile) -> None:
        self.requests_calculation = False
        self._sheets: dict[str, str] = {}
        self._archive = archive
        targets = {kind.rpartition("/")[2]: target for kind, target in self._relations("").values()}
        self._part = targets["officeDocument"]
        with archive.open(self._part) as stream:
            parse(chunks_of(stream), self._start)

    def part_of(self, sheet: str) -> str:
        """Return the archive's name of the sheet's XML."""
        return self._relations(self._part)[self._sheets[sheet]][1]

    def part_of_kind(self, kind: str) -> str | None:
        """Return the archive's name of the workbook's `styles` or `sharedStrings`; None if it has none."""
        targets = {type_.rpartition("/")[2]: target for type_, target in self._relations(self._part).values()}
        return targets.get(kind)

    def _start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            self._sheets[attributes["name"]] = attributes["id"]
        elif name == "calcPr":
            self.requests_calculation = attributes.get("fullCalcOnLoad", "0") in {"1", "true"}

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return type and target of each relation of a part, by ID."""
        folder, base = posixpath.split(part)
        found: dict[str, tuple[str, str]] = {}

        def start(name: str, attributes: Attributes) -> None:
            if name == "Relationship":
                target = posixpath.normpath(posixpath.join("/", folder, attributes["Target"]))
                found[attributes["Id"]] = (attributes["Type"], target.removeprefix("/"))

        with self._archive.open(posixpath.join(folder, "_rels", f"{base}.rels")) as stream:
            parse(chunks_of(stream), start)
        return found


class _CellScanner:
    """Collects the cells without a value from the elements of a sheet."""

    def __init__(self, *, trust_values: bool) -> None:
        self.found: Cells = {}
        self._trust_values = trust_values
        self._row = 0
        self._column = -1
        self._type = ""
        #: The texts of the cell's formula and value, by element name.
        self._parts: dict[str, str] = {}
        self._open = ""

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = -1
        elif name == "c":
            self._column = column_of(attributes["r"]) if "r" in attributes else self._column + 1
            self._type = attributes.get("t", "n")
            self._parts = {}
        elif name in {"f", "v"}:
            self._parts[name] = ""
            self._open = name

    def text(self, text: str) -> None:
        if self._open:
            self._parts[self._open] += text

    def end(self, name: str) -> None:
        if name in {"f", "v"}:
            self._open = ""
        elif name == "c" and (text := self._without_value()):
            self.found.setdefault(self._row, {})[self._column] = text

    def _without_value(self) -> str:
        value = self._parts.get("v", "")
        # A formula with an empty text as its value has the type of texts; one that was never computed has no type.
        if "f" in self._parts and not (self._trust_values and (value or self._type == "str")):
            return "=" + self._parts["f"]
        return (value or "#N/A") if self._type == "e" else ""


def _matches(pattern: re.Pattern[bytes], stream: IO[bytes]) -> bool:
    overlap = b""
    while chunk := stream.read(CHUNK_BYTES):
        if pattern.search(overlap + chunk):
            return True
        overlap = chunk[-_OVERLAP:]
    return False


def column_of(reference: str) -> int:
    """Return the column of a cell such as AB12, counted from 0."""
    letters = _COLUMN_LETTERS.match(reference)
    number = 0
    for letter in letters.group() if letters else "":
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """Return the bytes of a part in chunks."""
    return iter(lambda: stream.read(CHUNK_BYTES), b"")


def parse(
    chunks: Iterable[bytes],
    start: Callable[[str, Attributes], None],
    text: Callable[[str], None] | None = None,
    end: Callable[[str], None] | None = None,
) -> None:
    """Parse chunks of XML, and call functions for its elements, with names without namespaces.

    Args:
        chunks: the XML.
        start: called with name and attributes of each start tag.
        text: called with the texts between tags.
        end: called with the name of each end tag.

    Raises:
        expat.ExpatError: the XML is not well formed.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def local(name: str) -> str:
        return name.rpartition(" ")[2]

    parser.StartElementHandler = lambda name, attributes: start(
        local(name), {local(key): value for key, value in attributes.items()}
    )
    if text is not None:
        parser.CharacterDataHandler = text
    if end is not None:
        parser.EndElementHandler = lambda name: end(local(name))
    for chunk in chunks:
        parser.Parse(chunk, False)
    parser.Parse(b"", True)
