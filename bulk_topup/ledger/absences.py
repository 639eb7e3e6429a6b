"""Attempts that DVS refused after a request of unknown outcome: when its list is read for them, and what follows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk_topup.domain.attempt import MAY_ARRIVE, Absence, Attempt
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import attempt_of, utc_text
from bulk_topup.ledger.sql_fragments import ATTEMPT, REPLACED_WITHHELD, WITHHELD, absent_since

#: An attempt waits while its row is in flight with it. CROSS JOIN makes SQLite start with the few absences.
_WAITING: Final = """
    FROM absences AS w CROSS JOIN rows AS r ON r.id = w.row_id AND r.attempt = w.attempt
    WHERE w.due_at IS NOT NULL AND r.run_id = :run_id AND r.state = 'in_flight'
"""
_COUNT_WAITING: Final = f"SELECT count(*) {_WAITING}"
_DUE: Final = f"""
    SELECT {ATTEMPT}, w.sent_at, w.looks, w.after, w.message
    FROM absences AS w CROSS JOIN rows AS r ON r.id = w.row_id AND r.attempt = w.attempt
        CROSS JOIN attempts AS a ON a.row_id = w.row_id AND a.number = w.attempt
    WHERE w.due_at <= :now AND r.run_id = :run_id AND r.state = 'in_flight'
    ORDER BY w.row_id LIMIT :limit
"""  # noqa: S608 - composed of constants
#: A row in flight is as it was sent, whatever the list says by now.
_START: Final = """
    INSERT INTO absences (row_id, attempt, sent_at, due_at, looks, after, message, credit_party, party_key, product_id,
                          operator_id, amount, unit)
    SELECT id, :attempt, :sent_at, :due_at, 0, :after, :message, credit_party, party_key, product_id, operator_id,
           amount, unit
    FROM rows WHERE id = :row_id
    ON CONFLICT (row_id, attempt) DO UPDATE SET sent_at = excluded.sent_at, due_at = excluded.due_at, looks = 0,
        after = excluded.after, message = excluded.message, credit_party = excluded.credit_party,
        party_key = excluded.party_key, product_id = excluded.product_id, operator_id = excluded.operator_id,
        amount = excluded.amount, unit = excluded.unit
"""
_SAVE_LOOK: Final = """
    UPDATE absences SET looks = looks + 1, due_at = :due_at WHERE row_id = :row_id AND attempt = :attempt
"""
_LIMIT_WAITS: Final = f"""
    UPDATE absences SET due_at = :latest WHERE due_at > :latest AND row_id IN (SELECT w.row_id {_WAITING})
"""  # noqa: S608 - composed of constants
_COUNT_WITHHELD: Final = f"""
    SELECT count(*), min(sent_at) FROM (
        SELECT x.row_id, max(x.sent_at) AS sent_at
        FROM ({WITHHELD} UNION ALL {REPLACED_WITHHELD} AND c.run_id = :run_id) AS x
            CROSS JOIN rows AS r ON r.id = x.row_id
        WHERE r.run_id = :run_id AND r.state = 'pending' AND r.in_list = 1
        GROUP BY x.row_id)
"""  # noqa: S608 - composed of constants


@dataclass(frozen=True, slots=True)
class AbsenceQueries:
    """Attempts that wait for proof that DVS has no transaction of theirs, and rows that wait because of one."""

    file: LedgerFile

    def start(self, attempt: Attempt, *, sent_at: datetime, due_at: datetime, after: RowState, message: str) -> None:
        """Save that an attempt in flight waits for proof.

        Args:
            attempt: the attempt.
            sent_at: when its last request was sent, in UTC.
            due_at: when DVS's list is read first, in UTC.
            after: the row's state once absence is proved.
            message: its message then.
        """
        values = {
            "row_id": attempt.row_id,
            "attempt": attempt.number,
            "sent_at": utc_text(sent_at),
            "due_at": utc_text(due_at),
            "after": after,
            "message": message,
        }
        with self.file.transaction() as connection:
            connection.execute(_START, values)

    def due(self, run: Run, now: datetime, *, limit: int) -> list[Absence]:
        """Return waiting attempts whose list is to be read now, in the order of their rows."""
        rows = self.file.fetch_all(_DUE, run_id=run.id, now=utc_text(now), limit=limit)
        return [
            Absence(
                attempt=attempt_of(row),
                sent_at=datetime.fromisoformat(row["sent_at"]),
                looks=row["looks"],
                after=RowState(row["after"]),
                message=row["message"],
            )
            for row in rows
        ]

    def save_look(self, attempt: Attempt, *, due_at: datetime) -> None:
        """Save that DVS's list did not show an attempt, and when it is read next, in UTC."""
        values = {"row_id": attempt.row_id, "attempt": attempt.number, "due_at": utc_text(due_at)}
        with self.file.transaction() as connection:
            connection.execute(_SAVE_LOOK, values)

    def resume(self, run: Run, *, latest: datetime) -> int:
        """Return how many attempts wait; those due after `latest`, because the clock was set back, are due then."""
        values = {"run_id": run.id, "latest": utc_text(latest)}
        with self.file.transaction() as connection:
            connection.execute(_LIMIT_WAITS, values)
            waiting: int = connection.execute(_COUNT_WAITING, values).fetchone()[0]
        return waiting

    def withheld(self, run: Run) -> tuple[int, datetime | None]:
        """Return how many pending rows wait because an earlier request of another content may still arrive.

        The time, in UTC, is that at which the first of them can be sent; None without any.
        """
        since = absent_since(self.file.clock.now())
        count, first = self.file.fetch_all(_COUNT_WITHHELD, run_id=run.id, absent_since=since)[0]
        return count, None if first is None else datetime.fromisoformat(first) + MAY_ARRIVE
