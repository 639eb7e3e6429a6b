"""Measures a ledger of many rows: status, resume with nothing to do, report, and the frequent queries of a run.

    python benchmarks/ledger.py [ROWS] [RUN_ROWS]

The rows are created by SQL, in runs of at most RUN_ROWS rows, all of them final. Lists of RUN_ROWS rows are planned.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from figures import Figures, reached
from large_ledgers import build
from payments import SilentWatcher
from plans_beside import measure_plans
from processes import KEY, SECRET, sandbox

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.resume import resume_run
from bulk_topup.app.run import FinishedRun
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import summarise_groups
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import RunOptions
from bulk_topup.ledger import LedgerStore
from bulk_topup.report import ReportFormat

ROWS = 1_000_000
RUN_ROWS = 1_000_000
#: External IDs in a page of the provider's list.
PAGE = 100


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    run_rows = min(rows, int(sys.argv[2]) if len(sys.argv) > 2 else RUN_ROWS)
    figures = Figures(
        title="A ledger of many rows",
        what=f"{rows:,} rows in runs of {run_rows:,}, all of them final, each with an attempt and four events.",
        packages=("sqlite-utils",),
    )
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "ledger.db"
        figures.add("created by SQL, not by a run", _seconds(lambda: build(path, rows, run_rows))[1])
        _upgrade(path, rows, figures)
        _sizes(path, rows, figures)
        asyncio.run(measure_plans(path, run_rows, Path(name), figures))
        with LedgerStore(path) as ledger:
            runs = ledger.runs.all()
            baseline = _read(path, "SELECT * FROM rows ORDER BY id")
            figures.add("baseline: sqlite3 reads all rows in order", f"{baseline:.2f} s")
            counted, figure = _seconds(lambda: [ledger.rows.counts(run) for run in runs])
            aim = reached(counted < rows / 1e6, "1 s for a million rows")
            figures.add("`status`: the rows of every run by state", figure, ratio=_ratio(counted, baseline), aim=aim)
            summed, figure = _seconds(lambda: summarise_groups(runs[0], ledger.outcomes.groups(runs[0])))
            aim = reached(summed < 15, "15 s")
            figures.add(
                "`status RUN`: the sums of one run", figure, ratio=_ratio(summed, baseline * run_rows / rows), aim=aim
            )
            _measure_queries(ledger, runs[0], path, figures)
            asyncio.run(_measure_resume(ledger, runs[0], Path(name), figures))
    figures.show()


def _sizes(path: Path, rows: int, figures: Figures) -> None:
    with closing(sqlite3.connect(path)) as connection:
        sizes = dict(
            connection.execute(
                "SELECT s.tbl_name || ' ' || s.type, sum(d.pageno) * (SELECT page_size FROM pragma_page_size) "
                "FROM dbstat AS d JOIN sqlite_schema AS s "
                "ON s.name = d.name WHERE s.tbl_name IN ('rows', 'attempts', 'events') AND d.aggregate = 1 GROUP BY 1"
            ).fetchall()
        )
    parts = ", ".join(f"{name} {size / rows:.0f}" for name, size in sorted(sizes.items(), key=lambda item: -item[1]))
    figures.add("on disk", f"{sum(sizes.values()) / rows:,.0f} bytes per row", ratio=parts)


def _upgrade(path: Path, rows: int, figures: Figures) -> None:
    used = time.process_time()
    took, figure = _seconds(lambda: LedgerStore(path).close())
    used = time.process_time() - used
    aim = reached(took * 10_000_000 / rows < 180, "3 minutes for ten million rows")
    figures.add("opened for the first time by this version", f"{figure}, {used:.2f} s of CPU", aim=aim)


def _measure_queries(ledger: LedgerStore, run: Run, path: Path, figures: Figures) -> None:
    """Measure the queries of every poll, callback or claim, when nearly all rows are final."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT external_id FROM attempts WHERE id <= ?", [PAGE]).fetchall()
        ids = [row[0] for row in found]
        statement = "SELECT * FROM attempts WHERE id = ?"
        one = _best(lambda: [connection.execute(statement, [number]).fetchall() for number in range(PAGE)])
    figures.add(f"baseline: {PAGE} attempts by their key", f"{one:.2f} ms")
    for id_ in ids:
        ledger.hints.save(id_)
    for what, query in (
        (f"which of {PAGE} listed transactions are open", lambda: ledger.attempts.accepted_among(run, ids)),
        ("the next callbacks", lambda: ledger.hints.attempts(run, PAGE)),
        ("how many rows are accepted, and since when", lambda: ledger.attempts.accepted_seconds(run)),
        ("which rows are in flight", lambda: ledger.attempts.in_flight(run)),
        ("which rows can be sent now", lambda: ledger.attempts.claim(run, PAGE)),
        ("which rows wait", lambda: ledger.attempts.pending(run)),
        ("how many rows have a list mismatch", lambda: ledger.conflicts.count_mismatches(run)),
    ):
        took = _best(query)
        figures.add(what, f"{took:.2f} ms", ratio=_ratio(took, one))
    ledger.hints.delete(ledger.hints.attempts(run))


async def _measure_resume(ledger: LedgerStore, run: Run, folder: Path, figures: Figures) -> None:
    with sandbox() as (base_url, _):
        async with AsyncDVS(base_url, KEY, SECRET) as dvs:

            async def resume() -> tuple[FinishedRun, float]:
                started = time.perf_counter()
                finished = await resume_run(
                    run,
                    dvs=dvs,
                    payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
                    ledger=ledger,
                    options=RunOptions(),
                    report=ReportOptions(folder=folder, formats=[ReportFormat.CSV]),
                    watcher=SilentWatcher(),
                )
                return finished, time.perf_counter() - started

            ledger.runs.set_account(run, dvs.account)
            run = ledger.runs.named(run.name)
            first, writing = await resume()
            second, unchanged = await resume()
    assert (first.is_report_current, second.is_report_current) == (False, True)
    joined = "FROM rows AS r JOIN attempts AS a ON a.row_id = r.id WHERE r.run_id = 1 ORDER BY r.line"
    read = _read(ledger.path, f"SELECT r.*, a.* {joined}")
    figures.add("baseline: sqlite3 reads a run's rows and attempts in list order", f"{read:.2f} s")
    figures.add(
        "`resume RUN` with nothing to do that writes a CSV report",
        f"{writing:.2f} s",
        ratio=_ratio(writing, read),
        aim=reached(writing < 20, "20 s"),
    )
    aim = reached(unchanged < 15, "15 s")
    figures.add("the same again: the report is current", f"{unchanged:.2f} s", ratio=_ratio(unchanged, read), aim=aim)


def _read(path: Path, statement: str) -> float:
    with closing(sqlite3.connect(path)) as connection:
        started = time.perf_counter()
        for _ in connection.execute(statement):
            pass
        return time.perf_counter() - started


def _seconds(work: Callable[[], object]) -> tuple[float, str]:
    started = time.perf_counter()
    work()
    took = time.perf_counter() - started
    return took, f"{took:.2f} s"


def _best(query: Callable[[], object]) -> float:
    """Return the best of five times in milliseconds."""
    return min(_seconds(query)[0] for _ in range(5)) * 1000


def _ratio(took: float, baseline: float) -> str:
    return f"{took / baseline:.2f} of the baseline"


if __name__ == "__main__":
    main()
