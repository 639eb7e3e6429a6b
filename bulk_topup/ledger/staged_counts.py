"""Counts what a merge of the staged list would do, and what that would cost; for the other modules of the ledger."""

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bulk_topup.domain.totals import ValidRows
from bulk_topup.ledger import kept_rows
from bulk_topup.ledger.row_mapping import sum_amounts
from bulk_topup.ledger.sql_fragments import NEAR_PART, SENT, UNSENT
from bulk_topup.ledger.staged_list_statements import (
    COUNT_REFUSED,
    IS_SAME_REQUEST,
    POSSIBLE_DUPLICATE,
    UNDECIDED,
    VELOCITY,
)

#: What a merge of the staged list would do to the run, in numbers of rows.
_COMPARE: Final = f"""
    SELECT count(*) FILTER (WHERE r.id IS NULL AND s.state = 'pending') AS new,
           count(*) FILTER (WHERE r.id IS NULL AND s.state = 'pending' AND s.is_resent) AS replacing,
           count(*) FILTER (WHERE r.state IN ({UNSENT}) AND s.state = 'pending') AS waiting,
           count(*) FILTER (WHERE r.state = 'completed') AS completed,
           count(*) FILTER (WHERE r.state = 'failed') AS failed,
           count(*) FILTER (WHERE r.state = 'failed' AND s.state = 'pending' AND s.is_resent) AS resent,
           count(*) FILTER (WHERE r.state = 'failed' AND s.state = 'pending' AND NOT s.is_resent AND s.request IS NOT
               (SELECT request FROM attempts WHERE row_id = r.id AND number = r.attempt)) AS corrected,
           count(*) FILTER (WHERE r.state IN ('in_flight', 'accepted')) AS open,
           count(*) FILTER (WHERE r.state IN ('reversed', 'conflict')) AS needs_review,
           count(*) FILTER (WHERE r.state IN ({SENT}) AND NOT {IS_SAME_REQUEST.format(s="s", r="r")})
               AS changed_after_sending,
           count(*) FILTER (WHERE s.refusal IN ({POSSIBLE_DUPLICATE}, {UNDECIDED})) AS possible_duplicates,
           count(*) FILTER (WHERE s.refusal = {VELOCITY}) AS velocity_refused,
           count(r.id) AS known,
           count(*) FILTER (WHERE {NEAR_PART.format(key="r.party_key")} = {NEAR_PART.format(key="s.party_key")})
               AS shared
    FROM temp.staged AS s LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
"""  # noqa: S608 - composed of constants

#: Without those that a new correction replaces.
_COUNT_REMOVED: Final = """
    SELECT count(*) AS removed_from_list,
        count(*) FILTER (WHERE r.state = 'refused' AND r.attempt = 0) AS removed_refused
    FROM temp.removed AS x CROSS JOIN rows AS r ON r.id = x.id WHERE r.in_list = 1
        AND r.line NOT IN (SELECT line FROM temp.corrected WHERE is_new)
"""

#: Costs of the rows that the run would send, grouped so that their sum is exact.
_COSTS: Final = f"""
    SELECT s.cost_unit, s.cost, count(*)
    FROM temp.staged AS s LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE s.state = 'pending' AND s.cost IS NOT NULL
      AND (r.id IS NULL OR r.state IN ({UNSENT}) OR r.state = 'failed' AND s.is_resent)
    GROUP BY s.cost_unit, s.cost
"""  # noqa: S608


def count_staged(
    connection: sqlite3.Connection, ids: Mapping[str, object], valid: ValidRows | None
) -> tuple[dict[str, int], dict[str, Decimal]]:
    """Return how a staged list, which was compared with its run, differs from it, by the names of `MergePreview`.

    Args:
        connection: the ledger, in a transaction.
        ids: the ID of the run as `run_id`, or None.
        valid: the valid rows of the list as they were staged, if the run has no rows; else None. All rows that the
            ledger did not refuse are new then, which saves reading a long list twice.

    Returns:
        The numbers of rows, and the cost of those that would be sent, by currency of the wallet.
    """
    removed, kept = (dict(connection.execute(each).fetchone()) for each in (_COUNT_REMOVED, kept_rows.COUNT))
    if valid is None:
        counts = dict(connection.execute(_COMPARE, ids).fetchone())
    else:
        counts = dict(connection.execute(COUNT_REFUSED).fetchone())
        refused = counts.pop("refused")
        counts["new"] = valid.rows - refused
        if not refused:
            return {**counts, **removed, **kept}, dict(valid.costs)
    costs = [*connection.execute(_COSTS, ids), *connection.execute(kept_rows.COSTS)]
    return {**counts, **removed, **kept}, sum_amounts(costs)
