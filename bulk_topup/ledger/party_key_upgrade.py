"""Fills in the party keys of rows that an earlier version wrote, in steps that may be interrupted at any time."""

import logging
import sqlite3
import time
from typing import Final

from bulk_topup.domain.identity import REFERENCE_PREFIX
from bulk_topup.domain.sameness import party_key, reference_key
from bulk_topup.ledger.connection import transaction

#: Rows of one transaction. Another process that opens the ledger waits as long as one takes.
BATCH: Final = 20_000
#: Seconds between two lines about the progress.
PROGRESS_INTERVAL: Final = 5.0

_HAS_INDEX: Final = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = 'idx_rows_party_key'"
#: Finds a beneficiary's payments in all runs without reading rows of other runs or amounts.
_CREATE_INDEX: Final = (
    "CREATE INDEX IF NOT EXISTS idx_rows_party_key ON rows (party_key, amount, unit, product_id, run_id)"
)
#: The partial index has no other rows.
_WITHOUT_KEY: Final = "FROM rows INDEXED BY idx_rows_without_party_key WHERE party_key IS NULL AND request IS NOT NULL"
_IS_LEFT: Final = f"SELECT 1 {_WITHOUT_KEY} LIMIT 1"
_COUNT_LEFT: Final = f"SELECT count(*) {_WITHOUT_KEY}"
#: The last row of the next batch.
_LAST: Final = f"SELECT max(id) FROM (SELECT id {_WITHOUT_KEY} ORDER BY id LIMIT {BATCH})"  # noqa: S608
_MOBILE: Final = "json_extract(request, '$.credit_party_identifier.mobile_number')"
#: Most rows credit a mobile number that is its own key, and SQLite fills those in: not those with an account, and no
#: numbers of the countries whose numbers have several forms.
_FILL_NUMBERS: Final = f"""
    UPDATE rows INDEXED BY idx_rows_without_party_key SET party_key = {_MOBILE}
    WHERE party_key IS NULL AND request IS NOT NULL AND id <= :last AND instr(request, '"account_number"') = 0
      AND {_MOBILE} GLOB '+[0-9]*' AND NOT {_MOBILE} GLOB '+5[245]*'
"""  # noqa: S608
#: The others of the batch.
_LEFT: Final = f"""
    SELECT id, identity, {_MOBILE},
           json_extract(request, '$.credit_party_identifier.account_number'),
           json_extract(request, '$.credit_party_identifier.account_qualifier'),
           json_extract(request, '$.statement_identifier.reference')
    {_WITHOUT_KEY} AND id <= :last ORDER BY id
"""
_FILL: Final = "UPDATE rows SET party_key = ? WHERE id = ?"

_log = logging.getLogger(__name__)


def fill_party_keys(connection: sqlite3.Connection) -> None:
    """Fill in the party keys that are missing, and create their index.

    Each step is a transaction. What an interrupted upgrade did stays, and the next one continues there.

    Args:
        connection: an open ledger, outside of a transaction.
    """
    if connection.execute(_IS_LEFT).fetchone() is not None:
        _fill(connection)
    if connection.execute(_HAS_INDEX).fetchone() is None:
        with transaction(connection):
            connection.execute(_CREATE_INDEX)


def _fill(connection: sqlite3.Connection) -> None:
    """Fill in all party keys, and log how many are done.

    Real time because a person waits for it.
    """
    total: int = connection.execute(_COUNT_LEFT).fetchone()[0]
    done, shown_at = 0, time.monotonic()
    while True:
        with transaction(connection):
            batch = {"last": connection.execute(_LAST).fetchone()[0]}
            filled = max(connection.execute(_FILL_NUMBERS, batch).rowcount, 0)
            rows = connection.execute(_LEFT, batch).fetchall()
            connection.executemany(_FILL, [(_key_of(*row[1:]), row[0]) for row in rows])
        if not rows and not filled:
            return
        done += filled + len(rows)
        if time.monotonic() - shown_at > PROGRESS_INTERVAL:
            shown_at = time.monotonic()
            _log.warning("Upgrading the ledger once: %s of %s rows.", f"{done:,}", f"{max(done, total):,}")


def _key_of(identity: str, mobile: str | None, account: str | None, qualifier: str | None, bill: str | None) -> str:
    # A row without a number was accepted by its reference alone.
    return party_key(mobile, account, qualifier, bill) or reference_key(identity.removeprefix(REFERENCE_PREFIX))
