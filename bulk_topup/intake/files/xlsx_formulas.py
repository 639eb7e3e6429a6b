"""Cells of an XLSX sheet that have no value although they are not blank; reads the sheet's XML from the open archive.

The reader of workbooks gives an error and a formula that was never computed as a blank. A blank may be paid: a product
of one amount needs no amount. So both are looked for here.
"""

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import IO, Final
from xml.parsers import expat
from zipfile import ZipFile

#: Bytes of XML that are looked at at once.
CHUNK_BYTES: Final = 1 << 20
#: Longer than any match of the patterns below, so that the end of a chunk hides none.
_OVERLAP: Final = 1024

#: One of these is in every match of the patterns below.
MARKS: Final = ["<f", ":f", '"e"', "'e'"]
_PREFIX: Final = rb"(?:[\w.-]{1,32}:)?"
_ERROR: Final = rb"\st\s?=\s?[\"']e[\"']"
#: Finds a sheet that has a formula or an error at all.
_FORMULAS: Final = re.compile(rb"<P?f[\s/>]|".replace(b"P?", _PREFIX) + _ERROR)
#: Finds a sheet that has an error or a formula after which no value stands.
_BARE_FORMULAS: Final = re.compile(
    rb"(?:</P?f\s?>|<P?f(?:\s[^>]{0,400})?/>)\s{0,99}(?:</P?c|<P?v\s?/>|<P?v\s?></)".replace(b"P?", _PREFIX)
    + b"|"
    + _ERROR
)
_COLUMN_LETTERS: Final = re.compile(r"[A-Z]+")

Attributes = dict[str, str]

#: Texts by place: sheet row counted from 1, then column counted from 0.
Cells = dict[int, dict[int, str]]


def find_without_value(archive: ZipFile, sheet: str, marked: Collection[str]) -> Cells:
    """Find the cells of a sheet that hold an error or a formula without a value that can be relied on.

    A workbook that asks to be computed when it is opened was written by a program that does not compute: what it
    gives as its formulas' values is made up or out of date.

    Args:
        archive: the XLSX file.
        sheet: the sheet's name.
        marked: the parts in which a mark of a formula or an error was seen.

    Returns:
        For each such cell its error, such as `#N/A`, or `=` and its formula.

    Raises:
        KeyError: the archive is no workbook with such a sheet.
        expat.ExpatError: its XML is not well formed.
    """
    book = _Workbook(archive)
    part = book.part_of(sheet)
    # Most sheets need no closer look, and a look at each cell takes its time.
    if part not in marked:
        return {}
    with archive.open(part) as stream:
        if not _is_found(_FORMULAS if book.asks_to_be_computed else _BARE_FORMULAS, stream):
            return {}
    scanner = _CellScanner(trust_values=not book.asks_to_be_computed)
    with archive.open(part) as stream:
        parse(_chunks(stream), scanner.start, scanner.text, scanner.end)
    return scanner.found


class _Workbook:
    """Where the sheets of a workbook are, and whether its formulas have their values."""

    def __init__(self, archive: ZipFile) -> None:
        self.asks_to_be_computed = False
        self._sheets: dict[str, str] = {}
        self._archive = archive
        targets = {kind.rpartition("/")[2]: target for kind, target in self._relations("").values()}
        self._part = targets["officeDocument"]
        with archive.open(self._part) as stream:
            parse(_chunks(stream), self._start)

    def part_of(self, sheet: str) -> str:
        """Give the archive's name of the sheet's XML."""
        return self._relations(self._part)[self._sheets[sheet]][1]

    def _start(self, name: str, attributes: Attributes) -> None:
        if name == "sheet":
            self._sheets[attributes["name"]] = attributes["id"]
        elif name == "calcPr":
            self.asks_to_be_computed = attributes.get("fullCalcOnLoad", "0") in {"1", "true"}

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Give type and target of each relation of a part, by id."""
        folder, base = posixpath.split(part)
        found: dict[str, tuple[str, str]] = {}

        def start(name: str, attributes: Attributes) -> None:
            if name == "Relationship":
                target = posixpath.normpath(posixpath.join("/", folder, attributes["Target"]))
                found[attributes["Id"]] = (attributes["Type"], target.removeprefix("/"))

        with self._archive.open(posixpath.join(folder, "_rels", f"{base}.rels")) as stream:
            parse(_chunks(stream), start)
        return found


class _CellScanner:
    """Remembers the cells that have no value, while it is told of a sheet's elements one by one."""

    def __init__(self, *, trust_values: bool) -> None:
        self.found: Cells = {}
        self._trust_values = trust_values
        self._row = 0
        self._column = -1
        self._type = ""
        #: The texts of the cell's formula and value so far, by their elements' names.
        self._parts: dict[str, str] = {}
        self._open = ""

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = -1
        elif name == "c":
            self._column = _column(attributes["r"]) if "r" in attributes else self._column + 1
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
        elif name == "c" and (shown := self._without_value()):
            self.found.setdefault(self._row, {})[self._column] = shown

    def _without_value(self) -> str:
        value = self._parts.get("v", "")
        # A formula that gives an empty text has the type of texts; one that was never computed has no type.
        if "f" in self._parts and not (self._trust_values and (value or self._type == "str")):
            return "=" + self._parts["f"]
        return (value or "#N/A") if self._type == "e" else ""


def _is_found(pattern: re.Pattern[bytes], stream: IO[bytes]) -> bool:
    before = b""
    while chunk := stream.read(CHUNK_BYTES):
        part = before + chunk
        if pattern.search(part):
            return True
        before = chunk[-_OVERLAP:]
    return False


def _column(reference: str) -> int:
    """Give the column of a cell such as AB12, counted from 0."""
    letters = _COLUMN_LETTERS.match(reference)
    place = 0
    for letter in letters.group() if letters else "":
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: stream.read(CHUNK_BYTES), b"")


def parse(
    chunks: Iterable[bytes],
    start: Callable[[str, Attributes], None],
    text: Callable[[str], None] | None = None,
    end: Callable[[str], None] | None = None,
) -> None:
    """Tell of the elements of XML that comes in parts, by their names without namespaces."""
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
