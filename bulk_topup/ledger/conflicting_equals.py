"""Refuses rows whose equal is in conflict with DVS's transaction; for the other modules of the ledger.

The IDs of equal rows depend on their order. A ledger that was lost, and a list that was edited before, give a paid row
the ID of another one: the transactions under their IDs then have other amounts, and any of them may be this row's.
"""

import json
import sqlite3
from datetime import datetime
from typing import Final

from bulk_topup.domain.identity import PARTY_PREFIX, base_identity
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.ledger.claim_refusals import refuse_rows
from bulk_topup.ledger.staged_list_statements import POSSIBLE_DUPLICATE

#: True if the transaction of a row in conflict may be that of an equal row: DVS never had one that was the row's own.
_IS_DOUBTFUL: Final = """NOT EXISTS (
        SELECT 1 FROM events AS e
        WHERE e.row_id = {row}.id AND e.attempt = {row}.attempt AND e.after IN ('accepted', 'completed'))"""
#: "$" is the character after "#", and nothing but an identity and its numbers begins with it.
_CONFLICTS: Final = f"""
    SELECT r.identity, r.line FROM rows AS r
    WHERE r.run_id = :run_id AND r.state = 'conflict' AND {_IS_DOUBTFUL.format(row="r")}
"""  # noqa: S608 - composed of constants
_REFUSE_STAGED: Final = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = {POSSIBLE_DUPLICATE},
        problems = :problems
    WHERE identity >= :base AND identity < :base || '$' AND state = 'pending' AND NOT EXISTS (
        SELECT 1 FROM rows AS r
        WHERE r.run_id = :run_id AND r.identity = staged.identity AND r.state NOT IN ('refused', 'pending', 'failed'))
"""  # noqa: S608 - composed of constants
#: The parameter is a JSON array of `[row ID, identity without number]`.
_CLAIMED: Final = f"""
    SELECT json_extract(c.value, '$[0]') AS row_id, min(o.line) AS line
    FROM json_each(:claimed) AS c
    CROSS JOIN rows AS o ON o.run_id = :run_id AND o.identity >= json_extract(c.value, '$[1]')
        AND o.identity < json_extract(c.value, '$[1]') || '$' AND +o.state = 'conflict'
        AND {_IS_DOUBTFUL.format(row="o")}
    GROUP BY c.key
"""  # noqa: S608


def refuse_staged_equals(connection: sqlite3.Connection, run_id: object) -> None:
    """Refuse staged rows that were not sent and that have an equal in conflict."""
    found = {base_identity(row["identity"]): row["line"] for row in connection.execute(_CONFLICTS, {"run_id": run_id})}
    values = [
        {"run_id": run_id, "base": base, "problems": _problems(line)}
        for base, line in found.items()
        if base.startswith(PARTY_PREFIX)
    ]
    connection.executemany(_REFUSE_STAGED, values)


def refuse_claimed_equals(
    connection: sqlite3.Connection, run_id: int, rows: list[sqlite3.Row], now: datetime
) -> list[sqlite3.Row]:
    """Refuse rows about to be sent that have an equal in conflict, and return the others."""
    claimed = [
        (row["row_id"], base_identity(row["identity"])) for row in rows if row["identity"].startswith(PARTY_PREFIX)
    ]
    found = connection.execute(_CLAIMED, {"run_id": run_id, "claimed": json.dumps(claimed, ensure_ascii=False)})
    problems = {row["row_id"]: _problems(row["line"]) for row in found}
    return refuse_rows(connection, rows, problems, at=now.isoformat(), cause="possible duplicate")


def _problems(line: int) -> str:
    text = (
        f"Line {line} pays the same credit party, and DVS has another transaction under its external ID, or one that "
        "differs from it. That may be the payment of this row by a ledger that was lost. Resolve that conflict first: "
        "`bulk-topup conflict list`."
    )
    return encode_problems([Problem(column="", message=text, may_be_paid=True)])
