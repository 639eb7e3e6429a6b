"""Which changes of its tables a ledger has seen, by plain SQL: only who makes one needs sqlite-utils."""

import sqlite3
from typing import Final

#: Names these changes among those of others in the same file.
SET: Final = "bulk_topup.ledger"

#: The migrations by name, in order; a ledger that knows another one is newer than this code.
NAMES: Final = (
    "0001_runs_rows_attempts_events",
    "0002_hints",
    "0003_accounts",
    "0004_guards",
    "0005_pin_keys",
    "0006_reconciling",
    "0007_indexes_for_millions",
    "0008_reports",
    "0009_jobs_of_runs",
)

#: sqlite-utils keeps there what was applied.
_IS_KEPT: Final = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlite_migrations'"
_APPLIED: Final = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"


def applied(connection: sqlite3.Connection) -> set[str]:
    """Give the names of the migrations that a file has seen; none for a new one."""
    if connection.execute(_IS_KEPT).fetchone() is None:
        return set()
    return {row[0] for row in connection.execute(_APPLIED, (SET,))}
