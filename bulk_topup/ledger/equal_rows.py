"""Matches equal rows of a staged list, which share product and credit party, to the run's rows by amount."""

import sqlite3
from collections.abc import Mapping
from typing import Final

from bulk_topup.domain.identity import PARTY_PREFIX, base_identity
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.sql_fragments import SENT

_CREATE_GROUPS: Final = "CREATE TEMP TABLE IF NOT EXISTS equal_groups (base TEXT PRIMARY KEY) WITHOUT ROWID"
_CREATE_LISTED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS equals_listed (
        line INTEGER PRIMARY KEY, base TEXT, amount TEXT, unit TEXT, request TEXT, cells TEXT, row_id INTEGER,
        identity TEXT
    )
"""
_CREATE_KNOWN: Final = """
    CREATE TEMP TABLE IF NOT EXISTS equals_known (
        id INTEGER PRIMARY KEY, base TEXT, identity TEXT, amount TEXT, unit TEXT, request TEXT, cells TEXT,
        line INTEGER, in_list INTEGER, rank INTEGER
    )
"""
#: Finds the highest number of a group.
_INDEX_KNOWN: Final = "CREATE INDEX IF NOT EXISTS temp.equals_known_base ON equals_known (base)"
_CLEAR_GROUPS: Final = "DELETE FROM temp.equal_groups"
_CLEAR_LISTED: Final = "DELETE FROM temp.equals_listed"
_CLEAR_KNOWN: Final = "DELETE FROM temp.equals_known"
_SET_UP: Final = (
    _CREATE_GROUPS,
    _CREATE_LISTED,
    _CREATE_KNOWN,
    _INDEX_KNOWN,
    _CLEAR_GROUPS,
    _CLEAR_LISTED,
    _CLEAR_KNOWN,
)

#: Identities by credit party that end with a number, or seem to; ";" is the character after ":".
_BY_PARTY: Final = (
    f"{{of}}.identity > '{PARTY_PREFIX}' AND {{of}}.identity < '{PARTY_PREFIX[:-1]};' "
    "AND {of}.identity GLOB '*#[0-9]*'"
)
#: The identities of a group: its base, and the base with a number. Nothing else begins with a base, whose parts have
#: their lengths in front; "$" is the character after "#".
_OF_GROUP: Final = "{of}.identity >= g.base AND {of}.identity < g.base || '$'"

#: Rows with a number that are new or changed in the list; first rows that have a second and are; and rows with a number
#: that the list no longer has. A group without any has the identities of the run's rows already.
_IS_KNOWN: Final = """EXISTS (
        SELECT 1 FROM rows AS r WHERE r.run_id = :run_id AND r.identity = s.identity
          AND (r.amount, r.unit, r.request) IS (s.amount, s.unit, s.request))"""
_CHANGED_LISTED: Final = f"""
    SELECT s.identity FROM temp.staged AS s WHERE {_BY_PARTY.format(of="s")} AND NOT {_IS_KNOWN}
"""  # noqa: S608
_CHANGED_FIRST: Final = f"""
    SELECT s.identity
    FROM temp.staged AS second CROSS JOIN temp.staged AS s
        ON s.identity = substr(second.identity, 1, length(second.identity) - 2)
    WHERE {_BY_PARTY.format(of="second")} AND second.identity GLOB '*#2' AND NOT {_IS_KNOWN}
"""  # noqa: S608
_GONE_KNOWN: Final = f"""
    SELECT r.identity FROM rows AS r WHERE r.run_id = :run_id AND {_BY_PARTY.format(of="r")} AND NOT EXISTS (
        SELECT 1 FROM temp.staged AS s WHERE s.identity = r.identity)
"""  # noqa: S608
#: Rows whose identity a row of another part of the run has.
_OF_OTHER_PART: Final = f"""
    SELECT s.identity FROM temp.staged AS s CROSS JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE s.identity > '{PARTY_PREFIX}' AND s.identity < '{PARTY_PREFIX[:-1]};' AND r.line NOT BETWEEN :first AND :last
"""  # noqa: S608
_ADD_GROUP: Final = "INSERT OR IGNORE INTO temp.equal_groups (base) VALUES (?)"

_READ_LISTED: Final = f"""
    INSERT INTO temp.equals_listed (line, base, amount, unit, request, cells)
    SELECT s.line, g.base, s.amount, s.unit, s.request, s.cells
    FROM temp.equal_groups AS g CROSS JOIN temp.staged AS s ON {_OF_GROUP.format(of="s")}
"""  # noqa: S608
#: A rank says which rows are matched first: those that were sent, then failed ones, which only a retry sends again,
#: then the others. Those of other parts of the run are not matched, but their numbers are taken.
_READ_KNOWN: Final = f"""
    INSERT INTO temp.equals_known (id, base, identity, amount, unit, request, cells, line, in_list, rank)
    SELECT r.id, g.base, r.identity, r.amount, r.unit, r.request, r.cells, r.line - :before, r.in_list,
        CASE WHEN r.line NOT BETWEEN :first AND :last THEN -1
             WHEN r.state IN ({SENT}) THEN 0 WHEN r.state = '{RowState.FAILED}' THEN 1 ELSE 2 END
    FROM temp.equal_groups AS g CROSS JOIN rows AS r ON r.run_id = :run_id AND {_OF_GROUP.format(of="r")}
    WHERE EXISTS (SELECT 1 FROM temp.staged AS s WHERE {_OF_GROUP.format(of="s")})
"""  # noqa: S608


def _pair(columns: str, *, order: str, ranks: str) -> str:
    """Return the statement that matches free rows which are equal in these columns, the first with the first."""
    on = " AND ".join(f"k.{column} IS l.{column}" for column in columns.split(", "))
    return f"""
        UPDATE temp.equals_listed SET row_id = pair.id
        FROM (
            SELECT l.line, k.id
            FROM (SELECT *, row_number() OVER (PARTITION BY {columns} ORDER BY line) AS place
                  FROM temp.equals_listed WHERE row_id IS NULL) AS l
            JOIN (SELECT *, row_number() OVER (PARTITION BY {columns} ORDER BY {order}) AS place
                  FROM temp.equals_known
                  WHERE {ranks} AND id NOT IN (SELECT row_id FROM temp.equals_listed WHERE row_id IS NOT NULL)) AS k
            ON {on} AND k.place = l.place
        ) AS pair
        WHERE equals_listed.line = pair.line
    """  # noqa: S608 - composed of constants


#: Rows of one amount: first those that are the same on the same line, so that an approval of the list stays valid, then
#: those that are the same in all cells, in their requests, and in the amount alone.
_BY_AMOUNT: Final = tuple(
    _pair(columns, order="in_list DESC, line, id", ranks="rank = :rank")
    for columns in (
        "base, amount, unit, request, cells, line",
        "base, amount, unit, request, cells",
        "base, amount, unit, request",
        "base, amount, unit",
    )
)
_PAIR_LINES, _PAIR_CELLS, _PAIR_REQUESTS, _PAIR_AMOUNTS = _BY_AMOUNT
#: What is left has another amount now. The row of the list takes one that was sent, which is a list mismatch and not
#: paid, before it takes another.
_PAIR_LEFT: Final = _pair("base", order="rank > 0, in_list DESC, rank, line, id", ranks="rank >= 0")

_TAKE_IDENTITIES: Final = """
    UPDATE temp.equals_listed SET identity = k.identity FROM temp.equals_known AS k WHERE k.id = equals_listed.row_id
"""
#: A row that is left over is a new one; it gets a number that no row of the run has.
_NUMBER_NEW: Final = """
    UPDATE temp.equals_listed SET identity = new.base || CASE new.number WHEN 1 THEN '' ELSE '#' || new.number END
    FROM (
        SELECT l.line, l.base, row_number() OVER (PARTITION BY l.base ORDER BY l.line) + coalesce((
            SELECT max(CASE k.identity WHEN k.base THEN 1
                       ELSE CAST(substr(k.identity, length(k.base) + 2) AS INTEGER) END)
            FROM temp.equals_known AS k WHERE k.base = l.base), 0) AS number
        FROM temp.equals_listed AS l WHERE l.row_id IS NULL
    ) AS new
    WHERE equals_listed.line = new.line
"""
#: In two steps, because an identity may belong to two rows in between.
_FREE_IDENTITIES: Final = """
    UPDATE temp.staged SET identity = 'line:' || line WHERE line IN (SELECT line FROM temp.equals_listed)
"""
_SET_IDENTITIES: Final = """
    UPDATE temp.staged SET identity = l.identity FROM temp.equals_listed AS l WHERE l.line = staged.line
"""


def match_equals(connection: sqlite3.Connection, ids: Mapping[str, object], *, is_part: bool = False) -> None:
    """Set the identities of equal rows of the staged list to those of the run's rows with their amounts.

    Rows of one product and credit party are told apart by amount before position, and in each amount rows that were
    sent come first. A payment thus stays with its amount when rows are added, removed or reordered. Only groups with
    more than one row are matched, only if something in them changed, and a second time changes nothing.

    Args:
        connection: a connection in a transaction, with an index of staged identities.
        ids: the parameters, with the ID of a run that has rows as `run_id`, and those of a `StagedPart`.
        is_part: whether the run has other parts, whose rows are not this list's.
    """
    for statement in _SET_UP:
        connection.execute(statement)
    for statement in (_CHANGED_LISTED, _CHANGED_FIRST, _GONE_KNOWN, *((_OF_OTHER_PART,) if is_part else ())):
        numbered = connection.execute(statement, ids)
        connection.executemany(_ADD_GROUP, ((base_identity(row["identity"]),) for row in numbered))
    if not connection.execute(_READ_LISTED).rowcount:
        return
    connection.execute(_READ_KNOWN, ids)
    for rank in range(3):
        for statement in _BY_AMOUNT:
            connection.execute(statement, {"rank": rank})
    for statement in (_PAIR_LEFT, _TAKE_IDENTITIES, _NUMBER_NEW, _FREE_IDENTITIES, _SET_IDENTITIES):
        connection.execute(statement)
