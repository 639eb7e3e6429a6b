"""Writes the tables of a new ledger, as all migrations leave them, to `bulk_topup/ledger/new_ledger.sql`.

python -m checks.new_ledger
"""

from sqlite_utils import Database

from bulk_topup.ledger.new_ledger import TABLES
from bulk_topup.ledger.schema import migrations

_HEADER = "-- Written by `python -m checks.new_ledger` from the migrations in schema.py; never edited.\n"
_STATEMENTS = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"


def migrated_tables() -> str:
    """Return the statements that create the tables, indexes and triggers that the migrations make."""
    database = Database(memory=True)
    migrations.apply(database)
    statements = [f"{statement};\n" for (statement,) in database.execute(_STATEMENTS)]
    database.close()
    return _HEADER + "\n".join(statements)


if __name__ == "__main__":
    TABLES.write_text(migrated_tables(), encoding="utf-8")
