"""Attempts of a run: intents before requests, results after responses, and those that are open."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bulk_topup.domain.attempt import Attempt, Move, OpenAttempt, OpenSecond, Resolution
from bulk_topup.domain.earlier_identities import fold_identity
from bulk_topup.domain.identity import stem_of
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState, check_move
from bulk_topup.errors import StateError
from bulk_topup.ledger import attempt_statements as sql
from bulk_topup.ledger import earlier_payments
from bulk_topup.ledger import velocity as velocity_limit
from bulk_topup.ledger.bills import refuse_claimed_bills
from bulk_topup.ledger.conflicting_equals import refuse_claimed_equals
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.pin_encryption import encrypt_pins
from bulk_topup.ledger.replaced_rows import refuse_claimed_replaced
from bulk_topup.ledger.row_mapping import (
    attempt_of,
    facts_values,
    json_array,
    move_values,
    new_attempt_of,
    open_attempt_of,
)
from bulk_topup.ledger.sql_fragments import INSERT_EVENT, REPLACED_WITHHELD, WITHHELD, absent_since

#: Attempts that one call returns unless its caller sets another limit.
READ_BATCH: Final = 1_000

_COUNT_PENDING: Final = f"""
    SELECT count(*), count(*) FILTER (WHERE retry_at IS NULL), min(retry_at) FROM rows
    WHERE run_id = :run_id AND state = 'pending' AND in_list = 1 AND (amount_until IS NULL OR amount_until >= :at)
      AND (operator_id IS NULL OR operator_id NOT IN (SELECT value FROM json_each(:excluded_operators)))
      AND id NOT IN (SELECT row_id FROM ({WITHHELD}))
      AND id NOT IN (SELECT row_id FROM ({REPLACED_WITHHELD} AND c.run_id = :run_id))
"""  # noqa: S608 - composed of constants
_COUNT_OUTDATED: Final = """
    SELECT count(*) FROM rows WHERE run_id = :run_id AND state = 'pending' AND in_list = 1 AND amount_until < :at
"""
_IS_USED: Final = "SELECT 1 FROM attempts WHERE external_id = :external_id"


@dataclass(frozen=True, slots=True)
class AttemptQueries:
    """The attempts of a run: claimed, recorded, found again."""

    file: LedgerFile

    def claim(
        self,
        run: Run,
        limit: int,
        *,
        paused_operators: Collection[int] = (),
        probed_operators: Collection[int] = (),
        min_interval: float = 0,
        canaries: bool = False,
        include_unsent: bool = True,
    ) -> list[Attempt]:
        """Write the intent to send up to `limit` pending rows, and return their attempts.

        The external IDs are on disk when this returns; only then may a request leave.

        Args:
            run: the run.
            limit: maximum number of rows.
            paused_operators: IDs of operators whose rows are not sent.
            probed_operators: IDs of operators of which one row is sent.
            min_interval: seconds between two payments to one credit party; two are never in flight at once.
            canaries: take rows of all operators in turn.
            include_unsent: take canaries that were never sent too.
        """
        now = self.file.clock.now()
        at = now.isoformat()
        values = {
            "run_id": run.id,
            "limit": limit,
            "at": at,
            "interval_start": (now - timedelta(seconds=min_interval)).isoformat(),
            "absent_since": absent_since(now),
            "paused_operators": json.dumps(list(paused_operators)),
            "include_unsent": include_unsent,
        }
        attempts = []
        with self.file.transaction() as connection:
            statement = sql.CLAIMABLE_CANARIES if canaries else sql.CLAIMABLE
            for row in self._claimable(connection, run, statement, values, probed_operators):
                # A creation that was refused left no transaction behind, so its external ID is still free. A lost
                # ledger starts with that ID again, so going on to the next one could pay a second time.
                is_free = row["resolution"] == Resolution.FREE or (
                    row["transaction_id"] is None and row["resolution"] != Resolution.TAKEN
                )
                number = row["attempt"] if row["attempt"] > 0 and is_free else row["attempt"] + 1
                # A rebuilt row may have the IDs of another version, and keeps them.
                first_id = row["last_id"] or _first_id(connection, run, row)
                attempts.append(new_attempt_of(row, number, f"{stem_of(first_id)}-{number}"))
            write_intents(self.file, connection, [(attempt, at) for attempt in attempts], at, "intent to send")
        return attempts

    def _claimable(
        self,
        connection: sqlite3.Connection,
        run: Run,
        statement: str,
        values: Mapping[str, object],
        probed_operators: Collection[int],
    ) -> list[sqlite3.Row]:
        """Return pending rows that can be sent at the same time; refuse those that must not be sent by now."""
        from bulk_topup.domain.guards import guards_of

        velocity = guards_of(run.guards).velocity
        while found := connection.execute(statement, values).fetchall():
            rows = []
            claimed: set[object] = set()
            for row in found:
                exclusive = [("party", row["credit_party"])] if row["credit_party"] else []
                if row["operator_id"] in probed_operators:
                    exclusive.append(("operator", row["operator_id"]))
                if claimed.isdisjoint(exclusive):
                    claimed.update(exclusive)
                    rows.append(row)
            rows = earlier_payments.refuse_claimed(self.file, connection, run, rows)
            rows = refuse_claimed_bills(self.file, connection, run, rows)
            rows = refuse_claimed_replaced(connection, rows, self.file.clock.now())
            rows = refuse_claimed_equals(connection, run.id, rows, self.file.clock.now())
            if velocity is not None:
                rows = velocity_limit.refuse_claimed(connection, velocity, rows, self.file.clock.now())
            if rows:
                return rows
        return []

    def record(self, moves: Sequence[Move]) -> None:
        """Write changes of state with their facts and events, all or none.

        Raises:
            StateError: a move is not in the table of allowed moves, or accepts a row without its transaction.
            LedgerError: a row is not in the state, or not at the attempt, that its move starts from.
        """
        with self.file.transaction() as connection:
            write_moves(self.file, connection, moves, self.file.now())

    def pending(self, run: Run, *, excluded_operators: Collection[int] = ()) -> tuple[int, datetime | None]:
        """Return the number of pending rows, without those of excluded operators, and when the first is due, in UTC.

        Rows that `AbsenceQueries.withheld` counts, or `outdated`, are not among them. The time is None if a row can be
        sent at once, and if there is no row.
        """
        count, any_now, first = self.file.fetch_all(
            _COUNT_PENDING,
            run_id=run.id,
            excluded_operators=json_array(excluded_operators),
            at=self.file.now(),
            absent_since=absent_since(self.file.clock.now()),
        )[0]
        return count, None if any_now or first is None else datetime.fromisoformat(first)

    def outdated(self, run: Run) -> int:
        """Return the number of pending rows whose amount was asked for too long ago to be sent."""
        count: int = self.file.fetch_all(_COUNT_OUTDATED, run_id=run.id, at=self.file.now())[0][0]
        return count

    def in_flight(self, run: Run, *, after_row: int = 0, limit: int = READ_BATCH) -> list[Attempt]:
        """Return attempts of unknown outcome to send again, in the order of their rows, after the row ID `after_row`.

        Those that wait for proof of absence are not among them.
        """
        rows = self.file.fetch_all(sql.IN_FLIGHT, run_id=run.id, after_id=after_row, limit=limit)
        return [attempt_of(row) for row in rows]

    def accepted(
        self,
        run: Run,
        *,
        seconds: Collection[str] | None = None,
        after_row: int = 0,
        limit: int = READ_BATCH,
        exclude_held: bool = False,
    ) -> list[OpenAttempt]:
        """Return accepted attempts in the order of their rows.

        Args:
            run: the run.
            seconds: seconds of creation, as `OpenSecond.second`; None for any.
            after_row: the row ID after which to start.
            limit: maximum number of attempts.
            exclude_held: leave out unconfirmed transactions.
        """
        rows = self.file.fetch_all(
            sql.ACCEPTED,
            run_id=run.id,
            seconds=json_array(seconds),
            after_id=after_row,
            limit=limit,
            exclude_held=exclude_held,
        )
        return [open_attempt_of(row) for row in rows]

    def accepted_among(
        self, run: Run, external_ids: Collection[str], *, exclude_held: bool = False
    ) -> list[OpenAttempt]:
        """Return the accepted attempts with these external IDs, without unconfirmed ones if `exclude_held`."""
        rows = self.file.fetch_all(
            sql.ACCEPTED_AMONG, run_id=run.id, external_ids=json_array(external_ids), exclude_held=exclude_held
        )
        return [open_attempt_of(row) for row in rows]

    def accepted_seconds(self, run: Run, *, exclude_held: bool = False) -> list[OpenSecond]:
        """Return accepted attempts counted by second of creation and operator, oldest first."""
        return [
            OpenSecond(
                second=row["second"],
                operator_id=row["operator_id"],
                count=row["count"],
                oldest=datetime.fromisoformat(row["oldest"]),
                newest=datetime.fromisoformat(row["newest"]),
            )
            for row in self.file.fetch_all(sql.ACCEPTED_SECONDS, run_id=run.id, exclude_held=exclude_held)
        ]


def _first_id(connection: sqlite3.Connection, run: Run, row: sqlite3.Row) -> str:
    """Return the external ID of a row's first attempt.

    Earlier versions numbered the bills of an account, so a rebuild may have given the ID of one to another. That one
    gets the ID of the newest version, under which a rebuild looks it up, too.
    """
    own = run.ids.external_id(row["identity"], 1)
    if run.ids.version.folds_rows or connection.execute(_IS_USED, {"external_id": own}).fetchone() is None:
        return own
    bill = (json.loads(row["request"]).get("statement_identifier") or {}).get("reference")
    if row["amount_until"] is not None:
        bill = None  # what DVS was asked for is no part of an identity
    newest = RunIds.of_name(run.ids.job, run.ids.run_key)
    return newest.external_id(fold_identity(row["identity"], bill), 1)


def write_intents(
    file: LedgerFile, connection: sqlite3.Connection, intents: Sequence[tuple[Attempt, str]], at: str, cause: str
) -> None:
    """Write that attempts of pending rows are sent.

    Args:
        file: the ledger's file.
        connection: its connection, in a transaction.
        intents: the attempts, each with the time of its intent.
        at: the time of the events.
        cause: the cause of the events.

    Raises:
        LedgerError: one of the rows is not pending.
    """
    claimed = [(attempt.row_id, attempt.number, attempt.external_id, since) for attempt, since in intents]
    values = {"claimed": json.dumps(claimed), "at": at, "cause": cause}
    connection.execute(sql.WRITE_INTENTS, values)
    file.check_changed(connection.execute(sql.MARK_IN_FLIGHT, values).rowcount, len(claimed))
    connection.execute(sql.END_WAITS, values)
    connection.execute(sql.EVENTS_OF_INTENTS, values)


def write_moves(file: LedgerFile, connection: sqlite3.Connection, moves: Sequence[Move], at: str) -> None:
    """Write changes of state with their facts and events.

    Args:
        file: the ledger's file.
        connection: its connection, in a transaction.
        moves: the changes.
        at: the time of the events.

    Raises:
        StateError: a move is not in the table of allowed moves, or accepts a row without its transaction.
        LedgerError: a row is not in the state, or not at the attempt, that its move starts from.
    """
    for move in moves:
        check_move(move.before, move.after)
        if move.after is RowState.ACCEPTED and move.facts is None:
            raise StateError("A row can't become accepted without its transaction, which could not be tracked.")
    values = [move_values(move, at) for move in moves]
    file.check_changed(connection.executemany(sql.MOVE_ROW, values).rowcount, len(moves))
    known = [facts_values(move, facts, at) for move in moves if (facts := move.facts)]
    encrypt_pins(connection, file.pin_keys, known)
    file.check_changed(connection.executemany(sql.WRITE_FACTS, known).rowcount, len(known))
    connection.executemany(INSERT_EVENT, values)
