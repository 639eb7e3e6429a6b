"""Makes the lists of bad/ anew, one mistake a file: `python sample_files/make_bad_lists.py [FOLDER]`.

The same lists every time. All people are invented, their numbers are the API's own example range. What bulk-topup says
to each list stands in bad/README.md.
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
    """Lists that have a good row and a second one, in which the mistake is."""
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
    """Lists that a CSV writer would not write."""
    (folder / "empty.csv").write_bytes(b"")
    lines = [HEADER, GOOD_ROW, ("B-2", "+6595123802", "6418", "5,50")]
    unquoted = "".join(f"{','.join(line)}\r\n" for line in lines)
    (folder / "cells-beyond-header.csv").write_bytes(unquoted.encode())
    named = [(*HEADER, "name"), (*GOOD_ROW, "Ren\u00e9e Dufour")]
    (folder / "latin-1.csv").write_bytes("".join(f"{','.join(line)}\r\n" for line in named).encode("latin-1"))


def merged_header(path: Path) -> None:
    """A title over all columns, above the names."""
    with workbook(path) as book:
        sheet = book.add_worksheet("Payroll")
        sheet.merge_range(0, 0, 0, len(HEADER) - 1, "Airtime, November 2026")
        sheet.write_row(1, 0, HEADER)
        sheet.write_row(2, 0, GOOD_ROW)


def two_sheets(path: Path) -> None:
    """Two months in one file."""
    with workbook(path) as book:
        for month in ("October", "November"):
            sheet = book.add_worksheet(month)
            sheet.write_row(0, 0, HEADER)
            sheet.write_row(1, 0, GOOD_ROW)


def formula_without_value(path: Path) -> None:
    """An amount that a program wrote as a formula and no spreadsheet program has computed."""
    with workbook(path) as book:
        sheet = book.add_worksheet("Payroll")
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, GOOD_ROW[:3])
        sheet.write_formula(1, 3, "=2.5*2", value="")


@contextmanager
def workbook(path: Path) -> Iterator[Workbook]:
    """Give a workbook that does not tell when it was made."""
    with Workbook(str(path)) as book:
        book.set_properties({"created": datetime(2026, 11, 1, tzinfo=UTC)})
        yield book


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write a list as UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "bad")
