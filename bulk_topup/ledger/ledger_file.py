"""The ledger's open file: its connection, its transactions and its clock; what every part of the ledger stands on."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bulk_topup.domain.attempt import Attempt
from bulk_topup.errors import LedgerError
from bulk_topup.ledger import statements as sql
from bulk_topup.ledger.connection import open_database, open_for_reading, transaction, translate_errors
from bulk_topup.ledger.pin_encryption import keys_for
from bulk_topup.ledger.pin_keys import load_pin_keys
from bulk_topup.system.clock import Clock, SystemClock


class LedgerFile:
    """An open ledger's file.

    Args:
        path: the SQLite file; created, for its owner only, when it is missing.
        clock: where the times of events come from.
        read_only: only look; works on a full or read-only disk too.

    Raises:
        LedgerError: the file cannot be used.
        PinKeyError: PINs that the file holds, or will hold, cannot be encrypted.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, read_only: bool = False) -> None:
        self.path = path
        self._clock = clock or SystemClock()
        with translate_errors(path):
            self._connection = open_for_reading(path) if read_only else open_database(path)
            try:
                self._pin_keys = load_pin_keys() if read_only else keys_for(self._connection, path)
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _now(self) -> str:
        return self._clock.now().isoformat()

    def _all(self, statement: str, **values: object) -> list[Any]:
        with translate_errors(self.path):
            return self._connection.execute(statement, values).fetchall()

    def _each(self, statement: str, **values: object) -> Iterator[Any]:
        """Give what a statement finds a row at a time, however much it is."""
        with translate_errors(self.path):
            yield from self._connection.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one transaction that is on disk when it ends, or leaves nothing behind."""
        with translate_errors(self.path), transaction(self._connection):
            yield self._connection

    def _write_intents(
        self, connection: sqlite3.Connection, intents: Sequence[tuple[Attempt, str]], at: str, cause: str
    ) -> None:
        """Write that attempts of pending rows are sent, each with the time of its intent, and why at what time we know.

        Raises:
            LedgerError: one of the rows is not pending.
        """
        claimed = [(attempt.row_id, attempt.number, attempt.external_id, since) for attempt, since in intents]
        values = {"claimed": json.dumps(claimed), "at": at, "cause": cause}
        connection.execute(sql.WRITE_INTENTS, values)
        self._expect(connection.execute(sql.MARK_IN_FLIGHT, values).rowcount, len(claimed))
        connection.execute(sql.EVENTS_OF_INTENTS, values)

    def _expect(self, found: int, wanted: int) -> None:
        if max(found, 0) != wanted:
            raise LedgerError(
                f"The ledger {self.path} was changed by somebody else while the run was on: "
                f"{wanted} rows should have moved, {max(found, 0)} could. Start the run again."
            )
