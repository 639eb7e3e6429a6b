"""Finds payments of other runs that rows may repeat, in key order, one beneficiary and amount at a time.

First come the rows of the list that have a payment with their near part, amount and unit, which are few, as a rule, and
are found in two indexes that are read in one order. Then these rows and payments are read side by side in groups of
those that share the three. A family's rows and payments are thus added, not multiplied, and memory is needed for one
group alone. A payment's row and attempt are looked up once, and only in runs that count.
"""

import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import Any, Final, NamedTuple

from bulk_topup.domain.repeated_payments import ListedRow, Payment
from bulk_topup.domain.sameness import MOBILE, NEAR_MOBILE
from bulk_topup.ledger.sql_fragments import ABSENT, NEAR_PART, PAID, UNSENT

#: The near part of a credited party, an amount and a unit that are in the list and paid by other runs. Texts are empty
#: for those that are NULL. The line is that of the only row that may be sent; its payment is one that it repeats.
_CREATE_GROUPS: Final = """
    CREATE TEMP TABLE IF NOT EXISTS compared_groups (
        near TEXT, amount TEXT, unit TEXT, line INTEGER, payment INTEGER, PRIMARY KEY (near, amount, unit)
    ) WITHOUT ROWID
"""
_CLEAR_GROUPS: Final = "DELETE FROM temp.compared_groups"
_ADD_GROUP: Final = "INSERT OR IGNORE INTO temp.compared_groups (near, amount, unit) VALUES (?, ?, ?)"

_NEAR: Final = NEAR_PART.format(key="s.party_key")
#: Rows of the staged list that belong to the groups and may be sent, in the order of the groups.
_CREATE_ROWS: Final = """
    CREATE TEMP TABLE IF NOT EXISTS compared_rows (
        near TEXT, amount TEXT, unit TEXT, line INTEGER, PRIMARY KEY (near, amount, unit, line)
    ) WITHOUT ROWID
"""
_CLEAR_ROWS: Final = "DELETE FROM temp.compared_rows"
#: In the order of the index of payments: the rows themselves lie in list order, and to look up each of a long list in
#: that would take longer than all the rest. The identity tells whether a row may be sent.
_INDEX_STAGED: Final = """
    CREATE INDEX IF NOT EXISTS temp.staged_keys ON staged (party_key, amount, unit, identity)
    WHERE state = 'pending' AND party_key IS NOT NULL
"""
DROP_STAGED_INDEX: Final = "DROP INDEX IF EXISTS temp.staged_keys"
_STAGED_KEYS: Final = "temp.staged AS s INDEXED BY staged_keys"
_IS_UNSENT: Final = f"""s.party_key IS NOT NULL AND s.state = 'pending' AND NOT EXISTS (
        SELECT 1 FROM rows AS o WHERE o.run_id = :run_id AND o.identity = s.identity AND o.state NOT IN ({UNSENT})
          AND NOT (o.state = 'failed' AND (s.is_resent OR s.request IS NOT (
              SELECT a.request FROM attempts AS a WHERE a.row_id = o.id AND a.number = o.attempt))))"""  # noqa: S608
#: Keys that go on after their near part.
_LONGER: Final = "r.party_key >= g.near || char(9) AND r.party_key < g.near || char(10)"
#: True for a key that is a near part alone, and that no other key is near to: of a mobile number, but of Argentina.
_IS_ALONE: Final = f"""(s.party_key >= '{MOBILE}' AND s.party_key < '{chr(ord(MOBILE) + 1)}'
        AND s.party_key NOT GLOB '{NEAR_MOBILE}*')"""
_PAYMENT_OF: Final = """EXISTS (
        SELECT 1 FROM rows AS r INDEXED BY idx_rows_party_key
        WHERE {is_same} AND r.amount IS s.amount AND r.unit IS s.unit
          AND EXISTS (SELECT 1 FROM temp.compared AS c WHERE c.run_id = r.run_id))"""
_FIND_ROWS: Final = f"""
    INSERT INTO temp.compared_rows (near, amount, unit, line)
    SELECT {_NEAR}, coalesce(s.amount, ''), coalesce(s.unit, ''), s.line FROM {_STAGED_KEYS}
    WHERE s.party_key IS NOT NULL AND s.state = 'pending'
      AND CASE WHEN {_IS_ALONE} THEN {_PAYMENT_OF.format(is_same="r.party_key = s.party_key")}
          ELSE {_PAYMENT_OF.format(is_same=f"r.party_key = {_NEAR}")}
            OR {_PAYMENT_OF.format(is_same=_LONGER.replace("g.near", _NEAR))} END
      AND {_IS_UNSENT}
"""  # noqa: S608 - composed of constants
#: Those of groups that were added since.
_ADD_ROWS: Final = f"""
    INSERT OR IGNORE INTO temp.compared_rows (near, amount, unit, line)
    SELECT g.near, g.amount, g.unit, s.line
    FROM {_STAGED_KEYS} CROSS JOIN temp.compared_groups AS g
        ON g.near = {_NEAR} AND g.amount = coalesce(s.amount, '') AND g.unit = coalesce(s.unit, '')
    WHERE s.party_key IS NOT NULL AND s.state = 'pending' AND {_IS_UNSENT}
"""  # noqa: S608
_GROUP_STAGED: Final = """
    INSERT INTO temp.compared_groups (near, amount, unit, line)
    SELECT near, amount, unit, iif(count(*) = 1, line, NULL) FROM temp.compared_rows GROUP BY near, amount, unit
"""
#: The last event that a decision to pay the row again knew of.
_KNOWN_UNTIL: Final = """coalesce((
        SELECT max(d.known_until) FROM repeated_payments AS d
        WHERE d.run_id = :run_id AND d.identity = s.identity AND d.reason IS NOT NULL), 0)"""
_STAGED: Final = f"""
    SELECT g.near, g.amount, g.unit, s.line, s.party_key, s.product_id, {_KNOWN_UNTIL}
    FROM temp.compared_groups AS g
    CROSS JOIN temp.compared_rows AS x ON x.near = g.near AND x.amount = g.amount AND x.unit = g.unit
    CROSS JOIN temp.staged AS s ON s.line = x.line
    WHERE g.payment IS NULL
    ORDER BY g.near, g.amount, g.unit, s.party_key, s.identity
"""  # noqa: S608
#: The parameter is a JSON array of row IDs.
_GROUP_CLAIMED: Final = f"""
    INSERT OR IGNORE INTO temp.compared_groups (near, amount, unit)
    SELECT {_NEAR}, coalesce(s.amount, ''), coalesce(s.unit, '')
    FROM json_each(:row_ids) AS w CROSS JOIN rows AS s ON s.id = w.value
    WHERE s.party_key IS NOT NULL
"""  # noqa: S608
_CLAIMED: Final = f"""
    SELECT {_NEAR} AS near, coalesce(s.amount, '') AS amount, coalesce(s.unit, '') AS unit, s.id, s.party_key,
        s.product_id, {_KNOWN_UNTIL}
    FROM json_each(:row_ids) AS w CROSS JOIN rows AS s ON s.id = w.value
    WHERE s.party_key IS NOT NULL
    ORDER BY near, amount, unit, s.id
"""  # noqa: S608

#: True if a payment counts: not before the time from which those of its run do, and not repeated already. Of what its
#: own run repeats, a plan counts only what a person decided, since it judges the other rows again. The ID of a payment
#: that is found by the values from before its correction is negative, so that it answers for a row with those as well.
_COUNTS: Final = """(c.since IS NULL OR EXISTS (
        SELECT 1 FROM attempts AS a
        WHERE a.row_id = p.id AND a.number = {attempt} AND a.intent_at >= c.since))
    AND NOT EXISTS (SELECT 1 FROM repeated_payments AS d WHERE d.run_id IS :run_id AND d.earlier_row_id = {id}
                    AND (:is_claim OR d.reason IS NOT NULL))"""
_HAS_DECISIONS: Final = """
    SELECT EXISTS (SELECT 1 FROM repeated_payments WHERE run_id = :run_id AND reason IS NOT NULL)
"""
#: The event with which a row last became a payment; read only if a decision of the run may know it.
_EVENT: Final = f"""iif(:has_decisions, coalesce((
        SELECT max(e.id) FROM events AS e
        WHERE e.row_id = p.id AND e.after IN ({PAID}) AND coalesce(e.before, '') NOT IN ({PAID})
    ), {2**63 - 1}), 1)"""  # noqa: S608
_PAID: Final = f"""
    g.near AS near, g.amount AS amount, g.unit AS unit, r.id AS row_id, NULL AS attempt, r.party_key,
        r.product_id, g.amount <> '' AND c.any_product, {_EVENT}
    FROM temp.compared_groups AS g
    CROSS JOIN rows AS r INDEXED BY idx_rows_party_key
        ON {{is_same}} AND r.amount IS nullif(g.amount, '') AND r.unit IS nullif(g.unit, '')
    CROSS JOIN temp.compared AS c ON c.run_id = r.run_id
    CROSS JOIN rows AS p ON p.id = r.id
    WHERE g.payment IS NULL AND p.state IN ({PAID}) AND {_COUNTS.format(id="p.id", attempt="p.attempt")}
"""
#: The only row of a group is settled by one payment to an equal party with an equal product, however many there are.
_SETTLE: Final = f"""
    UPDATE temp.compared_groups AS g SET payment = (
        SELECT r.id
        FROM temp.staged AS s
        CROSS JOIN rows AS r INDEXED BY idx_rows_party_key
            ON r.party_key = s.party_key AND r.amount IS s.amount AND r.unit IS s.unit AND r.product_id = s.product_id
        CROSS JOIN temp.compared AS c ON c.run_id = r.run_id
        CROSS JOIN rows AS p ON p.id = r.id
        WHERE s.line = g.line AND p.state IN ({PAID}) AND {_COUNTS.format(id="p.id", attempt="p.attempt")}
        LIMIT 1)
    WHERE g.line IS NOT NULL
"""  # noqa: S608 - composed of constants
_SETTLED: Final = """
    SELECT g.near, g.amount, g.unit, s.line, s.party_key, s.product_id, g.payment
    FROM temp.compared_groups AS g CROSS JOIN temp.staged AS s ON s.line = g.line
    WHERE g.payment IS NOT NULL
"""
#: Keys that are a near part alone are found by their amounts as well; a text after them needs a look at each.
_PAYMENTS: Final = f"""
    SELECT {_PAID.format(is_same="r.party_key = g.near")}
    UNION ALL
    SELECT {_PAID.format(is_same=_LONGER)}
    ORDER BY near, amount, unit
"""
#: The same for attempts that may still arrive, as they were sent: another run's row that failed by proof of absence.
_ABSENT: Final = f"""
    SELECT {NEAR_PART.format(key="x.party_key")}, coalesce(x.amount, ''), coalesce(x.unit, ''), x.row_id, x.attempt,
        x.party_key, x.product_id, x.amount IS NOT NULL AND c.any_product, {_EVENT}
    FROM ({ABSENT}) AS x CROSS JOIN rows AS p ON p.id = x.row_id CROSS JOIN temp.compared AS c ON c.run_id = p.run_id
    WHERE x.party_key IS NOT NULL AND p.state NOT IN ({PAID}) AND {_COUNTS.format(id="p.id", attempt="x.attempt")}
"""  # noqa: S608
#: The same for rows that a run corrected and paid, by what its list said: a list without the correction repeats them.
_CORRECTED_COLUMNS: Final = f"""
    SELECT {NEAR_PART.format(key="x.party_key")}, coalesce(x.amount, ''), coalesce(x.unit, ''), -p.id, NULL,
        x.party_key, x.product_id, x.amount IS NOT NULL AND c.any_product, {_EVENT}
"""
_CORRECTED_ROWS: Final = f"""
    CROSS JOIN rows AS p ON p.run_id = x.run_id AND p.identity = x.identity
    WHERE x.party_key IS NOT NULL AND p.state IN ({PAID})
      AND (x.party_key, x.product_id, x.amount, x.unit) IS NOT (p.party_key, p.product_id, p.amount, p.unit)
      AND {_COUNTS.format(id="-p.id", attempt="p.attempt")}
"""
_CORRECTED: Final = f"""
    {_CORRECTED_COLUMNS}
    FROM temp.compared AS c CROSS JOIN corrections AS x ON x.run_id = c.run_id {_CORRECTED_ROWS}
"""
#: Those of the groups of claimed rows.
_CORRECTED_CLAIMED: Final = f"""
    {_CORRECTED_COLUMNS}
    FROM temp.compared_groups AS g
    CROSS JOIN corrections AS x ON x.party_key >= g.near AND x.party_key < g.near || char(10)
        AND x.amount IS nullif(g.amount, '') AND x.unit IS nullif(g.unit, '')
    CROSS JOIN temp.compared AS c ON c.run_id = x.run_id {_CORRECTED_ROWS}
"""

#: Near part, amount and unit.
Group = tuple[str, str, str]
_Entry = tuple[Any, ...]
_END: Final[tuple[None, Iterator[_Entry]]] = (None, iter(()))


class Compared(NamedTuple):
    """The rows and the payments of a group."""

    group: Group
    rows: list[ListedRow]
    #: Of each kind as many payments as there are rows at most; more would answer for none.
    payments: list[Payment]
    #: All payments by kind.
    counts: Mapping[_Entry, int]


def find_in_list(
    connection: sqlite3.Connection, values: Mapping[str, object], named: Iterable[int], *, counts_all: bool
) -> Iterator[Compared]:
    """Yield rows of the staged list that may be sent, and the payments that they may repeat, by group.

    Args:
        connection: the ledger, with the runs that count in `compared`.
        values: the run's ID or None as `run_id`, `is_claim` as False, and `absent_since`.
        named: lines that a person's decision names.
        counts_all: whether all payments are counted that a row may repeat; otherwise one is enough for the only row of
            a group.
    """
    for statement in (_CREATE_ROWS, _CLEAR_ROWS, _INDEX_STAGED):
        connection.execute(statement)
    connection.execute(_FIND_ROWS, values)
    lines = frozenset(named)
    statements = (_GROUP_STAGED, _CORRECTED, _STAGED)
    return _find(connection, statements, values, lambda line: line in lines, add_rows=_ADD_ROWS, settles=not counts_all)


def find_claimed(connection: sqlite3.Connection, values: Mapping[str, object]) -> Iterator[Compared]:
    """Yield rows that are about to be sent, and the payments that they may repeat, by group.

    Args:
        connection: the ledger, with the runs that count in `compared`.
        values: the run's ID as `run_id`, `is_claim` as True, `absent_since`, and the JSON array `row_ids`.
    """
    return _find(connection, (_GROUP_CLAIMED, _CORRECTED_CLAIMED, _CLAIMED), values, lambda _: False)


def _find(
    connection: sqlite3.Connection,
    statements: tuple[str, str, str],
    values: Mapping[str, object],
    is_named: Callable[[int], bool],
    *,
    add_rows: str | None = None,
    settles: bool = False,
) -> Iterator[Compared]:
    group_rows, find_corrected, read_rows = statements
    connection.execute(_CREATE_GROUPS)
    connection.execute(_CLEAR_GROUPS)
    connection.execute(group_rows, values)
    values = {**values, "has_decisions": connection.execute(_HAS_DECISIONS, values).fetchone()[0]}
    others: dict[Group, list[_Entry]] = defaultdict(list)
    for statement in (_ABSENT, find_corrected):
        for near, amount, unit, *payment in connection.execute(statement, values):
            others[near, amount, unit].append((near, amount, unit, *payment))
    connection.executemany(_ADD_GROUP, others)
    if others and add_rows is not None:
        connection.execute(add_rows, values)
    connection.execute(DROP_STAGED_INDEX)
    if settles and not values["has_decisions"]:
        connection.execute(_SETTLE, values)
        for near, amount, unit, line, key, product_id, row_id in connection.execute(_SETTLED):
            row, payment = ListedRow(line, key, product_id, is_named(line)), Payment(row_id, None, key, product_id)
            yield Compared((near, amount, unit), [row], [payment], {})
    paid = groupby(connection.execute(_PAYMENTS, values), _group_of)
    waiting, entries = next(paid, _END)
    for group, rows in groupby(connection.execute(read_rows, values), _group_of):
        while waiting is not None and waiting < group:  # the last one, or one of which there are no rows
            waiting, entries = next(paid, _END)
        listed = [ListedRow(row[3], row[4], row[5], is_named(row[3]), row[6]) for row in rows]
        found: Iterable[_Entry] = others.get(group, ())
        if waiting == group:
            found = chain(found, entries)
        payments, counts = _enough(found, listed)
        if payments:
            yield Compared(group, listed, payments, counts)


def _group_of(entry: _Entry) -> Group:
    return entry[0], entry[1], entry[2]


def _enough(entries: Iterable[_Entry], rows: list[ListedRow]) -> tuple[list[Payment], dict[_Entry, int]]:
    """Return as many payments of each kind as there are rows, and the number of all by kind.

    Of their events only the order beside the decisions about the rows matters, so that there are few kinds.
    """
    decisions = sorted({row.known_until for row in rows})
    counts: dict[_Entry, int] = {}
    payments = []
    for _, _, _, row_id, attempt, key, product_id, is_chosen, event in entries:
        later = bisect_left(decisions, event)
        kind = key, product_id, is_chosen, decisions[later] if later < len(decisions) else decisions[-1] + 1
        count = counts[kind] = counts.get(kind, 0) + 1
        if count <= len(rows):
            payments.append(Payment(row_id, attempt, *kind))
    return payments, counts
