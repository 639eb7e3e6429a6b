"""Creates the tables of a new ledger at once, as all migrations leave them, which is quicker than to apply each one."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bulk_topup.ledger.schema_versions import NAMES, SET

#: The statements, separated by blank lines; `python -m checks.new_ledger` writes them from the migrations.
TABLES: Final = Path(__file__).with_name("new_ledger.sql")
_RECORD: Final = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)"


def create_tables(connection: sqlite3.Connection) -> None:
    """Create all tables in an empty file, and record all migrations as applied.

    Args:
        connection: the file, in a transaction.

    Real time because this is how sqlite-utils records a migration, and nothing reads it.
    """
    for statement in TABLES.read_text(encoding="utf-8").split("\n\n"):
        connection.execute(statement)
    now = str(datetime.now(UTC))
    connection.executemany(_RECORD, [(SET, name, now) for name in NAMES])
