"""Cells of a sheet as columns: any cells give the same rows as row by row."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.errors import ListError
from bulk_topup.intake import Formats, ListSource, read_list
from bulk_topup.intake.files import xlsx_file
from bulk_topup.intake.files.xlsx_bounds import check_size
from bulk_topup.intake.files.xlsx_file import XlsxTable

SHEET = "xl/worksheets/sheet1.xml"
CELLS = (
    st.sampled_from([None, "", " ", "+6595123100", "x", "=1+1", "#N/A", "a\nb", '"', "\\", True, False, 1, 0])
    | st.sampled_from([date(2026, 11, 30), datetime.fromisoformat("2026-11-30T12:05"), time(8, 30)])
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
)


class Rows:
    """A sheet that is read row by row."""

    def __init__(self, table: XlsxTable) -> None:
        self.header, self.header_line = table.header, table.header_line
        self._table = table

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        return self._table.rows()


def _read(path: Path, *, by_row: bool) -> list[dict[str, Any]] | str:
    source = ListSource(path=path)
    try:
        table = XlsxTable(source)
        reader = read_list(source, mapping={}, constants={}, formats=Formats(), table=Rows(table) if by_row else table)
        return [row for frame in reader.batches() for row in frame.iter_rows(named=True)]
    except ListError as error:
        return str(error)


@given(
    header=st.sampled_from([["phone", "amount", "account"], [None, "phone", "amount"], ["phone", None, None]]),
    rows=st.lists(st.lists(CELLS, max_size=4), max_size=7),
    above=st.integers(0, 2),
    chunk=st.sampled_from([1, 4, xlsx_file.CHUNK_CELLS]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_columns_have_the_cells_of_rows(
    sheet_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    header: list[str | None],
    rows: list[list[object]],
    above: int,
    chunk: int,
) -> None:
    path = sheet_file([*[[]] * above, header, *rows])
    monkeypatch.setattr(xlsx_file, "CHUNK_CELLS", chunk)
    assert _read(path, by_row=False) == _read(path, by_row=True)


@pytest.mark.parametrize("cell", ['<c r="B2"><f>1+1</f></c>', '<c r="B2" t="e"><v>#N/A</v></c>'])
@pytest.mark.parametrize("shift", range(12))
def test_a_formula_or_an_error_is_found_wherever_the_unpacked_chunks_end(
    sheet_file: Callable[..., Path], tmp_path: Path, cell: str, shift: int
) -> None:
    # A tag that is longer than what is kept for the next chunk, and a chunk that ends inside what follows it.
    cell = cell.replace("<c ", f'<c x="{"x" * 70_000}" ')
    with ZipFile(sheet_file([["phone", "amount"], ["+6595123100", 5]])) as archive:
        xml = archive.read(SHEET).decode().replace('<c r="B2" t="n"><v>5</v></c>', cell)
    before = (1 << 20) - xml.index('x" r=') - len('x" r="B2" ') - shift + 6
    xml = xml.replace("<sheetData>", " " * before + "<sheetData>")
    with ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr(SHEET, xml)
    with (tmp_path / "book.xlsx").open("rb") as file, ZipFile(file) as archive:
        assert check_size(file, archive, "book.xlsx").formulas == {SHEET}


def test_a_sheet_without_formulas_and_errors_is_not_scanned(sheet_file: Callable[..., Path]) -> None:
    with sheet_file([["phone", "amount"], ["+6595123100", 5]]).open("rb") as file, ZipFile(file) as archive:
        assert SHEET not in check_size(file, archive, "pay.xlsx").formulas
