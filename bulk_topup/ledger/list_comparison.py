"""Compares a staged list with its run: rows that left it, and rows that may pay the same again; for other modules."""

import sqlite3
from collections.abc import Mapping
from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.ledger import kept_rows
from bulk_topup.ledger import staged_list_statements as sql
from bulk_topup.ledger.conflicting_equals import refuse_staged_equals
from bulk_topup.ledger.equal_rows import match_equals
from bulk_topup.ledger.list_parts import StagedPart, lists_of, refuse_rows_of_others
from bulk_topup.ledger.replaced_rows import refuse_replaced
from bulk_topup.ledger.respelled_rows import respell_rows
from bulk_topup.ledger.uncredited_rows import refuse_uncredited

_HAS_ROWS_OF: Final = """
    SELECT EXISTS (
        SELECT 1 FROM temp.staged AS s CROSS JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity)
"""
_COUNT_STAGED: Final = "SELECT count(*) FROM temp.staged"
_COUNT_LISTED: Final = """
    SELECT count(*) FROM rows WHERE run_id = :run_id AND in_list = 1 AND line BETWEEN :first AND :last
"""
#: Whether the staged list has a row that is not in a list of a run, and that was not replaced there by a correction;
#: the first one ends the search. The run may have the identities of an earlier version.
_HAS_OTHERS: Final = """
    SELECT EXISTS (SELECT 1 FROM temp.staged AS s
        WHERE NOT EXISTS (
            SELECT 1 FROM rows AS r
            WHERE r.run_id = :run_id AND r.identity IN (s.identity, s.written) AND r.in_list = 1
              AND r.line BETWEEN :first AND :last
              AND (r.product_id, r.amount, r.unit) IS (s.product_id, s.amount, s.unit))
          AND NOT EXISTS (
            SELECT 1 FROM corrections AS c CROSS JOIN rows AS r ON r.run_id = c.run_id AND r.identity = c.identity
            WHERE c.run_id = :run_id AND c.replaced IN (s.identity, s.written) AND r.in_list = 1
              AND r.line BETWEEN :first AND :last
              AND (c.product_id, c.amount, c.unit) IS (s.product_id, s.amount, s.unit)))
"""


def compare_with_run(
    connection: sqlite3.Connection, run: Run | None, part: StagedPart, ids: Mapping[str, object]
) -> bool:
    """Find rows that the staged list no longer has, and refuse staged rows that may pay the same again.

    A second time changes nothing. Returns whether the run has any rows.

    Args:
        connection: the ledger, in a transaction.
        run: the run as it was before; None for a new one.
        part: which part of the run the list is.
        ids: the parameters, with the ID of the run as `run_id`.
    """
    for statement in (sql.CLEAR_REMOVED, sql.CLEAR_UNLISTED, *kept_rows.CLEAR):
        connection.execute(statement)
    if not connection.execute(sql.HAS_ROWS, ids).fetchone()[0]:
        return False
    ids = {**ids, **part.values}
    connection.execute(sql.INDEX_STAGED)
    if connection.execute(sql.FIND_REMOVED, ids).rowcount > 0:
        respell_rows(connection, ids)
    match_equals(connection, ids, is_part=part.is_part)
    if run is not None and part.is_part:
        refuse_rows_of_others(connection, run, part)
        kept_rows.find_kept(connection, ids)
    connection.execute(sql.CLEAR_REMOVED)
    connection.execute(sql.FIND_REMOVED, ids)
    found = connection.execute(sql.FIND_UNLISTED, ids).rowcount, connection.execute(sql.FIND_ABSENT, ids).rowcount
    if any(found):
        connection.execute(sql.USE_UNLISTED_PAIRS)
        connection.execute(sql.REFUSE_POSSIBLE_DUPLICATES, ids)
    refuse_uncredited(connection, ids)
    refuse_staged_equals(connection, ids["run_id"])
    refuse_replaced(connection, ids)
    return True


def has_rows_of(connection: sqlite3.Connection, run: Run) -> bool:
    """Return True if the staged list, which is compared with a run, has any of its rows."""
    return bool(connection.execute(_HAS_ROWS_OF, {"run_id": run.id}).fetchone()[0])


def is_list_of(connection: sqlite3.Connection, run: Run) -> bool:
    """Return True if the staged list has exactly the rows of a run, or of one of its lists: refused ones too.

    A row that the run replaced by a correction is that row as well.
    """
    staged = connection.execute(_COUNT_STAGED).fetchone()[0]
    return any(_is_list(connection, staged, {"run_id": run.id, **part.values}) for part in lists_of(run))


def _is_list(connection: sqlite3.Connection, staged: int, ids: Mapping[str, object]) -> bool:
    if connection.execute(_COUNT_LISTED, ids).fetchone()[0] != staged:
        return False
    return not connection.execute(_HAS_OTHERS, ids).fetchone()[0]
