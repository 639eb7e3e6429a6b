"""Transactions that a run in hold mode created, and whether it confirms or cancels them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk_topup.domain.attempt import HeldAttempt
from bulk_topup.domain.run import Run
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import held_attempt_of
from bulk_topup.ledger.sql_fragments import ATTEMPT

#: Accepted rows whose transactions are created only.
_UNCONFIRMED: Final = """
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'accepted' AND a.status_class = 'CREATED'
"""
_SUMMARY: Final = f"""
    SELECT count(*) AS number, min(a.creation_date) AS creation_date,
           coalesce(min(a.expires_at), min(a.creation_date)) AS expires_at {_UNCONFIRMED}
"""
_TRANSACTIONS: Final = f"""
    SELECT {ATTEMPT}, a.transaction_id, a.creation_date, a.status_message, a.price, a.fee, a.price_unit,
           r.note <> '' AS contradicted {_UNCONFIRMED}
      AND r.id > :after_id ORDER BY r.id LIMIT :limit
"""
_DECISION: Final = "SELECT decision FROM runs WHERE id = :run_id"
_SET_DECISION: Final = "UPDATE runs SET decision = :decision WHERE id = :run_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnconfirmedSummary:
    """The unconfirmed transactions of a run."""

    count: int
    #: When the first was created, and when the first can no longer be confirmed, in UTC.
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UnconfirmedQueries:
    """Unconfirmed transactions."""

    file: LedgerFile

    def summary(self, run: Run) -> UnconfirmedSummary | None:
        """Return number and times of the unconfirmed transactions; None if there is none."""
        row = self.file.fetch_all(_SUMMARY, run_id=run.id)[0]
        if not row["number"]:
            return None
        return UnconfirmedSummary(
            count=row["number"],
            created_at=datetime.fromisoformat(row["creation_date"]),
            expires_at=datetime.fromisoformat(row["expires_at"]),
        )

    def attempts(self, run: Run, *, after_row: int = 0, limit: int = 1_000) -> list[HeldAttempt]:
        """Return attempts with unconfirmed transactions in the order of their rows, after the row ID `after_row`."""
        rows = self.file.fetch_all(_TRANSACTIONS, run_id=run.id, after_id=after_row, limit=limit)
        return [held_attempt_of(row) for row in rows]

    def decision(self, run: Run) -> str | None:
        """Return whether the run confirms or cancels its transactions; None before the decision and after its end."""
        found: str | None = self.file.fetch_all(_DECISION, run_id=run.id)[0][0]
        return found

    def set_decision(self, run: Run, decision: str | None) -> None:
        """Save whether the run confirms or cancels its transactions; None once that is done."""
        with self.file.transaction() as connection:
            connection.execute(_SET_DECISION, {"run_id": run.id, "decision": decision})
