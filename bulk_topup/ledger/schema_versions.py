"""The ledger's migrations and which of them a file has, in plain SQL: only applying one needs sqlite-utils."""

import sqlite3
from typing import Final

#: The migration set. Existing ledgers hold this text, so it must never change.
SET: Final = "bulk_topup.ledger"

#: The migrations in order; a ledger with any other was written by a newer version.
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
    "0010_party_keys",
    "0011_run_names",
    "0012_closed_runs",
    "0013_numbers",
    "0014_absences",
    "0015_not_the_same",
    "0016_earlier_payments",
    "0017_paid_again",
    "0018_party_keys_of_rare_characters",
    "0019_covered_payments",
    "0020_list_parts",
    "0021_corrections",
    "0022_pairs_of_rare_characters",
    "0023_esims",
    "0024_kept_answers",
    "0025_deliveries",
    "0026_statements",
)

#: The table in which sqlite-utils records applied migrations.
_HAS_MIGRATIONS: Final = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlite_migrations'"
_APPLIED: Final = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"


def applied(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the migrations that were applied to a file; none for a new one."""
    if connection.execute(_HAS_MIGRATIONS).fetchone() is None:
        return set()
    return {row[0] for row in connection.execute(_APPLIED, (SET,))}
