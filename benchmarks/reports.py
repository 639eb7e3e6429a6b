"""Measures how fast a finished run is reported in each format, compared with the simplest program for its rows.

python benchmarks/reports.py [ROWS [XLSX_ROWS]]
"""

import csv
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from figures import Figures, reached
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from bulk_topup.app.report import ReportOptions, report_run
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.ledger import LedgerStore
from bulk_topup.report import ReportFormat

ROWS = 1_000_000
#: Workbooks take long, and their time per row is constant.
XLSX_ROWS = 100_000

#: Seconds for a million rows.
AIM = 10.0
#: Maximum MB for a report of any length.
MEMORY_AIM = 300

_RUN = """
    INSERT INTO runs (job, run_key, environment, list_path, columns, created_at)
    VALUES ('list', 'payroll', 'sandbox', 'payroll.csv', '["reference","phone","amount","name"]',
            '2026-11-24T02:00:00+00:00')
"""
_ROWS = """
    WITH RECURSIVE people (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM people WHERE id < :rows)
    INSERT INTO rows (id, run_id, identity, line, in_list, state, cells, problems, message, note, product_id,
                      credit_party, amount, unit, request, cost, cost_unit, attempt)
    SELECT id, 1, 'reference:E-' || id, id + 1, 1, iif(id % 50, 'completed', 'failed'),
           json_array('E-' || id, printf('+65951%05d', id % 100000), (1 + id % 90) || '.5', 'Worker number ' || id),
           '[]', iif(id % 50, '', 'The operator declined it.'), '', 6418, printf('+65951%05d', id % 100000),
           (1 + id % 90) || '.5', 'SGD', '{}', '3.71', 'USD', 1
    FROM people
"""
_ATTEMPTS = """
    INSERT INTO attempts (row_id, number, external_id, request, intent_at, transaction_id, creation_date, status_class,
                          status_message, price, fee, price_unit, operator_reference, final_at)
    SELECT id, 1, printf('list-%018x-1', id), '{}', '2026-11-24T02:00:01+00:00', 2237000000 + id,
           strftime('%Y-%m-%dT%H:%M:%S', 1795485661 + id / 100, 'unixepoch') || printf('.%06d', id * 7919 % 1000000)
           || '+00:00', iif(id % 50, 'COMPLETED', 'DECLINED'),
           iif(id % 50, 'COMPLETED', 'DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE'), iif(id % 50, id % 90 || '.71', NULL),
           iif(id % 50, '0', NULL), 'USD', 'OP-' || id,
           strftime('%Y-%m-%dT%H:%M:%S', 1795485671 + id / 100, 'unixepoch') || '.123456+00:00'
    FROM rows
"""
#: What the baseline reads: the same rows and columns.
_READ = f"""
    SELECT r.cells, r.line, r.state, r.message, r.note, r.product_id, r.credit_party, r.amount, r.unit, r.attempt,
           a.external_id, a.transaction_id, a.status_class, a.status_message, a.price, a.fee, a.price_unit,
           a.operator_reference, {", ".join(f"a.{name}" for name in SECRET_FIELDS)}, a.creation_date, a.final_at
    FROM rows AS r LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = 1 ORDER BY r.line, r.id
"""  # noqa: S608


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a process took."""

    rows: int
    seconds: float
    #: CPU seconds of all threads.
    cpu: float
    #: Growth of its peak memory in MB while it wrote.
    growth: float

    @property
    def for_a_million(self) -> float:
        """Seconds for a million rows."""
        return self.seconds * 1_000_000 / self.rows

    def __str__(self) -> str:
        """Return the figures as text."""
        return f"{self.seconds:.1f} s, {self.cpu:.1f} s of CPU, {self.growth:+.0f} MB"


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    xlsx_rows = int(sys.argv[2]) if len(sys.argv) > 2 else min(rows, XLSX_ROWS)
    figures = Figures(
        title="Reports",
        what=f"A finished run of {rows:,} rows whose list has four columns, each format in a process of its own; "
        f"workbooks of {xlsx_rows:,} rows. Seconds, CPU seconds, and growth of the peak memory.",
        packages=("msgspec", "polars", "xlsxwriter"),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger, short = folder / "ledger.db", folder / "short.db"
        _fill(ledger, rows)
        _fill(short, xlsx_rows)
        plain = _measure("plain", ledger, folder)
        figures.add("baseline: sqlite3 rows into csv.writer, as they are", str(plain))
        for kind in (ReportFormat.CSV, ReportFormat.JSONL, ReportFormat.PARQUET):
            found = _measure(kind.value, ledger, folder)
            _add(figures, f"{kind.value}, with summary and rows that did not complete", found, plain, "plain csv")
        bare = _measure("workbook", short, folder)
        figures.add("baseline: the same cells through XlsxWriter alone, constant memory", str(bare))
        workbook = _measure(ReportFormat.XLSX.value, short, folder)
        figures.add(
            "xlsx",
            f"{workbook}; {workbook.for_a_million:.0f} s for a million",
            ratio=f"{workbook.seconds / bare.seconds:.2f} x XlsxWriter alone",
            aim=reached(workbook.growth < MEMORY_AIM, f"memory flat, {MEMORY_AIM} MB or less"),
        )
    figures.show()


def _add(figures: Figures, what: str, found: Measured, baseline: Measured, name: str) -> None:
    figures.add(
        what,
        f"{found}; {found.for_a_million:.1f} s for a million",
        ratio=f"{found.seconds / baseline.seconds:.2f} x {name}",
        aim=reached(
            found.for_a_million <= AIM and found.growth < MEMORY_AIM, f"{AIM:.0f} s for a million, memory flat"
        ),
    )


def _fill(path: Path, rows: int) -> None:
    """Create a ledger with a run of many rows."""
    LedgerStore(path).close()
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")
    for statement in (_RUN, _ROWS, _ATTEMPTS):
        connection.execute(statement, {"rows": rows} if ":rows" in statement else {})
    connection.commit()
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def _measure(what: str, ledger: Path, folder: Path) -> Measured:
    command = [sys.executable, __file__, "--write", what, str(ledger), str(folder / what)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Measured(**json.loads(finished.stdout))


def _write(what: str, ledger: Path, folder: Path) -> None:
    """Write in this process, and print the figures."""
    folder.mkdir()
    match what:
        case "plain":
            _timed(lambda: _plain(ledger, folder))
        case "workbook":
            _timed(lambda: _workbook(ledger, folder))
        case kind:
            options = ReportOptions(folder=folder, formats=[ReportFormat(kind)])
            with LedgerStore(ledger, read_only=True) as opened:
                [run] = opened.runs.all()
                _timed(lambda: report_run(run, ledger=opened, options=options).summary.rows)


def _timed(write: Callable[[], int]) -> None:
    before, used, started = _peak(), time.process_time(), time.perf_counter()
    rows = write()
    took = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - used}
    print(json.dumps({"rows": rows, **took, "growth": _peak() - before}))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def _read(ledger: Path) -> Iterator[Iterator[tuple[object, ...]]]:
    connection = sqlite3.connect(ledger)
    try:
        yield ((*json.loads(cells), *values) for cells, *values in connection.execute(_READ))
    finally:
        connection.close()


def _plain(ledger: Path, folder: Path) -> int:
    written = 0
    with _read(ledger) as rows, (folder / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for row in rows:
            writer.writerow(row)
            written += 1
    return written


def _workbook(ledger: Path, folder: Path) -> int:
    written = 0
    options = {"constant_memory": True, "strings_to_formulas": False, "tmpdir": str(folder)}
    with _read(ledger) as rows, Workbook(str(folder / "results.xlsx"), options) as workbook:
        sheet = workbook.add_worksheet()
        for written, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, str) and value:
                    sheet.write_string(written, column, value)
                elif isinstance(value, int):
                    sheet.write_number(written, column, value)
    return written


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        _write(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
