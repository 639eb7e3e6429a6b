"""Measures how fast intents and results are written in the group commits of a run, compared with the bare writes.

    python benchmarks/commits.py [ROWS]

The baseline writes the same values with executemany: the same tables, indexes, settings and event log, and as many rows
per commit. It reads, decides and checks nothing.
"""

import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from figures import Figures, reached

from bulk_topup.domain.attempt import Attempt, Facts, Move
from bulk_topup.domain.row import StagedRow
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import codec
from bulk_topup.ledger import LedgerStore

ROWS = 6_000
BATCHES = (32, 100, 250)
WHEN = datetime(2026, 11, 24, tzinfo=UTC)

INTENT = "INSERT INTO attempts (row_id, number, external_id, request, intent_at) VALUES (?, 1, ?, ?, ?)"
SENT = "UPDATE rows SET state = 'in_flight', attempt = 1, message = '', note = '' WHERE id = ?"
EVENT = "INSERT INTO events (row_id, attempt, at, before, after, cause, status_message) VALUES (?, 1, ?, ?, ?, ?, ?)"
MOVED = "UPDATE rows SET state = 'completed', message = '', retry_at = NULL WHERE id = ?"
FACTS = """
    UPDATE attempts SET transaction_id = ?, creation_date = ?, status_class = 'COMPLETED', status_message = 'COMPLETED',
        price = '0.74', fee = '0', price_unit = 'USD', final_at = ? WHERE row_id = ? AND number = 1
"""


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    figures = Figures(
        title="Intents and results on disk",
        what=(
            f"{rows:,} rows: one commit for the intents of a batch, one for its results, each row with its two entries "
            "of the event log, synchronous=FULL."
        ),
        packages=("sqlite-utils",),
    )
    for batch in BATCHES:
        with tempfile.TemporaryDirectory() as folder:
            raw = _raw(Path(folder) / "raw.db", rows, batch)
            ours = _ours(Path(folder) / "ledger.db", rows, batch)
        figures.add(f"baseline: executemany, {batch} rows per commit", _format(rows, raw))
        figures.add(
            f"claim and record, {batch} rows per commit",
            _format(rows, ours),
            ratio=f"{raw[0] / ours[0]:.0%} of the baseline, {raw[1] / ours[1]:.0%} by CPU",
            aim=reached(raw[0] / ours[0] >= 0.4, "40 %"),
        )
    figures.show()


def _ours(path: Path, rows: int, batch: int) -> tuple[float, float]:
    """Return the seconds and CPU seconds of the ledger."""
    with LedgerStore(path) as ledger:
        run = _create_run(ledger, rows)
        started = time.perf_counter(), time.process_time()
        while attempts := ledger.attempts.claim(run, batch):
            ledger.attempts.record([_completed(attempt) for attempt in attempts])
        return time.perf_counter() - started[0], time.process_time() - started[1]


def _raw(path: Path, rows: int, batch: int) -> tuple[float, float]:
    """Return the seconds and CPU seconds of the bare writes."""
    with LedgerStore(path) as ledger:
        _create_run(ledger, rows)
    connection = sqlite3.connect(path, isolation_level=None)
    for setting in ("synchronous = FULL", "foreign_keys = ON", "main.secure_delete = ON"):
        connection.execute(f"PRAGMA {setting}")
    at = WHEN.isoformat()
    started = time.perf_counter(), time.process_time()
    for first in range(1, rows + 1, batch):
        ids = range(first, min(first + batch, rows + 1))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INTENT, [(id_, f"list-abcdefghijklmnopqr-{id_}", _request(id_), at) for id_ in ids])
        connection.executemany(SENT, [(id_,) for id_ in ids])
        connection.executemany(EVENT, [(id_, at, "pending", "in_flight", "intent to send", None) for id_ in ids])
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(MOVED, [(id_,) for id_ in ids])
        connection.executemany(FACTS, [(10**9 + id_, at, at, id_) for id_ in ids])
        connection.executemany(EVENT, [(id_, at, "in_flight", "completed", "answer", "COMPLETED") for id_ in ids])
        connection.execute("COMMIT")
    spent = time.perf_counter() - started[0], time.process_time() - started[1]
    connection.close()
    return spent


def _create_run(ledger: LedgerStore, rows: int) -> Run:
    ledger.staging.clear()
    ledger.staging.add(_rows(rows))
    return ledger.staging.merge(
        job="list", run_key="a", environment="sandbox", list_path="list.csv", columns=["reference", "phone", "amount"]
    )


def _rows(count: int) -> Iterator[StagedRow]:
    for number in range(1, count + 1):
        party = f"+659{number:07}"
        yield StagedRow(
            line=number + 1,
            identity=f"reference:E-{number}",
            party=None,
            state=RowState.PENDING,
            cells=f'["E-{number}","{party}","1"]',
            problems="[]",
            product_id=6418,
            credit_party=party,
            amount="1",
            unit="SGD",
            request=_request(number),
            cost="0.74",
            cost_unit="USD",
            operator_id=1310,
        )


def _request(number: int) -> str:
    body = {
        "product_id": 6418,
        "auto_confirm": True,
        "calculation_mode": "DESTINATION_AMOUNT",
        "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 1},
        "credit_party_identifier": {"mobile_number": f"+659{number:07}"},
    }
    return codec.encode(body).decode()


def _completed(attempt: Attempt) -> Move:
    return Move(
        row_id=attempt.row_id,
        attempt=attempt.number,
        before=RowState.IN_FLIGHT,
        after=RowState.COMPLETED,
        cause="answer",
        facts=Facts(
            transaction_id=10**9 + attempt.row_id,
            creation_date=WHEN,
            status_class="COMPLETED",
            status_message="COMPLETED",
            price=Decimal("0.74"),
            fee=Decimal(0),
            price_unit="USD",
            operator_reference=None,
        ),
    )


def _format(rows: int, spent: tuple[float, float]) -> str:
    return f"{rows / spent[0]:,.0f} rows/s, {spent[1] / rows * 1e6:,.0f} µs of CPU per row"


if __name__ == "__main__":
    main()
