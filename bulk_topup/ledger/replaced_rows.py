"""Refuses rows that a correction of their run replaced, and corrected ones that may be paid; for the other modules."""

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bulk_topup.domain.identity import PARTY_PREFIX
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.ledger.claim_refusals import refuse_rows
from bulk_topup.ledger.corrections import INDEX_PARTIES
from bulk_topup.ledger.sql_fragments import REPLACED, SENT
from bulk_topup.ledger.staged_list_statements import POSSIBLE_DUPLICATE

_HAS_KEPT: Final = "SELECT EXISTS (SELECT 1 FROM corrections WHERE run_id = :run_id)"
#: What this invocation corrects is sent again, although its row has failed.
_MARK_RESENT: Final = """
    UPDATE temp.staged SET is_resent = 1 WHERE line IN (SELECT line FROM temp.corrected WHERE is_new)
"""

#: Rows of the list that are a replaced row and not its correction, since they are written otherwise than before.
_REPLACED_LISTED: Final = """
    SELECT s.line, c.note, c.at
    FROM corrections AS c CROSS JOIN temp.staged AS s ON s.identity = c.replaced
    WHERE c.run_id = :run_id AND c.identity IS NOT c.replaced AND s.state = 'pending'
      AND s.line NOT IN (SELECT line FROM temp.corrected WHERE is_new)
      AND NOT EXISTS (SELECT 1 FROM corrections AS k WHERE k.run_id = c.run_id AND k.identity = c.replaced)
"""
#: The same for rows that the list's own reference identifies: they have the payment from before the correction.
_UNCORRECTED_LISTED: Final = f"""
    SELECT s.line, c.note, c.at
    FROM corrections AS c CROSS JOIN temp.staged AS s ON s.identity = c.identity
        CROSS JOIN rows AS r ON r.run_id = c.run_id AND r.identity = c.identity
    WHERE c.run_id = :run_id AND c.identity = c.replaced AND s.state = 'pending' AND r.state NOT IN ({SENT})
      AND s.line NOT IN (SELECT line FROM temp.corrected)
      AND (s.product_id, s.party_key, s.amount, s.unit) IS (c.product_id, c.party_key, c.amount, c.unit)
      AND (s.product_id, s.party_key, s.amount, s.unit) IS NOT (r.product_id, r.party_key, r.amount, r.unit)
"""  # noqa: S608 - composed of constants
#: Corrected rows whose replaced rows may have been paid after all.
_REPLACED_PAID: Final = f"""
    SELECT s.line, c.note, c.at
    FROM corrections AS c
        CROSS JOIN rows AS p ON p.run_id = c.run_id AND p.identity = c.replaced
        CROSS JOIN temp.staged AS s ON s.identity = c.identity
    WHERE c.run_id = :run_id AND p.in_list = {REPLACED} AND p.state IN ({SENT}) AND s.state = 'pending'
      AND NOT EXISTS (SELECT 1 FROM rows AS r
                      WHERE r.run_id = c.run_id AND r.identity = c.identity AND r.state IN ({SENT}))
"""  # noqa: S608
#: The same for rows that are about to be sent; the parameter is a JSON array of row IDs.
_CLAIMED_PAID: Final = f"""
    SELECT q.id AS row_id, c.note, c.at
    FROM json_each(:row_ids) AS w CROSS JOIN rows AS q ON q.id = w.value
        CROSS JOIN corrections AS c ON c.run_id = q.run_id AND c.identity = q.identity
        CROSS JOIN rows AS p ON p.run_id = c.run_id AND p.identity = c.replaced
    WHERE p.in_list = {REPLACED} AND p.state IN ({SENT})
"""  # noqa: S608
#: New rows without a reference that are paid as a corrected row is. A correction belongs to a row that the run has, so
#: its value came twice: the list has it by now, and another row has the value from before.
_REPEATED: Final = f"""
    SELECT DISTINCT s.line, c.note, c.at
    FROM temp.corrected AS x CROSS JOIN corrections AS c ON c.id = x.kept CROSS JOIN temp.staged AS k ON k.line = x.line
        CROSS JOIN temp.staged AS s ON s.party_key = k.party_key
            AND (s.product_id, s.amount, s.unit) IS (k.product_id, k.amount, k.unit)
    WHERE NOT x.is_new AND c.identity IS NOT NULL AND s.state = 'pending'
      AND s.identity >= '{PARTY_PREFIX}' AND s.identity < '{PARTY_PREFIX[:-1]};'
      AND s.line NOT IN (SELECT line FROM temp.corrected WHERE is_new)
      AND NOT EXISTS (SELECT 1 FROM rows AS r WHERE r.run_id = :run_id AND r.identity = s.identity)
"""  # noqa: S608
_REFUSE: Final = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = {POSSIBLE_DUPLICATE},
        problems = :problems
    WHERE line = :line
"""  # noqa: S608


def refuse_replaced(connection: sqlite3.Connection, ids: Mapping[str, object]) -> None:
    """Refuse staged rows that a correction of the run has replaced, and corrected ones that may be paid already.

    Args:
        connection: a connection in a transaction, with an index of staged identities.
        ids: the parameters, with the ID of a run that has rows as `run_id`.
    """
    connection.execute(_MARK_RESENT)
    if not connection.execute(_HAS_KEPT, ids).fetchone()[0]:
        return
    connection.execute(INDEX_PARTIES)
    for statement, explain in (
        (_REPEATED, _repeated_problems),
        (_REPLACED_LISTED, _uncorrected_problems),
        (_UNCORRECTED_LISTED, _uncorrected_problems),
        (_REPLACED_PAID, _paid_problems),
    ):
        found = connection.execute(statement, ids).fetchall()
        connection.executemany(_REFUSE, [{"line": row["line"], "problems": explain(row)} for row in found])


def refuse_claimed_replaced(
    connection: sqlite3.Connection, rows: list[sqlite3.Row], now: datetime
) -> list[sqlite3.Row]:
    """Refuse rows about to be sent whose replaced rows may have been paid by now, and return the others."""
    ids = json.dumps([row["row_id"] for row in rows])
    problems = {row["row_id"]: _paid_problems(row) for row in connection.execute(_CLAIMED_PAID, {"row_ids": ids})}
    return refuse_rows(connection, rows, problems, at=now.isoformat(), cause="paid as it was before its correction")


def _uncorrected_problems(row: Mapping[str, str]) -> str:
    text = (
        f"The run keeps a correction of this row, given on {row['at'][:10]}. {row['note']} The list has the value from "
        "before it in another form. Write the corrected value into the list."
    )
    return encode_problems([Problem(column="", message=text.replace("  ", " "), may_be_paid=True)])


def _repeated_problems(row: Mapping[str, str]) -> str:
    text = (
        f"Possible duplicate: a row that the run corrected on {row['at'][:10]} pays the same. {row['note']} If this is "
        "another payment, make it in another run with --run-key and --pay-again."
    )
    return encode_problems([Problem(column="", message=text.replace("  ", " "), may_be_paid=True)])


def _paid_problems(row: Mapping[str, str]) -> str:
    text = (
        f"What was sent before the correction of {row['at'][:10]} may have been paid after all. {row['note']} If that "
        "needs review, resolve it first: `bulk-topup conflict list`. If it was paid, and this is another payment, "
        "make it in another run with --run-key and --pay-again."
    )
    return encode_problems([Problem(column="", message=text.replace("  ", " "), may_be_paid=True)])
