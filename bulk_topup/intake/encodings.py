"""The bytes of a CSV file as text: which encoding, and whether all of it is text; reads the file and nothing else."""

import codecs
import io
from pathlib import Path
from typing import Final

from bulk_topup.errors import ListError

#: Bytes that are decoded at once.
CHUNK_BYTES: Final = 1 << 18

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
        ListError: it holds bytes that are no text in this encoding, or NUL characters, or there is no such encoding.
    """
    decoder = _decoder(encoding)
    # The same line ends as where lines are read: a line feed, a carriage return, or both.
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    line = 1
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
            before_nul, nul, _ = text.partition("\0")
            line += before_nul.count("\n")
            if nul:
                cure = _CURE.format(example="utf-16-le")
                raise ListError(f"{path.name} line {line}: a NUL is there, so it is not text in {encoding}; {cure}")
            has_apostrophe = has_apostrophe or "'" in text
    return has_apostrophe


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        # Unlike the decoder, this refuses codecs that are not of text.
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError) as error:
        raise ListError(
            f'"{encoding}" is not an encoding of text; name one with --encoding, e.g. utf-8 or latin-1.'
        ) from error


def _before_error(decoder: codecs.IncrementalDecoder, chunk: bytes) -> str:
    text: list[str] = []
    for place in range(len(chunk)):
        try:
            text.append(decoder.decode(chunk[place : place + 1]))
        except UnicodeDecodeError:
            break
    return "".join(text)
