"""Removes personal data of runs from the ledger's file, and keeps the money: amounts, prices, ids, states, times."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.errors import LedgerError
from bulk_topup.ledger.connection import scrub, translate_errors
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import run_of

#: Stands where something was said that could quote a cell.
_REMOVED: Final = "'Removed with the personal data of the run.'"

_ACTIVITY = """
    SELECT count(*) AS rows,
           count(*) FILTER (WHERE state IN ('pending', 'in_flight', 'accepted', 'conflict')) AS unfinished,
           (SELECT max(e.at) FROM events AS e JOIN rows AS o ON o.id = e.row_id WHERE o.run_id = :run_id) AS last_at
    FROM rows WHERE run_id = :run_id
"""
_LAST_PURGED_PAYMENT = """
    SELECT max(last_sent_at) FROM runs WHERE purged_at IS NOT NULL
"""
#: An identity can be the number that was credited. Without a request a row can never be sent again.
_PURGE_ROWS = f"""
    UPDATE rows SET identity = 'purged:' || id, cells = '[]', credit_party = NULL, request = NULL, acknowledged = NULL,
        problems = CASE problems WHEN '[]' THEN '[]' ELSE json_array(json_array('', {_REMOVED})) END,
        message = CASE message WHEN '' THEN '' ELSE {_REMOVED} END,
        note = CASE note WHEN '' THEN '' ELSE {_REMOVED} END
    WHERE run_id = :run_id
"""  # noqa: S608 - composed of constants
#: Of a request only what is named here stays.
_PURGE_ATTEMPTS = """
    UPDATE attempts SET pin_code = NULL, pin_serial = NULL,
        request = json_object('product_id', json_extract(request, '$.product_id'),
                              'calculation_mode', json_extract(request, '$.calculation_mode'),
                              'source', json_extract(request, '$.source'),
                              'destination', json_extract(request, '$.destination'))
    WHERE row_id IN (SELECT id FROM rows WHERE run_id = :run_id)
"""
#: Whoever resolved a conflict may have named people.
_PURGE_EVENTS = """
    UPDATE events SET cause = substr(cause, 1, instr(cause, ':') - 1)
    WHERE cause LIKE 'resolved as %:%' AND row_id IN (SELECT id FROM rows WHERE run_id = :run_id)
"""
#: A file without a header has somebody's cells for one, and a job may name people in its constants. When it last sent
#: anything is kept at hand, as it stays.
_PURGE_RUN = """
    UPDATE runs SET columns = '[]', reading = NULL, purged_at = :at, last_sent_at = (
        SELECT max(a.intent_at) FROM rows AS r CROSS JOIN attempts AS a ON a.row_id = r.id WHERE r.run_id = :run_id)
    WHERE id = :run_id
"""
_FIND = "SELECT * FROM runs WHERE id = :run_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """How far a run is, and since when it rests."""

    rows: int
    #: Rows whose outcome is open, or that a person has to look at.
    unfinished: int
    #: When anything of it changed last, in UTC.
    last_at: datetime


class Purging(LedgerFile):
    """Runs whose people are forgotten."""

    def activity(self, run: Run) -> Activity:
        """Tell how far a run is, and since when it rests."""
        row = self._all(_ACTIVITY, run_id=run.id)[0]
        last_at = run.created_at if row["last_at"] is None else datetime.fromisoformat(row["last_at"])
        return Activity(rows=row["rows"], unfinished=row["unfinished"], last_at=last_at)

    def last_purged_payment(self) -> datetime | None:
        """Give when the last payment of all purged runs was sent, in UTC; None without any."""
        found: str | None = self._all(_LAST_PURGED_PAYMENT)[0][0]
        return None if found is None else datetime.fromisoformat(found)

    def purge(self, run: Run) -> Run:
        """Remove a run's personal data; `scrub` then removes it from the file.

        Raises:
            LedgerError: rows of it are not final.
        """
        ids = {"run_id": run.id, "at": self._now()}
        with self._transaction() as connection:
            if connection.execute(_ACTIVITY, ids).fetchone()["unfinished"]:
                raise LedgerError(f"Run {run.name} has rows that are not final, so its personal data is needed.")
            for statement in (_PURGE_ROWS, _PURGE_ATTEMPTS, _PURGE_EVENTS, _PURGE_RUN):
                connection.execute(statement, ids)
            return run_of(connection.execute(_FIND, ids).fetchone(), self.path)

    def scrub(self) -> None:
        """Write the file anew, so that nothing stays in it of what was removed.

        Raises:
            LedgerError: another process reads the file.
        """
        with translate_errors(self.path):
            done = scrub(self._connection)
        if not done:
            raise LedgerError(
                f"Another process reads the ledger {self.path}, so what was removed is still in its log; "
                "wait until that process ends, then start the same again."
            )
