"""The encoding of a CSV file, and a check that all of it is text; reads the file only."""

import codecs
import io
import re
from pathlib import Path
from typing import Final

from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import quoted

#: Bytes that are decoded at a time.
CHUNK_BYTES: Final = 1 << 18
#: Most characters of a line, and of a row, which may continue over several lines.
MAX_ROW_CHARACTERS: Final = 1_000_000

#: Encodings of Python that files never have: they produce half characters, or texts that were never written.
_NOT_FOR_FILES: Final = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
_BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: The encoding that has each byte, and control characters where Excel writes quotes and dashes.
_LATIN: Final = "iso8859-1"
_C1: Final = re.compile(r"[\x80-\x9f]")
#: Bytes without a character in cp1252, which Excel writes as CSV; it writes cp850 as CSV for MS-DOS.
_NOT_CP1252: Final = frozenset({0x81, 0x8D, 0x8F, 0x90, 0x9D})
_FIX: Final = "Add the list's encoding, e.g. --encoding {example}, or save it as UTF-8."


def encoding_of(path: Path) -> str:
    """Return the encoding that a file's first bytes show: UTF-16 with its byte order mark, otherwise UTF-8."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in _BYTE_ORDER_MARKS else "utf-8"


def scan_text(path: Path, encoding: str) -> bool:
    """Raise ListError unless the whole file is text, before any row of it is used.

    Args:
        path: the file.
        encoding: the encoding's name.

    Returns:
        Whether it contains an apostrophe.

    Raises:
        ListError: it has bytes that are not text in this encoding, NUL characters, half characters or a line without
            end, or the encoding does not exist.
    """
    decoder = _decoder(encoding)
    # The same line ends as in csv_file: a line feed, a carriage return, or both.
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    line = 1
    length = 0
    has_apostrophe = is_end = False
    is_latin = codecs.lookup(encoding).name == _LATIN
    with path.open("rb") as file:
        while not is_end:
            chunk = file.read(CHUNK_BYTES)
            is_end = not chunk
            state = decoder.getstate()
            try:
                text = newlines.decode(decoder.decode(chunk, final=is_end), final=is_end)
            except UnicodeDecodeError as error:
                decoder.setstate(state)
                line += newlines.decode(_before_error(decoder, chunk), final=True).count("\n")
                byte = error.object[error.start]
                fix = _FIX.format(example=_likely_encoding(byte))
                raise ListError(f"{path.name} line {line}: byte 0x{byte:02X} is not {encoding}. {fix}") from error
            except UnicodeError as error:
                fix = _FIX.format(example=f"{encoding}-le")
                raise ListError(f"{path.name} line {line}: the text is not {encoding}, {error}. {fix}") from error
            _check_whole_characters(path, line, text)
            if is_latin and (control := _C1.search(text)) is not None:
                line += text.count("\n", 0, control.start())
                raise ListError(
                    f"{path.name} line {line}: byte 0x{ord(control.group()):02X} is no character in {encoding}. Excel "
                    f"writes another encoding: add --encoding {_likely_encoding(ord(control.group()))}, or save the "
                    "list as UTF-8."
                )
            before_nul, nul, _ = text.partition("\0")
            first, *others = before_nul.split("\n", 1)
            length += len(first)
            if length > MAX_ROW_CHARACTERS:
                raise row_too_long(path, line)
            if others:
                length = len(before_nul) - before_nul.rindex("\n") - 1
                line += before_nul.count("\n")
            if nul:
                fix = _FIX.format(example=_likely_wide_encoding(encoding, is_first=line == 1 and not before_nul))
                raise ListError(
                    f"{path.name} line {line}: it has a NUL character, so it is not text in {encoding}. {fix}"
                )
            has_apostrophe = has_apostrophe or "'" in text
    return has_apostrophe


def row_too_long(path: Path, line: int) -> ListError:
    """Return the error for a row that is longer than in any list."""
    return ListError(
        f"{path.name} line {line}: the row that starts here has more than {MAX_ROW_CHARACTERS:,} characters. "
        "Most likely it is not a list, or a quote is not closed."
    )


def _likely_wide_encoding(encoding: str, *, is_first: bool) -> str:
    """Return the encoding of a text with NUL characters, which may be the first of its characters."""
    if encoding == "utf-16":
        return "utf-32"
    return "utf-16-be" if is_first else "utf-16-le"


def _likely_encoding(byte: int) -> str:
    """Return the encoding in which spreadsheet programs most likely wrote a byte that is not UTF-8."""
    return "cp850" if byte in _NOT_CP1252 else "cp1252"


def _check_whole_characters(path: Path, line: int, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line += text.count("\n", 0, error.start)
        fix = _FIX.format(example="cp1252")
        raise ListError(f"{path.name} line {line}: it has half a character, which is not text. {fix}") from error


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        # Unlike the decoder, this rejects codecs that are not for text.
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        found = codecs.lookup(encoding)
    except (LookupError, ValueError):
        found = None
    if found is None or found.name.replace("_", "-") in _NOT_FOR_FILES or found.incrementaldecoder is None:
        raise ListError(
            f"{quoted(encoding)} is not a text encoding. Choose another, e.g. --encoding utf-8 or --encoding cp1252."
        )
    return found.incrementaldecoder()


def _before_error(decoder: codecs.IncrementalDecoder, chunk: bytes) -> str:
    text: list[str] = []
    for index in range(len(chunk)):
        try:
            text.append(decoder.decode(chunk[index : index + 1]))
        except UnicodeDecodeError:
            break
    return "".join(text)
