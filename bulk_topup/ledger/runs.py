"""Finds runs in the ledger: by name, by account and time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.domain.run_names import fold_name, fold_run_name
from bulk_topup.errors import RunNameError, RunNotFoundError
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import run_of, utc_text
from bulk_topup.ledger.run_search import READ_RUN, find_run, indistinct_error, runs_named, runs_once_named

#: Runs that a message lists.
MAX_LISTED: Final = 10

_LIST_RUNS: Final = "SELECT * FROM runs ORDER BY id"
_LATEST_RUN: Final = """
    SELECT * FROM runs WHERE id = (
        SELECT max(id) FROM runs WHERE folded_job = :folded_job OR folded_job = '' AND job = :job)
"""
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
#: When the outcome of attempts without a transaction was last unknown: a request of theirs may arrive later.
_UNKNOWN_UNTIL: Final = """
    SELECT max(max(a.intent_at, coalesce((
        SELECT max(e.at) FROM events AS e
        WHERE e.row_id = a.row_id AND e.attempt = a.number AND 'in_flight' IN (e.before, e.after)), a.intent_at)))
    FROM attempts AS a JOIN rows AS r ON r.id = a.row_id
    WHERE r.run_id = :run_id AND a.transaction_id IS NULL
"""
_IS_SENT: Final = "SELECT EXISTS (SELECT 1 FROM rows WHERE run_id = :run_id AND attempt > 0)"
_RENAME: Final = """
    UPDATE runs SET job = :job, run_key = :run_key, folded_job = :folded_job, folded_key = :folded_key,
        id_job = :id_job, id_run_key = :id_run_key
    WHERE id = :run_id
"""
_SAVE_FORMER: Final = """
    INSERT INTO former_names (folded_job, folded_key, job, run_key, run_id)
    VALUES (:folded_job, :folded_key, :job, :run_key, :run_id)
"""
_SET_ACCOUNT: Final = "UPDATE runs SET account = :account WHERE id = :run_id"
_SET_READING_VERSION: Final = "UPDATE runs SET reading_version = :version WHERE id = :run_id"


@dataclass(frozen=True, slots=True)
class RunQueries:
    """The runs of a ledger."""

    file: LedgerFile

    def all(self) -> list[Run]:
        """Return all runs, oldest first."""
        return [run_of(row, self.file.path) for row in self.file.fetch_all(_LIST_RUNS)]

    def find(self, job: str, run_key: str) -> Run | None:
        """Return the run that a start with that job and run key continues, in whatever spelling; None for a new one.

        Raises:
            RunNameError: the name could mean more than one run, or a run had it that has another now.
        """
        with self.file.translate_errors():
            return find_run(self.file.connection, self.file.path, job, run_key)

    def again(self, run: Run) -> Run:
        """Return a run as it is now; its lock is taken, which depends on its name.

        Raises:
            RunNotFoundError: it was renamed since it was read.
        """
        now = run_of(self.file.fetch_all(READ_RUN, run_id=run.id)[0], self.file.path)
        if now.name != run.name:
            raise RunNotFoundError(f"Run {run.name} was just renamed to {now.name}. Run the command again.")
        return now

    def check_is_distinct(self, run: Run) -> None:
        """Raise RunNameError if another run of an earlier version has the same name in another spelling."""
        with self.file.translate_errors():
            found = runs_named(self.file.connection, self.file.path, run.job, run.run_key)
        if len(found) > 1:
            raise indistinct_error(found)

    def indistinct(self) -> list[list[Run]]:
        """Return the runs whose names differ in spelling alone, those that share a name together."""
        by_name: dict[tuple[str, str], list[Run]] = {}
        for run in self.all():
            by_name.setdefault(fold_run_name(run.job, run.run_key), []).append(run)
        return [runs for runs in by_name.values() if len(runs) > 1]

    def latest(self, job: str) -> Run | None:
        """Return the run of a job that was created last; None if there is none."""
        rows = self.file.fetch_all(_LATEST_RUN, job=job, folded_job=fold_name(job))
        return run_of(rows[0], self.file.path) if rows else None

    def named(self, name: str) -> Run:
        """Return the run with a name: `job/run-key`, or the run key alone if only one run has it, in any spelling.

        Where two runs differ in spelling alone, the exact name finds each of them.

        Raises:
            RunNotFoundError: no run, or more than one, has that name.
        """
        runs = self.all()
        found = _runs_called(name, [(run, run.name) for run in runs]) or _runs_called(
            name, [(run, run.run_key) for run in runs]
        )
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

    def unknown_until(self, run: Run) -> datetime | None:
        """Return when the outcome of a run's attempts without a transaction was last unknown; None if all have one."""
        [until] = self.file.fetch_all(_UNKNOWN_UNTIL, run_id=run.id)[0]
        return None if until is None else datetime.fromisoformat(until)

    def is_sent(self, run: Run) -> bool:
        """Return True if the ledger has an attempt of the run."""
        return bool(self.file.fetch_all(_IS_SENT, run_id=run.id)[0][0])

    def set_account(self, run: Run, account: str) -> None:
        """Save the account that the run continues with."""
        with self.file.transaction() as connection:
            connection.execute(_SET_ACCOUNT, {"run_id": run.id, "account": account})

    def set_reading_version(self, run: Run, version: int) -> None:
        """Save how a run of which nothing was sent reads its numbers."""
        with self.file.transaction() as connection:
            connection.execute(_SET_READING_VERSION, {"run_id": run.id, "version": version})

    def rename(self, run: Run, job: str, run_key: str) -> Run:
        """Rename a run, and return it; what its external IDs are computed from stays.

        Raises:
            RunNameError: another run has, or had, the name.
        """
        with self.file.transaction() as connection:
            known = (connection, self.file.path, job, run_key)
            former = [renamed for _, renamed in runs_once_named(*known)]
            if others := [each for each in (*runs_named(*known), *former) if each.id != run.id]:
                raise RunNameError(
                    f"The ledger has run {others[0].name}, which has or had the name {job}/{run_key}. Nothing was "
                    "renamed. Choose another name."
                )
            folded, was = fold_run_name(job, run_key), fold_run_name(run.job, run.run_key)
            new = {"run_id": run.id, "job": job, "run_key": run_key, "folded_job": folded[0], "folded_key": folded[1]}
            old = {"run_id": run.id, "job": run.job, "run_key": run.run_key, "folded_job": was[0], "folded_key": was[1]}
            if was != folded:
                connection.execute(_SAVE_FORMER, old)
            connection.execute(_RENAME, {**new, "id_job": run.ids.job, "id_run_key": run.ids.run_key})
            return run_of(connection.execute(READ_RUN, new).fetchone(), self.file.path)


def _runs_called(name: str, named: Sequence[tuple[Run, str]]) -> list[Run]:
    """Return the runs with a name in any spelling; if there are several, those with this spelling, if any."""
    same = [(run, known) for run, known in named if fold_name(known) == fold_name(name)]
    exact = [run for run, known in same if known == name]
    return exact if len(same) > 1 and exact else [run for run, _ in same]
