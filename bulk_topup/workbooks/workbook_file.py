"""A user's workbook in openpyxl: opens it within limits, and finds what a saved copy has lost; reads files.

openpyxl silently leaves out what it does not support, so the parts of both files are compared.
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

#: Maximum unpacked bytes of all sheets: openpyxl creates an object for every cell, about a gigabyte for this size.
MAX_SHEET_BYTES: Final = 128 * MIB

_SUFFIXES: Final = (".xlsx", ".xlsm")
#: Suffix of workbooks with macros, which are kept with the controls that call them.
_WITH_MACROS: Final = ".xlsm"
_SHEETS: Final = "xl/worksheets/sheet"

#: Parts that openpyxl can lose, by the beginning of their names.
_LOST: Final = {
    "xl/ctrlProps/": "form controls",
    "xl/activeX/": "controls",
    "xl/embeddings/": "embedded objects",
    "xl/slicers/": "slicers",
    "xl/timelines/": "timelines",
    "xl/threadedComments/": "threaded comments",
    "xl/pivotTables/": "pivot tables",
    "xl/queryTables/": "queries",
    "xl/connections": "data connections",
    "xl/model/": "a data model",
    "xl/richData/": "linked data types",
    "xl/vbaProject": "macros",
    "_xmlsignatures/": "a signature",
    "docMetadata/": "a sensitivity label",
}
#: Parts that are saved differently.
_REDRAWN: Final = {"xl/drawings/drawing": "pictures, charts or shapes", "xl/charts/": "charts"}

_DAMAGE: Final = (BadZipFile, ExpatError, ParseError, zlib.error, EOFError, KeyError, ValueError, TypeError, IndexError)


@contextmanager
def open_workbook(path: Path) -> Iterator[tuple[Workbook, list[str], str]]:
    """Yield a workbook, the warnings of openpyxl about what it cannot keep, and the SHA-256 of the file.

    Raises:
        ListError: it is not a workbook, is damaged, or is too large.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ListError(f"{path.name} is not an XLSX workbook. For other lists, use the results of the report.")
    try:
        with path.open("rb") as file, ZipFile(file) as archive:
            check_size(file, archive, path.name)
            sheets = sum(part.file_size for part in archive.infolist() if part.filename.startswith(_SHEETS))
            if sheets > MAX_SHEET_BYTES:
                raise ListError(
                    f"{path.name} has sheets of more than {MAX_SHEET_BYTES // MIB} MiB, too large to annotate. "
                    "Use results.xlsx of the report instead."
                )
        digest = sha256_of(path)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            workbook = load_workbook(path, keep_vba=path.suffix.lower() == _WITH_MACROS, rich_text=True)
    except OSError as error:
        raise ListError(f"Can't read {path}: {error.strerror or error}.") from error
    except _DAMAGE as error:
        raise ListError(
            f"{path.name} is not a complete XLSX workbook. Open it in a spreadsheet program and save it as XLSX."
        ) from error
    try:
        yield workbook, sorted({str(each.message).rstrip(".") for each in caught}), digest
    finally:
        workbook.close()


def cells_of(sheet: Worksheet) -> list[Any]:
    """Return the cells of a sheet that exist; iterating over its rows would create all cells in between."""
    return list(sheet._cells.values())  # noqa: SLF001 - the public methods create cells


def find_losses(before: Path, after: Path) -> list[str]:
    """Return what a saved workbook has lost or has differently, from the parts of both files."""
    old, new = _parts(before), _parts(after)
    lost = [name for start, name in _LOST.items() if _count(new, start) < _count(old, start)]
    redrawn = [name for start, name in _REDRAWN.items() if _count(old, start)]
    return [*redrawn[:1], *lost]


def _parts(path: Path) -> list[str]:
    with ZipFile(path) as archive:
        return archive.namelist()


def _count(parts: list[str], start: str) -> int:
    return sum(part.startswith(start) for part in parts)
