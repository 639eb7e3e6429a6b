"""Refuses new rows that credit nobody, e.g. gift cards, where a sent row of their product and amount left the list."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from bulk_topup.domain.identity import REFERENCE_PREFIX, folded_reference_identity, reference_identity
from bulk_topup.domain.sameness import near_reference
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.not_the_same import IS_KEPT_PAIR, IS_NAMED_LINE
from bulk_topup.ledger.sql_fragments import OF_OTHER_LIST, SENT
from bulk_topup.ledger.staged_list_statements import UNDECIDED

#: Both have two forms of the reference: one in which near ones are the same, and one without zeros anywhere.
_CREATE_LEFT: Final = """
    CREATE TEMP TABLE IF NOT EXISTS uncredited_left (
        product_id INTEGER, amount TEXT, unit TEXT, near_form TEXT, zeroless TEXT, line INTEGER, reference TEXT,
        party_key TEXT, is_removed INTEGER
    )
"""
_CREATE_NEW: Final = """
    CREATE TEMP TABLE IF NOT EXISTS uncredited_new (
        line INTEGER PRIMARY KEY, product_id INTEGER, amount TEXT, unit TEXT, near_form TEXT, zeroless TEXT,
        reference TEXT, party_key TEXT
    )
"""
_INDEX_NEAR: Final = """
    CREATE INDEX IF NOT EXISTS temp.uncredited_near ON uncredited_left (product_id, amount, unit, near_form, line)
"""
_INDEX_ZEROLESS: Final = """
    CREATE INDEX IF NOT EXISTS temp.uncredited_zeroless ON uncredited_left (product_id, amount, unit, zeroless, line)
"""
_INDEX_FIRST: Final = """
    CREATE INDEX IF NOT EXISTS temp.uncredited_first ON uncredited_left (product_id, amount, unit, line)
"""
_INDEX_KEY: Final = "CREATE INDEX IF NOT EXISTS temp.uncredited_key ON uncredited_left (party_key)"
_CLEAR_LEFT: Final = "DELETE FROM temp.uncredited_left"
_CLEAR_NEW: Final = "DELETE FROM temp.uncredited_new"
_SET_UP: Final = (
    _CREATE_LEFT,
    _CREATE_NEW,
    _INDEX_NEAR,
    _INDEX_ZEROLESS,
    _INDEX_FIRST,
    _INDEX_KEY,
    _CLEAR_LEFT,
    _CLEAR_NEW,
)

_ANY_LISTED: Final = "SELECT EXISTS (SELECT 1 FROM temp.staged WHERE state = 'pending' AND credit_party IS NULL)"
#: Rows that were sent and that the list no longer has in that form, without those of other lists of the run.
_LEFT: Final = f"""
    SELECT r.product_id, r.amount, r.unit, r.line, r.identity, r.cells, r.party_key, s.identity IS NULL AS is_removed
    FROM rows AS r LEFT JOIN temp.staged AS s ON s.identity = r.identity
    WHERE r.run_id = :run_id AND r.state IN ({SENT}) AND +r.credit_party IS NULL
      AND (s.identity IS NULL OR (s.product_id, s.amount, s.unit) IS NOT (r.product_id, r.amount, r.unit))
      AND NOT {OF_OTHER_LIST}
"""  # noqa: S608 - composed of constants
#: Rows to send that were not in the list beside those: unknown ones, those refused before, and those that asked for
#: something else.
_NEW: Final = f"""
    SELECT s.line, s.product_id, s.amount, s.unit, coalesce(s.written, s.identity) AS identity, s.party_key
    FROM temp.staged AS s
    WHERE s.state = 'pending' AND s.credit_party IS NULL AND NOT EXISTS (
        SELECT 1 FROM rows AS r
        WHERE r.run_id = :run_id AND r.identity = s.identity AND (r.state IN ({SENT})
            OR r.in_list = 1 AND r.state IN ('{RowState.PENDING}', '{RowState.FAILED}')
            AND (r.product_id, r.amount, r.unit) IS (s.product_id, s.amount, s.unit)))
"""  # noqa: S608
_ADD_LEFT: Final = """
    INSERT INTO temp.uncredited_left
        (product_id, amount, unit, line, near_form, zeroless, reference, party_key, is_removed)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_NEW: Final = """
    INSERT INTO temp.uncredited_new (line, product_id, amount, unit, near_form, zeroless, reference, party_key)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_SAME: Final = "(o.product_id, o.amount, o.unit) IS (n.product_id, n.amount, n.unit)"
_FIRST: Final = f"""(SELECT o.rowid FROM temp.uncredited_left AS o INDEXED BY {{index}}
    WHERE {_SAME} AND {{is_like}} AND NOT {IS_KEPT_PAIR.format(a="n.party_key", b="o.party_key")}
    ORDER BY o.line LIMIT 1)"""  # noqa: S608
#: Every new row of such a product and amount, with the row that has nearly its reference, or else one that differs in
#: zeros alone, or else the first one. Those that a person has found to be others are left out.
_FOUND: Final = f"""
    SELECT n.line, n.reference, n.near_form, n.party_key, coalesce(
        {_FIRST.format(index="uncredited_near", is_like="o.near_form = n.near_form")},
        {_FIRST.format(index="uncredited_zeroless", is_like="o.zeroless = n.zeroless")},
        {_FIRST.format(index="uncredited_first", is_like="true")}) AS other
    FROM temp.uncredited_new AS n
"""  # noqa: S608
_IS_NEAR: Final = "(o.near_form = found.near_form OR o.zeroless = replace(found.near_form, '0', ''))"
_REFUSE: Final = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = {UNDECIDED},
        problems = json_array(json_array('', 'Reference "' || found.reference || '" '
            || CASE WHEN {_IS_NEAR} THEN 'is nearly' ELSE 'may replace' END
            || ' "' || o.reference || '", which line ' || o.line || CASE WHEN o.is_removed
                THEN ' of an earlier version of this list, since removed,' ELSE ', since changed in the list,' END
            || ' had when it was sent product ' || o.product_id || coalesce(' for ' || o.amount || ' ' || o.unit, '')
            || '. Restore that line, or if this row is another purchase, add --not-the-same ' || found.line
            || ' --reason TEXT.', 1))
    FROM ({_FOUND}) AS found CROSS JOIN temp.uncredited_left AS o ON o.rowid = found.other
    WHERE staged.line = found.line AND NOT {IS_NAMED_LINE.format(line="found.line")}
"""  # noqa: S608
#: A row that is named is another one than all of them. It is not new any more once it is in the run, so that one pair
#: is enough, and one for each that has nearly its reference.
_USE_NAMED: Final = f"""
    INSERT OR IGNORE INTO temp.used_pairs (key, other)
    SELECT min(found.party_key, o.party_key), max(found.party_key, o.party_key)
    FROM ({_FOUND}) AS found CROSS JOIN temp.uncredited_left AS o ON o.rowid = found.other
    WHERE {IS_NAMED_LINE.format(line="found.line")}
    UNION
    SELECT min(n.party_key, o.party_key), max(n.party_key, o.party_key)
    FROM temp.uncredited_new AS n CROSS JOIN temp.uncredited_left AS o INDEXED BY uncredited_near
        ON {_SAME} AND o.near_form = n.near_form
    WHERE {IS_NAMED_LINE.format(line="n.line")}
"""  # noqa: S608
#: Pairs that are kept and without which more rows would be refused.
_USE_KEPT: Final = f"""
    INSERT OR IGNORE INTO temp.used_pairs (key, other)
    SELECT kept.key, kept.other
    FROM temp.uncredited_new AS n
    CROSS JOIN (SELECT key, other, key AS own FROM not_the_same UNION ALL SELECT key, other, other FROM not_the_same)
        AS kept ON kept.own = n.party_key
    CROSS JOIN temp.uncredited_left AS o INDEXED BY uncredited_key
        ON o.party_key = iif(kept.key = n.party_key, kept.other, kept.key) AND {_SAME}
"""  # noqa: S608


def refuse_uncredited(connection: sqlite3.Connection, ids: Mapping[str, object]) -> None:
    """Refuse new rows that may buy again, under an edited reference, what a row that left the list has bought.

    Nothing but their references tells such rows apart, so any new one of the same product and amount may be that row,
    until a person finds that it is another one.

    Args:
        connection: a connection in a transaction, with an index of staged identities.
        ids: the parameters, with the ID of a run that has rows as `run_id`.
    """
    if not connection.execute(_ANY_LISTED).fetchone()[0]:
        return
    for statement in _SET_UP:
        connection.execute(statement)
    left = (
        (
            *_asked(row),
            row["line"],
            *_references(_written(row["identity"], json.loads(row["cells"])), row["party_key"]),
            row["is_removed"],
        )
        for row in connection.execute(_LEFT, ids)
    )
    if connection.executemany(_ADD_LEFT, left).rowcount < 1:
        return
    new = (
        (row["line"], *_asked(row), *_references(row["identity"], row["party_key"]))
        for row in connection.execute(_NEW, ids)
    )
    connection.executemany(_ADD_NEW, new)
    for statement in (_USE_KEPT, _USE_NAMED, _REFUSE):
        connection.execute(statement)


def _written(identity: str, cells: Sequence[str]) -> str:
    """Return a row's identity as its cells write it; the identity itself if none of them is the reference."""
    return next((reference_identity(cell) for cell in cells if folded_reference_identity(cell) == identity), identity)


def _asked(row: sqlite3.Row) -> tuple[object, ...]:
    return row["product_id"], row["amount"], row["unit"]


def _references(identity: str, party_key: str) -> tuple[str, str, str, str]:
    """Return a row's reference in the two forms in which near ones are the same, as the list has it, and its key."""
    reference = identity.removeprefix(REFERENCE_PREFIX)
    near_form = near_reference(reference)
    return near_form, near_form.replace("0", ""), reference, party_key
