"""Parts of a workbook, unpacked chunk by chunk and never beyond the size that they declare; reads the open file."""

import struct
import zlib
from collections.abc import Iterator
from typing import IO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipInfo

from bulk_topup.errors import ListError

MIB: Final = 1024 * 1024

#: Largest ratio of unpacked to packed size of a part of at least the next size; sheets have 10 to 50.
MAX_RATIO: Final = 200
RATIO_FROM_BYTES: Final = 16 * MIB

#: The fix for workbooks that no spreadsheet program has written like that.
SAVE_AGAIN: Final = "Open it in a spreadsheet program and save it as XLSX again."

_CHUNK_BYTES: Final = 1 << 20
_HEADER_BYTES: Final = 30


def unpack(file: IO[bytes], part: ZipInfo, name: str) -> Iterator[bytes]:
    """Yield a part's bytes in chunks.

    Args:
        file: the open workbook.
        part: the part, as the archive's directory describes it.
        name: the file's name, for messages.

    Raises:
        ListError: the part is packed as no workbook is, or unpacks to many times its size.
        BadZipFile, zlib.error: it is damaged, or does not have its declared size.
    """
    if part.flag_bits & 1:
        raise ListError(f"{name} is protected by a password. Save it without one.")
    if part.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise ListError(f"{name} has an unsupported compression. {SAVE_AGAIN}")
    if part.file_size > max(RATIO_FROM_BYTES, MAX_RATIO * part.compress_size):
        raise ListError(
            f"{name} has a part that unpacks to more than {MAX_RATIO} times its size. Save the list as CSV."
        )
    size = 0
    for chunk in _chunks(file, part):
        size += len(chunk)
        if size > part.file_size:
            raise BadZipFile("a part is larger than declared")
        yield chunk
    if size < part.file_size:
        raise BadZipFile("a part is smaller than declared")


def _chunks(file: IO[bytes], part: ZipInfo) -> Iterator[bytes]:
    file.seek(part.header_offset)
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(b"PK\x03\x04"):
        raise BadZipFile("a part is not at its declared position")
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    file.seek(part.header_offset + _HEADER_BYTES + name_length + extra_length)
    left = part.compress_size
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if part.compress_type == ZIP_DEFLATED else None
    while left and (packed := file.read(min(_CHUNK_BYTES, left))):
        left -= len(packed)
        if unpacker is None:
            yield packed
            continue
        while packed and not unpacker.eof:
            yield unpacker.decompress(packed, _CHUNK_BYTES)
            packed = unpacker.unconsumed_tail
    if unpacker is not None:
        yield unpacker.flush()
