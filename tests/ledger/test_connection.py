"""The ledger's file: private, durable, and the only file that is changed."""

import json
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import LedgerError, LedgerOutdatedError
from bulk_topup.ledger import LedgerStore, connection
from bulk_topup.ledger.schema import migrations
from bulk_topup.ledger.schema_versions import NAMES
from bulk_topup.system.clock import Clock
from tests.helpers.checked_rows import CheckedRow

OPENERS = 8

OPEN_AND_CLOSE = """
import sys
from pathlib import Path
from bulk_topup.ledger import LedgerStore
LedgerStore(Path(sys.argv[1])).close()
"""
COUNT_ROWS = """
import sys
from pathlib import Path
from bulk_topup.ledger import LedgerStore
with LedgerStore(Path(sys.argv[1])) as ledger:
    print(sum(sum(ledger.rows.counts(run).values()) for run in ledger.runs.all()))
"""


#: Reverts the last three migrations.
AS_OF_THE_SIXTH = (
    "DROP INDEX idx_rows_run_id_state_id_in_list_attempt",
    "DROP INDEX idx_rows_noted",
    "DROP INDEX idx_rows_in_flight",
    "DROP INDEX idx_attempts_created",
    "DROP INDEX idx_hints_received_at",
    "DROP INDEX idx_rows_party_key",
    "DROP INDEX idx_rows_without_party_key",
    "DROP TRIGGER rows_insert_makes_report_old",
    "DROP TRIGGER rows_update_makes_report_old",
    "DROP TRIGGER rows_delete_makes_report_old",
    "DROP TRIGGER runs_update_makes_report_old",
    "DROP TABLE absences",
    "DROP TABLE reports",
    "DROP TABLE not_the_same",
    "ALTER TABLE rows DROP COLUMN party_key",
    "ALTER TABLE runs DROP COLUMN last_sent_at",
    "ALTER TABLE runs DROP COLUMN reading",
    "ALTER TABLE runs DROP COLUMN reporting",
    "ALTER TABLE runs DROP COLUMN comparison",
    "DROP TABLE repeated_payments",
    "CREATE INDEX idx_rows_run_id_state_id ON rows (run_id, state, id)",
    "DELETE FROM _sqlite_migrations WHERE name > '0007'",
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (mode(path), path.read_bytes()) for path in folder.iterdir()}


def test_every_commit_is_synced_to_disk(ledger: LedgerStore) -> None:
    connection = ledger.file.connection
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1


def test_only_the_owner_can_read_the_file_its_log_and_its_shared_memory(
    ledger: LedgerStore, path: Path, start: Callable[..., Run], row: Callable[..., CheckedRow]
) -> None:
    start(ledger, [row(1)])
    names = {found.name for found in path.parent.iterdir()}
    assert names == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert {mode(found) for found in path.parent.iterdir()} == {0o600}
    assert mode(path.parent) == 0o700


def test_a_ledger_that_others_could_read_becomes_private(path: Path) -> None:
    LedgerStore(path).close()
    path.chmod(0o644)
    with LedgerStore(path):
        assert mode(path) == 0o600


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_the_database_of_another_program_is_refused_unchanged(tmp_path: Path, journal_mode: str) -> None:
    path = tmp_path / "theirs.db"
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute(f"PRAGMA journal_mode = {journal_mode}")
        other.execute("CREATE TABLE theirs (id INTEGER)")
        other.execute("INSERT INTO theirs VALUES (1)")
        path.chmod(0o644)
        before = contents(tmp_path)
        with pytest.raises(LedgerError, match="belongs to another program"):
            LedgerStore(path)
        assert contents(tmp_path) == before
    finally:
        other.close()


@pytest.mark.parametrize("content", [b"phone,amount\n+6595123100,10\n", b"SQLite format 3\0", b"x" * 5000])
def test_a_file_that_is_no_database_is_refused_unchanged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "payroll.csv"
    path.write_bytes(content)
    path.chmod(0o640)
    before = contents(tmp_path)
    with pytest.raises(LedgerError, match="not a ledger"):
        LedgerStore(path)
    assert contents(tmp_path) == before


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    with LedgerStore(path) as ledger:
        assert ledger.runs.all() == []


@pytest.mark.parametrize("place", ["", "file/ledger.db"])
def test_an_error_names_a_path_that_cannot_be_a_ledger(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match=str(tmp_path)):
        LedgerStore(tmp_path / place)


def test_an_error_names_a_damaged_ledger(path: Path) -> None:
    LedgerStore(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    with pytest.raises(LedgerError, match=r"Can't use the ledger .*ledger\.db: "):
        LedgerStore(path)


def test_a_ledger_of_a_newer_version_is_refused_unchanged(path: Path) -> None:
    LedgerStore(path).close()
    newer = sqlite3.connect(path, isolation_level=None)
    newer.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('bulk_topup.ledger', '0099', '')"
    )
    newer.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="written by a newer version of bulk-topup"):
        LedgerStore(path)
    assert path.read_bytes() == before


def test_the_log_that_grew_during_a_read_is_truncated_afterwards(
    path: Path,
    start: Callable[..., Run],
    row: Callable[..., CheckedRow],
    move: Callable[..., Move],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = 100_000
    monkeypatch.setattr(connection, "JOURNAL_BYTES", limit)
    log = path.with_name(f"{path.name}-wal")
    with LedgerStore(path) as ledger:
        run = start(ledger, [row(1)])
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM rows").fetchone()
        cells = json.dumps(["x" * 6_000, "1"])  # beyond the thousand pages after which SQLite looks at its log
        start(ledger, [row(who, line=who + 2, cells=cells) for who in range(900)])
        assert log.stat().st_size > limit
        reader.execute("COMMIT")
        for attempt in ledger.attempts.claim(run, 3):
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
        assert log.stat().st_size <= limit
        reader.close()


def test_a_ledger_of_an_earlier_version_keeps_its_data(
    path: Path, clock: Clock, start: Callable[..., Run], row: Callable[..., CheckedRow], move: Callable[..., Move]
) -> None:
    with LedgerStore(path, clock=clock) as ledger:
        run, purged = start(ledger, [row(1), row(2)]), start(ledger, [row(3)], run_key="2026-10")
        for each in (run, purged):
            [attempt] = ledger.attempts.claim(each, 1)
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.COMPLETED)])
        ledger.purges.purge(purged)
        counts, outcomes, payment = (
            ledger.rows.counts(run),
            list(ledger.outcomes.rows(run)),
            ledger.purges.last_payment(),
        )
        assert payment is not None
    earlier = sqlite3.connect(path, isolation_level=None)
    for statement in AS_OF_THE_SIXTH:
        earlier.execute(statement)
    earlier.close()
    with LedgerStore(path, clock=clock) as ledger:
        assert (ledger.rows.counts(run), list(ledger.outcomes.rows(run))) == (counts, outcomes)
        assert ledger.purges.last_payment() == payment
        assert [attempt.number for attempt in ledger.attempts.claim(run, 9)] == [1]


def test_every_migration_is_listed_by_name() -> None:
    database = Database(memory=True)
    assert tuple(migration.name for migration in migrations.pending(database)) == NAMES
    database.close()


def test_a_ledger_keeps_its_runs_when_it_is_opened_again(
    path: Path, start: Callable[..., Run], row: Callable[..., CheckedRow]
) -> None:
    with LedgerStore(path) as ledger:
        run = start(ledger, [row(1)])
    with LedgerStore(path) as ledger:
        assert ledger.runs.all() == [run]
        assert ledger.runs.find("payroll", "2026-11") == run


def test_a_new_ledger_may_be_opened_by_many_at_once(path: Path) -> None:
    barrier = threading.Barrier(OPENERS)
    opened: list[LedgerStore] = []
    errors: list[BaseException] = []

    def open_one() -> None:
        barrier.wait()
        try:
            opened.append(LedgerStore(path))
        except BaseException as error:  # noqa: BLE001 - reported to the test
            errors.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(OPENERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [ledger.runs.all() for ledger in opened] == [[]] * OPENERS
    for ledger in opened:
        ledger.close()


def test_a_ledger_that_is_open_twice_in_a_process_survives_another_process_that_closes_it(
    ledger: LedgerStore, path: Path, start: Callable[..., Run], row: Callable[..., CheckedRow]
) -> None:
    with LedgerStore(path):
        start(ledger, [row(1)])
        subprocess.run([sys.executable, "-c", OPEN_AND_CLOSE, path], check=True)
        start(ledger, [row(1), row(2)])
    found = subprocess.run([sys.executable, "-c", COUNT_ROWS, path], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "2"


def test_reading_does_not_change_a_ledger(
    path: Path, start: Callable[..., Run], row: Callable[..., CheckedRow]
) -> None:
    with LedgerStore(path) as writing:
        run = start(writing, [row(1)])
    before = contents(path.parent)
    with LedgerStore(path, read_only=True) as reading:
        assert reading.runs.all() == [run]
        assert sum(reading.rows.counts(run).values()) == 1
        with pytest.raises(LedgerError, match="readonly"):
            reading.hints.save("x")
    after = contents(path.parent)
    assert {name: after[name] for name in before} == before


def test_a_ledger_of_an_older_version_is_not_read(path: Path) -> None:
    with LedgerStore(path) as ledger:
        ledger.file.connection.execute("DELETE FROM _sqlite_migrations WHERE name = ?", [NAMES[-1]])
    with pytest.raises(LedgerOutdatedError, match="bulk-topup status` upgrades it"):
        LedgerStore(path, read_only=True)


def test_a_file_that_is_no_ledger_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("notes")
    with pytest.raises(LedgerError, match="belongs to another program"):
        LedgerStore(path, read_only=True)
