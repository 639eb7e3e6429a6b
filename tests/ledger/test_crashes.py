"""A ledger after its process was killed, and with two writers at the same time."""

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]

ROWS = 3

#: Claims all rows and records them as failed; dies at the statement with the given text, or after the last one.
WORKER = """
import os, signal, sys
from pathlib import Path
from bulk_topup.ledger import LedgerStore
from bulk_topup.domain.attempt import Move
from bulk_topup.domain.states import RowState

path, deadly = sys.argv[1:]

def die_at(statement):
    if deadly in statement:
        os.kill(os.getpid(), signal.SIGKILL)

ledger = LedgerStore(Path(path))
[run] = ledger.runs.all()
ledger.file.connection.set_trace_callback(die_at)
attempts = ledger.attempts.claim(run, 9)
print(*(attempt.external_id for attempt in attempts), flush=True)
ledger.attempts.record([
    Move(row_id=attempt.row_id, attempt=attempt.number, before=RowState.IN_FLIGHT, after=RowState.FAILED, cause="x")
    for attempt in attempts
])
print("recorded", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("deadly", "printed", "state"),
    [
        ("INSERT INTO attempts", 0, RowState.PENDING),
        ("'pending', 'in_flight', 'intent to send'", 0, RowState.PENDING),
        ("SET state = 'failed'", 1, RowState.IN_FLIGHT),
        ("'in_flight', 'failed', 'x'", 1, RowState.IN_FLIGHT),
        ("nothing like this", 2, RowState.FAILED),
    ],
)
def test_a_process_killed_at_any_statement_leaves_whole_transactions_and_all_that_it_printed(
    path: Path, row: MakeRow, start: Start, deadly: str, printed: int, state: RowState
) -> None:
    with LedgerStore(path) as ledger:
        run = start(ledger, [row(who) for who in range(ROWS)])
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(path), deadly], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    lines = done.stdout.splitlines()
    assert len(lines) == printed
    with LedgerStore(path) as ledger:
        assert ledger.rows.counts(run)[state] == ROWS
        outcomes = list(ledger.outcomes.rows(run))
        if printed:
            assert [outcome.external_id for outcome in outcomes] == lines[0].split()
        else:
            assert [outcome.attempt for outcome in outcomes] == [0] * ROWS
        for row_id in range(1, ROWS + 1):
            assert ledger.rows.events(row_id)[-1].after is state
        assert [attempt.external_id for attempt in ledger.attempts.in_flight(run)] == (
            lines[0].split() if printed == 1 else []
        )


def test_two_runs_write_to_one_ledger_at_the_same_time(path: Path, row: MakeRow, start: Start, move: MakeMove) -> None:
    people, batch = 60, 4
    keys = ["2026-11", "2026-12", "2027-01"]
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(keys))

    def work(key: str) -> None:
        try:
            with LedgerStore(path) as ledger:
                barrier.wait()
                # Each run pays another amount, so that none repeats the payments of another.
                amount = str(10 + keys.index(key))
                run = start(ledger, [row(who, amount) for who in range(people)], run_key=key)
                while attempts := ledger.attempts.claim(run, batch):
                    ledger.attempts.record(
                        [move(attempt, RowState.IN_FLIGHT, RowState.ACCEPTED) for attempt in attempts]
                    )
                    ledger.attempts.record(
                        [move(attempt, RowState.ACCEPTED, RowState.COMPLETED) for attempt in attempts]
                    )
        except BaseException as error:  # noqa: BLE001 - reported to the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with LedgerStore(path) as ledger:
        for key in keys:
            run = ledger.runs.named(key)
            assert ledger.rows.counts(run)[RowState.COMPLETED] == people
            assert [outcome.line for outcome in ledger.outcomes.rows(run)] == list(range(2, people + 2))
    checked = sqlite3.connect(path)
    assert checked.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert checked.execute("PRAGMA foreign_key_check").fetchall() == []
    checked.close()


def test_a_second_writer_of_the_same_run_is_detected_before_anything_is_sent_twice(
    path: Path, row: MakeRow, start: Start
) -> None:
    with LedgerStore(path) as one, LedgerStore(path) as other:
        run = start(one, [row(who) for who in range(10)])
        claimed = [
            attempt.row_id for _ in range(5) for ledger in (one, other) for attempt in ledger.attempts.claim(run, 1)
        ]
        assert sorted(claimed) == list(range(1, 11))
