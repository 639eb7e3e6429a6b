"""Removes a new ledger in which nothing was kept, unless another process has it open; touches that file alone."""

import sqlite3
from contextlib import suppress
from typing import Final

from bulk_topup.ledger.ledger_file import LedgerFile

#: Whether anything was kept. All other tables belong to runs, or have entries in every ledger.
_IS_USED: Final = """
    SELECT EXISTS (SELECT 1 FROM runs) OR EXISTS (SELECT 1 FROM hints) OR EXISTS (SELECT 1 FROM observations)
        OR EXISTS (SELECT 1 FROM accepted_numbers) OR EXISTS (SELECT 1 FROM not_the_same)
        OR EXISTS (SELECT 1 FROM kept_products) OR EXISTS (SELECT 1 FROM kept_lists)
        OR EXISTS (SELECT 1 FROM kept_operators) OR EXISTS (SELECT 1 FROM kept_statements)
    """


def close_unused(file: LedgerFile) -> None:
    """Close a ledger, and remove its file if this process created it and nothing was kept in it.

    Leaving the write-ahead log needs the file for this process alone, so a ledger that another process has open stays.
    One that opens it later waits until it is removed, and `open_database` then finds that the path names no such file.
    """
    try:
        with suppress(sqlite3.Error, OSError):
            if file.is_new and not file.place.change():
                _remove(file)
    finally:
        file.close()


def _remove(file: LedgerFile) -> None:
    connection = file.connection
    connection.execute("PRAGMA busy_timeout = 0")
    if not _is_empty(connection):
        return
    # The lock is kept between these statements.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    if connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
        return
    connection.execute("BEGIN EXCLUSIVE")
    if _is_empty(connection) and not file.place.change():
        file.place.path.unlink()
    connection.execute("ROLLBACK")


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute(_IS_USED).fetchone()[0]
