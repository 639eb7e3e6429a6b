"""How large a workbook may be, found out before anything loads it; reads the packed parts from the open file.

A few kilobytes can claim gigabytes: parts that unpack to a thousand times their size, two cells at opposite ends of a
sheet, one long text that a million cells share. The reader of workbooks makes room for all of it at once and ends the
whole process where there is none. What the archive says of itself is not believed, its parts are unpacked piece by
piece and counted.
"""

import os
import re
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from string import ascii_uppercase, digits
from typing import IO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import polars as pl

from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import quoted
from bulk_topup.intake.files.xlsx_formulas import MARKS, Attributes, parse

MIB: Final = 1024 * 1024

#: The file as it lies on the disk.
MAX_FILE_BYTES: Final = 100 * MIB
MAX_PARTS: Final = 10_000
#: All parts together, unpacked.
MAX_UNPACKED_BYTES: Final = 512 * MIB
#: How many times its packed size a part may have, once it is larger than what follows: sheets have 10 to 50 times.
MAX_RATIO: Final = 200
RATIO_FROM_BYTES: Final = 16 * MIB
#: Rows times columns from the first cell to the last one, of all sheets together.
MAX_CELLS: Final = 20_000_000
#: Bytes of all cells' texts, each as often as cells have it.
MAX_TEXT_BYTES: Final = 512 * MIB

_SPLIT: Final = "split the list, or save it as CSV."
_ANEW: Final = "open it in a spreadsheet program and save it as XLSX anew."
_PIECE_BYTES: Final = 1 << 20
#: Pieces of sheets that are looked at at the same time, and those that may wait for it.
_THREADS: Final = 2
_PIECES_AHEAD: Final = 4
#: A tag that goes on for longer is looked at in parts.
_TAG_BYTES: Final = 1 << 16

_SHEET: Final = b"sheetData"
#: Rows and cells, those with a prefix, and those that say where they are as nearly every program writes it.
_BEGUN: Final = r"<(?:c|row)[ \t\n\v\f\r/>]"
_PREFIXED: Final = re.compile(rb":(?:c|row)[\s/>]")
_PLACED_CELL: Final = '<c r="'
_PLACED_ROW: Final = re.compile(rb"<row r=\"([0-9]{1,7})\"")
_LETTERS: Final = re.compile(r"[A-Z]{1,3}")
_LARGEST_NUMBER: Final = 9_999_999
_CELL_PLACE: Final = re.compile(r"([A-Za-z]{0,3})([0-9]{1,7})")


def check_size(file: IO[bytes], archive: ZipFile, name: str) -> frozenset[str]:
    """Raise ListError unless loading the workbook takes no more than a bounded amount of memory.

    Args:
        file: the file that the archive was opened from.
        archive: the workbook.
        name: the file's name, for messages.

    Returns:
        The parts that may have a formula or an error in them; the others have none.

    Raises:
        ListError: it is too large, or has what no workbook has.
        BadZipFile, zlib.error, expat.ExpatError: it is damaged.
    """
    if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
        raise ListError(f"{name} has more than {MAX_FILE_BYTES // MIB} MiB; {_SPLIT}")
    if len(archive.infolist()) > MAX_PARTS:
        raise ListError(f"{name} has more than {MAX_PARTS} parts, which no workbook has; save it as XLSX anew.")
    unpacked = cells = 0
    sheets: list[tuple[ZipInfo, _Glance]] = []
    strings: list[tuple[ZipInfo, _Glance]] = []
    marked: dict[str, bool] = {}
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="glance") as threads:
        for part in archive.infolist():
            glance = _Glance(name, threads)
            for piece in _pieces(file, part, name):
                unpacked += len(piece)
                if unpacked > MAX_UNPACKED_BYTES:
                    raise ListError(f"{name} unpacks to more than {MAX_UNPACKED_BYTES // MIB} MiB; {_SPLIT}")
                glance.take(piece)
            glance.end()
            marked[part.filename] = marked.get(part.filename, False) or glance.is_marked
            if glance.is_sheet:
                sheets.append((part, glance))
            if glance.is_strings:
                strings.append((part, glance))
    longest_text = max((glance.longest_text for _, glance in strings), default=0)
    for part, glance in sheets:
        area, text_bytes = glance.rows * glance.columns, glance.most_texts * longest_text
        # Most workbooks say of every cell where it is, and have short texts; the others take a closer look.
        if not glance.is_placed or text_bytes > MAX_TEXT_BYTES:
            exact = _exact(file, part, name, [each for each, _ in strings])
            area, text_bytes = exact.rows * exact.columns, exact.text_bytes
        cells += area
        if cells > MAX_CELLS:
            raise ListError(
                f"{name} reaches over more than {MAX_CELLS:,} cells from its first to its last one; "
                f"delete the rows and columns beyond the list, {_SPLIT}"
            )
        if text_bytes > MAX_TEXT_BYTES:
            raise ListError(f"{name} has texts of more than {MAX_TEXT_BYTES // MIB} MiB in its cells; {_SPLIT}")
    return frozenset(part for part, is_marked in marked.items() if is_marked)


class _Glance:
    """What a part's bytes show at a glance: where that is not clear, more than there is and never less."""

    def __init__(self, name: str, threads: ThreadPoolExecutor) -> None:
        self._name = name
        self._threads = threads
        #: What is looked at, first pieces first.
        self._places: deque[Future[_Places]] = deque()
        self._rest = b""
        self._text = 0
        self.is_sheet = self.is_strings = False
        #: Whether a formula or an error may be in it.
        self.is_marked = False
        self.rows = self.columns = 1
        #: Whether every row and every cell says where it is.
        self.is_placed = True
        #: How many cells may have a text, and how many bytes the longest text may have.
        self.most_texts = self.longest_text = 0

    def take(self, piece: bytes) -> None:
        """Look at the next piece, but for a tag that it cuts off."""
        window = self._rest + piece
        end = window.rfind(b"<")
        if end < 0 or len(window) - end > _TAG_BYTES:
            end = len(window)
            # The cut may go through the mark of a formula or an error.
            self.is_marked = True
        self._rest = window[end:]
        self._look(window[:end])

    def end(self) -> None:
        """Look at what is left."""
        self._look(self._rest)
        while self._places:
            self._add(self._places.popleft().result())

    def _look(self, window: bytes) -> None:
        if b"<!DOCTYPE" in window or b"<!ENTITY" in window:
            raise ListError(f"{self._name} has XML with a document type, which no workbook has; {_ANEW}")
        self.is_sheet = self.is_sheet or _SHEET in window
        self.is_strings = self.is_strings or b"<si" in window or b":si" in window
        if self.is_sheet:
            if len(self._places) == _PIECES_AHEAD:
                self._add(self._places.popleft().result())
            self._places.append(self._threads.submit(_places_in, window))
        if self.is_strings:
            self._look_at_texts(window)

    def _add(self, places: "_Places") -> None:
        self.most_texts += places.most_texts
        self.is_marked = self.is_marked or places.is_marked
        self.is_placed = self.is_placed and places.is_placed
        self.rows = max(self.rows, places.rows)
        self.columns = max(self.columns, places.columns)

    def _look_at_texts(self, window: bytes) -> None:
        # A text ends in </si>, so that none is longer than what lies between two of these.
        first, *others = window.split(b"si>")
        self._text += len(first)
        self.longest_text = max([self.longest_text, self._text, *map(len, others)])
        if others:
            self._text = len(others[-1])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Places:
    """What a piece of a sheet says of places, as a glance has it of the whole."""

    most_texts: int
    is_marked: bool
    is_placed: bool
    rows: int = 1
    columns: int = 1


def _places_in(window: bytes) -> _Places:
    # A cell with a text takes four marks: <c>, <v>, </v>, </c>.
    most_texts = window.count(b"<") // 4 + 1
    # Polars looks through bytes that are much like each other several times faster, and lets other threads go on.
    text = pl.Series([window.decode("latin-1")])
    is_marked = text.str.contains_any(MARKS).item()
    cells = text.str.split(_PLACED_CELL).explode().slice(1)
    places = cells.str.slice(0, cells.str.find('"', literal=True))
    letters = places.str.strip_chars_end(digits).unique().to_list()
    numbers = places.str.strip_chars_start(ascii_uppercase).cast(pl.Int64, strict=False).fill_null(_LARGEST_NUMBER + 1)
    rows = _PLACED_ROW.findall(window)
    if (
        text.str.count_matches(_BEGUN).item() != len(cells) + len(rows)
        or _PREFIXED.search(window)
        or (numbers > _LARGEST_NUMBER).any()
        or not all(map(_LETTERS.fullmatch, letters))
    ):
        return _Places(most_texts=most_texts, is_marked=is_marked, is_placed=False)
    return _Places(
        most_texts=most_texts,
        is_marked=is_marked,
        is_placed=True,
        rows=max([1, *map(int, rows), *numbers.top_k(1)]),
        columns=max([1, *map(_column, letters)]),
    )


class _Exact:
    """Counts a sheet's rows, columns and texts as it is told of its elements one by one."""

    def __init__(self, name: str, lengths: list[int]) -> None:
        self._name = name
        self._lengths = lengths
        self._column = 0
        self._row = 0
        self._is_shared = False
        self._value: list[str] | None = None
        self.rows = self.columns = 1
        self.text_bytes = 0

    def start(self, name: str, attributes: Attributes) -> None:
        match name:
            case "row":
                _, self._row = self._place(attributes, 0, self._row + 1)
                self._column = 0
            case "c":
                self._column, row = self._place(attributes, self._column + 1, self._row)
                self.rows = max(self.rows, row)
                self.columns = max(self.columns, self._column)
                self._is_shared = attributes.get("t") == "s"
            case "v" if self._is_shared:
                self._value = []

    def text(self, text: str) -> None:
        if self._value is not None:
            self._value.append(text)

    def end(self, name: str) -> None:
        if self._value is not None and name == "v":
            index = "".join(self._value).strip()
            if index.isascii() and index.isdigit() and len(index) < 10 and int(index) < len(self._lengths):
                self.text_bytes += self._lengths[int(index)]
            self._value = None

    def _place(self, attributes: Attributes, column: int, row: int) -> tuple[int, int]:
        """Give the column and the row that are stated, else those that follow."""
        if "r" not in attributes:
            return column, row
        place = _CELL_PLACE.fullmatch(attributes["r"])
        if place is None:
            raise ListError(f"{self._name} has a cell at {quoted(attributes['r'])}, which is no place; {_ANEW}")
        return _column(place[1]) or column, int(place[2])


def _exact(file: IO[bytes], part: ZipInfo, name: str, strings: list[ZipInfo]) -> _Exact:
    lengths: list[int] = []

    def start(element: str, _attributes: Attributes) -> None:
        if element == "si":
            lengths.append(0)

    def text(characters: str) -> None:
        if lengths:
            lengths[-1] += len(characters.encode())

    for each in strings:
        parse(_pieces(file, each, name), start, text)
    exact = _Exact(name, lengths)
    parse(_pieces(file, part, name), exact.start, exact.text, exact.end)
    return exact


def _pieces(file: IO[bytes], part: ZipInfo, name: str) -> Iterator[bytes]:
    """Unpack a part, no further than it says that it goes."""
    if part.flag_bits & 1:
        raise ListError(f"{name} is protected by a password; save it without one.")
    if part.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise ListError(f"{name} is packed in a way that no workbook is; save it as XLSX anew.")
    if part.file_size > max(RATIO_FROM_BYTES, MAX_RATIO * part.compress_size):
        raise ListError(
            f"{name} has a part that unpacks to more than {MAX_RATIO} times its size; save the list as CSV."
        )
    given = 0
    for piece in _unpacked(file, part):
        given += len(piece)
        if given > part.file_size:
            raise BadZipFile("a part is larger than it says")
        yield piece
    if given < part.file_size:
        raise BadZipFile("a part is smaller than it says")


def _unpacked(file: IO[bytes], part: ZipInfo) -> Iterator[bytes]:
    file.seek(part.header_offset)
    header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise BadZipFile("a part is not where it is said to be")
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    file.seek(part.header_offset + 30 + name_length + extra_length)
    left = part.compress_size
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if part.compress_type == ZIP_DEFLATED else None
    while left and (packed := file.read(min(_PIECE_BYTES, left))):
        left -= len(packed)
        if unpacker is None:
            yield packed
            continue
        while packed and not unpacker.eof:
            yield unpacker.decompress(packed, _PIECE_BYTES)
            packed = unpacker.unconsumed_tail
    if unpacker is not None:
        yield unpacker.flush()


def _column(letters: str) -> int:
    """Give the column that letters name, counted from 1."""
    place = 0
    for letter in letters.upper():
        place = place * 26 + ord(letter) - ord("A") + 1
    return place
