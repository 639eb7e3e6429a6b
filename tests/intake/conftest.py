"""Lists as files, and their rows as they are read."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from bulk_topup.intake import Formats, ListReader, ListSource, read_list

Rows = list[dict[str, Any]]


@pytest.fixture
def open_list() -> Callable[..., ListReader]:
    """Return a function that opens a list, with all options by keyword."""

    def open_(
        path: Path,
        *,
        mapping: Mapping[str, str] | None = None,
        constants: Mapping[str, str] | None = None,
        formats: Formats | None = None,
        **source: Any,
    ) -> ListReader:
        return read_list(
            ListSource(path=path, **source),
            mapping=mapping or {},
            constants=constants or {},
            formats=formats or Formats(),
        )

    return open_


@pytest.fixture
def read(open_list: Callable[..., ListReader], tmp_path: Path) -> Callable[..., Rows]:
    """Return a function that reads a whole list, given as a file, a text or bytes."""

    def read_(content: Path | str | bytes, **options: Any) -> Rows:
        path = content if isinstance(content, Path) else tmp_path / "pay.csv"
        if isinstance(content, str):
            path.write_bytes(content.encode())
        elif isinstance(content, bytes):
            path.write_bytes(content)
        return [row for frame in open_list(path, **options).batches() for row in frame.iter_rows(named=True)]

    return read_


@pytest.fixture
def sheet_file(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes rows of cells to a sheet, which a caller may change before it is saved."""

    def write(rows: Iterable[Iterable[object]], change: Callable[[Worksheet], None] | None = None) -> Path:
        book = Workbook()
        sheet = book.active
        assert isinstance(sheet, Worksheet)
        for row in rows:
            sheet.append(list(row))
        if change is not None:
            change(sheet)
        path = tmp_path / "pay.xlsx"
        book.save(path)
        return path

    return write
