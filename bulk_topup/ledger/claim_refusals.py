"""Refuses rows that are about to be sent; for the other modules of the ledger."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from bulk_topup.domain.states import RowState
from bulk_topup.ledger.row_mapping import event_values
from bulk_topup.ledger.sql_fragments import INSERT_EVENT

_REFUSE: Final = """
    UPDATE rows SET state = 'refused', request = NULL, cost = NULL, problems = :problems
    WHERE id = :row_id AND state = 'pending'
"""
#: A row that keeps its request may be sent by a retry.
_REFUSE_FOR_NOW: Final = (
    "UPDATE rows SET state = 'refused', problems = :problems WHERE id = :row_id AND state = 'pending'"
)


def refuse_rows(
    connection: sqlite3.Connection,
    rows: Sequence[sqlite3.Row],
    problems: Mapping[int, str],
    *,
    at: str,
    cause: str,
    may_be_retried: bool = False,
) -> list[sqlite3.Row]:
    """Refuse some of the rows that are claimed, and return the others.

    Args:
        connection: the ledger, in a transaction.
        rows: the rows.
        problems: why a row is refused, as the JSON text that `decode_problems` reads, by its ID.
        at: the time of the events.
        cause: the cause of the events.
        may_be_retried: whether a retry may try them again.
    """
    refuse = _REFUSE_FOR_NOW if may_be_retried else _REFUSE
    connection.executemany(refuse, [{"row_id": row_id, "problems": text} for row_id, text in problems.items()])
    events = [
        event_values(row["row_id"], row["attempt"], at, RowState.PENDING, RowState.REFUSED, cause)
        for row in rows
        if row["row_id"] in problems
    ]
    connection.executemany(INSERT_EVENT, events)
    return [row for row in rows if row["row_id"] not in problems]
