"""The kinds of errors of the ledger's file: missing, can't be written, can't be used."""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bulk_topup.domain.run import Run
from bulk_topup.errors import LedgerError, LedgerMissingError, LedgerWriteError
from bulk_topup.ledger import LedgerStore, connection
from tests.helpers.checked_rows import CheckedRow


def test_a_ledger_that_does_not_exist_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(LedgerMissingError, match=r"No ledger at .*ledger\.db\. Check --ledger and --env\."):
        LedgerStore(tmp_path / "ledger.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_missing_ledger_creates_none(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").symlink_to(tmp_path / "missing.db")
    with pytest.raises(LedgerMissingError, match="which does not exist"):
        LedgerStore(tmp_path / "ledger.db")
    assert not (tmp_path / "missing.db").exists()


def test_a_full_disk_is_an_error_of_writing_and_leaves_the_ledger_usable(
    path: Path, start: Callable[..., Run], row: Callable[..., CheckedRow]
) -> None:
    with LedgerStore(path) as ledger:
        run = start(ledger, [row(1)])
        [pages] = ledger.file.connection.execute("PRAGMA page_count").fetchone()
        ledger.file.connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(
            LedgerWriteError, match=r"Can't write the ledger .*: database or disk is full\..*Check the disk"
        ):
            start(ledger, [row(who) for who in range(500)])
        assert [outcome.line for outcome in ledger.outcomes.rows(run)] == [3]


def test_a_ledger_that_another_process_locks_is_an_error_of_writing(
    path: Path, start: Callable[..., Run], row: Callable[..., CheckedRow]
) -> None:
    with LedgerStore(path) as ledger:
        run = start(ledger, [row(1)])
        ledger.file.connection.execute("PRAGMA busy_timeout = 1")
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerWriteError, match=r"database is locked\..*Wait until the other process"):
                ledger.attempts.claim(run, 1)
        assert len(ledger.attempts.claim(run, 1)) == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_errors_of_the_file_system_are_errors_of_writing_unless_the_ledger_is_read(path: Path, code: int) -> None:
    with (
        pytest.raises(LedgerWriteError, match=rf"Can't write the ledger .*: {os.strerror(code)}\. Check the disk"),
        connection.translate_errors(path),
    ):
        raise OSError(code, os.strerror(code))
    with (
        pytest.raises(LedgerError, match=f"Can't open the ledger .*: {os.strerror(code)}") as raised,
        connection.translate_errors(path, read_only=True),
    ):
        raise OSError(code, os.strerror(code))
    assert type(raised.value) is LedgerError


def test_a_damaged_ledger_is_no_error_of_writing(path: Path) -> None:
    LedgerStore(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    with pytest.raises(LedgerError) as raised:
        LedgerStore(path)
    assert type(raised.value) is LedgerError
