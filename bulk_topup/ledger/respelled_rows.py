"""Finds rows of a staged list that are rows of its run in another spelling, and gives them the identities of those."""

import sqlite3
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import Any, Final

from bulk_topup.domain.identity import PARTY_PREFIX, REFERENCE_PREFIX
from bulk_topup.domain.sameness import is_near, reference_key
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.not_the_same import has_pairs, named_lines, use_pair
from bulk_topup.ledger.sql_fragments import NEAR_PART, SENT

#: Rows of the run whose identities the staged list does not have: by credited party, or by reference.
CREATE_LEFT: Final = """
    CREATE TEMP TABLE IF NOT EXISTS left_rows (id INTEGER PRIMARY KEY, product_id INTEGER, near TEXT, reference TEXT)
"""
CREATE_RESPELLED: Final = "CREATE TEMP TABLE IF NOT EXISTS respelled (line INTEGER PRIMARY KEY, identity TEXT UNIQUE)"
CREATE_LEFT_NEAR: Final = """
    CREATE INDEX IF NOT EXISTS temp.left_rows_near ON left_rows (near, product_id) WHERE near IS NOT NULL
"""
CREATE_LEFT_REFERENCE: Final = """
    CREATE INDEX IF NOT EXISTS temp.left_rows_reference ON left_rows (reference) WHERE reference IS NOT NULL
"""
_CLEAR_LEFT: Final = "DELETE FROM temp.left_rows"
_CLEAR_RESPELLED: Final = "DELETE FROM temp.respelled"
_SET_UP: Final = (
    CREATE_LEFT,
    CREATE_RESPELLED,
    CREATE_LEFT_NEAR,
    CREATE_LEFT_REFERENCE,
    _CLEAR_LEFT,
    _CLEAR_RESPELLED,
)


def _starts_with(prefix: str) -> str:
    """Return the condition that an identity, of `{of}`, has a prefix, in a form that an index finds."""
    return f"{{of}}.identity >= '{prefix}' AND {{of}}.identity < '{prefix[:-1]}{chr(ord(prefix[-1]) + 1)}'"


_BY_PARTY: Final = _starts_with(PARTY_PREFIX)
_BY_REFERENCE: Final = _starts_with(REFERENCE_PREFIX)

_FIND_LEFT: Final = f"""
    INSERT INTO temp.left_rows (id, product_id, near, reference)
    SELECT r.id, r.product_id, CASE WHEN {_BY_PARTY.format(of="r")} THEN {NEAR_PART.format(key="r.party_key")} END,
        CASE WHEN {_BY_REFERENCE.format(of="r")} THEN reference_key(r.identity) END
    FROM temp.removed AS x CROSS JOIN rows AS r ON r.id = x.id
    WHERE {_BY_PARTY.format(of="r")} AND r.party_key IS NOT NULL OR {_BY_REFERENCE.format(of="r")}
"""  # noqa: S608 - composed of constants
_HAS_LEFT_PARTIES: Final = "SELECT EXISTS (SELECT 1 FROM temp.left_rows WHERE near IS NOT NULL)"
_HAS_LEFT_REFERENCES: Final = "SELECT EXISTS (SELECT 1 FROM temp.left_rows WHERE reference IS NOT NULL)"

_IS_NEW: Final = "NOT EXISTS (SELECT 1 FROM rows AS r WHERE r.run_id = :run_id AND r.identity = s.identity)"
#: New rows that have the key or a near key of such a row with the same product. The two sides come in the same order.
_NEW_PARTIES: Final = f"""
    SELECT {NEAR_PART.format(key="s.party_key")} AS near, s.product_id, s.line, s.party_key, s.amount, s.unit
    FROM temp.staged AS s
    WHERE {_BY_PARTY.format(of="s")} AND s.product_id IS NOT NULL AND {_IS_NEW} AND EXISTS (
        SELECT 1 FROM temp.left_rows AS l
        WHERE l.near = {NEAR_PART.format(key="s.party_key")} AND l.product_id = s.product_id)
    ORDER BY near, s.product_id, s.line
"""  # noqa: S608
#: Rows that were sent come first, then failed ones, so that a payment keeps its row.
_LEFT_PARTIES: Final = f"""
    SELECT l.near, l.product_id, r.identity, r.party_key, r.amount, r.unit
    FROM temp.left_rows AS l CROSS JOIN rows AS r ON r.id = l.id
    WHERE l.near IS NOT NULL AND l.product_id IS NOT NULL
    ORDER BY l.near, l.product_id,
        CASE WHEN r.state IN ({SENT}) THEN 0 WHEN r.state = '{RowState.FAILED}' THEN 1 ELSE 2 END,
        r.in_list DESC, r.line, r.id
"""  # noqa: S608
_RESPELL: Final = "INSERT INTO temp.respelled (line, identity) VALUES (?, ?)"
#: A reference is a row's own key, whatever the row pays. Of several that are equal, the first takes it.
_RESPELL_REFERENCES: Final = f"""
    INSERT OR IGNORE INTO temp.respelled (line, identity)
    SELECT s.line, r.identity
    FROM temp.staged AS s CROSS JOIN temp.left_rows AS l ON l.reference = reference_key(s.identity)
        CROSS JOIN rows AS r ON r.id = l.id
    WHERE {_BY_REFERENCE.format(of="s")} AND {_IS_NEW.replace("AS r", "AS k").replace("r.", "k.")}
    ORDER BY s.line, r.id
"""  # noqa: S608
_SET_IDENTITIES: Final = """
    UPDATE temp.staged SET identity = p.identity FROM temp.respelled AS p WHERE p.line = staged.line
"""

_Row = Mapping[str, Any]


def respell_rows(connection: sqlite3.Connection, ids: Mapping[str, object]) -> bool:
    """Set the identities of staged rows that are rows of the run in another spelling to those of these rows.

    Equal rows are one row. A near row whose counterpart left the list is taken for it too: if that was sent, it is not
    sent again, and is a list mismatch. Two that a person has found to be different stay two.

    Args:
        connection: a connection in a transaction, with an index of staged identities, and the removed rows found.
        ids: the parameters, with the ID of the run as `run_id`.

    Returns:
        Whether any row has another identity now.
    """
    connection.create_function("reference_key", 1, _reference_key, deterministic=True)
    for statement in _SET_UP:
        connection.execute(statement)
    if not connection.execute(_FIND_LEFT, ids).rowcount:
        return False
    respelled = 0
    if connection.execute(_HAS_LEFT_REFERENCES).fetchone()[0]:
        respelled += max(connection.execute(_RESPELL_REFERENCES, ids).rowcount, 0)
    if connection.execute(_HAS_LEFT_PARTIES).fetchone()[0]:
        pairs = connection.executemany(_RESPELL, _respelled_parties(connection, ids))
        respelled += max(pairs.rowcount, 0)
    if respelled:
        connection.execute(_SET_IDENTITIES)
    return respelled > 0


def _respelled_parties(connection: sqlite3.Connection, ids: Mapping[str, object]) -> Iterator[tuple[int, str]]:
    """Yield the lines of new rows with the identities of rows that left the list."""
    named, may_differ = named_lines(connection), has_pairs(connection)
    new_rows = connection.execute(_NEW_PARTIES, ids)
    left_groups = groupby(connection.execute(_LEFT_PARTIES), _group)
    for group, new in groupby(new_rows, _group):
        # Both sides are in order, and each group of new rows has one of rows that left.
        left = next(list(rows) for left_group, rows in left_groups if left_group == group)
        yield from _pairs(connection, list(new), left, named, may_differ=may_differ)


def _group(row: _Row) -> tuple[str, int]:
    return row["near"], row["product_id"]


def _pairs(
    connection: sqlite3.Connection, new: list[_Row], left: list[_Row], named: Collection[int], *, may_differ: bool
) -> Generator[tuple[int, str], None, None]:
    """Yield lines with identities: equal rows first, and of those with the same amount before others."""
    left_keys = dict.fromkeys(row["party_key"] for row in left)
    named_keys = {row["party_key"] for row in new if row["line"] in named}

    def equal_keys(key: str) -> Collection[str]:
        return (key,)

    @cache
    def near_keys(key: str) -> Collection[str]:
        others = [other for other in left_keys if is_near(key, other)]
        if not may_differ:
            return others
        return [other for other in others if not use_pair(connection, key, other, is_named=key in named_keys)]

    for same_keys in (equal_keys, near_keys):
        for with_amount in (True, False):
            new, left = yield from _match(new, left, same_keys, with_amount=with_amount)


def _match(
    new: list[_Row], left: list[_Row], same_keys: Callable[[str], Collection[str]], *, with_amount: bool
) -> Generator[tuple[int, str], None, tuple[list[_Row], list[_Row]]]:
    """Yield lines with identities, and return the rows of both sides that are still free."""

    def bucket_of(key: str, row: _Row) -> tuple[str, ...]:
        return (key, row["amount"], row["unit"]) if with_amount else (key,)

    buckets: dict[tuple[str, ...], deque[str]] = defaultdict(deque)
    for before in left:
        buckets[bucket_of(before["party_key"], before)].append(before["identity"])
    taken, free = set(), []
    for row in new:
        for key in same_keys(row["party_key"]):
            if bucket := buckets.get(bucket_of(key, row)):
                taken.add(bucket[0])
                yield row["line"], bucket.popleft()
                break
        else:
            free.append(row)
    return free, [before for before in left if before["identity"] not in taken]


def _reference_key(identity: str) -> str:
    return reference_key(identity.removeprefix(REFERENCE_PREFIX))
