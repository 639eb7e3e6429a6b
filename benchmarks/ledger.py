"""Measures a ledger of many rows: status, resume with nothing to do, report, and the frequent queries of a run.

    python benchmarks/ledger.py [ROWS]

The rows are created by SQL, in runs of at most a million rows, all of them final.
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
from payments import SilentWatcher
from processes import KEY, SECRET, sandbox

from bulk_topup.app.plan import plan_job
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.resume import resume_run
from bulk_topup.app.run import FinishedRun
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import summarise_groups
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import RunOptions
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.report import ReportFormat
from bulk_topup.system.clock import SystemClock

ROWS = 1_000_000
RUN_ROWS = 1_000_000
#: External IDs in a page of the provider's list.
PAGE = 100

_NUMBERS = "WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < :rows) "
_PARTY = "('+659' || (1000000 + i * 7919 % 9000000))"
_REQUEST = (
    """('{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":"""
    """{"unit_type":"CURRENCY","unit":"SGD","amount":' || (1 + i % 50) || '},"""
    f""""credit_party_identifier":{{"mobile_number":"' || {_PARTY} || '"}}}}')"""
)
_STATE = "iif(i % 200 = 0, 'failed', 'completed')"
_STATUS = "iif(i % 200 = 0, 'DECLINED', 'COMPLETED')"
_TIME = "strftime('%Y-%m-%dT%H:%M:%S', 1790000000 + i / 100 + {}, 'unixepoch') || '.250000+00:00'"
_RUN = """
    INSERT INTO runs (id, job, run_key, environment, account, list_path, columns, created_at)
    VALUES (?, 'list', 'run-' || ?, 'sandbox', '', 'list.csv', '["reference","phone","amount"]',
            '2026-11-01T02:00+00:00')
"""
_ROWS = f"""
    INSERT INTO rows (id, run_id, identity, line, in_list, state, cells, problems, message, note, product_id,
                      credit_party, amount, unit, request, cost, cost_unit, operator_id, attempt)
    {_NUMBERS}
    SELECT i, 1 + (i - 1) / :run_rows, 'reference:E-' || i, 2 + (i - 1) % :run_rows, 1, {_STATE},
           json_array('E-' || i, {_PARTY}, '' || (1 + i % 50)), '[]', '', '', 6418, {_PARTY}, '' || (1 + i % 50), 'SGD',
           {_REQUEST}, '0.74', 'USD', 1310, 1 FROM s
"""  # noqa: S608 - composed of constants
_ATTEMPTS = f"""
    INSERT INTO attempts (id, row_id, number, external_id, request, intent_at, transaction_id, creation_date,
                          status_class, status_message, price, fee, price_unit, operator_reference, final_at,
                          expires_at)
    {_NUMBERS}
    SELECT i, i, 1, 'list-' || hex(i * 2654435761 % 4294967296) || '-1', {_REQUEST}, {_TIME.format(0)},
           2237512890 + i, {_TIME.format(1)}, {_STATUS}, {_STATUS}, '' || (1 + i % 50), '0', 'USD', 'OP-' || i,
           {_TIME.format(4)}, {_TIME.format(3600)} FROM s
"""  # noqa: S608
_EVENTS = f"""
    INSERT INTO events (row_id, attempt, at, before, after, cause, status_message)
    {_NUMBERS}
    SELECT i, e.column1, {_TIME.format("e.column2")}, e.column3, e.column4, e.column5, e.column6 FROM s, (VALUES
        (0, 0, NULL, 'pending', 'list read', NULL), (1, 0, 'pending', 'in_flight', 'intent to send', NULL),
        (1, 1, 'in_flight', 'accepted', 'answer to the creation', 'CONFIRMED'),
        (1, 4, 'accepted', 'completed', 'status read', 'COMPLETED')) AS e
"""  # noqa: S608
#: Undoes the migration that gives rows the keys of their credit parties.
_AS_BEFORE = (
    "DROP INDEX idx_rows_party_key",
    "DROP INDEX idx_rows_without_party_key",
    "ALTER TABLE rows DROP COLUMN party_key",
    "DELETE FROM _sqlite_migrations WHERE name = '0010_party_keys'",
)


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    run_rows = min(rows, RUN_ROWS)
    figures = Figures(
        title="A ledger of many rows",
        what=f"{rows:,} rows in runs of {run_rows:,}, all of them final, each with an attempt and four events.",
        packages=("sqlite-utils",),
    )
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "ledger.db"
        figures.add("created by SQL, not by a run", _seconds(lambda: _build(path, rows, run_rows))[1])
        _sizes(path, rows, figures)
        _upgrade(path, figures)
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
            asyncio.run(_measure_plan(ledger, run_rows, Path(name), figures))
            _measure_queries(ledger, runs[0], path, figures)
            asyncio.run(_measure_resume(ledger, runs[0], Path(name), figures))
    figures.show()


def _build(path: Path, rows: int, run_rows: int) -> None:
    LedgerStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -262144"):
            connection.execute(f"PRAGMA {pragma}")
        found = connection.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).fetchall()
        for type_, name, _ in found:
            connection.execute(f"DROP {type_} {name}")
        runs = -(-rows // run_rows)
        connection.executemany(_RUN, ((number, number) for number in range(1, runs + 1)))
        for statement in (_ROWS, _ATTEMPTS, _EVENTS):
            connection.execute(statement, {"rows": rows, "run_rows": run_rows})
        for *_, text in found:
            connection.execute(text)


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


def _upgrade(path: Path, figures: Figures) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in _AS_BEFORE:
            connection.execute(statement)
    took, figure = _seconds(lambda: LedgerStore(path).close())
    rows = _count(path)
    aim = reached(took * 10_000_000 / rows < 180, "3 minutes for ten million rows")
    figures.add("opened for the first time by this version: keys of credit parties", figure, aim=aim)


def _count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute("SELECT count(*) FROM rows").fetchone()[0]
        return found


async def _measure_plan(ledger: LedgerStore, rows: int, folder: Path, figures: Figures) -> None:
    """Plan a list of other people beside the ledger's payments, and in an empty ledger."""
    list_ = folder / "others.csv"
    numbers = (f"E-{row},+658{1_000_000 + row * 7919 % 9_000_000},{1 + row % 50}\n" for row in range(rows))
    list_.write_text("reference,phone,amount\n" + "".join(numbers))
    job = Job(list=str(list_), product=6418).at(SystemClock().now(), Path())
    with sandbox() as (base_url, _), LedgerStore(folder / "empty.db") as empty:
        async with AsyncDVS(base_url, KEY, SECRET) as dvs:
            seconds = []
            for each in (empty, ledger, empty, ledger):
                used = time.process_time()
                _, prepared = await plan_job(job, dvs=dvs, ledger=each, environment=Environment.SANDBOX)
                seconds.append(time.process_time() - used)
                assert prepared.difference.earlier.refused == 0
    alone, beside = min(seconds[::2]), min(seconds[1::2])
    figures.add(f"baseline: a plan of {rows:,} rows in an empty ledger, CPU", f"{alone:.2f} s")
    aim = reached(beside * 1e6 / rows < 15, "15 s for a million rows")
    figures.add("a plan beside this ledger, CPU", f"{beside:.2f} s", ratio=_ratio(beside, alone), aim=aim)


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
