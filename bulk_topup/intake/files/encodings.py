"""The bytes of a CSV file as text: which encoding, and whether all of it is text; reads the file and nothing else."""

import codecs
import io
from pathlib import Path
from typing import Final

from bulk_topup.errors import ListError
from bulk_topup.intake.cells.texts import quoted

#: Bytes that are decoded at once.
CHUNK_BYTES: Final = 1 << 18
#: Characters of one line, and of one row, which may go on over several lines.
MAX_ROW_CHARACTERS: Final = 1_000_000

#: Python's encodings that are not of files: they give halves of characters, or texts that nobody wrote.
_NOT_OF_FILES: Final = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
_BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CURE: Final = "name the list's encoding with --encoding, e.g. {example}, or save it as UTF-8."


def encoding_of(path: Path) -> str:
    """Give the encoding of a list whose encoding is not stated: UTF-16 where its mark begins the file, else UTF-8."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in _BYTE_ORDER_MARKS else "utf-8"


def scan_text(path: Path, encoding: str) -> bool:
    """Make sure that the whole file is text, before any row of it is used.

    Args:
        path: the file.
        encoding: the encoding's name.

    Returns:
        Whether an apostrophe is in it.

    Raises:
        ListError: it holds bytes that are no text in this encoding, NUL characters, halves of characters or a line
            without end, or there is no such encoding.
    """
    decoder = _decoder(encoding)
    # The same line ends as where lines are read: a line feed, a carriage return, or both.
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    line = 1
    length = 0
    has_apostrophe = is_end = False
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
                byte, cure = error.object[error.start], _CURE.format(example="latin-1")
                raise ListError(f"{path.name} line {line}: the byte 0x{byte:02X} is not {encoding}; {cure}") from error
            except UnicodeError as error:
                cure = _CURE.format(example=f"{encoding}-le")
                raise ListError(f"{path.name} line {line}: the text is not {encoding}, {error}; {cure}") from error
            _demand_whole_characters(path, line, text)
            before_nul, nul, _ = text.partition("\0")
            first, *others = before_nul.split("\n", 1)
            length += len(first)
            if length > MAX_ROW_CHARACTERS:
                raise too_long(path, line)
            if others:
                length = len(before_nul) - before_nul.rindex("\n") - 1
                line += before_nul.count("\n")
            if nul:
                cure = _CURE.format(example="utf-16-le")
                raise ListError(f"{path.name} line {line}: a NUL is there, so it is not text in {encoding}; {cure}")
            has_apostrophe = has_apostrophe or "'" in text
    return has_apostrophe


def too_long(path: Path, line: int) -> ListError:
    """Give the error of a row that is longer than any list's."""
    return ListError(
        f"{path.name} line {line}: the row that begins here has more than {MAX_ROW_CHARACTERS:,} characters; "
        "most likely this is no list, or a quote in it is not closed."
    )


def _demand_whole_characters(path: Path, line: int, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line += text.count("\n", 0, error.start)
        cure = _CURE.format(example="latin-1")
        raise ListError(f"{path.name} line {line}: half a character is there, which is no text; {cure}") from error


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        # Unlike the decoder, this refuses codecs that are not of text.
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        found = codecs.lookup(encoding)
    except (LookupError, ValueError):
        found = None
    if found is None or found.name.replace("_", "-") in _NOT_OF_FILES or found.incrementaldecoder is None:
        raise ListError(
            f"{quoted(encoding)} is not an encoding of text; name one with --encoding, e.g. utf-8 or latin-1."
        )
    return found.incrementaldecoder()


def _before_error(decoder: codecs.IncrementalDecoder, chunk: bytes) -> str:
    text: list[str] = []
    for place in range(len(chunk)):
        try:
            text.append(decoder.decode(chunk[place : place + 1]))
        except UnicodeDecodeError:
            break
    return "".join(text)
