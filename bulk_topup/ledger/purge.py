"""Purges personal data of runs from the ledger's file; amounts, prices, IDs, states and times stay."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk_topup.domain.problems import LEFT_OUT_CODE
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.run import Run
from bulk_topup.domain.verdict import format_rows
from bulk_topup.errors import LedgerError
from bulk_topup.ledger.connection import scrub
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.not_the_same import FORGET_PAIRS
from bulk_topup.ledger.row_mapping import run_of
from bulk_topup.ledger.sql_fragments import IS_LEFT_OUT, IS_NOTHING_DUE

#: Replaces texts that could quote a cell.
_REMOVED: Final = "'Removed with the personal data of the run.'"

_ACTIVITY: Final = """
    SELECT count(*) AS rows,
           count(*) FILTER (WHERE state IN ('pending', 'in_flight', 'accepted', 'conflict')) AS unfinished,
           (SELECT max(e.at) FROM events AS e JOIN rows AS o ON o.id = e.row_id WHERE o.run_id = :run_id) AS last_at
    FROM rows WHERE run_id = :run_id
"""
_LAST_PURGED_PAYMENT: Final = "SELECT max(last_sent_at) FROM runs WHERE purged_at IS NOT NULL"
#: An identity can be the credited number. A row without a request can never be sent again.
_PURGE_ROWS: Final = f"""
    UPDATE rows SET identity = 'purged:' || id, cells = '[]', credit_party = NULL, party_key = NULL, request = NULL,
        acknowledged = NULL,
        problems = CASE WHEN problems = '[]' THEN '[]'
            WHEN {IS_NOTHING_DUE.format(of="rows")} THEN json_array(json_array('', {_REMOVED}, 0))
            WHEN {IS_LEFT_OUT.format(of="rows")} THEN json_array(json_array('', {_REMOVED}, '{LEFT_OUT_CODE}'))
            ELSE json_array(json_array('', {_REMOVED})) END,
        message = CASE message WHEN '' THEN '' ELSE {_REMOVED} END,
        note = CASE note WHEN '' THEN '' ELSE {_REMOVED} END
    WHERE run_id = :run_id
"""  # noqa: S608 - composed of constants
#: Identities can be credited numbers.
_PURGE_REPEATED: Final = "DELETE FROM repeated_payments WHERE run_id = :run_id"
#: They are cells of the list.
_PURGE_CORRECTIONS: Final = "DELETE FROM corrections WHERE run_id = :run_id"
#: Only the named fields of a request stay.
_PURGE_ATTEMPTS: Final = f"""
    UPDATE attempts SET {", ".join(f"{name} = NULL" for name in SECRET_FIELDS)},
        request = json_object('product_id', json_extract(request, '$.product_id'),
                              'calculation_mode', json_extract(request, '$.calculation_mode'),
                              'source', json_extract(request, '$.source'),
                              'destination', json_extract(request, '$.destination'))
    WHERE row_id IN (SELECT id FROM rows WHERE run_id = :run_id)
"""  # noqa: S608
#: They name people, and without its party none of them can be compared with anything.
_PURGE_ABSENCES: Final = "DELETE FROM absences WHERE row_id IN (SELECT id FROM rows WHERE run_id = :run_id)"
#: The reason of a manual resolution may name people.
_PURGE_EVENTS: Final = """
    UPDATE events SET cause = substr(cause, 1, instr(cause, ':') - 1)
    WHERE cause LIKE 'resolved as %:%' AND row_id IN (SELECT id FROM rows WHERE run_id = :run_id)
"""
#: A list without a header has personal data in its column names, and a job may have some in its constants; so may
#: the reasons that people gave. The time of the last payment stays.
_PURGE_RUN: Final = """
    UPDATE runs SET columns = '[]', reading = NULL,
        parts = iif(parts IS NULL, NULL,
            (SELECT json_group_array(json_set(value, '$.reading', NULL)) FROM json_each(parts))),
        closed_reason = iif(closed_at IS NULL, NULL, ''),
        left_open = json_set(left_open, '$.reason', ''),
        paid_again = iif(paid_again IS NULL, NULL,
            (SELECT json_group_array(json_set(value, '$.reason', '')) FROM json_each(paid_again))),
        approval = json_remove(approval, '$.statement.paid_again'),
        purged_at = :at, last_sent_at = (
        SELECT max(a.intent_at) FROM rows AS r CROSS JOIN attempts AS a ON a.row_id = r.id WHERE r.run_id = :run_id)
    WHERE id = :run_id
"""
#: Accepted numbers that no row credits any more.
_PURGE_ACCEPTED: Final = """
    DELETE FROM accepted_numbers WHERE NOT EXISTS (SELECT 1 FROM rows WHERE credit_party = number)
"""
_FIND: Final = "SELECT * FROM runs WHERE id = :run_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """The rows of a run and its last change."""

    rows: int
    #: Rows that are open or in conflict.
    unfinished: int
    #: When a row changed last, in UTC.
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PurgeQueries:
    """Personal data of runs, and its removal."""

    file: LedgerFile

    def activity(self, run: Run) -> Activity:
        """Return the number of rows, how many are unfinished, and the time of the last change."""
        row = self.file.fetch_all(_ACTIVITY, run_id=run.id)[0]
        last_at = run.created_at if row["last_at"] is None else datetime.fromisoformat(row["last_at"])
        return Activity(rows=row["rows"], unfinished=row["unfinished"], last_at=last_at)

    def last_payment(self) -> datetime | None:
        """Return when the last payment of all purged runs was sent, in UTC; None if no run was purged."""
        found: str | None = self.file.fetch_all(_LAST_PURGED_PAYMENT)[0][0]
        return None if found is None else datetime.fromisoformat(found)

    def purge(self, run: Run) -> Run:
        """Delete a run's personal data, and return the purged run; `scrub` then removes the data from the file.

        Kept answers about people belong to no run, and are deleted apart (`KeptAnswerQueries.forget_people`).

        Raises:
            LedgerError: rows of the run are not final.
        """
        ids = {"run_id": run.id, "at": self.file.now()}
        with self.file.transaction() as connection:
            unfinished: int = connection.execute(_ACTIVITY, ids).fetchone()["unfinished"]
            if unfinished:
                raise LedgerError(f"Can't purge run {run.name}: {format_rows(unfinished)} not final.")
            for statement in (
                _PURGE_ROWS,
                _PURGE_REPEATED,
                _PURGE_CORRECTIONS,
                _PURGE_ATTEMPTS,
                _PURGE_ABSENCES,
                _PURGE_EVENTS,
                _PURGE_RUN,
                _PURGE_ACCEPTED,
                FORGET_PAIRS,
            ):
                connection.execute(statement, ids)
            return run_of(connection.execute(_FIND, ids).fetchone(), self.file.path)

    def scrub(self) -> None:
        """Rewrite the file, so that it holds nothing that was deleted.

        Raises:
            LedgerError: another process is reading the file.
        """
        with self.file.translate_errors():
            is_clean = scrub(self.file.connection)
        if not is_clean:
            raise LedgerError(
                f"Another process is reading the ledger {self.file.path}, so deleted data is still in its log. "
                "Wait until that process ends, then run the same command again."
            )
