"""Creates ledgers of many rows by SQL, as an earlier version left them, for the other benchmarks.

All rows are final. Each run pays the same people the same amounts as the one before, 30 days later, as a payroll does.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from bulk_topup.ledger.connection import APPLICATION_ID
from bulk_topup.ledger.schema import migrations

#: The migration before which the ledger is: rows get the keys of their credit parties.
UPGRADE_FROM = "0010_party_keys"

_NUMBERS = "WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < :rows) "
#: The run of a row and its number there, both from 0.
_RUN_NUMBER = "(i - 1) / :run_rows"
_PLACE = "(i - 1) % :run_rows"
_PARTY = f"('+659' || (1000000 + {_PLACE} * 7919 % 9000000))"
_AMOUNT = f"(1 + {_PLACE} % 50)"
_REQUEST = (
    """('{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":"""
    """{"unit_type":"CURRENCY","unit":"SGD","amount":'"""
    f"""|| {_AMOUNT} || '}},"credit_party_identifier":{{"mobile_number":"' || {_PARTY} || '"}}}}')"""
)
_STATE = "iif(i % 200 = 0, 'failed', 'completed')"
_STATUS = "iif(i % 200 = 0, 'DECLINED', 'COMPLETED')"
#: The tenth run is of September 2026.
_TIME = (
    f"strftime('%Y-%m-%dT%H:%M:%S', 1766672000 + {_RUN_NUMBER} * 2592000 + {_PLACE} / 100 + {{}}, 'unixepoch')"
    " || '.250000+00:00'"
)
_RUN = """
    INSERT INTO runs (id, job, run_key, environment, account, list_path, columns, created_at)
    VALUES (:number, 'list', 'run-' || :number, 'sandbox', '', 'list.csv', '["reference","phone","amount"]',
            strftime('%Y-%m-%dT%H:%M:%S+00:00', 1766672000 + (:number - 1) * 2592000, 'unixepoch'))
"""
_ROWS = f"""
    INSERT INTO rows (id, run_id, identity, line, in_list, state, cells, problems, message, note, product_id,
                      credit_party, amount, unit, request, cost, cost_unit, operator_id, attempt)
    {_NUMBERS}
    SELECT i, 1 + {_RUN_NUMBER}, 'reference:E-' || i, 2 + {_PLACE}, 1, {_STATE},
           json_array('E-' || i, {_PARTY}, '' || {_AMOUNT}), '[]', '', '', 6418, {_PARTY}, '' || {_AMOUNT}, 'SGD',
           {_REQUEST}, '0.74', 'USD', 1310, 1 FROM s
"""  # noqa: S608 - composed of constants
_ATTEMPTS = f"""
    INSERT INTO attempts (id, row_id, number, external_id, request, intent_at, transaction_id, creation_date,
                          status_class, status_message, price, fee, price_unit, operator_reference, final_at,
                          expires_at)
    {_NUMBERS}
    SELECT i, i, 1, 'list-' || hex(i * 2654435761 % 4294967296) || '-1', {_REQUEST}, {_TIME.format(0)},
           2237512890 + i, {_TIME.format(1)}, {_STATUS}, {_STATUS}, '' || {_AMOUNT}, '0', 'USD', 'OP-' || i,
           {_TIME.format(4)}, {_TIME.format(3600)} FROM s
"""  # noqa: S608
_EVENTS = f"""
    INSERT INTO events (row_id, attempt, at, before, after, cause, status_message)
    {_NUMBERS}
    SELECT i, e.column1, {_TIME.format("e.column2")}, e.column3, e.column4, e.column5, e.column6 FROM s, (VALUES
        (0, 0, NULL, 'pending', 'list read', NULL), (1, 0, 'pending', 'in_flight', 'intent to send', NULL),
        (1, 1, 'in_flight', 'accepted', 'answer to the creation', 'CONFIRMED'),
        (1, 4, 'accepted', 'completed', 'status read', 'COMPLETED')) AS e
"""  # noqa: S608


def build(path: Path, rows: int, run_rows: int) -> None:
    """Write a ledger of that many rows, in runs of at most `run_rows`, with the tables of an earlier version."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -262144"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrations.apply(Database(connection), stop_before=UPGRADE_FROM)
        found = connection.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).fetchall()
        for type_, name, _ in found:
            connection.execute(f"DROP {type_} {name}")
        runs = -(-rows // run_rows)
        connection.executemany(_RUN, ({"number": number} for number in range(1, runs + 1)))
        for statement in (_ROWS, _ATTEMPTS, _EVENTS):
            connection.execute(statement, {"rows": rows, "run_rows": run_rows})
        for *_, text in found:
            connection.execute(text)
