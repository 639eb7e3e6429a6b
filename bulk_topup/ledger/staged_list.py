"""A list on its way into a run: staged in temporary tables, compared, then merged in one transaction."""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from bulk_topup.domain.earlier_payments import EarlierPayments
from bulk_topup.domain.identity import external_id
from bulk_topup.domain.not_the_same import NotTheSame
from bulk_topup.domain.problems import Problem, decode_problems
from bulk_topup.domain.run import Run
from bulk_topup.domain.totals import Digest, MergePreview, Total
from bulk_topup.errors import PurgedRunError
from bulk_topup.ledger import earlier_payments
from bulk_topup.ledger import staged_list_statements as sql
from bulk_topup.ledger import velocity as velocity_limit
from bulk_topup.ledger.conflicting_equals import refuse_staged_equals
from bulk_topup.ledger.equal_rows import match_equals
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.near_rows import refuse_near_rows
from bulk_topup.ledger.not_the_same import CLEAR_PAIRS, USED_PAIRS, keep_used, name_lines
from bulk_topup.ledger.respelled_rows import respell_rows
from bulk_topup.ledger.row_mapping import add_to_total, run_of, sum_amounts
from bulk_topup.ledger.runs import FIND_RUN
from bulk_topup.ledger.sql_fragments import absent_since
from bulk_topup.ledger.uncredited_rows import refuse_uncredited

if TYPE_CHECKING:
    from bulk_topup.domain.earlier_payments import Comparison
    from bulk_topup.domain.guards import Velocity

_CLEAR: Final = (
    sql.CREATE_STAGED,
    sql.CREATE_REMOVED,
    sql.CREATE_UNLISTED,
    sql.CLEAR_STAGED,
    sql.DROP_STAGED_INDEX,
    *earlier_payments.CREATE,
    *CLEAR_PAIRS,
)
_MERGE: Final = (
    sql.EVENTS_OF_REMOVED,
    sql.MARK_REMOVED,
    sql.EVENTS_OF_CHANGED,
    sql.UPDATE_UNSENT,
    sql.UPDATE_FAILED,
    sql.REFUSE_FAILED,
    sql.UPDATE_SENT,
    sql.DROP_ACKNOWLEDGED,
    sql.INSERT_NEW,
    sql.EVENTS_OF_NEW,
    sql.CLEAR_STAGED,
)
#: Every row of the staged list that is to be paid, sent or not.
_REQUESTS: Final = """
    SELECT identity, request, unit, amount, cost_unit, cost FROM temp.staged WHERE state = 'pending'
    ORDER BY line
"""


@dataclass(frozen=True, slots=True)
class StagingQueries:
    """The staged list; the run does not change before `merge`."""

    file: LedgerFile

    def clear(self) -> None:
        """Remove all staged rows."""
        with self.file.transaction() as connection:
            for statement in _CLEAR:
                connection.execute(statement)

    def add(self, rows: Iterable[tuple[object, ...]]) -> None:
        """Stage checked rows, each with the values of a `StagedRow`."""
        with self.file.transaction() as connection:
            connection.executemany(sql.STAGE, rows)

    def identities(self, lines: Collection[int]) -> dict[int, tuple[str, str | None]]:
        """Return identity and party of the staged rows on these lines."""
        rows = self.file.fetch_all(sql.IDENTITIES, lines=json.dumps(list(lines)))
        return {line: (identity, party) for line, identity, party in rows}

    def preview(
        self,
        run: Run | None,
        velocity: "Velocity | None" = None,
        comparison: "Comparison | None" = None,
        *,
        allow_duplicates: bool = True,
    ) -> MergePreview:
        """Return what a merge of the staged list would do, and refuse staged rows that must not be paid.

        Args:
            run: the run; None for one that does not exist yet.
            velocity: the limit of payments per beneficiary; rows above it are refused.
            comparison: the other runs whose payments the rows must not repeat, and the decisions of a person; None for
                none.
            allow_duplicates: whether one credit party may receive the same product more than once in the list.
        """
        now = self.file.clock.now()
        run_id = run.id if run else None
        ids = {"run_id": run_id, "absent_since": absent_since(now)}
        with self.file.transaction() as connection:
            if comparison is not None and comparison.not_the_same is not None:
                name_lines(connection, comparison.not_the_same.lines)
            _compare(connection, ids)
            refuse_near_rows(connection, run_id, allow_duplicates=allow_duplicates)
            earlier = EarlierPayments()
            if comparison is not None:
                earlier = earlier_payments.compare_staged(connection, run_id, comparison, now)
            if velocity is not None:
                velocity_limit.refuse_staged(connection, velocity, run_id, now)
        counts = self.file.fetch_all(sql.PREVIEW, **ids)[0]
        removed = self.file.fetch_all(sql.COUNT_REMOVED)[0][0]
        costs = sum_amounts(self.file.fetch_all(sql.COSTS, **ids))
        return MergePreview(**dict(counts), removed_from_list=removed, costs=costs, earlier=earlier)

    def refusals(self, limit: int) -> list[tuple[int, tuple[Problem, ...]]]:
        """Return the first lines that `preview` refused, with the reasons."""
        return [
            (row["line"], decode_problems(row["problems"])) for row in self.file.fetch_all(sql.REFUSALS, limit=limit)
        ]

    def undecided_lines(self, limit: int) -> tuple[int, ...]:
        """Return the first lines that `preview` refused until a person finds that they are not the same as others."""
        return tuple(row["line"] for row in self.file.fetch_all(sql.UNDECIDED_LINES, limit=limit))

    def digest(self, job: str, run_key: str) -> Digest:
        """Return sums and hashes of all rows that the staged list pays in that run, sent or not, in list order.

        Every text is hashed with its length before it, so that no two different lists of rows give the same bytes.
        """
        requests, costs = hashlib.sha256(), hashlib.sha256()
        total = Total()
        for identity, request, unit, amount, cost_unit, cost in self.file.iterate(_REQUESTS):
            for text in (identity, external_id(job, run_key, identity, 1), request):
                requests.update(_with_length(text))
            for text in (cost_unit, cost):
                costs.update(_with_length(text or ""))
            add_to_total(total, unit, amount, cost_unit, cost, 1)
        pairs = self.file.fetch_all(USED_PAIRS)
        for text in chain.from_iterable(pairs):
            requests.update(_with_length(text))
        return Digest(total=total, pairs=len(pairs), requests=requests.hexdigest(), costs=costs.hexdigest())

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
        comparison: str | None = None,
        pay_again: str = "",
        not_the_same: NotTheSame | None = None,
    ) -> Run:
        """Make the staged list the list of the run: add new rows, update unsent ones, keep what was sent.

        Raises:
            PurgedRunError: the run's personal data was removed.
        """
        at = self.file.now()
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
            "comparison": comparison,
            "at": at,
        }
        with self.file.transaction() as connection:
            found = connection.execute(FIND_RUN, values).fetchone()
            if found and found["purged_at"]:
                raise PurgedRunError  # its rows have no identity any more, so the whole list would be paid again
            before = run_of(found, self.file.path).columns if found else tuple(columns)
            connection.execute(sql.UPDATE_RUN if found else sql.INSERT_RUN, values)
            run = run_of(connection.execute(FIND_RUN, values).fetchone(), self.file.path)
            last_id = connection.execute(sql.LAST_ROW_ID).fetchone()[0]
            since = absent_since(self.file.clock.now())
            ids = {"run_id": run.id, "at": values["at"], "last_id": last_id, "absent_since": since}
            _compare(connection, ids)
            if before != run.columns:
                _realign_removed(connection, before, run.columns)
            for statement in _MERGE:
                connection.execute(statement, ids)
            earlier_payments.save_repeated(connection, run.id, pay_again, at)
            if not_the_same is not None:
                keep_used(connection, not_the_same, at)
        return run


def _compare(connection: sqlite3.Connection, ids: Mapping[str, object]) -> None:
    """Find rows that the staged list no longer has, and refuse staged rows that may pay the same again."""
    connection.execute(sql.CLEAR_REMOVED)
    connection.execute(sql.CLEAR_UNLISTED)
    if not connection.execute(sql.HAS_ROWS, ids).fetchone()[0]:
        return
    connection.execute(sql.INDEX_STAGED)
    if connection.execute(sql.FIND_REMOVED, ids).rowcount > 0:
        respell_rows(connection, ids)
    match_equals(connection, ids)
    connection.execute(sql.CLEAR_REMOVED)
    connection.execute(sql.FIND_REMOVED, ids)
    found = connection.execute(sql.FIND_UNLISTED, ids).rowcount, connection.execute(sql.FIND_ABSENT, ids).rowcount
    if any(found):
        connection.execute(sql.USE_UNLISTED_PAIRS)
        connection.execute(sql.REFUSE_POSSIBLE_DUPLICATES, ids)
    refuse_uncredited(connection, ids)
    refuse_staged_equals(connection, ids["run_id"])


def _realign_removed(connection: sqlite3.Connection, before: Sequence[str], after: Sequence[str]) -> None:
    """Order the cells of removed rows by the columns that the list has now."""
    realigned = []
    for row in connection.execute(sql.CELLS_OF_REMOVED).fetchall():
        cells = dict(zip(before, json.loads(row["cells"]), strict=False))
        aligned = [cells.get(column, "") for column in after]
        realigned.append({"id": row["id"], "cells": json.dumps(aligned, ensure_ascii=False)})
    connection.executemany(sql.WRITE_CELLS, realigned)


def _with_length(text: str) -> bytes:
    encoded = text.encode()
    return b"%d:%b" % (len(encoded), encoded)
