"""Rows that the provider's record or the list contradicts, and what a person decided about them."""

import json
from collections.abc import Collection, Iterator
from typing import Final

from bulk_topup.domain.attempt import Resolution
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import event_values

_CONFLICTS: Final = """
    SELECT a.external_id FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'conflict'
      AND (:lines IS NULL OR r.line IN (SELECT value FROM json_each(:lines)))
    ORDER BY +r.line
"""
_NOTED: Final = """
    SELECT id, line, attempt, state, note FROM rows
    WHERE run_id = :run_id AND note <> '' AND +state IN ('completed', 'accepted', 'in_flight')
      AND (:lines IS NULL OR line IN (SELECT value FROM json_each(:lines)))
    ORDER BY line
"""
_RESOLVE: Final = "UPDATE attempts SET resolution = :resolution WHERE row_id = :row_id AND number = :number"
_ACKNOWLEDGE: Final = "UPDATE rows SET acknowledged = note, note = '' WHERE id = :id AND note = :note"
_EVENT: Final = """
    INSERT INTO events (row_id, attempt, at, before, after, cause, status_message)
    VALUES (:row_id, :attempt, :at, :before, :after, :cause, :status_message)
"""


class Resolving(LedgerFile):
    """Conflicts and their ends."""

    def conflicts(self, run: Run, lines: Collection[int] | None = None) -> list[str]:
        """Give the external ids of the rows in conflict, on these lines or on all, in list order."""
        rows = self._all(_CONFLICTS, run_id=run.id, lines=_array(lines))
        return [row["external_id"] for row in rows]

    def contradicted(self, run: Run, lines: Collection[int] | None = None) -> Iterator[tuple[int, RowState, str]]:
        """Give paid or open rows that the list contradicts: line, state and note, in list order."""
        for row in self._all(_NOTED, run_id=run.id, lines=_array(lines)):
            yield row["line"], RowState(row["state"]), row["note"]

    def acknowledge(self, run: Run, lines: Collection[int], cause: str) -> list[int]:
        """Take in that a person has read what the list contradicts on these lines, and give the lines where it does.

        The row stays what it is; the same contradiction is not told again.
        """
        at = self._now()
        found = self._all(_NOTED, run_id=run.id, lines=_array(lines))
        with self._transaction() as connection:
            for row in found:
                state = RowState(row["state"])
                connection.execute(_ACKNOWLEDGE, {"id": row["id"], "note": row["note"]})
                connection.execute(_EVENT, event_values(row["id"], row["attempt"], at, state, state, cause))
        return [row["line"] for row in found]

    def keep_resolution(self, row_id: int, number: int, resolution: Resolution) -> None:
        """Keep what a person decided about the transaction that an attempt's external id stands for."""
        with self._transaction() as connection:
            connection.execute(_RESOLVE, {"row_id": row_id, "number": number, "resolution": resolution})


def _array(values: Collection[int] | None) -> str | None:
    return None if values is None else json.dumps(sorted(values))
