"""The extent of a workbook's sheets: estimated from the bytes of their XML, or counted element by element; pure.

An estimate is quick and never too small. Where it cannot be made, or exceeds a bound, the sheet is counted.
"""

import re
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from string import ascii_uppercase, digits
from typing import Final

import polars as pl

from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import quoted
from bulk_topup.intake.files.xlsx_formulas import MARKS, Attributes, parse
from bulk_topup.intake.files.xlsx_looks import ROW_WITH_NUMBER, STRIKE, hides_any
from bulk_topup.intake.files.xlsx_parts import SAVE_AGAIN

#: Chunks of a sheet that may wait for the threads.
_CHUNKS_AHEAD: Final = 4
#: A longer tag is examined in parts.
_TAG_BYTES: Final = 1 << 16

_SHEET: Final = b"sheetData"
#: Start tags of rows and cells, those with a prefix, and those with a position as nearly every program writes it.
_ROW_OR_CELL: Final = r"<(?:c|row)[ \t\n\v\f\r/>]"
_PREFIXED: Final = re.compile(rb":(?:c|row)[\s/>]")
_CELL_WITH_POSITION: Final = '<c r="'
_LETTERS: Final = re.compile(r"[A-Z]{1,3}")
_LARGEST_NUMBER: Final = 9_999_999
_CELL_POSITION: Final = re.compile(r"([A-Za-z]{0,3})([0-9]{1,7})")


class PartEstimate:
    """What the bytes of a part show about its extent, chunk by chunk.

    Args:
        name: the file's name, for messages.
        threads: the threads that examine chunks of sheets.
    """

    def __init__(self, name: str, threads: ThreadPoolExecutor) -> None:
        self._name = name
        self._threads = threads
        #: Chunks that are being examined, oldest first.
        self._pending: deque[Future[_ChunkEstimate]] = deque()
        self._rest = b""
        self._text = 0
        self.is_sheet = self.is_strings = False
        #: Whether it may have a formula or an error.
        self.is_marked = False
        #: Whether it may have a hidden row or column, or a text that is struck through in parts.
        self.has_looks = False
        self.rows = self.columns = 1
        #: Whether every row and every cell has a position.
        self.has_positions = True
        #: Most cells that can have a text, and most bytes that a text can have.
        self.most_texts = self.longest_text = 0

    def add(self, chunk: bytes) -> None:
        """Examine the next chunk, except for a tag that is cut off at its end.

        Raises:
            ListError: it has a document type, which no workbook has.
        """
        window = self._rest + chunk
        end = window.rfind(b"<")
        if end < 0 or len(window) - end > _TAG_BYTES:
            end = len(window)
            # A mark may be cut here.
            self.is_marked = self.has_looks = True
        self._rest = window[end:]
        self._examine(window[:end])

    def finish(self) -> None:
        """Examine the rest, and wait for all chunks."""
        self._examine(self._rest)
        self._rest = b""
        while self._pending:
            self._include(self._pending.popleft().result())

    def _examine(self, window: bytes) -> None:
        if b"<!DOCTYPE" in window or b"<!ENTITY" in window:
            raise ListError(f"{self._name} has XML with a document type, which workbooks never have. {SAVE_AGAIN}")
        self.is_sheet = self.is_sheet or _SHEET in window
        self.is_strings = self.is_strings or b"<si" in window or b":si" in window
        if self.is_sheet:
            if len(self._pending) == _CHUNKS_AHEAD:
                self._include(self._pending.popleft().result())
            self._pending.append(self._threads.submit(_estimate, window))
        if self.is_strings:
            self._measure_texts(window)

    def _include(self, chunk: "_ChunkEstimate") -> None:
        self.most_texts += chunk.most_texts
        self.is_marked = self.is_marked or chunk.is_marked
        self.has_looks = self.has_looks or chunk.has_looks
        self.has_positions = self.has_positions and chunk.has_positions
        self.rows = max(self.rows, chunk.rows)
        self.columns = max(self.columns, chunk.columns)

    def _measure_texts(self, window: bytes) -> None:
        self.has_looks = self.has_looks or STRIKE.encode() in window
        # A text ends with </si>, so none is longer than the distance between two of these.
        first, *others = window.split(b"si>")
        self._text += len(first)
        self.longest_text = max([self.longest_text, self._text, *map(len, others)])
        if others:
            self._text = len(others[-1])


@dataclass(frozen=True, kw_only=True, slots=True)
class _ChunkEstimate:
    """The same of one chunk of a sheet."""

    most_texts: int
    is_marked: bool
    has_looks: bool
    has_positions: bool
    rows: int = 1
    columns: int = 1


def _estimate(window: bytes) -> _ChunkEstimate:
    # A cell with a text takes four tags: <c>, <v>, </v>, </c>.
    most_texts = window.count(b"<") // 4 + 1
    # polars searches repetitive bytes several times faster than Python, and releases the lock for other threads.
    text = pl.Series([window.decode("latin-1")])
    has_any = text.str.contains_any([*MARKS, STRIKE]).item()
    is_marked = has_any and text.str.contains_any(MARKS).item()
    cells = text.str.split(_CELL_WITH_POSITION).explode().slice(1)
    positions = cells.str.slice(0, cells.str.find('"', literal=True))
    letters = positions.str.strip_chars_end(digits).unique().to_list()
    numbers = positions.str.strip_chars_start(ascii_uppercase).cast(pl.Int64, strict=False)
    numbers = numbers.fill_null(_LARGEST_NUMBER + 1)
    rows = ROW_WITH_NUMBER.findall(window)
    if (
        text.str.count_matches(_ROW_OR_CELL).item() != len(cells) + len(rows)
        or _PREFIXED.search(window)
        or (numbers > _LARGEST_NUMBER).any()
        or not all(map(_LETTERS.fullmatch, letters))
    ):
        # Which rows are hidden is found element by element.
        return _ChunkEstimate(most_texts=most_texts, is_marked=is_marked, has_looks=True, has_positions=False)
    return _ChunkEstimate(
        most_texts=most_texts,
        is_marked=is_marked,
        has_looks=STRIKE.encode() in window or hides_any(window, {tag for _, tag in rows}),
        has_positions=True,
        rows=max([1, *(int(number) for number, _ in rows), *numbers.top_k(1)]),
        columns=max([1, *map(_column_number, letters)]),
    )


class SheetExtent:
    """The extent of a sheet, counted element by element.

    Args:
        name: the file's name, for messages.
        text_lengths: bytes of each shared text of the workbook.
    """

    def __init__(self, name: str, text_lengths: list[int]) -> None:
        self._name = name
        self._lengths = text_lengths
        self._column = 0
        self._row = 0
        self._is_shared = False
        self._value: list[str] | None = None
        self.rows = self.columns = 1
        #: Bytes of the texts of all cells.
        self.text_bytes = 0

    def start(self, name: str, attributes: Attributes) -> None:
        """Count a start tag.

        Raises:
            ListError: its position is invalid.
        """
        match name:
            case "row":
                _, self._row = self._position(attributes, 0, self._row + 1)
                self._column = 0
            case "c":
                self._column, row = self._position(attributes, self._column + 1, self._row)
                self.rows = max(self.rows, row)
                self.columns = max(self.columns, self._column)
                self._is_shared = attributes.get("t") == "s"
            case "v" if self._is_shared:
                self._value = []

    def text(self, text: str) -> None:
        """Collect the text of a value."""
        if self._value is not None:
            self._value.append(text)

    def end(self, name: str) -> None:
        """Count the end tag of a value."""
        if self._value is not None and name == "v":
            index = "".join(self._value).strip()
            if index.isascii() and index.isdigit() and len(index) < 10 and int(index) < len(self._lengths):
                self.text_bytes += self._lengths[int(index)]
            self._value = None

    def _position(self, attributes: Attributes, column: int, row: int) -> tuple[int, int]:
        """Return column and row of an element; the given ones where it has no position."""
        if "r" not in attributes:
            return column, row
        position = _CELL_POSITION.fullmatch(attributes["r"])
        if position is None:
            raise ListError(
                f"{self._name} has a cell with the invalid position {quoted(attributes['r'])}. {SAVE_AGAIN}"
            )
        return _column_number(position[1]) or column, int(position[2])


def shared_text_lengths(parts: Iterable[Iterable[bytes]]) -> list[int]:
    """Return the bytes of each shared text of a workbook.

    Args:
        parts: the chunks of each part with shared texts.
    """
    lengths: list[int] = []

    def start(element: str, _attributes: Attributes) -> None:
        if element == "si":
            lengths.append(0)

    def text(characters: str) -> None:
        if lengths:
            lengths[-1] += len(characters.encode())

    for chunks in parts:
        parse(chunks, start, text)
    return lengths


def _column_number(letters: str) -> int:
    """Return the column for its letters, counted from 1."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
