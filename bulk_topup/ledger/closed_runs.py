"""Closed runs, and the open runs of a job that stop a new one."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.earlier_run import EarlierRun, check_earlier_runs
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.run import Closing, LeftOpen, Run
from bulk_topup.domain.run_names import fold_run_name
from bulk_topup.errors import ClosedRunError
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import run_of

#: Other runs of the job in the environment with open rows, oldest first. A pending row that the list no longer has is
#: never sent.
_EARLIER: Final = """
    SELECT * FROM (
        SELECT r.*,
               (SELECT count(*) FROM rows WHERE run_id = r.id AND state = 'pending' AND in_list = 1) AS pending,
               (SELECT count(*) FROM rows WHERE run_id = r.id AND state = 'in_flight') AS in_flight,
               (SELECT count(*) FROM rows WHERE run_id = r.id AND state = 'accepted') AS accepted
        FROM runs AS r
        WHERE (r.folded_job = :folded_job OR r.folded_job = '' AND r.job = :job) AND r.environment = :environment
          AND r.folded_key <> :folded_key AND r.run_key <> :run_key
    ) WHERE pending + in_flight + accepted > 0 ORDER BY id
"""
_CLOSE: Final = """
    UPDATE runs SET closed_at = :at, closed_by = :by, closed_reason = :reason WHERE id = :run_id AND closed_at IS NULL
"""
_EVENTS_OF_CLOSED: Final = """
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT id, attempt, :at, 'pending', 'refused', 'run closed' FROM rows WHERE run_id = :run_id AND state = 'pending'
"""
#: A row without a request can never be sent again.
_REFUSE_PENDING: Final = """
    UPDATE rows SET state = 'refused', request = NULL, cost = NULL, message = '', retry_at = NULL, problems = :problems
    WHERE run_id = :run_id AND state = 'pending'
"""
_FIND: Final = "SELECT * FROM runs WHERE id = :run_id"


@dataclass(frozen=True, slots=True)
class ClosedRunQueries:
    """Closed runs, and open ones that stop others."""

    file: LedgerFile

    def earlier(self, job: str, run_key: str, environment: str) -> tuple[EarlierRun, ...]:
        """Return the other runs of a job in an environment that have open rows, oldest first."""
        return earlier_runs(self.file, self.file.connection, job, run_key, environment)

    def close(self, run: Run, *, by: str, reason: str) -> tuple[Run, int]:
        """Close a run for good: its pending rows are refused, and no row of it is sent again.

        Args:
            run: the run, whose lock the caller has.
            by: the user name of the person who decided it.
            reason: why.

        Returns:
            The closed run, and the number of rows that were pending.

        Raises:
            ClosedRunError: it is closed already.
        """
        now = self.file.clock.now()
        closing = Closing(at=now, by=by, reason=reason)
        problem = Problem(column="", message=closing.sentence())
        values = {
            "run_id": run.id,
            "at": now.isoformat(),
            "by": by,
            "reason": reason,
            "problems": encode_problems([problem]),
        }
        with self.file.transaction() as connection:
            if connection.execute(_CLOSE, values).rowcount != 1:
                raise ClosedRunError(f"Run {run.name} is closed already. Nothing was changed.")
            connection.execute(_EVENTS_OF_CLOSED, values)
            refused = connection.execute(_REFUSE_PENDING, values).rowcount
            return run_of(connection.execute(_FIND, values).fetchone(), self.file.path), refused


def earlier_runs(
    file: LedgerFile, connection: sqlite3.Connection, job: str, run_key: str, environment: str
) -> tuple[EarlierRun, ...]:
    """Return the other runs of a job in an environment that have open rows, oldest first."""
    folded_job, folded_key = fold_run_name(job, run_key)
    values = {
        "job": job,
        "run_key": run_key,
        "folded_job": folded_job,
        "folded_key": folded_key,
        "environment": environment,
    }
    with file.translate_errors():
        rows = connection.execute(_EARLIER, values).fetchall()
    return tuple(
        EarlierRun(
            run=run_of(row, file.path), pending=row["pending"], in_flight=row["in_flight"], accepted=row["accepted"]
        )
        for row in rows
    )


def left_open_json(
    file: LedgerFile, connection: sqlite3.Connection, values: dict[str, object], leave_open: LeftOpen | None
) -> str | None:
    """Return what the ledger keeps with a new run of the earlier ones that it leaves open; None if there are none.

    Two starts of one job at once both passed the plan, so the check is repeated in the transaction of the merge.

    Args:
        file: the ledger's file.
        connection: its connection, in a transaction.
        values: job, run key and environment of the new run.
        leave_open: who leaves them open, and why; None if they stop the run.

    Raises:
        EarlierRunOpenError: a run of the job is open, and nobody said to leave it open.
    """
    job, run_key, environment = (str(values[name]) for name in ("job", "run_key", "environment"))
    earlier = earlier_runs(file, connection, job, run_key, environment)
    if leave_open is None:
        check_earlier_runs(f"{job}/{run_key}", earlier)
        return None
    names = [each.run.name for each in earlier if each.stops]
    if not names:
        return None
    return json.dumps({"runs": names, "by": leave_open.by, "reason": leave_open.reason}, ensure_ascii=False)
