"""The ledger's side of reconciling: the attempts of a time window, beside the transactions that DVS listed."""

import json
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bulk_topup.domain.attempt import KnownAttempt, Resolution
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import attempt_of, json_array, utc_text

#: Attempts that are read at once.
BATCH: Final = 1_000

_CREATE_LISTED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS listed (transaction_id INTEGER PRIMARY KEY, external_id TEXT)
"""
_INDEX_LISTED: Final = "CREATE INDEX IF NOT EXISTS temp.listed_external_id ON listed (external_id)"
_CLEAR_LISTED: Final = "DELETE FROM temp.listed"
_LISTED: Final = "SELECT transaction_id FROM temp.listed WHERE external_id = ?"
_RECORD_LISTED: Final = "INSERT OR IGNORE INTO temp.listed (transaction_id, external_id) VALUES (?, ?)"

_KNOWN: Final = """
    SELECT a.id, coalesce(a.creation_date, a.intent_at) AS moment, r.id AS row_id, a.number, a.external_id, a.request,
           r.operator_id, r.amount, r.unit, r.cost, r.cost_unit, r.run_id, runs.job || '/' || runs.run_key AS run,
           r.line, r.attempt, r.state, r.message, a.transaction_id, a.creation_date, a.status_message, a.price, a.fee,
           a.price_unit, a.resolution, runs.purged_at
    FROM attempts AS a JOIN rows AS r ON r.id = a.row_id JOIN runs ON runs.id = r.run_id
"""
_AMONG: Final = f"{_KNOWN} WHERE a.external_id IN (SELECT value FROM json_each(:external_ids))"  # noqa: S608 - composed of constants
#: Attempts of the window whose external IDs DVS did not list, by time, after one of them.
_UNLISTED: Final = f"""{_KNOWN}
    WHERE coalesce(a.creation_date, a.intent_at) BETWEEN :moment AND :end
      AND (coalesce(a.creation_date, a.intent_at) > :moment OR a.id > :after)
      AND +r.run_id IN (SELECT value FROM json_each(:run_ids))
      AND NOT EXISTS (SELECT 1 FROM temp.listed AS l WHERE l.external_id = a.external_id)
    ORDER BY coalesce(a.creation_date, a.intent_at), a.id LIMIT :limit
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class ComparisonQueries:
    """A comparison of attempts with the transactions of DVS."""

    file: LedgerFile

    def start(self) -> None:
        """Delete the transactions that an earlier comparison listed."""
        with self.file.transaction() as connection:
            for statement in (_CREATE_LISTED, _INDEX_LISTED, _CLEAR_LISTED):
                connection.execute(statement)

    def record_listed(self, transactions: Collection[tuple[int, str]]) -> dict[int, bool]:
        """Record transactions that DVS listed.

        Args:
            transactions: transaction ID and external ID of each.

        Returns:
            The new transaction IDs, each with whether another transaction had the same external ID before.
        """
        new: dict[int, bool] = {}
        with self.file.transaction() as connection:
            for transaction_id, external_id in transactions:
                others = {row[0] for row in connection.execute(_LISTED, [external_id])}
                if connection.execute(_RECORD_LISTED, [transaction_id, external_id]).rowcount:
                    new[transaction_id] = bool(others)
        return new

    def find_attempts(self, external_ids: Collection[str]) -> dict[str, KnownAttempt]:
        """Return the attempts of any run with these external IDs, by external ID."""
        rows = self.file.fetch_all(_AMONG, external_ids=json_array(external_ids))
        return {row["external_id"]: _known_attempt_of(row) for row in rows}

    def unlisted(
        self, runs: Collection[Run], start: datetime, end: datetime, *, limit: int = BATCH
    ) -> Iterator[KnownAttempt]:
        """Yield attempts of the runs, made between two times, that DVS did not list, oldest first.

        Args:
            runs: the runs.
            start, end: the window, in UTC.
            limit: attempts that are read at once.
        """
        ids = json.dumps([run.id for run in runs])
        after: dict[str, object] = {"moment": utc_text(start), "after": 0}
        while batch := self.file.fetch_all(_UNLISTED, run_ids=ids, end=utc_text(end), limit=limit, **after):
            for row in batch:
                yield _known_attempt_of(row)
            after = {"moment": batch[-1]["moment"], "after": batch[-1]["id"]}


def _known_attempt_of(row: sqlite3.Row) -> KnownAttempt:
    is_latest = row["attempt"] == row["number"]
    return KnownAttempt(
        attempt=attempt_of(row),
        run_id=row["run_id"],
        run=row["run"],
        line=row["line"],
        is_latest=is_latest,
        state=RowState(row["state"]) if is_latest else RowState.FAILED,
        message=row["message"],
        transaction_id=row["transaction_id"],
        status_message=row["status_message"],
        price=None if row["price"] is None else Decimal(row["price"]),
        fee=None if row["fee"] is None else Decimal(row["fee"]),
        price_unit=row["price_unit"],
        resolution=None if row["resolution"] is None else Resolution(row["resolution"]),
        is_purged=row["purged_at"] is not None,
    )
