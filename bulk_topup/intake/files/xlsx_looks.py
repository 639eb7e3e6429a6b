"""What a person sees of a sheet: hidden rows and columns, texts struck through, and formats; reads the archive.

The reader of workbooks returns values alone. Most sheets have nothing of this, and are not read again.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from zipfile import ZipFile

import polars as pl

from bulk_topup.intake.files.xlsx_formulas import Attributes, WorkbookParts, chunks_of, column_of, parse
from bulk_topup.intake.files.xlsx_styles import Styles, read_styles

#: Every sheet with a text that is struck through in parts contains this.
STRIKE: Final = "strike"
#: Rows that are lower than this, in points, and columns that are narrower, in characters, are not seen.
_LEAST_HEIGHT: Final = 1.0
_LEAST_WIDTH: Final = 0.1

_ROW_OR_CELL: Final = r"<(?:c|row)[ \t\n\v\f\r/>]"
_PREFIXED: Final = re.compile(rb":(?:c|row|col|strike)[\s/>]")
_CELL: Final = '<c r="'
#: The number and the other attributes of a row as nearly every program writes it.
ROW_WITH_NUMBER: Final = re.compile(rb"<row r=\"([0-9]{1,7})\"([^>]*)")
_COLUMN: Final = re.compile(rb"<(?:[\w.-]{1,32}:)?col(\s[^>]*)>")
_ATTRIBUTE: Final = re.compile(r"\s([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
#: Styles of cells that are written in another way than ` s="1"`.
_OTHER_STYLES: Final = [
    "\ns=",
    "\ts=",
    "\rs=",
    " s =",
    " s\n",
    " s\t",
    " s\r",
    " s= ",
    " s='",
    ' s="&',
    "s=\n",
    "s=\t",
    "s=\r",
]
_STYLE: Final = r'^[^>]*?\ss="([0-9]{1,9})"'
_EMPTY: Final = r"^[^>]*(?:/>|></c)"
_POSITION: Final = r"^([A-Z]{1,3})([0-9]{1,7})"

_CELLS: Final = {"row": pl.UInt32, "column": pl.UInt32, "style": pl.UInt32}


@dataclass(kw_only=True, slots=True)
class Looks:
    """What a person sees of a sheet otherwise than its values."""

    #: Rows that are hidden, and rows with a text that is struck through, counted from 1.
    hidden: set[int] = field(default_factory=set)
    struck: set[int] = field(default_factory=set)
    #: Columns that are hidden, counted from 0: first and last of each range.
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    #: `row`, `column` and `style` of cells with one of the formats.
    cells: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_CELLS))
    #: The number formats of styles.
    formats: dict[int, str] = field(default_factory=dict)


def hides_any(window: bytes, row_tags: Collection[bytes]) -> bool:
    """Return True if a part of a sheet has a hidden row or column.

    Args:
        window: its bytes, in which no tag is cut.
        row_tags: the different attributes of its rows.
    """
    return any(_is_hidden_row(_attributes_of(tag)) for tag in row_tags) or any(
        _is_hidden_column(_attributes_of(tag)) for tag in _column_tags(window)
    )


def _column_tags(window: bytes) -> list[bytes]:
    return _COLUMN.findall(window) if b"col " in window or b"<cols" in window else []


def _attributes_of(tag: bytes) -> Attributes:
    found = _ATTRIBUTE.findall(tag.decode("latin-1"))
    return {name: unescape(double or single) for name, double, single in found}


def _is_hidden_row(attributes: Attributes) -> bool:
    return attributes.get("hidden") in {"1", "true"} or float(attributes.get("ht", _LEAST_HEIGHT)) < _LEAST_HEIGHT


def _is_hidden_column(attributes: Attributes) -> bool:
    return attributes.get("hidden") in {"1", "true"} or float(attributes.get("width", _LEAST_WIDTH)) < _LEAST_WIDTH


def read_looks(archive: ZipFile, sheet: str, marked: Collection[str]) -> Looks:
    """Return what a person sees of a sheet.

    Args:
        archive: the XLSX file, whose size is checked.
        sheet: the sheet's name.
        marked: the parts that have hidden rows or columns, or contain `STRIKE`.

    Raises:
        KeyError: the archive is not a workbook with such a sheet.
        expat.ExpatError: its XML is not well formed.
    """
    book = WorkbookParts(archive)
    part, strings = book.part_of(sheet), book.part_of_kind("sharedStrings")
    styles = read_styles(archive, book.part_of_kind("styles"))
    struck_texts = _struck_texts(archive, strings) if strings in marked else frozenset()
    wanted = styles.indexes()
    if part not in marked and not wanted and not struck_texts:
        return Looks()
    # A text that is struck through in parts is found element by element, and so are cells without a style of their own.
    if not struck_texts and 0 not in wanted:
        with archive.open(part) as stream:
            if (looks := _from_bytes(chunks_of(stream), styles)) is not None:
                return looks
    scanner = _LookScanner(styles, struck_texts)
    with archive.open(part) as stream:
        parse(chunks_of(stream), scanner.start, scanner.text, scanner.end)
    return scanner.looks()


def _from_bytes(chunks: Iterable[bytes], styles: Styles) -> Looks | None:
    """Return the same from the bytes of a sheet as nearly every program writes it; None for another one."""
    looks = Looks(formats=styles.formats)
    found = [looks.cells]
    wanted = styles.indexes()
    marks = [f' s="{index}"' for index in wanted]
    for window in _windows(chunks):
        text = pl.Series([window.decode("latin-1")])
        if text.str.contains_any([STRIKE, *(_OTHER_STYLES if wanted else ())]).item() or _PREFIXED.search(window):
            return None
        cells = text.str.split(_CELL).explode().slice(1)
        rows = ROW_WITH_NUMBER.findall(window)
        if text.str.count_matches(_ROW_OR_CELL).item() != len(cells) + len(rows):
            return None
        hidden = {tag for tag in {tag for _, tag in rows} if _is_hidden_row(_attributes_of(tag))}
        looks.hidden.update(int(number) for number, tag in rows if tag in hidden)
        _add_columns(looks, window)
        if marks and text.str.contains_any(marks).item():
            found.append(_styled(cells.filter(cells.str.contains_any(marks)), wanted))
    styled = pl.concat(found)
    looks.struck.update(styled.filter(pl.col("style").is_in(list(styles.struck)))["row"].unique())
    looks.cells = styled.filter(pl.col("style").is_in(list(styles.formats)))
    return looks


def _styled(cells: pl.Series, wanted: Collection[int]) -> pl.DataFrame:
    """Return positions and styles of those cells that have a wanted style, and are not empty."""
    texts = pl.DataFrame({"text": cells}).select(
        "text", style=pl.col("text").str.extract(_STYLE).cast(pl.UInt32), is_empty=pl.col("text").str.contains(_EMPTY)
    )
    kept = texts.filter(pl.col("style").is_in(list(wanted)) & ~pl.col("is_empty"))
    parts = kept["text"].str.extract_groups(_POSITION).struct.unnest()
    letters = parts["1"].unique()
    columns = pl.Series([column_of(each) for each in letters], dtype=pl.UInt32)
    return pl.DataFrame(
        {
            "row": parts["2"].cast(pl.UInt32),
            "column": parts["1"].replace_strict(letters, columns, return_dtype=pl.UInt32),
            "style": kept["style"],
        },
        schema=_CELLS,
    )


def _windows(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks divided before tags, so that none is cut."""
    rest = b""
    for chunk in chunks:
        window = rest + chunk
        end = max(window.rfind(b"<c "), window.rfind(b"<row "))
        if end < 0:
            rest = window
            continue
        rest = window[end:]
        yield window[:end]
    yield rest


def _add_columns(looks: Looks, window: bytes) -> None:
    """Add the columns that are hidden, which are named before the first row."""
    for tag in _column_tags(window):
        _add_column(looks, _attributes_of(tag))


def _add_column(looks: Looks, attributes: Attributes) -> None:
    if _is_hidden_column(attributes):
        looks.hidden_columns.append((int(attributes["min"]) - 1, int(attributes["max"]) - 1))


class _LookScanner:
    """Collects the same from the elements of a sheet."""

    def __init__(self, styles: Styles, struck_texts: Collection[int]) -> None:
        self._looks = Looks(formats=styles.formats)
        self._styles = styles
        self._struck_texts = struck_texts
        self._row, self._column, self._style = 0, -1, 0
        self._type = ""
        self._value = ""
        self._is_value = False
        self._is_struck = False
        self._cells: list[tuple[int, int, int]] = []

    def start(self, name: str, attributes: Attributes) -> None:
        match name:
            case "col":
                _add_column(self._looks, attributes)
            case "row":
                self._row, self._column = int(attributes.get("r", self._row + 1)), -1
                if _is_hidden_row(attributes):
                    self._looks.hidden.add(self._row)
            case "c":
                self._column = column_of(attributes["r"]) if "r" in attributes else self._column + 1
                self._style, self._type = int(attributes.get("s", 0)), attributes.get("t", "n")
                self._value, self._is_struck = "", False
            case "v" | "t":
                self._is_value = True
            case "strike":
                self._is_struck = attributes.get("val", "1") not in {"0", "false"}

    def text(self, text: str) -> None:
        if self._is_value:
            self._value += text

    def end(self, name: str) -> None:
        if name in {"v", "t"}:
            self._is_value = False
        elif name == "c" and self._value:
            is_struck_text = self._type == "s" and int(self._value) in self._struck_texts
            if self._is_struck or is_struck_text or self._style in self._styles.struck:
                self._looks.struck.add(self._row)
            if self._style in self._styles.formats:
                self._cells.append((self._row, self._column, self._style))

    def looks(self) -> Looks:
        self._looks.cells = pl.DataFrame(self._cells, schema=_CELLS, orient="row")
        return self._looks


def _struck_texts(archive: ZipFile, part: str | None) -> frozenset[int]:
    """Return the indexes of shared texts of which a part is struck through."""
    found: set[int] = set()
    count = 0

    def start(name: str, attributes: Attributes) -> None:
        nonlocal count
        if name == "si":
            count += 1
        elif name == "strike" and attributes.get("val", "1") not in {"0", "false"}:
            found.add(count - 1)

    if part is not None:
        with archive.open(part) as stream:
            parse(chunks_of(stream), start)
    return frozenset(found)
