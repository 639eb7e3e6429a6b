"""Reads and rewrites the workbooks of tests."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

from openpyxl import load_workbook


def rows_of_sheet(path: Path, sheet: str = "November") -> list[dict[str, Any]]:
    """Return the cells of each row below the header, by column name."""
    rows = load_workbook(path)[sheet].iter_rows(values_only=True)
    header = next(rows)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def rewrite(path: Path, other: Path, part: str, old: bytes, new: bytes, **more: bytes) -> Path:
    """Write a copy of a workbook with a replacement in one part, and with more parts."""
    with ZipFile(path) as archive, ZipFile(other, "w") as output:
        for each in archive.infolist():
            content = archive.read(each)
            output.writestr(each, content.replace(old, new) if each.filename == part else content)
        for name, content in more.items():
            output.writestr(name, content)
    return other
