"""A run whose ledger was lost, made anew from what the provider has: which rows it knows, and their attempts."""

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.identity import external_id
from bulk_topup.domain.run import Run
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import attempt_under

_CREATE_EXPECTED: Final = (
    "CREATE TEMP TABLE IF NOT EXISTS expected (stem TEXT PRIMARY KEY, row_id INTEGER) WITHOUT ROWID"
)
_CREATE_FOUND: Final = """
    CREATE TEMP TABLE IF NOT EXISTS found (
        row_id INTEGER, number INTEGER, body BLOB, PRIMARY KEY (row_id, number)
    ) WITHOUT ROWID
"""
_CLEAR_EXPECTED: Final = "DELETE FROM temp.expected"
_CLEAR_FOUND: Final = "DELETE FROM temp.found"
_UNSENT: Final = """
    SELECT id AS row_id, identity, request, operator_id, amount, unit, cost, cost_unit FROM rows
    WHERE run_id = :run_id AND state = 'pending' AND attempt = 0 AND id > :after ORDER BY id LIMIT :limit
"""
_IDENTITIES: Final = "SELECT id, identity FROM rows WHERE run_id = :run_id AND state = 'pending' AND attempt = 0"
_EXPECT: Final = "INSERT OR IGNORE INTO temp.expected (stem, row_id) VALUES (?, ?)"
_KEEP: Final = """
    INSERT OR IGNORE INTO temp.found (row_id, number, body)
    SELECT row_id, :number, :body FROM temp.expected WHERE stem = :stem
"""
_FOUND: Final = "SELECT row_id, number, body FROM temp.found WHERE row_id IN (SELECT value FROM json_each(:row_ids))"
_IS_SENT: Final = "SELECT EXISTS (SELECT 1 FROM rows WHERE run_id = :run_id AND attempt > 0)"


class Rebuilding(LedgerFile):
    """A run on its way back into the ledger."""

    def is_sent(self, run: Run) -> bool:
        """Tell whether anything of a run was ever sent, as far as the ledger knows."""
        return bool(self._all(_IS_SENT, run_id=run.id)[0][0])

    def expect_found(self, run: Run) -> None:
        """Note by which external ids the provider may know the run's rows."""
        with self._transaction() as connection:
            for statement in (_CREATE_EXPECTED, _CREATE_FOUND, _CLEAR_EXPECTED, _CLEAR_FOUND):
                connection.execute(statement)
            rows = connection.execute(_IDENTITIES, {"run_id": run.id})
            connection.executemany(
                _EXPECT,
                ((external_id(run.job, run.run_key, row["identity"], 1)[: -len("-1")], row["id"]) for row in rows),
            )

    def keep_found(self, found: Collection[tuple[str, bytes | None]]) -> None:
        """Put those transactions aside that are a row's, each by its external id, as the provider's JSON.

        One whose JSON may not lie in a temporary file, where nothing is encrypted, is put aside without it.
        """
        values = []
        for id_, body in found:
            stem, _, number = id_.rpartition("-")
            if number.isascii() and number.isdigit() and number.lstrip("0") == number:
                values.append({"stem": stem, "number": int(number), "body": body})
        with self._transaction() as connection:
            connection.executemany(_KEEP, values)

    def unsent(self, run: Run, *, after_row: int = 0, limit: int) -> list[Attempt]:
        """Give the first attempts that rows never sent would have, from the row after `after_row`."""
        rows = self._all(_UNSENT, run_id=run.id, after=after_row, limit=limit)
        return [attempt_under(row, 1, external_id(run.job, run.run_key, row["identity"], 1)) for row in rows]

    def found_of(self, row_ids: Collection[int]) -> dict[int, dict[int, bytes | None]]:
        """Give what was put aside for rows: by the row and the attempt's number."""
        found: dict[int, dict[int, bytes | None]] = {row_id: {} for row_id in row_ids}
        for row in self._all(_FOUND, row_ids=json.dumps(list(row_ids))):
            found[row["row_id"]][row["number"]] = row["body"]
        return found

    def write_found(self, attempts: Sequence[tuple[Attempt, datetime]], cause: str) -> None:
        """Write attempts of pending rows that the provider has, as intents of the time when it created them."""
        at = self._now()
        intents = [(attempt, created_at.astimezone(UTC).isoformat()) for attempt, created_at in attempts]
        with self._transaction() as connection:
            self._write_intents(connection, intents, at, cause)
