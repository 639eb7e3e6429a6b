"""Transactions of a job that no row's external ID gives, and the rows of its list that they may have paid."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.earlier_identities import ListedTransaction
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import party_key
from bulk_topup.ledger.row_mapping import new_attempt_of, utc_text

_CREATE: Final = """
    CREATE TEMP TABLE IF NOT EXISTS other_transactions (
        external_id TEXT PRIMARY KEY, product_id INTEGER, party_key TEXT, account_key TEXT, amounts TEXT,
        created_at TEXT
    )
"""
_CLEAR: Final = "DELETE FROM temp.other_transactions"
SET_UP: Final = (_CREATE, _CLEAR)
_SAVE: Final = """
    INSERT OR IGNORE INTO temp.other_transactions (external_id, product_id, party_key, account_key, amounts, created_at)
    VALUES (:external_id, :product_id, :party_key, :account_key, :amounts, :created_at)
"""
#: Not those of other runs that the ledger knows.
_UNKNOWN: Final = """
    SELECT o.external_id, o.product_id, o.party_key, o.account_key, o.amounts, o.created_at
    FROM temp.other_transactions AS o
    WHERE NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.external_id = o.external_id)
    ORDER BY o.created_at, o.external_id
"""
_COLUMNS: Final = "id AS row_id, identity, request, operator_id, amount, unit, cost, cost_unit, amount_until"
_CREDITED: Final = f"""
    SELECT {_COLUMNS} FROM rows
    WHERE (party_key = :party_key OR party_key = :account_key AND amount_until IS NOT NULL)
        AND +run_id = :run_id AND +product_id = :product_id AND +state = 'pending'
        AND attempt = 0
    ORDER BY line
"""  # noqa: S608 - composed of constants
_UNCREDITED: Final = f"""
    SELECT {_COLUMNS} FROM rows
    WHERE run_id = :run_id AND state = 'pending' AND attempt = 0 AND product_id = :product_id AND credit_party IS NULL
    ORDER BY line
"""  # noqa: S608


def save_others(connection: sqlite3.Connection, transactions: list[ListedTransaction]) -> None:
    """Save transactions that paid or may pay, and that are of none of the run's rows by their IDs."""
    connection.executemany(
        _SAVE,
        [
            {
                "external_id": each.external_id,
                "product_id": each.product_id,
                "party_key": party_key(*each.party, each.bill),
                "account_key": party_key(*each.party, None),
                "amounts": json.dumps([[unit, str(amount)] for unit, amount in each.amounts]),
                "created_at": utc_text(each.created_at),
            }
            for each in transactions
        ],
    )


def rows_that_may_be_paid(connection: sqlite3.Connection, run: Run) -> Iterator[tuple[Attempt, str, datetime]]:
    """Yield first attempts of rows never sent that such transactions may have paid, each with that one's ID and time.

    They have the product, the amount and an equal credited party, or none either. One transaction answers for one row.
    """
    free: dict[tuple[int, str | None], list[sqlite3.Row]] = {}
    taken: set[int] = set()
    for other in connection.execute(_UNKNOWN).fetchall():
        group = other["product_id"], other["party_key"]
        if group not in free:
            values = {"run_id": run.id, "product_id": group[0], "party_key": group[1]}
            values["account_key"] = other["account_key"]
            free[group] = connection.execute(_UNCREDITED if group[1] is None else _CREDITED, values).fetchall()
        amounts = {(unit, Decimal(amount)) for unit, amount in json.loads(other["amounts"])}
        row = next((each for each in free[group] if each["row_id"] not in taken and _may_ask_for(each, amounts)), None)
        if row is not None:
            taken.add(row["row_id"])
            attempt = new_attempt_of(row, 1, run.ids.external_id(row["identity"], 1))
            yield attempt, other["external_id"], datetime.fromisoformat(other["created_at"])


def _may_ask_for(row: sqlite3.Row, amounts: set[tuple[Any, Decimal]]) -> bool:
    """Return True if a row asks for one of these amounts; for any where either side states none, or DVS stated it."""
    if row["amount_until"] is not None:
        return True
    body = json.loads(row["request"], parse_float=Decimal, parse_int=Decimal)
    asked = {(side["unit"], side["amount"]) for name in ("source", "destination") if (side := body.get(name))}
    return not asked or not amounts or asked <= amounts
