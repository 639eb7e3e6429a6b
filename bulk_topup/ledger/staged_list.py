"""A list on its way into a run: staged in temporary tables, compared, then merged in one transaction."""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from bulk_topup.domain.earlier_payments import EarlierPayments
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.domain.list_parts import ListPart
from bulk_topup.domain.not_the_same import NotTheSame
from bulk_topup.domain.problems import Problem, decode_problems
from bulk_topup.domain.run import READING_VERSION, LeftOpen, Run
from bulk_topup.domain.run_names import fold_run_name
from bulk_topup.domain.totals import Digest, MergePreview, Total, ValidRows
from bulk_topup.errors import ClosedRunError, PurgedRunError
from bulk_topup.ledger import bills, corrections, earlier_payments, kept_rows, repeated_payments
from bulk_topup.ledger import staged_list_statements as sql
from bulk_topup.ledger import velocity as velocity_limit
from bulk_topup.ledger.closed_runs import left_open_json
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.list_comparison import compare_with_run, has_rows_of, is_list_of
from bulk_topup.ledger.list_parts import find_part, give_way, parts_with, save_parts
from bulk_topup.ledger.near_rows import refuse_near_rows
from bulk_topup.ledger.not_the_same import CLEAR_PAIRS, USED_PAIRS, keep_used, name_lines
from bulk_topup.ledger.row_mapping import add_to_total, run_of
from bulk_topup.ledger.run_search import READ_RUN, find_run
from bulk_topup.ledger.run_statements import INSERT_RUN, START_REBUILDING, UPDATE_RUN
from bulk_topup.ledger.sql_fragments import absent_since
from bulk_topup.ledger.stage_statement import stage_statement
from bulk_topup.ledger.staged_counts import count_staged

if TYPE_CHECKING:
    from bulk_topup.domain.earlier_payments import Comparison
    from bulk_topup.domain.guards import Velocity

_CLEAR: Final = (
    sql.CREATE_STAGED,
    sql.CREATE_REFUSED,
    bills.CREATE_ASKED,
    sql.CREATE_REMOVED,
    sql.CREATE_UNLISTED,
    sql.CLEAR_STAGED,
    sql.DROP_STAGED_INDEX,
    *earlier_payments.CLEAR,
    *kept_rows.CLEAR,
    *CLEAR_PAIRS,
    *corrections.CLEAR,
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
)


@dataclass(frozen=True, slots=True)
class StagingQueries:
    """The staged list; the run does not change before `merge`."""

    file: LedgerFile

    def clear(self) -> None:
        """Remove all staged rows."""
        with self.file.snapshot() as connection:
            for statement in _CLEAR:
                connection.execute(statement)

    def add(self, rows: Iterable[tuple[object, ...]], shared: Mapping[str, str | int | None] | None = None) -> None:
        """Stage checked rows, each with the values of a `StagedRow` but for those that all of them have.

        The latter are `shared`, which takes half the time; no text of them has a NUL.
        """
        with self.file.snapshot() as connection:
            connection.executemany(stage_statement(shared or {}), rows)

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
        valid: ValidRows | None = None,
    ) -> MergePreview:
        """Return what a merge of the staged list would do, and refuse staged rows that must not be paid.

        Args:
            run: the run; None for one that does not exist yet.
            velocity: the limit of payments per beneficiary; rows above it are refused.
            comparison: the other runs whose payments the rows must not repeat, and the decisions of a person, also that
                the list is added to the run; None for none.
            allow_duplicates: whether one credit party may receive the same product more than once in the list.
            valid: the valid rows as they were staged, so that those of a new run need not be counted; None to count.

        Raises:
            ListError: the list cannot be added to the run.
        """
        now = self.file.clock.now()
        run_id = run.id if run else None
        ids = {"run_id": run_id, "absent_since": absent_since(now)}
        with self.file.snapshot() as connection:
            if comparison is not None and comparison.not_the_same is not None:
                name_lines(connection, comparison.not_the_same.lines)
            part = find_part(connection, run, add=comparison is not None and comparison.add)
            has_rows = compare_with_run(connection, run, part, ids)
            refuse_near_rows(connection, run_id, allow_duplicates=allow_duplicates)
            bills.refuse_equal_bills(connection)
            if run is not None and part.is_part:
                any_product = comparison is not None and comparison.any_product
                kept_rows.refuse_beside_kept(
                    connection, run, allow_duplicates=allow_duplicates, any_product=any_product
                )
            earlier = EarlierPayments()
            if comparison is not None:
                is_new_list = run is None or not has_rows_of(connection, run)
                earlier = earlier_payments.compare_staged(connection, run_id, comparison, now, is_new_list=is_new_list)
            if velocity is not None:
                velocity_limit.refuse_staged(connection, velocity, run_id, now)
            counts, costs = count_staged(connection, ids, None if has_rows else valid)
        return MergePreview(**counts, costs=costs, earlier=earlier)

    def is_list_of(self, run: Run) -> bool:
        """Return True if the staged list has exactly the rows of a run's list: the same payments, refused ones too."""
        with self.file.snapshot() as connection:
            return is_list_of(connection, run)

    def refusals(self, limit: int) -> list[tuple[int, tuple[Problem, ...]]]:
        """Return the first lines that `preview` refused, with the reasons."""
        found = self.file.fetch_all(sql.REFUSALS, limit=limit)
        return [(row["line"], decode_problems(row["problems"])) for row in found]

    def valid_groups(self) -> list[tuple[Any, ...]]:
        """Return product, unit, amount, cost unit, cost and number of the staged rows that are not refused."""
        return [tuple(row) for row in self.file.fetch_all(sql.VALID_GROUPS)]

    def undecided_lines(self, limit: int) -> tuple[int, ...]:
        """Return the first lines that `preview` refused until a person finds that they are not the same as others."""
        return tuple(row["line"] for row in self.file.fetch_all(sql.UNDECIDED_LINES, limit=limit))

    def digest(self, ids: RunIds) -> Digest:
        """Return sums and hashes of all rows that the staged list pays in a run, sent or not, in list order.

        Every text is hashed with its length before it, so that no two different lists of rows give the same bytes.
        """
        requests, costs = hashlib.sha256(), hashlib.sha256()
        total = Total()
        for identity, request, unit, amount, cost_unit, cost in self.file.iterate(
            sql.REQUESTS, folds_rows=ids.version.folds_rows
        ):
            for text in (identity, ids.external_id(identity, 1), request):
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
        paid_elsewhere: int = 0,
        by: str = "",
        ids: RunIds | None = None,
        reading_version: int = READING_VERSION,
        time_zone: str | None = None,
        leave_open: LeftOpen | None = None,
        check_earlier: bool = False,
        not_the_same: NotTheSame | None = None,
        add: bool = False,
        is_rebuilt: bool = False,
    ) -> Run:
        """Make the staged list the list of the run: add new rows, update unsent ones, keep what was sent.

        With `add`, and where the run has several lists, it becomes one of these, and the others stay as they are.

        A run that exists keeps the name that it was created with, its version of reading, and what its external IDs are
        computed from: `ids`, or None for those of the newest version. With `check_earlier`, open runs of the job stop a
        new one unless `leave_open` says who leaves them, and why. `pay_again` says why rows that other runs have paid
        are paid again, and `by` who decided it; `paid_elsewhere` is the number of rows that another ledger paid. With
        `is_rebuilt`, nothing is sent before a rebuild has ended.

        Long because of its arguments.

        Raises:
            RunNameError: the name could mean more than one run.
            PurgedRunError: the run's personal data was removed.
            ClosedRunError: the run is closed.
            EarlierRunOpenError: a run of the job is open that stops a new one.
            ListError: the list cannot be added to the run.
        """
        at = self.file.now()
        values: dict[str, object] = {
            **_names(job, run_key, ids or RunIds.of_name(job, run_key)),
            "environment": environment,
            "account": account,
            "guards": guards,
            "approval": approval,
            "list_path": list_path,
            "columns": json.dumps(list(columns), ensure_ascii=False),
            "reading": reading,
            "reporting": reporting,
            "comparison": comparison,
            "reading_version": reading_version,
            "time_zone": time_zone,
            "left_open": None,
            "at": at,
        }
        with self.file.transaction() as connection:
            found = find_run(connection, self.file.path, job, run_key)
            if found and found.purged_at:
                raise PurgedRunError  # its rows have no identity any more, so the whole list would be paid again
            if found and found.closing:
                raise ClosedRunError
            if found is None and check_earlier:
                values["left_open"] = left_open_json(self.file, connection, values, leave_open)
            before = found.columns if found else tuple(columns)
            values["id"] = found.id if found else None
            [id_] = connection.execute(UPDATE_RUN if found else INSERT_RUN, values).fetchone()
            if is_rebuilt:
                connection.execute(START_REBUILDING, {"run_id": id_})
            run = run_of(connection.execute(READ_RUN, {"run_id": id_}).fetchone(), self.file.path)
            last_id = connection.execute(sql.LAST_ROW_ID).fetchone()[0]
            since = absent_since(self.file.clock.now())
            part = find_part(connection, found, add=add)
            keys = {"run_id": run.id, "at": values["at"], "last_id": last_id, "absent_since": since, **part.values}
            compare_with_run(connection, found, part, keys)
            if before != run.columns:
                _realign_removed(connection, before, run.columns)
            give_way(connection, part, keys)
            corrections.keep_corrections(connection, keys, by=by)
            for statement in _MERGE:
                connection.execute(statement, keys)
            corrections.apply_corrections(connection, run.id, at)
            if found is not None and part.is_part:
                staged = ListPart(list_path=list_path, reading=reading, at=self.file.clock.now(), by=by)
                save_parts(connection, found.id, parts_with(connection, found, part, staged))
            connection.execute(sql.CLEAR_STAGED)
            repeated_payments.save_repeated(connection, run.id, pay_again, elsewhere=paid_elsewhere, by=by, at=at)
            if not_the_same is not None:
                keep_used(connection, not_the_same, at)
            return run_of(connection.execute(READ_RUN, {"run_id": id_}).fetchone(), self.file.path)


def _names(job: str, run_key: str, ids: RunIds) -> dict[str, object]:
    """Return a run's name, as it is written and folded, and what its external IDs are computed from."""
    folded_job, folded_key = fold_run_name(job, run_key)
    return {
        "job": job,
        "run_key": run_key,
        "folded_job": folded_job,
        "folded_key": folded_key,
        "identity_version": ids.version,
        "id_job": ids.job,
        "id_run_key": ids.run_key,
    }


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
