"""Hints from callbacks, saved until the transactions were fetched from DVS."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.attempt import HintedAttempt
from bulk_topup.domain.run import Run
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import hinted_attempt_of, run_of
from bulk_topup.ledger.sql_fragments import ATTEMPT

#: Hints that one call returns unless its caller sets another limit.
READ_BATCH: Final = 1_000

#: Only hints about attempts of this ledger are saved.
_SAVE: Final = """
    INSERT INTO hints (external_id, received_at)
    SELECT :external_id, :at WHERE EXISTS (SELECT 1 FROM attempts WHERE external_id = :external_id)
    ON CONFLICT (external_id) DO UPDATE SET received_at = excluded.received_at
"""
#: Hints about rows whose outcome can't change any more, or about attempts that are not the latest.
_DELETE_STALE: Final = """
    DELETE FROM hints WHERE external_id IN (
        SELECT h.external_id FROM hints AS h
        JOIN attempts AS a ON a.external_id = h.external_id JOIN rows AS r ON r.id = a.row_id
        WHERE r.attempt <> a.number OR r.state NOT IN ('in_flight', 'accepted', 'completed')
    )
"""
_RUNS: Final = """
    SELECT * FROM runs WHERE id IN (
        SELECT r.run_id FROM hints AS h
        JOIN attempts AS a ON a.external_id = h.external_id JOIN rows AS r ON r.id = a.row_id
    ) ORDER BY id
"""
_ATTEMPTS: Final = f"""
    SELECT {ATTEMPT}, a.transaction_id, r.state, h.received_at
    FROM hints AS h CROSS JOIN attempts AS a ON a.external_id = h.external_id
    CROSS JOIN rows AS r ON r.id = a.row_id AND r.attempt = a.number
    WHERE r.run_id = :run_id AND r.state IN ('accepted', 'completed')
      AND (NOT :exclude_held OR a.status_class <> 'CREATED')
    ORDER BY h.received_at LIMIT :limit
"""  # noqa: S608 - composed of constants
#: A hint that was received again in the meantime stays.
_DELETE: Final = "DELETE FROM hints WHERE external_id = :external_id AND received_at = :received_at"


@dataclass(frozen=True, slots=True)
class HintQueries:
    """Callbacks that say to fetch a transaction; only DVS says what happened to it."""

    file: LedgerFile

    def save(self, external_id: str) -> bool:
        """Save that a callback named an external ID; it is on disk when this returns.

        Returns:
            Whether an attempt of this ledger has the ID; a hint about another ID is not saved.
        """
        with self.file.transaction() as connection:
            saved = connection.execute(_SAVE, {"external_id": external_id, "at": self.file.now()}).rowcount
        return saved == 1

    def runs(self) -> list[Run]:
        """Return the runs that have hints; delete hints that can't change an outcome."""
        with self.file.transaction() as connection:
            connection.execute(_DELETE_STALE)
        return [run_of(row, self.file.path) for row in self.file.fetch_all(_RUNS)]

    def attempts(self, run: Run, limit: int = READ_BATCH, *, exclude_held: bool = False) -> list[HintedAttempt]:
        """Return attempts that callbacks named, oldest callbacks first, without unconfirmed ones if `exclude_held`."""
        rows = self.file.fetch_all(_ATTEMPTS, run_id=run.id, limit=limit, exclude_held=exclude_held)
        return [hinted_attempt_of(row) for row in rows]

    def delete(self, hints: Collection[HintedAttempt]) -> None:
        """Delete hints whose transactions were fetched from DVS."""
        values = [
            {"external_id": hint.attempt.external_id, "received_at": hint.received_at.isoformat()} for hint in hints
        ]
        with self.file.transaction() as connection:
            connection.executemany(_DELETE, values)
