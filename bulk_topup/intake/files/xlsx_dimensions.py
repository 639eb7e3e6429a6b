"""Dimensions of sheets, a note of their extent that is optional and often invalid; reads the archive.

No reading needs it, but the reader of workbooks stops at one that is not a range of cells, such as `1:2`, which
programs write for whole rows.
"""

import io
import re
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile

#: A dimension is before the rows, at the start of a sheet.
_HEAD_BYTES: Final = 1 << 16
_PREFIX: Final = rb"(?:[\w.-]{1,32}:)?"
_DIMENSION: Final = re.compile(rb"<P?dimension(?:\s[^<>]{0,400})?(?:/>|>\s*</P?dimension\s*>)".replace(b"P?", _PREFIX))
_ROWS: Final = b"sheetData"


def without_dimensions(archive: ZipFile) -> io.BytesIO | None:
    """Return a copy of a workbook whose sheets have no dimension; None if none of them has one.

    Args:
        archive: the XLSX file, whose size is checked.
    """
    copy = io.BytesIO()
    is_changed = False
    with ZipFile(copy, "w", ZIP_DEFLATED, compresslevel=1) as output:
        for part in archive.infolist():
            content = archive.read(part)
            head, rows, _ = content[:_HEAD_BYTES].partition(_ROWS)
            if rows and (changed := _DIMENSION.sub(b"", head)) != head:
                content = changed + content[len(head) :]
                is_changed = True
            output.writestr(part.filename, content)
    copy.seek(0)
    return copy if is_changed else None
