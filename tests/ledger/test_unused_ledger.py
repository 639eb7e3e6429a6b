"""A new ledger in which nothing was kept goes away, and only that."""

import sqlite3
import threading
from pathlib import Path

import pytest

from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.unused_ledger import _IS_USED

HINT = "INSERT INTO hints (external_id, received_at) VALUES ('payroll-1', '2026-11-30T12:00:00+00:00')"


def test_a_new_ledger_that_was_not_used_is_removed_with_its_log(tmp_path: Path) -> None:
    LedgerStore(tmp_path / "ledger.db").close_unused()
    assert [path.name for path in tmp_path.glob("ledger*")] == []


def test_a_ledger_that_was_there_before_stays_even_if_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    LedgerStore(path).close()
    LedgerStore(path).close_unused()
    with LedgerStore(path) as ledger:
        assert ledger.runs.all() == []


def test_a_ledger_in_which_something_was_kept_stays(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = LedgerStore(path)
    ledger.file.connection.execute(HINT)
    ledger.close_unused()
    assert path.exists()


def test_a_ledger_that_another_connection_has_open_stays(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    first = LedgerStore(path)
    with LedgerStore(path) as second:
        first.close_unused()
        assert path.exists()
        assert second.runs.all() == []
        assert not second.displacement()
    with LedgerStore(path) as again:
        assert again.runs.all() == []


def test_a_ledger_that_took_the_place_of_the_removed_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    first = LedgerStore(path)
    path.rename(tmp_path / "elsewhere.db")
    path.write_bytes(b"")
    first.close_unused()
    assert path.exists()
    assert (tmp_path / "elsewhere.db").exists()


def test_one_who_opens_a_ledger_while_it_is_removed_gets_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    first = LedgerStore(path)
    connect, removed = sqlite3.connect, threading.Event()

    def connect_late(*arguments: object, **values: object) -> sqlite3.Connection:
        opened = connect(*arguments, **values)  # type: ignore[call-overload]
        if not removed.is_set():
            removed.set()
            first.close_unused()
        return opened  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3, "connect", connect_late)
    with LedgerStore(path) as second:
        assert removed.is_set()
        assert not second.displacement()
        second.file.connection.execute(HINT)
    monkeypatch.undo()
    with LedgerStore(path) as third:
        assert third.file.fetch_all("SELECT count(*) FROM hints")[0][0] == 1


def test_every_table_is_looked_at_that_does_not_belong_to_runs(tmp_path: Path) -> None:
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        tables = {row[0] for row in ledger.file.fetch_all("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    of_runs = {"rows", "attempts", "events", "reports", "former_names", "absences", "repeated_payments", "corrections"}
    always = {"_sqlite_migrations", "pin_keys"}
    others = {table for table in tables if not table.startswith("sqlite_")} - of_runs - always
    assert others == {table for table in others if f"FROM {table})" in _IS_USED}
