"""A new ledger has the tables that the migrations make, and counts as one to which all were applied."""

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from bulk_topup.ledger.connection import open_database
from bulk_topup.ledger.new_ledger import TABLES
from bulk_topup.ledger.schema import migrations
from bulk_topup.ledger.schema_versions import NAMES, applied
from checks.new_ledger import migrated_tables


def contents(connection: sqlite3.Connection) -> list[str]:
    """Return the statements that write the database, without the times of the migrations."""
    connection.execute("UPDATE _sqlite_migrations SET applied_at = ''")
    return list(connection.iterdump())


def test_a_new_ledger_is_what_all_migrations_make(tmp_path: Path) -> None:
    migrated = Database(memory=True)
    migrations.apply(migrated)
    connection = open_database(tmp_path / "ledger.db")
    try:
        assert applied(connection) == set(NAMES)
        assert contents(connection) == contents(migrated.conn)
        # Nothing is left to apply.
        migrations.apply(Database(connection))
        assert contents(connection) == contents(migrated.conn)
    finally:
        connection.close()
        migrated.close()


def test_its_tables_are_written_again_after_a_change_of_the_migrations() -> None:
    written = TABLES.read_text(encoding="utf-8")
    assert written == migrated_tables(), "Run `python -m checks.new_ledger`."
