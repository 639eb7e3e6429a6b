"""Rows in conflict with DVS, rows that differ from the list, and what people decided about them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.attempt import REBUILT, RECONCILED, Attempt, KnownTransaction, Resolution
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import event_values, json_array, known_transaction_of
from bulk_topup.ledger.sql_fragments import ATTEMPT, INSERT_EVENT

_CONFLICTS: Final = """
    SELECT a.external_id FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'conflict'
      AND (:lines IS NULL OR r.line IN (SELECT value FROM json_each(:lines)))
    ORDER BY +r.line
"""
#: True for a row `r` whose conflict a run has found, and not a rebuild or a comparison.
_FOUND_BY_RUN: Final = f"""
    r.state = 'conflict' AND NOT EXISTS (
        SELECT 1 FROM events AS e
        WHERE e.row_id = r.id AND e.after = 'conflict' AND e.cause IN ('{REBUILT}', '{RECONCILED}'))
"""  # noqa: S608 - composed of constants
#: The cause in the event log of a look-up that proved nothing.
_LOOKED_UP: Final = "still in conflict by DVS's record"
#: The latest attempts of such rows: first those that were never looked up, then the others in turn.
_ATTEMPTS: Final = f"""
    SELECT {ATTEMPT}, a.transaction_id, a.price, a.fee, a.price_unit
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND {_FOUND_BY_RUN}
    ORDER BY (SELECT max(l.id) FROM events AS l WHERE l.row_id = r.id AND l.cause = :looked_up) NULLS FIRST, r.id
    LIMIT :limit
"""  # noqa: S608 - composed of constants
_COUNT: Final = f"SELECT count(*) FROM rows AS r WHERE r.run_id = :run_id AND {_FOUND_BY_RUN}"  # noqa: S608
#: The same among the caller's external IDs, a JSON array; CROSS JOIN makes SQLite start with those.
_ATTEMPTS_AMONG: Final = f"""
    SELECT {ATTEMPT}, a.transaction_id, a.price, a.fee, a.price_unit
    FROM json_each(:external_ids) AS wanted
    CROSS JOIN attempts AS a ON a.external_id = wanted.value
    CROSS JOIN rows AS r ON r.id = a.row_id AND r.attempt = a.number
    WHERE r.run_id = :run_id AND {_FOUND_BY_RUN}
    LIMIT :limit
"""  # noqa: S608
_IS_OF_REBUILD: Final = f"""
    SELECT 1 FROM events WHERE row_id = :row_id AND after = 'conflict' AND cause = '{REBUILT}' LIMIT 1
"""  # noqa: S608 - composed of constants
_LIST_MISMATCHES: Final = """
    SELECT id, line, attempt, state, note FROM rows
    WHERE run_id = :run_id AND note <> '' AND +state IN ('completed', 'accepted', 'in_flight')
      AND (:lines IS NULL OR line IN (SELECT value FROM json_each(:lines)))
    ORDER BY line
"""
_COUNT_MISMATCHES: Final = """
    SELECT count(*) FROM rows WHERE run_id = :run_id AND note <> '' AND +state IN ('completed', 'accepted', 'in_flight')
"""
_SAVE_RESOLUTION: Final = "UPDATE attempts SET resolution = :resolution WHERE row_id = :row_id AND number = :number"
_ACKNOWLEDGE: Final = "UPDATE rows SET acknowledged = note, note = '' WHERE id = :id AND note = :note"


@dataclass(frozen=True, slots=True)
class ConflictQueries:
    """Rows that need review."""

    file: LedgerFile

    def external_ids(self, run: Run, lines: Collection[int] | None = None) -> list[str]:
        """Return the external IDs of rows in conflict, on these lines or on all, in list order."""
        rows = self.file.fetch_all(_CONFLICTS, run_id=run.id, lines=json_array(lines))
        return [row["external_id"] for row in rows]

    def attempts(self, run: Run, *, limit: int, external_ids: Collection[str] | None = None) -> list[KnownTransaction]:
        """Return the latest attempts of rows whose conflict a run has found, with their transactions.

        Args:
            run: the run.
            limit: maximum number of attempts.
            external_ids: those of the attempts; None for any: those whose look-up was recorded come last.
        """
        if external_ids is None:
            rows = self.file.fetch_all(_ATTEMPTS, run_id=run.id, limit=limit, looked_up=_LOOKED_UP)
        else:
            rows = self.file.fetch_all(
                _ATTEMPTS_AMONG, run_id=run.id, limit=limit, external_ids=json_array(external_ids)
            )
        return [known_transaction_of(row) for row in rows]

    def count(self, run: Run) -> int:
        """Return the number of rows whose conflict a run has found."""
        return int(self.file.fetch_all(_COUNT, run_id=run.id)[0][0])

    def record_lookups(self, attempts: Collection[Attempt]) -> None:
        """Record that the transactions of rows in conflict were looked up and proved nothing."""
        at = self.file.now()
        with self.file.transaction() as connection:
            connection.executemany(
                INSERT_EVENT,
                [
                    event_values(each.row_id, each.number, at, RowState.CONFLICT, RowState.CONFLICT, _LOOKED_UP)
                    for each in attempts
                ],
            )

    def is_of_rebuild(self, row_id: int) -> bool:
        """Return True if a rebuild has found a row's conflict, so that no transaction alone ends it."""
        return bool(self.file.fetch_all(_IS_OF_REBUILD, row_id=row_id))

    def list_mismatches(self, run: Run, lines: Collection[int] | None = None) -> Iterator[tuple[int, RowState, str]]:
        """Yield completed and open rows that differ from the list: line, state and note, in list order."""
        for row in self.file.fetch_all(_LIST_MISMATCHES, run_id=run.id, lines=json_array(lines)):
            yield row["line"], RowState(row["state"]), row["note"]

    def count_mismatches(self, run: Run) -> int:
        """Return the number of completed and open rows that differ from the list."""
        return int(self.file.fetch_all(_COUNT_MISMATCHES, run_id=run.id)[0][0])

    def acknowledge(self, run: Run, lines: Collection[int], cause: str) -> list[int]:
        """Record that a person has read the list mismatches of these lines.

        The rows keep their states; the same mismatch is not shown again.

        Returns:
            The lines that had a mismatch.
        """
        at = self.file.now()
        found = self.file.fetch_all(_LIST_MISMATCHES, run_id=run.id, lines=json_array(lines))
        with self.file.transaction() as connection:
            for row in found:
                state = RowState(row["state"])
                connection.execute(_ACKNOWLEDGE, {"id": row["id"], "note": row["note"]})
                connection.execute(INSERT_EVENT, event_values(row["id"], row["attempt"], at, state, state, cause))
        return [row["line"] for row in found]

    def save_resolution(self, row_id: int, number: int, resolution: Resolution) -> None:
        """Save what a person decided about the transaction with an attempt's external ID."""
        values = {"row_id": row_id, "number": number, "resolution": resolution}
        with self.file.transaction() as connection:
            connection.execute(_SAVE_RESOLUTION, values)
