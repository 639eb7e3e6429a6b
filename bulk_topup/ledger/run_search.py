"""Finds the run that a job name and a run key mean, in the form in which names are compared; reads runs."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.domain.run_names import fold_run_name
from bulk_topup.domain.verdict import run_arguments
from bulk_topup.errors import RunNameError
from bulk_topup.ledger.row_mapping import run_of

READ_RUN: Final = "SELECT * FROM runs WHERE id = :run_id"
#: An earlier version that is still running writes no folded name, so those runs are compared here.
RUNS_NAMED: Final = """
    SELECT * FROM runs WHERE folded_job = :folded_job AND folded_key = :folded_key
    UNION ALL
    SELECT * FROM runs WHERE folded_job = '' AND :folded_job <> ''
"""
#: Runs that had a name before they were renamed, each with the spelling that it had.
RUNS_ONCE_NAMED: Final = """
    SELECT f.job AS former_job, f.run_key AS former_key, runs.*
    FROM former_names AS f CROSS JOIN runs ON runs.id = f.run_id
    WHERE f.folded_job = :folded_job AND f.folded_key = :folded_key ORDER BY f.id
"""


def runs_named(connection: sqlite3.Connection, ledger: Path, job: str, run_key: str) -> list[Run]:
    """Return all runs with a name, in whatever spelling; more than one only in ledgers of earlier versions."""
    folded = fold_run_name(job, run_key)
    found = connection.execute(RUNS_NAMED, {"folded_job": folded[0], "folded_key": folded[1]}).fetchall()
    runs = [run_of(row, ledger) for row in found if fold_run_name(row["job"], row["run_key"]) == folded]
    return sorted(runs, key=lambda run: run.id)


def find_run(connection: sqlite3.Connection, ledger: Path, job: str, run_key: str) -> Run | None:
    """Return the run that a start with that job and run key continues; None for a new one.

    Args:
        connection: the ledger's connection.
        ledger: the ledger's file.
        job: the job's name, in any spelling.
        run_key: the run key, in any spelling.

    Raises:
        RunNameError: the name could mean more than one run, or a run had it that has another now.
    """
    found = runs_named(connection, ledger, job, run_key)
    if len(found) > 1:
        raise indistinct_error(found)
    run = found[0] if found else None
    if run is not None and (run.job, run.run_key) == (job, run_key):
        return run
    for former, renamed in runs_once_named(connection, ledger, job, run_key):
        # The run that has the name now is meant, unless the other one had it in this very spelling.
        if run is None or (former == (job, run_key) and renamed.id != run.id):
            raise RunNameError(
                f"Run {'/'.join(former)} was renamed to {renamed.name}, and its payments keep the external IDs of the "
                f"old name. Nothing was sent. To continue it, use the job name {renamed.job} and the run key "
                f"{renamed.run_key}, or `bulk-topup resume {run_arguments(renamed)}`. To pay again, choose another run "
                "key, and add --pay-again REASON."
            )
    return run


def runs_once_named(
    connection: sqlite3.Connection, ledger: Path, job: str, run_key: str
) -> list[tuple[tuple[str, str], Run]]:
    """Return the runs that had a name before they were renamed, each with its former job name and run key."""
    folded = fold_run_name(job, run_key)
    found = connection.execute(RUNS_ONCE_NAMED, {"folded_job": folded[0], "folded_key": folded[1]}).fetchall()
    return [((row["former_job"], row["former_key"]), run_of(row, ledger)) for row in found]


def indistinct_error(runs: Sequence[Run]) -> RunNameError:
    """Return the error about runs whose names differ in spelling alone."""
    names = " and ".join(map(spelled, runs))
    return RunNameError(
        f"The ledger has {len(runs)} runs whose names nobody can tell apart: {names}. Nothing was sent. Give one of "
        f"them another run key: `bulk-topup ledger rename {run_arguments(runs[-1])} NEW-RUN-KEY`."
    )


def spelled(run: Run) -> str:
    """Return a run's name in quotes, with the codes of characters beyond ASCII, so that spellings can be compared."""
    codes = "" if run.name.isascii() else f" ({ascii(run.name)[1:-1]})"
    return f'"{run.name}"{codes}'
