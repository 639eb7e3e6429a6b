"""Refuses new rows that credit nobody, e.g. gift cards, where a sent row of their product and amount left the list."""

import sqlite3
from collections.abc import Mapping
from typing import Final

from bulk_topup.domain.identity import REFERENCE_PREFIX
from bulk_topup.domain.sameness import near
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.sql_fragments import SENT
from bulk_topup.ledger.staged_list_statements import HOW_TO_PAY, POSSIBLE_DUPLICATE

_CREATE_LEFT: Final = """
    CREATE TEMP TABLE IF NOT EXISTS uncredited_left (
        product_id INTEGER, amount TEXT, unit TEXT, near_form TEXT, line INTEGER, reference TEXT, is_removed INTEGER
    )
"""
_CREATE_NEW: Final = """
    CREATE TEMP TABLE IF NOT EXISTS uncredited_new (
        line INTEGER PRIMARY KEY, product_id INTEGER, amount TEXT, unit TEXT, near_form TEXT, reference TEXT
    )
"""
_INDEX_NEAR: Final = """
    CREATE INDEX IF NOT EXISTS temp.uncredited_near ON uncredited_left (product_id, amount, unit, near_form, line)
"""
_INDEX_FIRST: Final = """
    CREATE INDEX IF NOT EXISTS temp.uncredited_first ON uncredited_left (product_id, amount, unit, line)
"""
_CLEAR_LEFT: Final = "DELETE FROM temp.uncredited_left"
_CLEAR_NEW: Final = "DELETE FROM temp.uncredited_new"
_SET_UP: Final = (_CREATE_LEFT, _CREATE_NEW, _INDEX_NEAR, _INDEX_FIRST, _CLEAR_LEFT, _CLEAR_NEW)

_ANY_LISTED: Final = "SELECT EXISTS (SELECT 1 FROM temp.staged WHERE state = 'pending' AND credit_party IS NULL)"
#: Rows that were sent and that the list no longer has in that form, without those that stay in the run beside it.
_LEFT: Final = f"""
    SELECT r.product_id, r.amount, r.unit, r.line, r.identity, s.identity IS NULL AS is_removed
    FROM rows AS r LEFT JOIN temp.staged AS s ON s.identity = r.identity
    WHERE r.run_id = :run_id AND r.state IN ({SENT}) AND +r.credit_party IS NULL
      AND (s.identity IS NULL OR (s.product_id, s.amount, s.unit) IS NOT (r.product_id, r.amount, r.unit))
      AND r.id NOT IN (SELECT id FROM temp.kept)
"""  # noqa: S608 - composed of constants
#: Rows to send that were not in the list beside those: unknown ones, those refused before, and those that asked for
#: something else.
_NEW: Final = f"""
    SELECT s.line, s.product_id, s.amount, s.unit, s.identity FROM temp.staged AS s
    WHERE s.state = 'pending' AND s.credit_party IS NULL AND NOT EXISTS (
        SELECT 1 FROM rows AS r
        WHERE r.run_id = :run_id AND r.identity = s.identity AND (r.state IN ({SENT})
            OR r.in_list = 1 AND r.state IN ('{RowState.PENDING}', '{RowState.FAILED}')
            AND (r.product_id, r.amount, r.unit) IS (s.product_id, s.amount, s.unit)))
"""  # noqa: S608
_ADD_LEFT: Final = """
    INSERT INTO temp.uncredited_left (product_id, amount, unit, line, near_form, reference, is_removed)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_ADD_NEW: Final = """
    INSERT INTO temp.uncredited_new (line, product_id, amount, unit, near_form, reference) VALUES (?, ?, ?, ?, ?, ?)
"""
_SAME: Final = "(o.product_id, o.amount, o.unit) IS (n.product_id, n.amount, n.unit)"
#: Every new row of such a product and amount is refused. The reason names the row with nearly its reference, or else
#: the first one. Pairs that a person has confirmed to be two would be excluded in both look-ups.
_REFUSE: Final = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = {POSSIBLE_DUPLICATE},
        problems = json_array(json_array('', 'Reference "' || found.reference || '" '
            || CASE WHEN o.near_form = found.near_form THEN 'is nearly' ELSE 'may replace' END
            || ' "' || o.reference || '", which line ' || o.line || CASE WHEN o.is_removed
                THEN ' of an earlier version of this list, since removed,' ELSE ', since changed in the list,' END
            || ' had when it was sent product ' || o.product_id || coalesce(' for ' || o.amount || ' ' || o.unit, '')
            || '. {HOW_TO_PAY}', 1))
    FROM (
        SELECT n.line, n.reference, n.near_form, coalesce(
            (SELECT o.rowid FROM temp.uncredited_left AS o INDEXED BY uncredited_near
             WHERE {_SAME} AND o.near_form = n.near_form ORDER BY o.line LIMIT 1),
            (SELECT o.rowid FROM temp.uncredited_left AS o INDEXED BY uncredited_first
             WHERE {_SAME} ORDER BY o.line LIMIT 1)) AS other
        FROM temp.uncredited_new AS n
    ) AS found CROSS JOIN temp.uncredited_left AS o ON o.rowid = found.other
    WHERE staged.line = found.line
"""  # noqa: S608


def refuse_uncredited(connection: sqlite3.Connection, ids: Mapping[str, object]) -> None:
    """Refuse new rows that may buy again, under an edited reference, what a row that left the list has bought.

    Nothing but their references tells such rows apart, so any new one of the same product and amount may be that row.

    Args:
        connection: a connection in a transaction, with an index of staged identities.
        ids: the parameters, with the ID of a run that has rows as `run_id`.
    """
    if not connection.execute(_ANY_LISTED).fetchone()[0]:
        return
    for statement in _SET_UP:
        connection.execute(statement)
    left = (
        (row["product_id"], row["amount"], row["unit"], row["line"], *_references(row["identity"]), row["is_removed"])
        for row in connection.execute(_LEFT, ids)
    )
    if connection.executemany(_ADD_LEFT, left).rowcount < 1:
        return
    new = (
        (row["line"], row["product_id"], row["amount"], row["unit"], *_references(row["identity"]))
        for row in connection.execute(_NEW, ids)
    )
    connection.executemany(_ADD_NEW, new)
    connection.execute(_REFUSE)


def _references(identity: str) -> tuple[str, str]:
    """Return a row's reference in the form in which near ones are the same, and as the list has it."""
    reference = identity.removeprefix(REFERENCE_PREFIX)
    return near(reference), reference
