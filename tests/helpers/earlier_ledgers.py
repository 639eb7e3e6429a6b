"""Writes ledgers as an earlier version left them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from bulk_topup.domain.identity_version import IdentityVersion, RunIds
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow, staged

#: Reverts the twenty-third migration.
WITHOUT_ESIMS: Final = tuple(
    f"ALTER TABLE attempts DROP COLUMN esim_{name}"
    for name in ("activation_code", "apple_universal_link", "android_universal_link", "installation_url")
)
#: Reverts the twenty-fourth migration.
WITHOUT_KEPT_ANSWERS: Final = tuple(f"DROP TABLE kept_{name}" for name in ("products", "lists", "operators"))
#: Reverts the twenty-fifth migration.
WITHOUT_DELIVERIES: Final = tuple(
    f"ALTER TABLE attempts DROP COLUMN {name}"
    for name in ("delivered", "delivered_unit", "bonus", "retail_price", "retail_unit")
)
#: Reverts the twenty-sixth migration.
WITHOUT_STATEMENTS: Final = ("ALTER TABLE rows DROP COLUMN amount_until", "DROP TABLE kept_statements")
#: Reverts all migrations since the tenth.
AS_OF_THE_NINTH: Final = (
    *WITHOUT_STATEMENTS,
    *WITHOUT_DELIVERIES,
    *WITHOUT_KEPT_ANSWERS,
    *WITHOUT_ESIMS,
    "DROP TABLE corrections",
    "DROP TABLE absences",
    "DROP TABLE not_the_same",
    "ALTER TABLE runs DROP COLUMN reading_version",
    "DROP TABLE accepted_numbers",
    "DROP TABLE former_names",
    "DROP INDEX idx_runs_folded_job_folded_key",
    *(
        f"ALTER TABLE runs DROP COLUMN {column}"
        for column in (
            *("folded_job", "folded_key", "identity_version", "id_job", "id_run_key", "rebuilding"),
            *("closed_at", "closed_by", "closed_reason", "left_open", "time_zone"),
        )
    ),
    "DROP INDEX idx_rows_party_key",
    "DROP INDEX idx_rows_without_party_key",
    "ALTER TABLE rows DROP COLUMN party_key",
    "ALTER TABLE runs DROP COLUMN comparison",
    "ALTER TABLE runs DROP COLUMN paid_again",
    "ALTER TABLE runs DROP COLUMN parts",
    "DROP TABLE repeated_payments",  # with its index
    "DELETE FROM _sqlite_migrations WHERE name > '0010'",
)


def write_earlier(path: Path, *names: tuple[str, str], rows: Sequence[CheckedRow] = ()) -> None:
    """Write a ledger of an earlier version that has runs with these job names and run keys, not sent yet.

    Args:
        path: the ledger's file; it must not have such runs.
        names: each run's job name and run key; names that today are one run are allowed.
        rows: a pending row for each run.
    """
    with LedgerStore(path) as ledger:
        for number, name in enumerate(names):
            ledger.staging.clear()
            ledger.staging.add(staged(rows[number : number + 1]))
            run = ledger.staging.merge(
                job="earlier",
                run_key=str(number),
                environment="sandbox",
                list_path="pay.csv",
                columns=(),
                ids=RunIds.of_name(*name, IdentityVersion.AS_WRITTEN),
            )
            with ledger.file.transaction() as connection:
                connection.execute("UPDATE runs SET job = ?, run_key = ? WHERE id = ?", (*name, run.id))
    make_earlier(path)


def make_earlier(ledger: Path) -> None:
    """Remove from a closed ledger what these migrations added; its runs must have IDs of the first version."""
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        assert connection.execute("SELECT max(identity_version) FROM runs").fetchone()[0] in {None, 1}
        for statement in AS_OF_THE_NINTH:
            connection.execute(statement)
