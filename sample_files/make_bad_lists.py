"""Writes the lists of bad/, one error a file: `python sample_files/make_bad_lists.py [FOLDER]`.

The lists are the same every time. All people are invented, their numbers are from the API's own example range.
bad/README.md has the message for each list.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from xlsxwriter import Workbook

HEADER = ("reference", "phone", "product_id", "amount")
GOOD_ROW = ("B-1", "+6595123801", "6418", "5")


def main(folder: Path) -> None:
    """Write every list."""
    csv_lists(folder)
    byte_lists(folder)
    merged_header(folder / "merged-header.xlsx")
    two_sheets(folder / "two-sheets.xlsx")
    formula_without_value(folder / "formula-without-value.xlsx")


def csv_lists(folder: Path) -> None:
    """Write the lists with a valid row and a second row that has the error."""
    second_rows = {
        "lost-plus": ("B-2", "6595123802", "6418", "5"),
        "scientific-notation": ("B-2", "6.595123E+09", "6418", "5"),
        "trailing-blanks": ("B-2 ", "+65 9512 3802  ", "6418\u00a0", "5\t"),
        "duplicate-rows": ("B-2", "+6595123801", "6418", "5"),
        "wrong-decimal-mark": ("B-2", "+6595123802", "6418", "5,50"),
        "unknown-product": ("B-2", "+6595123802", "1", "5"),
        "amount-out-of-range": ("B-2", "+6595123802", "6418", "500"),
        "missing-sender": ("B-2", "+2348020000802", "7350", "500"),
    }
    for name, row in second_rows.items():
        write_csv(folder / f"{name}.csv", [HEADER, GOOD_ROW, row])
    write_csv(folder / "header-only.csv", [HEADER])


def byte_lists(folder: Path) -> None:
    """Write the lists that a CSV writer does not write."""
    (folder / "empty.csv").write_bytes(b"")
    lines = [HEADER, GOOD_ROW, ("B-2", "+6595123802", "6418", "5,50")]
    unquoted = "".join(f"{','.join(line)}\r\n" for line in lines)
    (folder / "cells-beyond-header.csv").write_bytes(unquoted.encode())
    named = [(*HEADER, "name"), (*GOOD_ROW, "Ren\u00e9e Dufour")]
    (folder / "latin-1.csv").write_bytes("".join(f"{','.join(line)}\r\n" for line in named).encode("latin-1"))


def merged_header(path: Path) -> None:
    """Write a list with a name over two columns."""
    with workbook(path) as book:
        sheet = book.add_worksheet("Payroll")
        sheet.write_row(0, 0, HEADER[:2])
        sheet.merge_range(0, 2, 0, len(HEADER) - 1, "Airtime")
        sheet.write_row(1, 0, GOOD_ROW)


def two_sheets(path: Path) -> None:
    """Write two months in one file."""
    with workbook(path) as book:
        for month in ("October", "November"):
            sheet = book.add_worksheet(month)
            sheet.write_row(0, 0, HEADER)
            sheet.write_row(1, 0, GOOD_ROW)


def formula_without_value(path: Path) -> None:
    """Write an amount as a formula without the value that a spreadsheet program computes."""
    with workbook(path) as book:
        sheet = book.add_worksheet("Payroll")
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, GOOD_ROW[:3])
        sheet.write_formula(1, 3, "=2.5*2", value="")


@contextmanager
def workbook(path: Path) -> Iterator[Workbook]:
    """Yield a workbook with a fixed creation time."""
    with Workbook(str(path)) as book:
        book.set_properties({"created": datetime(2026, 11, 1, tzinfo=UTC)})
        yield book


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write a list as UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "bad")
