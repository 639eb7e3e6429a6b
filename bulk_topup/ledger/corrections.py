"""Corrections that runs keep, and rows that they replaced; writes the ledger where a list is merged.

A corrected row has an identity of its own unless the list's reference is the identity, so that a lost ledger computes
the same external IDs. The row that it replaces stays in the ledger, hidden, for its attempts: it is in no list, no
retry chooses it, and if it turns out to be paid, the row that replaced it is not sent.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.corrections import CorrectedRow, KeptCorrection, UncorrectedRow, column_positions
from bulk_topup.domain.run import Run
from bulk_topup.domain.run_names import fold_run_name
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.sql_fragments import REPLACED, SENT

#: The corrected rows of the staged list, by line: the kept correction, and what this invocation corrects.
_CREATE_CORRECTED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS corrected (
        line INTEGER PRIMARY KEY, kept INTEGER, is_new INTEGER, columns TEXT, before TEXT, after TEXT, note TEXT
    )
"""
_CLEAR_CORRECTED: Final = "DELETE FROM temp.corrected"
INDEX_PARTIES: Final = "CREATE INDEX IF NOT EXISTS temp.staged_party_key ON staged (party_key)"
_DROP_PARTY_INDEX: Final = "DROP INDEX IF EXISTS temp.staged_party_key"
_DROP_IDENTITY_INDEX: Final = "DROP INDEX IF EXISTS temp.staged_any_identity"
#: Prepares for a list, before it is staged.
CLEAR: Final = (_CREATE_CORRECTED, _CLEAR_CORRECTED, _DROP_PARTY_INDEX, _DROP_IDENTITY_INDEX)
_ADD: Final = """
    INSERT INTO temp.corrected (line, kept, is_new, columns, before, after, note) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_KEPT: Final = "SELECT id, line, columns, before, after, note FROM corrections WHERE run_id = :run_id ORDER BY id"
#: Kept corrections that apply to the list, with the identities that their rows have in it. Not where the row is that of
#: another part of the run, and the list has an equal one.
_FOLLOW: Final = """
    UPDATE corrections SET identity = s.identity
    FROM temp.corrected AS x CROSS JOIN temp.staged AS s ON s.line = x.line
    WHERE corrections.id = x.kept AND NOT x.is_new AND corrections.identity IS NOT s.identity
      AND NOT EXISTS (SELECT 1 FROM rows AS r WHERE r.run_id = :run_id AND r.identity = corrections.identity
                      AND r.line NOT BETWEEN :first AND :last)
"""
#: Kept corrections that led to a row which is corrected now: the one that applies to it, and all others. All are found
#: before one is changed, because two rows may be corrected to each other's values.
_REPLACED_KEPT: Final = """
    SELECT k.id, k.columns AS kept_columns, k.before AS kept_before, x.columns, x.before, x.after, x.note, s.identity
    FROM (
        SELECT line, kept AS id FROM temp.corrected WHERE is_new AND kept IS NOT NULL
        UNION
        SELECT n.line, e.id
        FROM temp.corrected AS n CROSS JOIN rows AS r ON r.run_id = :run_id AND r.line = n.line AND r.in_list = 1
            CROSS JOIN corrections AS e ON e.run_id = r.run_id AND e.identity = r.identity
        WHERE n.is_new
    ) AS f CROSS JOIN corrections AS k ON k.id = f.id CROSS JOIN temp.corrected AS x ON x.line = f.line
        LEFT JOIN temp.staged AS s ON s.line = x.line
"""
_REPLACE_KEPT: Final = """
    UPDATE corrections SET columns = :columns, before = :before, after = :after, note = :note, identity = :identity
    WHERE id = :id
"""
_KEEP: Final = """
    INSERT INTO corrections (run_id, line, columns, before, after, note, replaced, identity, product_id, party_key,
                             amount, unit, by, at)
    SELECT :run_id, x.line, x.columns, x.before, x.after, x.note, r.identity, s.identity, r.product_id, r.party_key,
           r.amount, r.unit, :by, :at
    FROM temp.corrected AS x CROSS JOIN rows AS r ON r.run_id = :run_id AND r.line = x.line AND r.in_list = 1
        LEFT JOIN temp.staged AS s ON s.line = x.line
    WHERE x.is_new
    ORDER BY x.line
"""
_FORGET_UNDONE: Final = "DELETE FROM corrections WHERE run_id = :run_id AND before = after"
_EVENTS_OF_RESENT: Final = """
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT r.id, r.attempt, :at, r.state, 'pending', 'corrected'
    FROM temp.corrected AS x CROSS JOIN temp.staged AS s ON s.line = x.line
        CROSS JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE x.is_new AND s.state = 'pending' AND r.state = 'failed'
"""
_RESEND: Final = """
    UPDATE rows SET state = 'pending', message = '', note = '', retry_at = NULL
    WHERE run_id = :run_id AND +state = 'failed' AND identity IN (
        SELECT s.identity FROM temp.corrected AS x CROSS JOIN temp.staged AS s ON s.line = x.line
        WHERE x.is_new AND s.state = 'pending')
"""
#: Replaced rows that the list does not have, as long as they are known not to be paid.
_HIDE_REPLACED: Final = f"""
    UPDATE rows SET in_list = {REPLACED}, note = ''
    WHERE id IN (
        SELECT r.id FROM corrections AS c CROSS JOIN rows AS r ON r.run_id = c.run_id AND r.identity = c.replaced
        WHERE c.run_id = :run_id AND c.identity IS NOT c.replaced
          AND r.in_list = 0 AND r.state NOT IN ({SENT}))
"""  # noqa: S608

#: The latest other run of a job that keeps corrections.
_LATEST: Final = """
    SELECT u.id, u.job || '/' || u.run_key AS name FROM runs AS u
    WHERE u.folded_job = :job AND u.environment = :environment AND u.id IS NOT :run_id
      AND EXISTS (SELECT 1 FROM corrections AS c WHERE c.run_id = u.id)
    ORDER BY u.id DESC LIMIT 1
"""
INDEX_IDENTITIES: Final = "CREATE INDEX IF NOT EXISTS temp.staged_any_identity ON staged (identity)"
#: Rows with a value that was corrected there: its party if that was corrected and the list does not have the corrected
#: one, else its party with the product and the amount; without a party the same reference or cells.
_UNCORRECTED: Final = """
    SELECT s.line, c.note
    FROM corrections AS c CROSS JOIN temp.staged AS s ON s.party_key = c.party_key
        LEFT JOIN rows AS r ON r.run_id = c.run_id AND r.identity = c.identity
    WHERE c.run_id = :run_id AND c.note <> '' AND CASE
        WHEN r.party_key IS c.party_key
            THEN (s.product_id, s.amount, s.unit) IS (c.product_id, c.amount, c.unit)
                 AND (r.product_id, r.amount, r.unit) IS NOT (c.product_id, c.amount, c.unit)
        ELSE NOT EXISTS (SELECT 1 FROM temp.staged AS o WHERE o.party_key = r.party_key) END
    UNION
    SELECT s.line, c.note
    FROM corrections AS c CROSS JOIN temp.staged AS s ON s.identity = c.replaced
    WHERE c.run_id = :run_id AND c.note <> '' AND c.party_key IS NULL AND s.party_key IS NULL
    ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class CorrectionQueries:
    """The corrections that runs keep."""

    file: LedgerFile

    def of_run(self, run: Run) -> list[KeptCorrection]:
        """Return the corrections that a run keeps, in the order in which they were given."""
        return [
            KeptCorrection(
                id=row["id"],
                line=row["line"],
                columns=tuple(json.loads(row["columns"])),
                before=tuple(json.loads(row["before"])),
                after=tuple(json.loads(row["after"])),
                note=row["note"],
            )
            for row in self.file.fetch_all(_KEPT, run_id=run.id)
        ]

    def stage(self, rows: Iterable[CorrectedRow]) -> None:
        """Save which rows of the staged list are corrected."""
        values = []
        for row in rows:
            change = row.change
            cells = (None, None, None) if change is None else (change.columns, change.before, change.after)
            texts = [None if each is None else json.dumps(each, ensure_ascii=False) for each in cells]
            values.append((row.line, row.kept, change is not None, *texts, row.note))
        with self.file.snapshot() as connection:
            connection.executemany(_ADD, values)

    def uncorrected(self, job: str, run_key: str, environment: str, run: Run | None) -> list[UncorrectedRow]:
        """Return rows of the staged list with values that were corrected in the latest other run of their job.

        Args:
            job: the job's name.
            run_key: the key of the list's run.
            environment: where the list is paid.
            run: the list's run; None for a new one.
        """
        folded_job, _ = fold_run_name(job, run_key)
        run_id = None if run is None else run.id
        found = self.file.fetch_all(_LATEST, job=folded_job, environment=environment, run_id=run_id)
        if not found:
            return []
        with self.file.snapshot() as connection:
            connection.execute(INDEX_PARTIES)
            connection.execute(INDEX_IDENTITIES)
        rows = self.file.fetch_all(_UNCORRECTED, run_id=found[0]["id"])
        return [UncorrectedRow(line=row["line"], run=found[0]["name"], note=row["note"]) for row in rows]


def keep_corrections(connection: sqlite3.Connection, values: Mapping[str, object], *, by: str) -> None:
    """Save the corrections of the staged list with its run; the run's rows are still as they were before its merge.

    Args:
        connection: the ledger, in a transaction.
        values: the parameters: the list's run as `run_id`, the time as `at`, and those of a `StagedPart`.
        by: who corrects its rows.
    """
    values = {**values, "by": by}
    connection.execute(_FOLLOW, values)
    replaced = [_realigned(row) for row in connection.execute(_REPLACED_KEPT, values).fetchall()]
    connection.executemany(_REPLACE_KEPT, replaced)
    connection.execute(_KEEP, values)
    connection.execute(_FORGET_UNDONE, values)


def _realigned(row: sqlite3.Row) -> dict[str, object]:
    """Return the columns that a kept correction gets, with the cells from before it ordered by those of the list."""
    values = dict(row)
    kept, columns = (tuple(json.loads(text)) for text in (values.pop("kept_columns"), values["columns"]))
    before, current = json.loads(values.pop("kept_before")), json.loads(values["before"])
    cells = [
        cell if index is None else before[index]
        for index, cell in zip(column_positions(columns, kept), current, strict=True)
    ]
    return {**values, "before": json.dumps(cells, ensure_ascii=False)}


def apply_corrections(connection: sqlite3.Connection, run_id: int, at: str) -> None:
    """Send failed rows again that this invocation corrects, and hide the rows that corrections replace.

    Args:
        connection: the ledger, in a transaction, where the list is merged.
        run_id: the list's run.
        at: the time.
    """
    values = {"run_id": run_id, "at": at}
    connection.execute(_EVENTS_OF_RESENT, values)
    connection.execute(_RESEND, values)
    connection.execute(_HIDE_REPLACED, values)
