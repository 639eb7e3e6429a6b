"""Measures how fast lists are read and normalised, compared with the bare readers.

python benchmarks/intake.py [CSV_ROWS]
"""

import csv
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import openpyxl
import phonenumbers
import polars as pl
from figures import Figures, reached
from python_calamine import CalamineWorkbook
from workbooks import write_workbook

from bulk_topup.intake import Formats, ListSource, read_list

CSV_ROWS = 1_000_000
CSV_AIM = 3.0
NUMBERS = 200_000
NUMBERS_ALONE = 20_000
NUMBERS_AIM = 300_000
SHEET_ROWS = 100_000
SHEET_ROWS_OPENPYXL = 20_000
SHEET_AIM = 2.0
SEED = 20261124


def main() -> None:
    """Measure and print, or read one list and print its figures as JSON."""
    if sys.argv[1:2] == ["--read"]:
        _read(Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else CSV_ROWS
    figures = Figures(
        title="Reading lists",
        what=f"CSV files of {rows:,} rows and 5 columns, {NUMBERS:,} numbers without a country code, and a workbook of "
        f"{SHEET_ROWS:,} rows and 8 columns are read completely: lines numbered, cells normalised and stored as JSON. "
        "Each list is read by a process of its own, whose peak memory includes its imports.",
        packages=("polars", "python-calamine", "phonenumbers", "openpyxl"),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _csv(figures, folder / "plain.csv", rows, "CSV", csv.QUOTE_MINIMAL)
        _csv(figures, folder / "quoted.csv", rows, "CSV, every cell quoted", csv.QUOTE_ALL)
        _national(figures, folder / "national.csv")
        _workbook(figures, folder / "list.xlsx")
    figures.show()


def _csv(figures: Figures, path: Path, rows: int, what: str, quoting: int) -> None:
    comma = "," if quoting == csv.QUOTE_ALL else ""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=quoting)  # type: ignore[arg-type]
        writer.writerow(["reference", "phone", "amount", "name", "department"])
        writer.writerows(
            (f"E-{row}", f"+6595{row % 1_000_000:06d}", f"{1 + row % 90}.5", f"Holt{comma} Ada {row % 977}", "Sales")
            for row in range(rows)
        )
    polars = _seconds(lambda: pl.read_csv(path, infer_schema=False))
    with path.open(encoding="utf-8", newline="") as file:
        alone = _seconds(lambda: _exhaust(csv.reader(file)))
    figures.add(f"baseline: {what}, polars reads the columns as text", f"{polars:.2f} s")
    figures.add(f"baseline: {what}, csv.reader alone", f"{alone:.2f} s")
    seconds, cost = _measure(path, rows)
    aim = CSV_AIM * rows / CSV_ROWS
    figures.add(
        f"{what}, {cost}",
        f"{seconds:.2f} s, {rows / seconds:,.0f} rows/s",
        ratio=f"{seconds / polars:.1f} times polars, {seconds / alone:.1f} times csv.reader",
        aim=reached(seconds <= aim, f"{aim:.1f} s"),
    )


def _national(figures: Figures, path: Path) -> None:
    draws = random.Random(SEED)
    numbers = [f"07{draws.choice('45789')}{draws.randrange(10**8):08d}" for _ in range(NUMBERS)]
    path.write_text("\n".join(["phone", *numbers]) + "\n", encoding="utf-8")
    some = numbers[:NUMBERS_ALONE]
    alone = NUMBERS_ALONE / _seconds(lambda: _exhaust(map(_format_number, some)))
    seconds, _ = _measure(path, NUMBERS, "GB")
    rate = NUMBERS / seconds
    figures.add("baseline: GB numbers without a country code, phonenumbers alone", f"{alone:,.0f} rows/s")
    figures.add(
        "GB numbers without a country code",
        f"{rate:,.0f} rows/s",
        ratio=f"{rate / alone:.1f} times as many",
        aim=reached(rate >= NUMBERS_AIM, f"{NUMBERS_AIM:,} rows/s"),
    )


def _workbook(figures: Figures, path: Path) -> None:
    write_workbook(path, SHEET_ROWS)
    calamine = _seconds(lambda: CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python())
    some = _seconds(lambda: _first_rows(path, SHEET_ROWS_OPENPYXL)) * SHEET_ROWS / SHEET_ROWS_OPENPYXL
    seconds, cost = _measure(path, SHEET_ROWS)
    figures.add("baseline: XLSX, calamine alone", f"{calamine:.2f} s")
    figures.add(f"baseline: XLSX, openpyxl read-only, by {SHEET_ROWS_OPENPYXL:,} rows", f"{some:.1f} s")
    figures.add(
        f"XLSX, {cost}",
        f"{seconds:.2f} s, {SHEET_ROWS / seconds:,.0f} rows/s",
        ratio=f"{seconds / calamine:.1f} times calamine, {some / seconds:.1f} times as fast as openpyxl",
        aim=reached(seconds <= SHEET_AIM, f"{SHEET_AIM:.1f} s"),
    )


def _measure(path: Path, rows: int, country: str | None = None) -> tuple[float, str]:
    """Return the seconds that a process takes to read a list, and its CPU seconds and memory as text."""
    command = [sys.executable, __file__, "--read", str(path), *([country] if country else [])]
    figures = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    assert figures["rows"] == rows
    return figures["seconds"], f"{figures['cpu_seconds']:.1f} s of CPU, peak memory {figures['memory']:.0f} MB"


def _read(path: Path, country: str | None) -> None:
    started, cpu_started = time.perf_counter(), time.process_time()
    reader = read_list(ListSource(path=path), mapping={}, constants={}, formats=Formats(default_country=country))
    rows = sum(batch.height - batch["problems"].list.len().gt(0).sum() for batch in reader.batches())
    seconds = time.perf_counter() - started
    cpu_seconds = time.process_time() - cpu_started
    # Of this process only: getrusage includes the peak of its parent process.
    [peak] = re.findall(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    memory = int(peak) / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu_seconds": cpu_seconds, "memory": memory}))


def _first_rows(path: Path, rows: int) -> None:
    book = openpyxl.load_workbook(path, read_only=True)
    _exhaust(book.worksheets[0].iter_rows(max_row=rows, values_only=True))
    book.close()


def _format_number(text: str) -> str:
    number = phonenumbers.parse(text, "GB")
    assert phonenumbers.is_possible_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _exhaust(each: Iterable[object]) -> None:
    for _ in each:
        pass


def _seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
