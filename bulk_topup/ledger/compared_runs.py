"""Chooses the other runs whose payments count for a list or a run; for the other modules of the ledger."""

import json
import sqlite3
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final

from bulk_topup.domain.earlier_payments import (
    ComparedRun,
    compared_runs,
    compared_runs_of_earlier_version,
    policy_of,
)
from bulk_topup.domain.run import Run
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import run_of, utc_text

#: The runs that count, from when their payments do, and whether those are of chosen products.
CREATE_COMPARED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS compared (run_id INTEGER PRIMARY KEY, since TEXT, any_product INTEGER)
"""
#: The run that `compared` is for, and the last run that it considers.
_CREATE_COMPARED_FOR: Final = "CREATE TEMP TABLE IF NOT EXISTS compared_for (run_id INTEGER, last_id INTEGER)"
_CREATE: Final = (CREATE_COMPARED, _CREATE_COMPARED_FOR)
_CLEAR_COMPARED: Final = "DELETE FROM temp.compared"
_COMPARE: Final = "INSERT INTO temp.compared (run_id, since, any_product) VALUES (?, ?, ?)"
_CLEAR_COMPARED_FOR: Final = "DELETE FROM temp.compared_for"
_COMPARED_FOR: Final = "INSERT INTO temp.compared_for (run_id, last_id) VALUES (:run_id, :last_id)"
_IS_COMPARED: Final = "SELECT 1 FROM temp.compared_for WHERE run_id = :run_id AND last_id = :last_id"
_HAS_COMPARED: Final = "SELECT EXISTS (SELECT 1 FROM temp.compared)"
_LAST_RUN: Final = "SELECT coalesce(max(id), 0) FROM runs"
_OTHER_RUNS: Final = "SELECT * FROM runs WHERE environment = :environment AND id IS NOT :run_id"
#: The runs of the latest attempts, newest first. A clock of DVS that differs from this machine's must not hide one.
_LATEST_RUNS: Final = """
    SELECT r.run_id FROM attempts AS a INDEXED BY idx_attempts_created CROSS JOIN rows AS r ON r.id = a.row_id
    WHERE coalesce(a.creation_date, a.intent_at) >= :since
    ORDER BY coalesce(a.creation_date, a.intent_at) DESC LIMIT :limit
"""
#: Attempts that are read at most to find out which runs are too old; that is faster than to look up their payments.
_MAX_LATEST: Final = 200_000
_CLOCK_DIFFERENCE: Final = timedelta(days=1)


def choose_runs(connection: sqlite3.Connection, runs: Collection[ComparedRun]) -> bool:
    """Write the runs whose payments count for the staged list, without those that are too old; False if none is left.

    Args:
        connection: the ledger, in a transaction.
        runs: the other runs.
    """
    for statement in _CREATE:
        connection.execute(statement)
    connection.execute(_CLEAR_COMPARED_FOR)
    _write(connection, _not_too_old(connection, runs))
    return bool(connection.execute(_HAS_COMPARED).fetchone()[0])


def choose_runs_of(file: LedgerFile, connection: sqlite3.Connection, run: Run) -> bool:
    """Write the runs whose payments count for a run, unless they are known; return False if there are none."""
    for statement in _CREATE:
        connection.execute(statement)
    ids = {"run_id": run.id, "last_id": connection.execute(_LAST_RUN).fetchone()[0], "environment": run.environment}
    if connection.execute(_IS_COMPARED, ids).fetchone() is None:
        others = [run_of(row, file.path) for row in connection.execute(_OTHER_RUNS, ids)]
        _write(connection, _compared(run, others))
        connection.execute(_CLEAR_COMPARED_FOR)
        connection.execute(_COMPARED_FOR, ids)
    return bool(connection.execute(_HAS_COMPARED).fetchone()[0])


def _compared(run: Run, others: Iterable[Run]) -> tuple[ComparedRun, ...]:
    if run.comparison is None:
        return compared_runs_of_earlier_version(run, others)
    return compared_runs(policy_of(run), others, job=run.job, run_key=run.run_key, moment=run.created_at)


def has_any_product(run: Run) -> bool:
    """Return True if the run's products were chosen automatically, so that the same payment may have another one."""
    if run.comparison is None and run.reading is not None:  # an earlier version started it
        return json.loads(run.reading).get("auto_product") is not None
    return policy_of(run).any_product


def _not_too_old(connection: sqlite3.Connection, runs: Collection[ComparedRun]) -> list[ComparedRun]:
    """Leave out runs that sent nothing since their payments count, as far as that is found out quickly."""
    unseen = {each.run.id: each.since for each in runs if each.since is not None and each.run.created_at < each.since}
    if not unseen:
        return list(runs)
    since = utc_text(min(filter(None, unseen.values())) - _CLOCK_DIFFERENCE)
    count = 0
    for (run_id,) in connection.execute(_LATEST_RUNS, {"since": since, "limit": _MAX_LATEST}):
        count += 1
        if unseen.pop(run_id, None) is not None and not unseen:
            break
    return [each for each in runs if count >= _MAX_LATEST or each.run.id not in unseen]


def _write(connection: sqlite3.Connection, runs: Iterable[ComparedRun]) -> None:
    connection.execute(_CLEAR_COMPARED)
    connection.executemany(
        _COMPARE,
        [
            (each.run.id, None if each.since is None else utc_text(each.since), has_any_product(each.run))
            for each in runs
        ],
    )
