"""Refuses rows that another run has paid or may have paid; for the other modules of the ledger."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bulk_topup.domain.earlier_payments import (
    ComparedRun,
    Comparison,
    ComparisonPolicy,
    EarlierPayments,
    MatchedRun,
    compared_runs,
    compared_runs_of_earlier_version,
    is_same_list,
)
from bulk_topup.domain.money import format_money
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import is_near
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.not_the_same import is_kept_pair, named_lines, use_pair
from bulk_topup.ledger.repeated_payments import find_repeated, unknown_until
from bulk_topup.ledger.row_mapping import event_values, run_of, utc_text
from bulk_topup.ledger.sql_fragments import ABSENT, INSERT_EVENT, PAID, UNSENT, absent_since
from bulk_topup.ledger.staged_list_statements import ALREADY_PAID

_CREATE_COMPARED: Final = "CREATE TEMP TABLE IF NOT EXISTS compared (run_id INTEGER PRIMARY KEY, since TEXT)"
#: The run that `compared` is for, and the last run that it considers.
_CREATE_COMPARED_FOR: Final = "CREATE TEMP TABLE IF NOT EXISTS compared_for (run_id INTEGER, last_id INTEGER)"
#: Payments that rows of the staged list repeat, each by one row at most.
_CREATE_REPEATED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS repeated (earlier_row_id INTEGER PRIMARY KEY, identity TEXT)
"""
CREATE: Final = (_CREATE_COMPARED, _CREATE_COMPARED_FOR, _CREATE_REPEATED)
_CLEAR_COMPARED: Final = "DELETE FROM temp.compared"
_CLEAR_COMPARED_FOR: Final = "DELETE FROM temp.compared_for"
_CLEAR_REPEATED: Final = "DELETE FROM temp.repeated"
_COMPARE: Final = "INSERT INTO temp.compared (run_id, since) VALUES (?, ?)"
_COMPARED_FOR: Final = "INSERT INTO temp.compared_for (run_id, last_id) VALUES (:run_id, :last_id)"
_IS_COMPARED: Final = "SELECT 1 FROM temp.compared_for WHERE run_id = :run_id AND last_id = :last_id"
_HAS_COMPARED: Final = "SELECT EXISTS (SELECT 1 FROM temp.compared)"
_LAST_RUN: Final = "SELECT coalesce(max(id), 0) FROM runs"
_OTHER_RUNS: Final = "SELECT * FROM runs WHERE environment = :environment AND id IS NOT :run_id"

#: In the order of the ledger's index, so that both are read from their beginning to their end.
_INDEX_STAGED: Final = "CREATE INDEX IF NOT EXISTS temp.staged_party_key ON staged (party_key)"

#: The payments of compared runs that a row `{of}` may repeat: same amount and unit, and an equal or near credit party.
#: Its own run's repetitions that are known count once.
_PAYMENTS: Final = f"""
    CROSS JOIN rows AS r INDEXED BY idx_rows_party_key ON r.party_key >= {{near}} AND r.party_key < {{near}} || char(10)
        AND r.amount IS {{of}}.amount AND r.unit IS {{of}}.unit
        AND ({{of}}.amount IS NOT NULL OR r.product_id IS {{of}}.product_id)
    CROSS JOIN temp.compared AS c ON c.run_id = r.run_id
    CROSS JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    CROSS JOIN runs AS u ON u.id = r.run_id
    WHERE r.state IN ({PAID}) AND (c.since IS NULL OR a.intent_at >= c.since)
      AND NOT EXISTS (SELECT 1 FROM repeated_payments AS p WHERE p.run_id IS :run_id AND p.earlier_row_id = r.id
                      AND (:is_claim OR p.reason IS NOT NULL))
"""  # noqa: S608 - composed of constants
_NEAR: Final = "substr({of}.party_key, 1, instr({of}.party_key || char(9), char(9)) - 1)"
_COLUMNS: Final = """
    r.id AS earlier_id, r.party_key = {of}.party_key AS is_equal, r.party_key AS earlier_key, {of}.party_key AS own_key,
    (r.product_id IS {of}.product_id OR coalesce(json_extract(u.comparison, '$.any_product'), 0)) AS same_product,
    r.credit_party, r.line AS earlier_line, r.amount, r.unit, r.product_id,
    a.intent_at, u.job || '/' || u.run_key AS run
"""
#: The same for attempts that may still arrive, as they were sent: another run's row that failed by proof of absence.
#: There are few, so they come first.
_ABSENT: Final = f"""
    {{key}} AS key, s.identity, x.row_id AS earlier_id, x.party_key = s.party_key AS is_equal,
    x.party_key AS earlier_key, s.party_key AS own_key,
    (x.product_id IS s.product_id OR coalesce(json_extract(u.comparison, '$.any_product'), 0)) AS same_product,
    x.credit_party, r.line AS earlier_line, x.amount, x.unit, x.product_id,
    a.intent_at, u.job || '/' || u.run_key AS run
    FROM ({ABSENT}) AS x
    CROSS JOIN {{rows}} ON s.party_key >= {_NEAR.format(of="x")} AND s.party_key < {_NEAR.format(of="x")} || char(10)
        AND x.amount IS s.amount AND x.unit IS s.unit AND (s.amount IS NOT NULL OR x.product_id IS s.product_id)
    CROSS JOIN rows AS r ON r.id = x.row_id
    CROSS JOIN temp.compared AS c ON c.run_id = r.run_id
    CROSS JOIN attempts AS a ON a.row_id = x.row_id AND a.number = x.attempt
    CROSS JOIN runs AS u ON u.id = r.run_id
    WHERE r.state NOT IN ({PAID}) AND (c.since IS NULL OR a.intent_at >= c.since)
      AND NOT EXISTS (SELECT 1 FROM repeated_payments AS p WHERE p.run_id IS :run_id AND p.earlier_row_id = r.id
                      AND (:is_claim OR p.reason IS NOT NULL))
"""  # noqa: S608 - composed of constants
_ORDER: Final = "ORDER BY is_equal DESC, key, same_product DESC, intent_at, earlier_id"
_STAGED: Final = f"""
    SELECT s.line AS key, s.identity, {_COLUMNS.format(of="s")}
    FROM temp.staged AS s INDEXED BY staged_party_key
    LEFT JOIN rows AS o ON o.run_id = :run_id AND o.identity = s.identity
    {_PAYMENTS.format(of="s", near=_NEAR.format(of="s"))}
      AND s.party_key IS NOT NULL AND s.state = 'pending' AND (o.id IS NULL OR o.state IN ({UNSENT}))
    UNION ALL
    SELECT {_ABSENT.format(key="s.line", rows="temp.staged AS s INDEXED BY staged_party_key")}
      AND s.state = 'pending' AND NOT EXISTS (
          SELECT 1 FROM rows AS o WHERE o.run_id = :run_id AND o.identity = s.identity AND o.state NOT IN ({UNSENT}))
    {_ORDER}
"""  # noqa: S608
_COUNT_STAGED: Final = "SELECT count(*) FROM temp.staged WHERE state = 'pending'"
_REFUSE_STAGED: Final = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = {ALREADY_PAID},
        problems = :problems
    WHERE line = :key
"""  # noqa: S608
_REPEAT: Final = "INSERT INTO temp.repeated (earlier_row_id, identity) VALUES (:earlier_id, :identity)"
#: The same for rows that are about to be sent; the parameter is a JSON array of row IDs.
_CLAIMED: Final = f"""
    SELECT s.id AS key, s.identity, {_COLUMNS.format(of="s")}
    FROM json_each(:row_ids) AS w CROSS JOIN rows AS s ON s.id = w.value
    {_PAYMENTS.format(of="s", near=_NEAR.format(of="s"))} AND s.party_key IS NOT NULL
    UNION ALL
    SELECT {_ABSENT.format(key="s.id", rows="json_each(:row_ids) AS w CROSS JOIN rows AS s")} AND s.id = w.value
    {_ORDER}
"""  # noqa: S608
_REFUSE_CLAIMED: Final = """
    UPDATE rows SET state = 'refused', request = NULL, cost = NULL, problems = :problems
    WHERE id = :key AND state = 'pending'
"""
_SAVE_CLAIMED: Final = """
    INSERT OR IGNORE INTO repeated_payments (run_id, earlier_row_id, identity, at)
    VALUES (:run_id, :earlier_id, :identity, :at)
"""


def compare_staged(
    connection: sqlite3.Connection, run_id: int | None, comparison: Comparison, now: datetime
) -> EarlierPayments:
    """Find staged rows that other runs have paid or may have paid, and refuse them unless they are paid again.

    Args:
        connection: the ledger, in a transaction.
        run_id: the list's run; None for a new one.
        comparison: the other runs, and whether rows are paid again.
        now: the time.
    """
    connection.execute(_CLEAR_REPEATED)
    connection.execute(_CLEAR_COMPARED_FOR)
    _write_compared(connection, comparison.runs)
    found = _compare_staged(connection, run_id, comparison, now) if comparison.runs else EarlierPayments()
    repeated = find_repeated(connection, run_id, comparison.pay_again)
    return replace(
        found,
        repeated=repeated.runs,
        paid_again_sha256=repeated.sha256,
        unknown_until=unknown_until(connection),
    )


def _compare_staged(
    connection: sqlite3.Connection, run_id: int | None, comparison: Comparison, now: datetime
) -> EarlierPayments:
    connection.execute(_INDEX_STAGED)
    named = named_lines(connection)
    values = {"run_id": run_id, "is_claim": False, "absent_since": absent_since(now)}
    found = [
        pair
        for pair in connection.execute(_STAGED, values).fetchall()
        if _may_be_same(pair, lambda a, b, line: use_pair(connection, a, b, is_named=line in named))
    ]
    rows = connection.execute(_COUNT_STAGED).fetchone()[0]
    anything = _matches(found, any_product=True)
    same_list = is_same_list(len(anything), rows)
    matches = anything if same_list else _matches(found, any_product=comparison.any_product)
    connection.executemany(_REPEAT, map(dict, matches))
    if not comparison.pay_again:
        refused = [{"key": match["key"], "problems": _problems(match, line=match["key"])} for match in matches]
        connection.executemany(_REFUSE_STAGED, refused)
        return EarlierPayments(refused=len(matches), is_same_list=same_list, runs=_runs(matches))
    return EarlierPayments(paid_again=len(matches), is_same_list=same_list, runs=_runs(matches))


def refuse_claimed(
    file: LedgerFile, connection: sqlite3.Connection, run: Run, rows: list[sqlite3.Row]
) -> list[sqlite3.Row]:
    """Refuse rows about to be sent that another run has paid by now, and return the others.

    Two runs that were started at the same time both passed the plan, and a run may be resumed after another has paid
    its rows, so the check is repeated here.
    """
    if not rows or not _is_compared(file, connection, run):
        return rows
    at = file.now()
    values = {
        "row_ids": json.dumps([row["row_id"] for row in rows]),
        "run_id": run.id,
        "is_claim": True,
        "absent_since": absent_since(file.clock.now()),
    }
    found = (
        pair
        for pair in connection.execute(_CLAIMED, values).fetchall()
        if _may_be_same(pair, lambda a, b, _: is_kept_pair(connection, a, b))
    )
    matches = _matches(found, any_product=_policy_of(run).any_product)
    refused = {match["key"]: match for match in matches}
    connection.executemany(
        _REFUSE_CLAIMED, [{"key": key, "problems": _problems(match)} for key, match in refused.items()]
    )
    connection.executemany(_SAVE_CLAIMED, [{**match, "run_id": run.id, "at": at} for match in map(dict, matches)])
    events = [
        event_values(row["row_id"], row["attempt"], at, RowState.PENDING, RowState.REFUSED, "paid by another run")
        for row in rows
        if row["row_id"] in refused
    ]
    connection.executemany(INSERT_EVENT, events)
    return [row for row in rows if row["row_id"] not in refused]


def _is_compared(file: LedgerFile, connection: sqlite3.Connection, run: Run) -> bool:
    """Write the runs that a run is compared with, unless they are known; return False if there are none."""
    for statement in CREATE:
        connection.execute(statement)
    ids = {"run_id": run.id, "last_id": connection.execute(_LAST_RUN).fetchone()[0], "environment": run.environment}
    if connection.execute(_IS_COMPARED, ids).fetchone() is None:
        others = [run_of(row, file.path) for row in connection.execute(_OTHER_RUNS, ids)]
        _write_compared(connection, _compared(run, others))
        connection.execute(_CLEAR_COMPARED_FOR)
        connection.execute(_COMPARED_FOR, ids)
    return bool(connection.execute(_HAS_COMPARED).fetchone()[0])


def _compared(run: Run, others: Iterable[Run]) -> tuple[ComparedRun, ...]:
    if run.comparison is None:
        return compared_runs_of_earlier_version(run, others)
    return compared_runs(_policy_of(run), others, job=run.job, run_key=run.run_key, moment=run.created_at)


def _policy_of(run: Run) -> ComparisonPolicy:
    return ComparisonPolicy() if run.comparison is None else ComparisonPolicy.from_json(run.comparison)


def _write_compared(connection: sqlite3.Connection, runs: Iterable[ComparedRun]) -> None:
    connection.execute(_CLEAR_COMPARED)
    connection.executemany(
        _COMPARE, [(each.run.id, None if each.since is None else utc_text(each.since)) for each in runs]
    )


def _may_be_same(pair: Mapping[str, Any], are_different: Callable[[str, str, int], bool]) -> bool:
    """Return True if a row and a payment are of equal parties, or of near ones that are not known to be different."""
    own, earlier = pair["own_key"], pair["earlier_key"]
    return bool(pair["is_equal"]) or (is_near(own, earlier) and not are_different(own, earlier, pair["key"]))


def _matches(found: Iterable[Mapping[str, Any]], *, any_product: bool) -> list[Mapping[str, Any]]:
    """Return one payment for each row that repeats one; a payment answers for one row only.

    Args:
        found: pairs of a row and a payment, those of equal credit parties first.
        any_product: whether the payment may be of another product.
    """
    keys: set[int] = set()
    payments: set[int] = set()
    matches = []
    for pair in found:
        if (any_product or pair["same_product"]) and pair["key"] not in keys and pair["earlier_id"] not in payments:
            keys.add(pair["key"])
            payments.add(pair["earlier_id"])
            matches.append(pair)
    return matches


def _runs(matches: Iterable[Mapping[str, Any]]) -> tuple[MatchedRun, ...]:
    times: dict[str, list[datetime]] = defaultdict(list)
    for match in matches:
        times[match["run"]].append(datetime.fromisoformat(match["intent_at"]))
    found = (MatchedRun(run=run, rows=len(each), first=min(each), last=max(each)) for run, each in times.items())
    return tuple(sorted(found, key=lambda run: (-run.rows, run.run)))


def _problems(match: Mapping[str, Any], *, line: int | None = None) -> str:
    money = "" if match["amount"] is None else f"{format_money(Decimal(match['amount']), match['unit'])} "
    decide = ""
    if line is not None and not match["is_equal"]:
        decide = f", or --not-the-same {line} --reason TEXT if it is another beneficiary"
    party = "" if match["credit_party"] is None else f" for {match['credit_party']}"
    text = (
        f"Possible duplicate: run {match['run']}, line {match['earlier_line']}, sent {money}(product "
        f"{match['product_id']}){party} on {match['intent_at'][:10]}. Remove this row, or add --pay-again REASON if it "
        f"is another payment{decide}."
    )
    return encode_problems([Problem(column="", message=text, may_be_paid=True, is_repeat=True)])
