"""Refuses rows of a staged list that may repeat rows of its run which the list lacks and which stay in the run."""

import sqlite3
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from bulk_topup.domain.identity import PARTY_PREFIX, REFERENCE_PREFIX
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import REFERENCE, is_near, near_reference
from bulk_topup.ledger.list_parts import format_line
from bulk_topup.ledger.not_the_same import named_lines, use_pair
from bulk_topup.ledger.sql_fragments import LEAVES, NEAR_PART, REPLACED, SENT
from bulk_topup.ledger.staged_list_statements import POSSIBLE_DUPLICATE, UNDECIDED

#: Rows of the run that the staged list lacks and that stay in it, e.g. those of its other parts, without rows that a
#: correction replaced; with the near part and the product of those that pay or may pay.
_CREATE: Final = "CREATE TEMP TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY, near TEXT, product_id INTEGER)"
_INDEX: Final = "CREATE INDEX IF NOT EXISTS temp.kept_near ON kept (near, product_id) WHERE near IS NOT NULL"
_CLEAR: Final = "DELETE FROM temp.kept"
_FIND: Final = f"""
    INSERT INTO temp.kept (id, near, product_id)
    SELECT r.id,
        CASE WHEN r.state <> 'refused' AND (r.in_list = 1 OR r.state IN ({SENT}))
             THEN {NEAR_PART.format(key="r.party_key")} END, r.product_id
    FROM rows AS r
    WHERE r.run_id = :run_id AND NOT EXISTS (SELECT 1 FROM temp.staged AS s WHERE s.identity = r.identity)
      AND (r.line NOT BETWEEN :first AND :last OR :is_added AND NOT {LEAVES})
      AND (r.in_list <> {REPLACED} OR r.state IN ({SENT}))
"""  # noqa: S608 - composed of constants
#: Those of the run's lists, and how many of them will be sent.
COUNT: Final = """
    SELECT count(*) AS kept, count(*) FILTER (WHERE r.state = 'pending') AS kept_waiting
    FROM temp.kept AS x CROSS JOIN rows AS r ON r.id = x.id WHERE r.in_list = 1
"""
#: The costs of those that will be sent.
COSTS: Final = """
    SELECT r.cost_unit, r.cost, count(*) FROM temp.kept AS x CROSS JOIN rows AS r ON r.id = x.id
    WHERE r.state = 'pending' AND r.in_list = 1 AND r.cost IS NOT NULL
    GROUP BY r.cost_unit, r.cost
"""
#: Rows that pay, or may pay, beside each new row of the list that has their key or a near one. Those of the same amount
#: come first.
_BESIDE: Final = f"""
    SELECT s.line, s.identity, s.party_key, s.amount, s.unit, r.identity AS kept_identity, r.party_key AS kept_key,
        r.amount AS kept_amount, r.unit AS kept_unit, r.line AS kept_line
    FROM temp.staged AS s
    CROSS JOIN temp.kept AS k
        ON k.near = {NEAR_PART.format(key="s.party_key")} AND (k.product_id = s.product_id OR :any_product)
    CROSS JOIN rows AS r ON r.id = k.id
    WHERE s.state = 'pending' AND s.party_key IS NOT NULL AND s.product_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM rows AS o
                      WHERE o.run_id = :run_id AND o.identity = s.identity AND +o.state IN ({SENT}))
    ORDER BY s.line, (s.amount, s.unit) IS NOT (r.amount, r.unit), r.line
"""  # noqa: S608 - composed of constants
_REFUSE: Final = """
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = :refusal, problems = :problems
    WHERE line = :line
"""
#: Creates what a comparison needs, before a list is staged.
CLEAR: Final = (_CREATE, _INDEX, _CLEAR)


def find_kept(connection: sqlite3.Connection, ids: Mapping[str, object]) -> None:
    """Find the rows of a run that the staged list lacks and that stay in the run.

    Args:
        connection: the ledger, in a transaction, with an index of staged identities.
        ids: the parameters, with the ID of the run as `run_id`, and those of a `StagedPart`.
    """
    connection.execute(_CLEAR)
    connection.execute(_FIND, ids)


def refuse_beside_kept(
    connection: sqlite3.Connection, run: Run, *, allow_duplicates: bool, any_product: bool = False
) -> None:
    """Refuse staged rows that may be rows of the run which stay in it although the list lacks them.

    As in one list, equal rows of one product are duplicates, and near ones may be. Where duplicates are allowed, rows
    without references are told apart by their amounts, of which one may be the same row, read twice; rows with
    references by these, of which a near one may be another spelling.

    Args:
        connection: the ledger, in a transaction, with these rows found.
        run: the run.
        allow_duplicates: whether equal rows of one product may be paid.
        any_product: whether rows of other products may pay the same, because products are chosen automatically.
    """
    refused = list(_refused(connection, run, allow_duplicates=allow_duplicates, any_product=any_product))
    connection.executemany(_REFUSE, refused)


def _refused(
    connection: sqlite3.Connection, run: Run, *, allow_duplicates: bool, any_product: bool
) -> Iterator[dict[str, object]]:
    named = named_lines(connection)
    found = connection.execute(_BESIDE, {"run_id": run.id, "any_product": any_product}).fetchall()
    for line, rows in groupby(found, lambda row: row["line"]):
        for row in rows:
            if row["party_key"] == row["kept_key"]:
                if allow_duplicates and _are_two(row):
                    continue
                refusal, way = POSSIBLE_DUPLICATE, "pay it on purpose in another run with --run-key and --pay-again"
            elif not is_near(row["party_key"], row["kept_key"]) or use_pair(
                connection, row["party_key"], row["kept_key"], is_named=line in named
            ):
                continue
            else:
                refusal, way = UNDECIDED, f"add --not-the-same {line} --reason TEXT if it is another beneficiary"
            other = format_line(run, row["kept_line"])
            text = f"Possible duplicate: {other}, may pay the same. Remove this row, or {way}."
            problems = encode_problems([Problem(column="", message=text, may_be_paid=True)])
            yield {"line": line, "refusal": refusal, "problems": problems}
            break


def _are_two(row: Any) -> bool:  # noqa: ANN401 - a row of SQLite
    """Return True if two equal rows are certainly two: they differ in amount, or have references that are not near."""
    if row["party_key"].startswith(REFERENCE):
        return False
    identities = row["identity"], row["kept_identity"]
    if any(identity.startswith(PARTY_PREFIX) for identity in identities):
        return (row["amount"], row["unit"]) != (row["kept_amount"], row["kept_unit"])
    reference, kept = (near_reference(identity.removeprefix(REFERENCE_PREFIX)) for identity in identities)
    return reference != kept
