"""The ledger's open file: its connection, transactions and clock, which all queries share; touches the file alone."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bulk_topup.domain.verdict import format_rows
from bulk_topup.errors import LedgerWriteError
from bulk_topup.ledger.connection import open_database, open_for_reading, transaction, translate_errors
from bulk_topup.ledger.file_place import FilePlace
from bulk_topup.ledger.party_key_upgrade import fill_party_keys
from bulk_topup.ledger.pin_encryption import keys_for
from bulk_topup.ledger.pin_keys import load_pin_keys
from bulk_topup.system.clock import Clock, SystemClock


class LedgerFile:
    """An open ledger file.

    Args:
        path: the SQLite file; created, readable by its owner only, if it does not exist.
        clock: source of the times of events.
        read_only: only read; works on a full or read-only disk too.

    Raises:
        LedgerError: the file can't be used.
        PinKeyError: PINs that the file holds, or will hold, can't be encrypted.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, read_only: bool = False) -> None:
        self.path = path
        self.clock = clock or SystemClock()
        self.read_only = read_only
        #: Whether the file was created here.
        self.is_new = not read_only and not os.path.lexists(path)
        with self.translate_errors():
            self.connection = open_for_reading(path) if read_only else open_database(path)
            try:
                #: Where the file was when it was opened.
                self.place = FilePlace.of(path)
                if not read_only:
                    fill_party_keys(self.connection)
                self.pin_keys = load_pin_keys() if read_only else keys_for(self.connection, path)
            except BaseException:
                self.connection.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def now(self) -> str:
        """Return the time as the ledger stores it."""
        return self.clock.now().isoformat()

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise errors of SQLite and of the file system as `LedgerError`."""
        with translate_errors(self.path, read_only=self.read_only):
            yield

    def fetch_all(self, statement: str, **values: object) -> list[Any]:
        """Return all rows that a statement finds."""
        with self.translate_errors():
            return self.connection.execute(statement, values).fetchall()

    def iterate(self, statement: str, **values: object) -> Iterator[Any]:
        """Yield the rows that a statement finds one at a time, so that their number does not matter."""
        with self.translate_errors():
            yield from self.connection.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one transaction that is on disk when it ends, or changes nothing."""
        with self.translate_errors(), transaction(self.connection):
            yield self.connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Run the block on one state of the file, while other processes may write it; it writes temporary tables alone.

        A block that fails leaves these tables as they were.
        """
        with self.translate_errors(), transaction(self.connection, begin="BEGIN"):
            yield self.connection

    def check_changed(self, changed: int, expected: int) -> None:
        """Raise LedgerWriteError unless a statement changed as many rows as expected."""
        if max(changed, 0) != expected:
            raise LedgerWriteError(
                f"Another process changed the ledger {self.path} during the run: "
                f"{format_rows(expected)} to update, {max(changed, 0):,} updated. Run again to resume."
            )
