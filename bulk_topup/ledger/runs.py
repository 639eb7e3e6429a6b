"""Finds runs in the ledger: by name, by account and time."""

from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.errors import RunNotFoundError
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import run_of, utc_text

#: Runs that a message lists.
MAX_LISTED: Final = 10

FIND_RUN: Final = "SELECT * FROM runs WHERE job = :job AND run_key = :run_key"
_LIST_RUNS: Final = "SELECT * FROM runs ORDER BY id"
_LATEST_RUN: Final = "SELECT * FROM runs WHERE id = (SELECT max(id) FROM runs WHERE job = :job)"
_RUNS_BETWEEN: Final = """
    SELECT * FROM runs WHERE account IN ('', :account) AND id IN (
        SELECT r.run_id FROM attempts AS a JOIN rows AS r ON r.id = a.row_id
        WHERE coalesce(a.creation_date, a.intent_at) BETWEEN :start AND :end
    ) ORDER BY id
"""
#: An adopted transaction can be older than the first intent that the ledger knows.
_SPAN: Final = """
    SELECT min(min(a.intent_at, coalesce(a.creation_date, a.intent_at))), max(coalesce(a.creation_date, a.intent_at))
    FROM attempts AS a JOIN rows AS r ON r.id = a.row_id WHERE r.run_id = :run_id
"""
_IS_SENT: Final = "SELECT EXISTS (SELECT 1 FROM rows WHERE run_id = :run_id AND attempt > 0)"
_SET_ACCOUNT: Final = "UPDATE runs SET account = :account WHERE id = :run_id"


@dataclass(frozen=True, slots=True)
class RunQueries:
    """The runs of a ledger."""

    file: LedgerFile

    def all(self) -> list[Run]:
        """Return all runs, oldest first."""
        return [run_of(row, self.file.path) for row in self.file.fetch_all(_LIST_RUNS)]

    def find(self, job: str, run_key: str) -> Run | None:
        """Return the run of that job and run key; None if there is none."""
        rows = self.file.fetch_all(FIND_RUN, job=job, run_key=run_key)
        return run_of(rows[0], self.file.path) if rows else None

    def latest(self, job: str) -> Run | None:
        """Return the run of a job that was created last; None if there is none."""
        rows = self.file.fetch_all(_LATEST_RUN, job=job)
        return run_of(rows[0], self.file.path) if rows else None

    def named(self, name: str) -> Run:
        """Return the run with a name: `job/run-key`, or the run key alone if only one run has it.

        Raises:
            RunNotFoundError: no run, or more than one, has that name.
        """
        runs = self.all()
        found = [run for run in runs if run.name == name] or [run for run in runs if run.run_key == name]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(run.name for run in found)
            raise RunNotFoundError(f'Several runs match "{name}": {names}. Use job/run-key.')
        near = get_close_matches(name, [known for run in runs for known in (run.name, run.run_key)], n=1)
        known = ", ".join(run.name for run in runs[-MAX_LISTED:])
        fix = f"Did you mean {near[0]}?" if near else f"Its runs: {known}." if known else "It has no runs."
        raise RunNotFoundError(f'No run "{name}" in the ledger {self.file.path}. {fix}')

    def between(self, account: str, start: datetime, end: datetime) -> list[Run]:
        """Return the runs of an account with attempts between two times, oldest first."""
        rows = self.file.fetch_all(_RUNS_BETWEEN, account=account, start=utc_text(start), end=utc_text(end))
        return [run_of(row, self.file.path) for row in rows]

    def span(self, run: Run) -> tuple[datetime, datetime] | None:
        """Return the times of a run's first and last intent or transaction, in UTC; None before the first."""
        first, last = self.file.fetch_all(_SPAN, run_id=run.id)[0]
        return None if first is None else (datetime.fromisoformat(first), datetime.fromisoformat(last))

    def is_sent(self, run: Run) -> bool:
        """Return True if the ledger has an attempt of the run."""
        return bool(self.file.fetch_all(_IS_SENT, run_id=run.id)[0][0])

    def set_account(self, run: Run, account: str) -> None:
        """Save the account that the run continues with."""
        with self.file.transaction() as connection:
            connection.execute(_SET_ACCOUNT, {"run_id": run.id, "account": account})
