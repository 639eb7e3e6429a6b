"""Somebody's workbook in openpyxl: opened within bounds, saved whole, and what it would lose on the way; reads files.

openpyxl writes anew what it understands of a workbook. What it does not, it leaves out without a word, so that the
parts of the file are compared with those that were there before.
"""

import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile, ZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.errors import ListError
from bulk_topup.intake.files.xlsx_bounds import check_size
from bulk_topup.intake.files.xlsx_parts import MIB
from bulk_topup.system.files import sha256_of

#: Bytes of all sheets, unpacked: openpyxl makes an object of every cell, so that this many take about a gigabyte.
MAX_SHEET_BYTES: Final = 128 * MIB

_ENDINGS: Final = (".xlsx", ".xlsm")
#: With macros kept, so are the controls that call them.
_WITH_MACROS: Final = ".xlsm"
_SHEETS: Final = "xl/worksheets/sheet"

#: Parts that may get lost, by the beginning of their names.
_LOST: Final = {
    "xl/ctrlProps/": "form controls",
    "xl/activeX/": "controls",
    "xl/embeddings/": "embedded objects",
    "xl/slicers/": "slicers",
    "xl/timelines/": "timelines",
    "xl/threadedComments/": "comments that answer each other",
    "xl/pivotTables/": "pivot tables",
    "xl/queryTables/": "queries",
    "xl/connections": "data connections",
    "xl/model/": "a data model",
    "xl/richData/": "linked data types",
    "xl/vbaProject": "macros",
    "_xmlsignatures/": "a signature",
    "docMetadata/": "a sensitivity label",
}
#: These come back, but not as they were.
_REDRAWN: Final = {"xl/drawings/drawing": "pictures, charts or shapes", "xl/charts/": "charts"}

_DAMAGE: Final = (BadZipFile, ExpatError, ParseError, zlib.error, EOFError, KeyError, ValueError, TypeError, IndexError)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Workbook, list[str], str]]:
    """Give a workbook, what openpyxl said that it cannot keep of it, and the SHA-256 of the file that was read.

    Raises:
        ListError: it is no workbook, is damaged, or is larger than one that is annotated may be.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise ListError(
            f"{path.name} is not an XLSX workbook; of other lists the report has the outcomes beside the rows."
        )
    try:
        with path.open("rb") as file, ZipFile(file) as archive:
            check_size(file, archive, path.name)
            sheets = sum(part.file_size for part in archive.infolist() if part.filename.startswith(_SHEETS))
            if sheets > MAX_SHEET_BYTES:
                raise ListError(
                    f"{path.name} has sheets of more than {MAX_SHEET_BYTES // MIB} MiB, which is too much to annotate; "
                    "the report's results.xlsx has the outcomes beside the rows."
                )
        digest = sha256_of(path)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            workbook = load_workbook(path, keep_vba=path.suffix.lower() == _WITH_MACROS, rich_text=True)
    except OSError as error:
        raise ListError(f"{path} cannot be read: {error.strerror or error}.") from error
    except _DAMAGE as error:
        raise ListError(
            f"{path.name} is not a complete XLSX workbook; open it in a spreadsheet program and save it as XLSX."
        ) from error
    try:
        yield workbook, sorted({str(each.message).rstrip(".") for each in said}), digest
    finally:
        workbook.close()


def cells_of(sheet: Worksheet) -> list[Any]:
    """Give the cells that a sheet has; going through its rows would make one for every place between the farthest."""
    return list(sheet._cells.values())  # noqa: SLF001 - what openpyxl offers for it makes them


def losses(before: Path, after: Path) -> list[str]:
    """Give what a workbook has lost, or has otherwise than before, by the parts that its file has no more."""
    old, new = _parts(before), _parts(after)
    lost = [words for start, words in _LOST.items() if _count(new, start) < _count(old, start)]
    redrawn = [words for start, words in _REDRAWN.items() if _count(old, start)]
    return [*redrawn[:1], *lost]


def _parts(path: Path) -> list[str]:
    with ZipFile(path) as archive:
        return archive.namelist()


def _count(parts: list[str], start: str) -> int:
    return sum(part.startswith(start) for part in parts)
