"""Rebuilds the attempts of a run whose ledger was lost from the transactions that DVS has."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.identity import stem_of
from bulk_topup.domain.run import Run, possible_ids
from bulk_topup.ledger.attempts import write_intents
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import json_array, new_attempt_of, utc_text

_CREATE_EXPECTED: Final = (
    "CREATE TEMP TABLE IF NOT EXISTS expected (stem TEXT PRIMARY KEY, row_id INTEGER) WITHOUT ROWID"
)
_CREATE_FOUND: Final = """
    CREATE TEMP TABLE IF NOT EXISTS found (
        row_id INTEGER, stem TEXT, number INTEGER, body BLOB, PRIMARY KEY (row_id, stem, number)
    ) WITHOUT ROWID
"""
_CLEAR_EXPECTED: Final = "DELETE FROM temp.expected"
_CLEAR_FOUND: Final = "DELETE FROM temp.found"
_SET_REBUILDING: Final = "UPDATE runs SET rebuilding = :rebuilding WHERE id = :run_id"
_UNSENT: Final = """
    SELECT id AS row_id, identity, request, operator_id, amount, unit, cost, cost_unit FROM rows
    WHERE run_id = :run_id AND state = 'pending' AND attempt = 0 AND id > :after ORDER BY id LIMIT :limit
"""
_IDENTITIES: Final = "SELECT id, identity FROM rows WHERE run_id = :run_id AND state = 'pending' AND attempt = 0"
_EXPECT: Final = "INSERT OR IGNORE INTO temp.expected (stem, row_id) VALUES (?, ?)"
_SAVE: Final = """
    INSERT OR IGNORE INTO temp.found (row_id, stem, number, body)
    SELECT row_id, stem, :number, :body FROM temp.expected WHERE stem = :stem
"""
_FOUND: Final = """
    SELECT row_id, stem, number, body FROM temp.found WHERE row_id IN (SELECT value FROM json_each(:row_ids))
"""


@dataclass(frozen=True, slots=True)
class RebuildQueries:
    """The rebuild of a run."""

    file: LedgerFile

    def start(self, run: Run) -> None:
        """Save under which external IDs DVS may know the run's rows.

        If there are several for each row, nothing is sent before the rebuild has ended.
        """
        with self.file.transaction() as connection:
            connection.execute(_SET_REBUILDING, {"run_id": run.id, "rebuilding": len(possible_ids(run)) > 1})
            for statement in (_CREATE_EXPECTED, _CREATE_FOUND, _CLEAR_EXPECTED, _CLEAR_FOUND):
                connection.execute(statement)
            rows = connection.execute(_IDENTITIES, {"run_id": run.id})
            connection.executemany(
                _EXPECT,
                (
                    (stem_of(ids.external_id(row["identity"], 1)), row["id"])
                    for row in rows
                    for ids in possible_ids(run)
                ),
            )

    def end(self, run: Run) -> None:
        """Save that every row was looked up."""
        with self.file.transaction() as connection:
            connection.execute(_SET_REBUILDING, {"run_id": run.id, "rebuilding": False})

    def save(self, transactions: Collection[tuple[str, bytes | None]]) -> None:
        """Save the transactions that belong to rows of the run, each with its external ID and its JSON.

        The JSON is None where it must not be written to a temporary file, in which nothing is encrypted.
        """
        values = []
        for id_, body in transactions:
            stem, _, number = id_.rpartition("-")
            if number.isascii() and number.isdigit() and number.lstrip("0") == number:
                values.append({"stem": stem, "number": int(number), "body": body})
        with self.file.transaction() as connection:
            connection.executemany(_SAVE, values)

    def unsent(self, run: Run, *, after_row: int = 0, limit: int) -> list[tuple[Attempt, ...]]:
        """Return the first attempts that rows never sent may have had, after the row ID `after_row`.

        Each row has one for every name and version that its external ID may have been computed from, the run's first.
        """
        rows = self.file.fetch_all(_UNSENT, run_id=run.id, after=after_row, limit=limit)
        return [
            tuple(new_attempt_of(row, 1, ids.external_id(row["identity"], 1)) for ids in possible_ids(run))
            for row in rows
        ]

    def saved(self, row_ids: Collection[int]) -> dict[str, dict[int, bytes | None]]:
        """Return the saved JSON for rows, by the stem of the external ID and the attempt number."""
        found: dict[str, dict[int, bytes | None]] = defaultdict(dict)
        for row in self.file.fetch_all(_FOUND, row_ids=json_array(row_ids)):
            found[row["stem"]][row["number"]] = row["body"]
        return found

    def write_attempts(self, attempts: Sequence[tuple[Attempt, datetime]], cause: str) -> None:
        """Write attempts of pending rows that DVS has, as intents of the time of their creation.

        Args:
            attempts: attempts, each with the creation time of its transaction.
            cause: the cause of the events.

        Raises:
            LedgerError: one of the rows is not pending.
        """
        at = self.file.now()
        intents = [(attempt, utc_text(created_at)) for attempt, created_at in attempts]
        with self.file.transaction() as connection:
            write_intents(self.file, connection, intents, at, cause)
