"""Bounds on the size of a workbook, checked before anything loads it; reads the packed parts from the open file.

A few kilobytes can claim gigabytes: parts that unpack to a thousand times their size, two cells at opposite corners of
a sheet, one long text that a million cells share. The reader of workbooks allocates all of that at once, and where
memory runs out the whole process ends. The archive's own figures are not trusted: its parts are unpacked and counted.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Final
from zipfile import ZipFile, ZipInfo

from bulk_topup.errors import ListError
from bulk_topup.intake.files.xlsx_extent import PartEstimate, SheetExtent, shared_text_lengths
from bulk_topup.intake.files.xlsx_formulas import parse
from bulk_topup.intake.files.xlsx_parts import MIB, SAVE_AGAIN, unpack

#: The file on disk.
MAX_FILE_BYTES: Final = 100 * MIB
MAX_PARTS: Final = 10_000
#: All parts together, unpacked.
MAX_UNPACKED_BYTES: Final = 512 * MIB
#: Rows times columns from the first cell to the last one, of all sheets together.
MAX_CELLS: Final = 20_000_000
#: Bytes of the texts of all cells of a sheet; a shared text counts for each of its cells.
MAX_TEXT_BYTES: Final = 512 * MIB

_SPLIT: Final = "Split the list, or save it as CSV."
#: Threads that examine chunks of sheets.
_THREADS: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkedParts:
    """The parts of a workbook that must be read again; the others have nothing of this."""

    #: Those that may have a formula or an error.
    formulas: frozenset[str]
    #: Those that may have a hidden row or column, or a text that is struck through in parts.
    looks: frozenset[str]


_Estimates = list[tuple[ZipInfo, PartEstimate]]


def check_size(file: IO[bytes], archive: ZipFile, name: str) -> MarkedParts:
    """Raise ListError unless a workbook can be loaded in a bounded amount of memory.

    Args:
        file: the file that the archive was opened from.
        archive: the workbook.
        name: the file's name, for messages.

    Returns:
        The parts that must be read again.

    Raises:
        ListError: it is too large, or not a valid workbook.
        BadZipFile, zlib.error, expat.ExpatError: it is damaged.
    """
    if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
        raise ListError(f"{name} has more than {MAX_FILE_BYTES // MIB} MiB. {_SPLIT}")
    if len(archive.infolist()) > MAX_PARTS:
        raise ListError(f"{name} has more than {MAX_PARTS:,} parts, which workbooks never have. {SAVE_AGAIN}")
    estimates = _estimate_parts(file, archive, name)
    _check_extent(file, estimates, name)
    return MarkedParts(
        formulas=frozenset(part.filename for part, estimate in estimates if estimate.is_marked),
        looks=frozenset(part.filename for part, estimate in estimates if estimate.has_looks),
    )


def _estimate_parts(file: IO[bytes], archive: ZipFile, name: str) -> _Estimates:
    estimates: _Estimates = []
    unpacked = 0
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="xlsx-extent") as threads:
        for part in archive.infolist():
            estimate = PartEstimate(name, threads)
            for chunk in unpack(file, part, name):
                unpacked += len(chunk)
                if unpacked > MAX_UNPACKED_BYTES:
                    raise ListError(f"{name} unpacks to more than {MAX_UNPACKED_BYTES // MIB} MiB. {_SPLIT}")
                estimate.add(chunk)
            estimate.finish()
            estimates.append((part, estimate))
    return estimates


def _check_extent(file: IO[bytes], estimates: _Estimates, name: str) -> None:
    strings = [part for part, estimate in estimates if estimate.is_strings]
    longest_text = max((estimate.longest_text for _, estimate in estimates if estimate.is_strings), default=0)
    cells = 0
    for part, estimate in estimates:
        if not estimate.is_sheet:
            continue
        area, text_bytes = estimate.rows * estimate.columns, estimate.most_texts * longest_text
        # Most workbooks have a position for every cell, and short texts; only the others must be counted.
        if not estimate.has_positions or text_bytes > MAX_TEXT_BYTES:
            extent = SheetExtent(name, shared_text_lengths(unpack(file, each, name) for each in strings))
            parse(unpack(file, part, name), extent.start, extent.text, extent.end)
            area, text_bytes = extent.rows * extent.columns, extent.text_bytes
        cells += area
        if cells > MAX_CELLS:
            raise ListError(
                f"{name} has more than {MAX_CELLS:,} cells from its first to its last one. "
                "Delete rows and columns beyond the list, split the list, or save it as CSV."
            )
        if text_bytes > MAX_TEXT_BYTES:
            raise ListError(f"{name} has more than {MAX_TEXT_BYTES // MIB} MiB of text in its cells. {_SPLIT}")
