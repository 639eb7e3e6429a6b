"""Writes workbooks with lists, for the other benchmarks."""

from pathlib import Path

from xlsxwriter import Workbook  # type: ignore[import-untyped]

_HEADER = ("reference", "phone", "amount", "first", "last", "department", "city", "note")


def write_workbook(path: Path, rows: int) -> None:
    """Write a workbook with rows of eight columns."""
    with Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, _HEADER)
        for row in range(1, rows + 1):
            texts = [f"Ada{row % 977}", f"Holt{row % 5000}", "Sales", "Singapore"]
            sheet.write_row(row, 0, [f"E-{row}", f"+659{row:07}", 1.5 + row % 90, *texts, row])
