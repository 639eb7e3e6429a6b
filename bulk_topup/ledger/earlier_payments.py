"""Refuses rows that another run has paid or may have paid; for the other modules of the ledger."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from bulk_topup.domain.earlier_payments import (
    Comparison,
    EarlierPayments,
    SentRows,
    is_same_list,
)
from bulk_topup.domain.money import format_money
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.repeated_payments import Match, match_payments
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import is_near, reference_in
from bulk_topup.ledger import payment_search
from bulk_topup.ledger.bills import refuse_paid_bills
from bulk_topup.ledger.claim_refusals import refuse_rows
from bulk_topup.ledger.compared_runs import CREATE_COMPARED, choose_runs, choose_runs_of, has_any_product
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.not_the_same import is_kept_pair, named_lines, use_pair
from bulk_topup.ledger.repeated_payments import find_repeated, unknown_until
from bulk_topup.ledger.sql_fragments import absent_since
from bulk_topup.ledger.staged_list_statements import ALREADY_PAID

#: Matches that are in memory at once.
_BATCH: Final = 1_000
#: Payments that rows of the staged list repeat, by line, as they are matched if products must be equal, and whatever
#: they are. A row has one of each matching, and one of each further payment of the bill that it asks for.
_CREATE_REPEATED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS repeated (
        key INTEGER, matching INTEGER, earlier_row_id INTEGER, attempt INTEGER, is_equal INTEGER, identity TEXT,
        more INTEGER, known_until INTEGER, PRIMARY KEY (key, matching)
    ) WITHOUT ROWID
"""
#: Values of `repeated.matching`: in which of the two the match is.
_EQUAL_PRODUCTS: Final = 1
_ANY_PRODUCTS: Final = 2
_BOTH: Final = 3
_CLEAR_REPEATED: Final = "DELETE FROM temp.repeated"
#: Creates what a comparison needs, and forgets that of another list, before a list is staged.
CLEAR: Final = (_CREATE_REPEATED, _CLEAR_REPEATED, payment_search.DROP_STAGED_INDEX, CREATE_COMPARED)
_COUNT_STAGED: Final = "SELECT count(*) FROM temp.staged WHERE state = 'pending'"
_REFUSE_STAGED: Final = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = {ALREADY_PAID},
        problems = :problems
    WHERE line = :key
"""  # noqa: S608
_REPEAT: Final = """
    INSERT INTO temp.repeated (matching, key, earlier_row_id, attempt, is_equal, identity, more, known_until)
    SELECT ?, line, ?, ?, ?, identity, ?, ? FROM temp.staged WHERE line = ?
"""
_LAST_EVENT: Final = "SELECT coalesce(max(id), 0) FROM events"
_COUNT_REPEATED: Final = f"SELECT count(*) FROM temp.repeated WHERE matching <> {_EQUAL_PRODUCTS}"  # noqa: S608
_FORGET_REPEATED: Final = "DELETE FROM temp.repeated WHERE matching = :matching"
#: Chosen payments in full: those that may still arrive as they were sent.
_CHOSEN: Final = """
    m.key, m.earlier_row_id AS earlier_id, m.is_equal, r.line AS earlier_line,
        iif(x.row_id IS NULL, r.credit_party, x.credit_party) AS credit_party,
        iif(x.row_id IS NULL, r.party_key, x.party_key) AS party_key,
        iif(x.row_id IS NULL, r.product_id, x.product_id) AS product_id,
        iif(x.row_id IS NULL, r.amount, x.amount) AS amount, iif(x.row_id IS NULL, r.unit, x.unit) AS unit,
        a.intent_at, u.job || '/' || u.run_key AS run, m.earlier_row_id < 0 AS is_corrected
    FROM {matches} CROSS JOIN rows AS r ON r.id = abs(m.earlier_row_id)
    LEFT JOIN absences AS x ON x.row_id = m.earlier_row_id AND x.attempt = m.attempt
    CROSS JOIN attempts AS a ON a.row_id = r.id AND a.number = coalesce(m.attempt, r.attempt)
    CROSS JOIN runs AS u ON u.id = r.run_id
    ORDER BY m.key
"""
_CHOSEN_STAGED: Final = f"SELECT m.identity, {_CHOSEN.format(matches='temp.repeated AS m')}"
#: The parameter is a JSON array of matches.
_CLAIMED_MATCHES: Final = """(
    SELECT json_extract(value, '$[0]') AS key, json_extract(value, '$[1]') AS earlier_row_id,
           json_extract(value, '$[2]') AS attempt, json_extract(value, '$[3]') AS is_equal
    FROM json_each(:matches)) AS m"""
_CHOSEN_CLAIMED: Final = f"""
    SELECT (SELECT s.identity FROM rows AS s WHERE s.id = m.key) AS identity,
    {_CHOSEN.format(matches=_CLAIMED_MATCHES)}
"""  # noqa: S608
_SAVE_CLAIMED: Final = """
    INSERT OR IGNORE INTO repeated_payments (run_id, earlier_row_id, identity, at)
    VALUES (:run_id, :earlier_id, :identity, :at)
"""


def compare_staged(
    connection: sqlite3.Connection, run_id: int | None, comparison: Comparison, now: datetime, *, is_new_list: bool
) -> EarlierPayments:
    """Find staged rows that other runs have paid or may have paid, and refuse them unless they are paid again.

    Only temporary tables are written, and matches are held there, so that neither memory nor other processes depend on
    the length of the list.

    Args:
        connection: the ledger, in a transaction.
        run_id: the list's run; None for a new one.
        comparison: the other runs, and whether rows are paid again.
        now: the time.
        is_new_list: whether no list of the run is this one, so that it may be one that others have paid.
    """
    connection.execute(_CLEAR_REPEATED)
    found = EarlierPayments()
    if choose_runs(connection, comparison.runs):
        found = _compare_staged(connection, run_id, comparison, now, is_new_list=is_new_list)
    refuse_paid_bills(connection, run_id, comparison.environment, now, is_paid_again=bool(comparison.pay_again))
    repeated = find_repeated(connection, run_id, comparison.pay_again)
    return replace(
        found,
        repeated=repeated.runs,
        more_repeated=repeated.more,
        paid_again_sha256=repeated.sha256,
        unknown_until=unknown_until(connection),
    )


def _compare_staged(
    connection: sqlite3.Connection, run_id: int | None, comparison: Comparison, now: datetime, *, is_new_list: bool
) -> EarlierPayments:
    values = {"run_id": run_id, "is_claim": False, "absent_since": absent_since(now)}
    counts_more = bool(comparison.pay_again)
    connection.executemany(_REPEAT, _staged_matches(connection, values, counts_more=counts_more))
    of_any = connection.execute(_COUNT_REPEATED).fetchone()[0]
    rows = connection.execute(_COUNT_STAGED).fetchone()[0] if of_any else 0  # counting reads the whole list
    # Rows of a list that a run has are its own, and some are paid: those that are left are judged one by one.
    same_list = is_new_list and is_same_list(of_any, rows)
    unused = _EQUAL_PRODUCTS if same_list or comparison.any_product else _ANY_PRODUCTS
    connection.execute(_FORGET_REPEATED, {"matching": unused})
    runs = _MatchedRuns()
    chosen: Iterator[Any] = connection.execute(_CHOSEN_STAGED)
    while batch := list(islice(chosen, _BATCH)):
        for match in batch:
            runs.add(match)
        if not comparison.pay_again:
            refused = [{"key": match["key"], "problems": _problems(match, line=match["key"])} for match in batch]
            connection.executemany(_REFUSE_STAGED, refused)
    if not comparison.pay_again:
        return EarlierPayments(refused=runs.rows, is_same_list=same_list, runs=runs.all())
    return EarlierPayments(paid_again=runs.rows, is_same_list=same_list, runs=runs.all())


def _staged_matches(
    connection: sqlite3.Connection, values: Mapping[str, object], *, counts_more: bool
) -> Iterator[tuple[object, ...]]:
    """Yield the parameters of `_REPEAT` for each match, with the number of payments that it covers if they count."""
    [known_until] = connection.execute(_LAST_EVENT).fetchone()
    different: Callable[[str, str, bool], bool] = lambda own, earlier, is_named: use_pair(  # noqa: E731
        connection, own, earlier, is_named=is_named
    )
    for found in payment_search.find_in_list(connection, values, named_lines(connection), counts_all=counts_more):
        (_, amount, _), rows, payments, _ = found
        equal = match_payments(rows, payments, any_product=False, are_different=different)
        parts = [(_BOTH, equal)]
        # Without an amount, only the product tells what was paid.
        if amount and len(equal) < min(len(rows), len(payments)):
            of_any = match_payments(rows, payments, any_product=True, are_different=different)
            parts = [(_EQUAL_PRODUCTS, equal), (_ANY_PRODUCTS, of_any)]
        for matching, matches in parts:
            more = _more(found, matches, any_product=matching == _ANY_PRODUCTS) if counts_more and matches else 0
            for key, row_id, attempt, is_equal in matches:
                yield matching, row_id, attempt, is_equal, more, known_until, key
                more = 0


def _more(found: payment_search.Compared, matches: Sequence[Match], *, any_product: bool) -> int:
    """Return the number of payments that matched rows may repeat beside those that they are matched with."""
    if len(matches) == sum(found.counts.values()):
        return 0
    keys = {match.key for match in matches}
    kinds = {(row.party_key, row.product_id) for row in found.rows if row.key in keys}
    total = sum(
        count
        for (key, product_id, is_chosen, _), count in found.counts.items()
        if any(
            (key == own or is_near(key, own)) and (any_product or is_chosen or product_id == product)
            for own, product in kinds
        )
    )
    return max(total - len(matches), 0)


def refuse_claimed(
    file: LedgerFile, connection: sqlite3.Connection, run: Run, rows: list[sqlite3.Row]
) -> list[sqlite3.Row]:
    """Refuse rows about to be sent that another run has paid by now, and return the others.

    Two runs that were started at the same time both passed the plan, and a run may be resumed after another has paid
    its rows, so the check is repeated here.
    """
    if not rows or not choose_runs_of(file, connection, run):
        return rows
    at = file.now()
    values = {
        "row_ids": json.dumps([row["row_id"] for row in rows]),
        "run_id": run.id,
        "is_claim": True,
        "absent_since": absent_since(file.clock.now()),
    }
    found: list[Match] = []
    for (_, amount, _), listed, payments, _ in payment_search.find_claimed(connection, values):
        found += match_payments(
            listed,
            payments,
            any_product=bool(amount) and has_any_product(run),
            are_different=lambda own, earlier, _: is_kept_pair(connection, own, earlier),
        )
    if not found:
        return rows
    matches = connection.execute(_CHOSEN_CLAIMED, {"matches": json.dumps(found)}).fetchall()
    connection.executemany(_SAVE_CLAIMED, [{**match, "run_id": run.id, "at": at} for match in map(dict, matches)])
    problems = {match["key"]: _problems(match) for match in matches}
    # That payment may fail yet.
    return refuse_rows(connection, rows, problems, at=at, cause="paid by another run", may_be_retried=True)


class _MatchedRuns:
    """Counts matches by run, while they stream by."""

    def __init__(self) -> None:
        self.rows = 0
        #: Of each run its rows, and the first and the last time, as the ledger has it.
        self._found: dict[str, tuple[int, str, str]] = {}

    def add(self, match: Mapping[str, Any]) -> None:
        """Count a match."""
        self.rows += 1
        name, at = match["run"], match["intent_at"]
        rows, first, last = self._found.get(name) or (0, at, at)
        self._found[name] = rows + 1, min(first, at), max(last, at)

    def all(self) -> tuple[SentRows, ...]:
        """Return the runs, those with the most rows first."""
        runs = (
            SentRows(run=name, rows=rows, first=datetime.fromisoformat(first), last=datetime.fromisoformat(last))
            for name, (rows, first, last) in self._found.items()
        )
        return tuple(sorted(runs, key=lambda run: (-run.rows, run.run)))


@lru_cache(maxsize=1_000)
def _money(amount: str, unit: str) -> str:
    return format_money(Decimal(amount), unit)


def _problems(match: Mapping[str, Any], *, line: int | None = None) -> str:
    money = "" if match["amount"] is None else f"{_money(match['amount'], match['unit'])} "
    decide = ""
    if line is not None and not match["is_equal"]:
        decide = f", or --not-the-same {line} --reason TEXT if it is another beneficiary"
    party = "" if match["credit_party"] is None else f" for {match['credit_party']}"
    if not match["is_equal"] and (reference := reference_in(match["party_key"] or "")):
        party += f", bill {reference}" if party else f" for reference {reference}"
    corrected = "corrected this row and " if match["is_corrected"] else ""
    text = (
        f"Possible duplicate: run {match['run']}, line {match['earlier_line']}, {corrected}sent {money}(product "
        f"{match['product_id']}){party} on {match['intent_at'][:10]}. Remove this row, or add --pay-again REASON if it "
        f"is another payment{decide}."
    )
    return encode_problems([Problem(column="", message=text, may_be_paid=True, is_repeat=True)])
