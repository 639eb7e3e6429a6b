"""The ledger: one SQLite file that holds runs, rows, attempts and every change of state ever seen.

All writes are transactions that are on disk when the method returns (WAL, synchronous=FULL). The methods block; a
caller with an event loop runs them in one worker thread.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING

from bulk_topup.domain.attempt import Attempt, Event, HintedAttempt, Move, OpenAttempt, OpenSecond, Resolution
from bulk_topup.domain.identity import external_id
from bulk_topup.domain.problems import Problem, decode_problems
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState, check_move
from bulk_topup.domain.totals import MergePreview
from bulk_topup.errors import PurgedRunError, RunNotFoundError, StateError
from bulk_topup.ledger import statements as sql
from bulk_topup.ledger import velocity as repeats
from bulk_topup.ledger.comparison import Comparing
from bulk_topup.ledger.conflicts import Resolving
from bulk_topup.ledger.outcomes import OutcomesOfRun
from bulk_topup.ledger.pin_encryption import encrypt_pins
from bulk_topup.ledger.product_choices import Products
from bulk_topup.ledger.purge import Purging
from bulk_topup.ledger.rebuild import Rebuilding
from bulk_topup.ledger.report_digests import Reports
from bulk_topup.ledger.retries import Retrying
from bulk_topup.ledger.row_mapping import (
    attempt_of,
    attempt_under,
    facts_values,
    hinted_attempt_of,
    move_values,
    open_attempt_of,
    run_of,
    summed,
)
from bulk_topup.ledger.totals import Totals

if TYPE_CHECKING:
    from bulk_topup.domain.guards import Velocity

#: Rows that are read from an iterator of rows at once.
READ_BATCH = 1_000


class LedgerStore(OutcomesOfRun, Purging, Retrying, Totals, Comparing, Resolving, Rebuilding, Reports, Products):
    """An open ledger."""

    def runs(self) -> list[Run]:
        """Give all runs, oldest first."""
        return [run_of(row, self.path) for row in self._all(sql.LIST_RUNS)]

    def find_run(self, job: str, run_key: str) -> Run | None:
        """Give the run of that job and run key."""
        rows = self._all(sql.FIND_RUN, job=job, run_key=run_key)
        return run_of(rows[0], self.path) if rows else None

    def run_named(self, name: str) -> Run:
        """Give the run that a person names: `job/run key`, or the run key alone when only one run has it.

        Raises:
            RunNotFoundError: no run, or more than one, goes by that name.
        """
        runs = self.runs()
        found = [run for run in runs if run.name == name] or [run for run in runs if run.run_key == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise RunNotFoundError(f'More than one run goes by "{name}": {", ".join(run.name for run in found)}.')
        near = get_close_matches(name, [known for run in runs for known in (run.name, run.run_key)], n=1)
        known = ", ".join(run.name for run in runs[-10:]) or "none yet"
        cure = f"do you mean {near[0]}?" if near else f"it has: {known}."
        raise RunNotFoundError(f'The ledger {self.path} holds no run "{name}"; {cure}')

    # A list on its way into a run: staged in a temporary table, compared, then merged in one transaction.

    def clear_staged(self) -> None:
        """Forget what was staged."""
        with self._transaction() as connection:
            for statement in (
                sql.CREATE_STAGED,
                sql.CREATE_GONE,
                sql.CREATE_UNLISTED,
                sql.CLEAR_STAGED,
                sql.DROP_STAGED_INDEX,
            ):
                connection.execute(statement)

    def stage(self, rows: Iterable[tuple[object, ...]]) -> None:
        """Put checked rows, each with the values of a `StagedRow`, aside; nothing of the run changes before `merge`."""
        with self._transaction() as connection:
            connection.executemany(sql.STAGE, rows)

    def staged_identities(self, lines: Collection[int]) -> dict[int, tuple[str, str | None]]:
        """Give identity and party of the staged rows on these lines."""
        rows = self._all(sql.STAGED_IDENTITIES, lines=json.dumps(list(lines)))
        return {line: (identity, party) for line, identity, party in rows}

    def difference(self, run: Run | None, velocity: "Velocity | None" = None) -> MergePreview:
        """Tell what the staged list means for a run, None for one that does not exist yet.

        Args:
            run: the run.
            velocity: how often one beneficiary may be paid; rows that go beyond it are refused.
        """
        ids = {"run_id": run.id if run else None}
        with self._transaction() as connection:
            self._compare(connection, ids)
            if velocity is not None:
                repeats.refuse_staged(connection, velocity, ids["run_id"], self._clock.now())
        counts = self._all(sql.DIFFERENCE, **ids)[0]
        gone = self._all(sql.COUNT_GONE)[0][0]
        return MergePreview(**dict(counts), gone=gone, costs=summed(self._all(sql.STAGED_COSTS, **ids)))

    def held(self, limit: int) -> list[tuple[int, tuple[Problem, ...]]]:
        """Give the lines of the staged list that `difference` refused, with their reasons, first lines first."""
        return [(row["line"], decode_problems(row["problems"])) for row in self._all(sql.HELD, limit=limit)]

    def merge(
        self,
        *,
        job: str,
        run_key: str,
        environment: str,
        list_path: str,
        columns: Sequence[str],
        account: str = "",
        guards: str = "{}",
        approval: str | None = None,
        reading: str | None = None,
        reporting: str | None = None,
    ) -> Run:
        """Make the staged list the run's list: new rows join, unsent ones are brought up to date, sent ones stand.

        Raises:
            PurgedRunError: the run's personal data was removed.
        """
        values = {
            "job": job,
            "run_key": run_key,
            "environment": environment,
            "account": account,
            "guards": guards,
            "approval": approval,
            "list_path": list_path,
            "columns": json.dumps(list(columns), ensure_ascii=False),
            "reading": reading,
            "reporting": reporting,
            "at": self._now(),
        }
        with self._transaction() as connection:
            found = connection.execute(sql.FIND_RUN, values).fetchone()
            if found and found["purged_at"]:
                raise PurgedRunError  # its rows have no identity any more, so all of the list would be paid again
            before = run_of(found, self.path).columns if found else tuple(columns)
            connection.execute(sql.UPDATE_RUN if found else sql.INSERT_RUN, values)
            run = run_of(connection.execute(sql.FIND_RUN, values).fetchone(), self.path)
            last_id = connection.execute(sql.LAST_ROW_ID).fetchone()[0]
            ids = {"run_id": run.id, "at": values["at"], "last_id": last_id}
            self._compare(connection, ids)
            if before != run.columns:
                self._realign_gone(connection, before, run.columns)
            for statement in (
                sql.EVENTS_OF_GONE,
                sql.MARK_GONE,
                sql.EVENTS_OF_CHANGED,
                sql.UPDATE_UNSENT,
                sql.UPDATE_FAILED,
                sql.REFUSE_FAILED,
                sql.UPDATE_SENT,
                sql.DROP_ACKNOWLEDGED,
                sql.INSERT_NEW,
                sql.EVENTS_OF_NEW,
                sql.CLEAR_STAGED,
            ):
                connection.execute(statement, ids)
        return run

    def set_account(self, run: Run, account: str) -> None:
        """Note that the run goes on with this account."""
        with self._transaction() as connection:
            connection.execute(sql.SET_ACCOUNT, {"run_id": run.id, "account": account})

    # A run on its way: intents before requests, facts after answers.

    def claim(
        self,
        run: Run,
        limit: int,
        *,
        parked: Collection[int] = (),
        probed: Collection[int] = (),
        spacing: float = 0,
        canaries: bool = False,
        fresh: bool = True,
    ) -> list[Attempt]:
        """Write the intent to send for up to `limit` pending rows, and give their attempts.

        When this returns the external ids are on disk; only then may a request leave.

        Args:
            run: the run.
            limit: rows at most.
            parked: operators whose rows wait.
            probed: operators of which one row goes.
            spacing: seconds between two payments to one number; two are never in flight at once.
            canaries: take rows of all operators by turns.
            fresh: take canaries that were never sent too.
        """
        now = self._clock.now()
        at = now.isoformat()
        wanted = {
            "run_id": run.id,
            "limit": limit,
            "at": at,
            "spaced_since": (now - timedelta(seconds=spacing)).isoformat(),
            "parked": json.dumps(list(parked)),
            "fresh": fresh,
        }
        attempts = []
        with self._transaction() as connection:
            statement = sql.CLAIMABLE_CANARIES if canaries else sql.CLAIMABLE
            for row in self._claimable(connection, run, statement, wanted, probed):
                # A number whose creation was refused left no transaction behind, so its id is still free; to go on to
                # the next one would let a lost ledger, which begins again with this one, pay a second time.
                is_free = row["resolution"] == Resolution.FREE or (
                    row["transaction_id"] is None and row["resolution"] != Resolution.TAKEN
                )
                number = row["attempt"] if row["attempt"] > 0 and is_free else row["attempt"] + 1
                id_ = external_id(run.job, run.run_key, row["identity"], number)
                attempts.append(attempt_under(row, number, id_))
            self._write_intents(connection, [(attempt, at) for attempt in attempts], at, "intent to send")
        return attempts

    def _claimable(
        self,
        connection: sqlite3.Connection,
        run: Run,
        statement: str,
        wanted: Mapping[str, object],
        probed: Collection[int],
    ) -> list[sqlite3.Row]:
        """Give pending rows that may be sent side by side; those that would pay somebody too often are refused."""
        from bulk_topup.domain.guards import guards_of

        velocity = guards_of(run.guards).velocity
        while found := connection.execute(statement, wanted).fetchall():
            rows = []
            taken: set[object] = set()
            for row in found:
                alone = [("party", row["credit_party"])] if row["credit_party"] else []
                if row["operator_id"] in probed:
                    alone.append(("operator", row["operator_id"]))
                if taken.isdisjoint(alone):
                    taken.update(alone)
                    rows.append(row)
            admitted = rows if velocity is None else repeats.admit(connection, velocity, rows, self._clock.now())
            if admitted:
                return admitted
        return []

    def in_flight(self, run: Run, *, after_row: int = 0, limit: int = READ_BATCH) -> list[Attempt]:
        """Give attempts whose outcome is unknown, in the order of their rows, from the row after `after_row`."""
        return [attempt_of(row) for row in self._all(sql.IN_FLIGHT, run_id=run.id, after_id=after_row, limit=limit)]

    def record(self, moves: Sequence[Move]) -> None:
        """Write changes of state with their facts and events, all or none.

        Raises:
            StateError: a move is not in the table of allowed moves, or makes a row accepted without its transaction.
            LedgerError: a row is not in the state, or not at the attempt, that its move starts from.
        """
        for move in moves:
            check_move(move.before, move.after)
            if move.after is RowState.ACCEPTED and move.facts is None:
                raise StateError("A row cannot become accepted without its transaction, or nobody could follow it.")
        at = self._now()
        values = [move_values(move, at) for move in moves]
        with self._transaction() as connection:
            self._expect(connection.executemany(sql.MOVE_ROW, values).rowcount, len(moves))
            known = [facts_values(move, facts, at) for move in moves if (facts := move.facts)]
            encrypt_pins(connection, self._pin_keys, known)
            self._expect(connection.executemany(sql.WRITE_FACTS, known).rowcount, len(known))
            connection.executemany(sql.INSERT_EVENT, values)

    def accepted_among(
        self, run: Run, external_ids: Collection[str], *, exclude_held: bool = False
    ) -> list[OpenAttempt]:
        """Give the accepted rows of a run that are known by these external ids, held ones aside where that is asked."""
        wanted = json.dumps(list(external_ids))
        return [
            open_attempt_of(row)
            for row in self._all(sql.ACCEPTED_AMONG, run_id=run.id, external_ids=wanted, exclude_held=exclude_held)
        ]

    def accepted(
        self,
        run: Run,
        *,
        seconds: Collection[str] | None = None,
        after_row: int = 0,
        limit: int = READ_BATCH,
        exclude_held: bool = False,
    ) -> list[OpenAttempt]:
        """Give up to `limit` accepted rows in their order, after the row `after_row`, created in these seconds."""
        wanted = None if seconds is None else json.dumps(list(seconds))
        rows = self._all(
            sql.ACCEPTED, run_id=run.id, seconds=wanted, after_id=after_row, limit=limit, exclude_held=exclude_held
        )
        return [open_attempt_of(row) for row in rows]

    def accepted_seconds(self, run: Run, *, exclude_held: bool = False) -> list[OpenSecond]:
        """Give the accepted rows of a run counted by the second of their creation and their operator, oldest first."""
        return [
            OpenSecond(
                second=row["second"],
                operator_id=row["operator_id"],
                count=row["count"],
                oldest=datetime.fromisoformat(row["oldest"]),
                newest=datetime.fromisoformat(row["newest"]),
            )
            for row in self._all(sql.ACCEPTED_SECONDS, run_id=run.id, exclude_held=exclude_held)
        ]

    # What callbacks hinted at: kept until the provider's API was asked.

    def save_hint(self, external_id: str) -> bool:
        """Remember that a callback spoke of an external id; when this returns it is on disk.

        Returns:
            Whether the id is that of an attempt in this ledger; one that is not is not kept.
        """
        with self._transaction() as connection:
            kept = connection.execute(sql.KEEP_HINT, {"external_id": external_id, "at": self._now()}).rowcount
        return kept == 1

    def runs_hinted(self) -> list[Run]:
        """Give the runs that callbacks spoke of and that were not asked about since."""
        with self._transaction() as connection:
            connection.execute(sql.DROP_IDLE_HINTS)
        return [run_of(row, self.path) for row in self._all(sql.RUNS_HINTED)]

    def hinted(self, run: Run, limit: int = READ_BATCH, *, exclude_held: bool = False) -> list[HintedAttempt]:
        """Give attempts of a run that callbacks spoke of, first callbacks first."""
        return [
            hinted_attempt_of(row)
            for row in self._all(sql.HINTED, run_id=run.id, limit=limit, exclude_held=exclude_held)
        ]

    def drop_hints(self, hints: Collection[HintedAttempt]) -> None:
        """Forget hints that the provider's API was asked about."""
        values = [
            {"external_id": hint.attempt.external_id, "received_at": hint.received_at.isoformat()} for hint in hints
        ]
        with self._transaction() as connection:
            connection.executemany(sql.DROP_HINT, values)

    # What is known of a run.

    def cells_of(self, run: Run, lines: Collection[int]) -> dict[int, list[str]]:
        """Give the cells of rows of the list as it was last read, by their lines."""
        rows = self._all(sql.CELLS_OF_LINES, run_id=run.id, lines=json.dumps(list(lines)))
        return {row["line"]: json.loads(row["cells"]) for row in rows}

    def sent_among(self, run: Run, lines: Collection[int]) -> set[int]:
        """Give those lines of the list as it was last read whose rows were sent and are not known to have failed."""
        return {row["line"] for row in self._all(sql.SENT_AMONG_LINES, run_id=run.id, lines=json.dumps(list(lines)))}

    def counts(self, run: Run) -> dict[RowState, int]:
        """Give the number of rows in each state, all states named."""
        found = {row[0]: row[1] for row in self._all(sql.COUNT_STATES, run_id=run.id)}
        return {state: found.get(state.value, 0) for state in RowState}

    def count_mismatches(self, run: Run) -> int:
        """Give the number of paid or open rows that the list contradicts."""
        return int(self._all(sql.COUNT_NOTES, run_id=run.id)[0][0])

    def pending_costs(self, run: Run) -> dict[str, Decimal]:
        """Give what the pending rows should cost, per wallet unit."""
        return summed(self._all(sql.PENDING_COSTS, run_id=run.id))

    def events(self, row_id: int) -> list[Event]:
        """Give a row's history, oldest first."""
        return [
            Event(
                at=datetime.fromisoformat(row["at"]),
                attempt=row["attempt"],
                before=RowState(row["before"]) if row["before"] else None,
                after=RowState(row["after"]),
                cause=row["cause"],
                status_message=row["status_message"],
            )
            for row in self._all(sql.EVENTS_OF_ROW, row_id=row_id)
        ]

    @staticmethod
    def _compare(connection: sqlite3.Connection, ids: Mapping[str, object]) -> None:
        """Find what the staged list does not have any more, and hold what may pay anybody of it again."""
        connection.execute(sql.CLEAR_GONE)
        connection.execute(sql.CLEAR_UNLISTED)
        if not connection.execute(sql.HAS_ROWS, ids).fetchone()[0]:
            return
        connection.execute(sql.INDEX_STAGED)
        connection.execute(sql.FIND_GONE, ids)
        if connection.execute(sql.FIND_UNLISTED, ids).rowcount:
            connection.execute(sql.HOLD, ids)

    @staticmethod
    def _realign_gone(connection: sqlite3.Connection, before: Sequence[str], after: Sequence[str]) -> None:
        """Put the cells of rows that left the list under the columns that the list has now."""
        realigned = []
        for row in connection.execute(sql.CELLS_OF_GONE).fetchall():
            cells = dict(zip(before, json.loads(row["cells"]), strict=False))
            aligned = [cells.get(column, "") for column in after]
            realigned.append({"id": row["id"], "cells": json.dumps(aligned, ensure_ascii=False)})
        connection.executemany(sql.WRITE_CELLS, realigned)
