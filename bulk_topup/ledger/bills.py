"""The bills of rows whose amounts DVS was asked for: what a run has sent, and what another row may have paid already.

A bill is that of an account with an operator, by its reference. What it amounts to says nothing: a fee may be added to
it after it was paid, and before the biller knows.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import ACCOUNT, AFTER_NEAR, NEAR_END, near_part, near_reference, reference_in
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.claim_refusals import refuse_rows
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import json_array
from bulk_topup.ledger.sql_fragments import ABSENT, PAID, SENT, absent_since
from bulk_topup.ledger.staged_list_statements import POSSIBLE_DUPLICATE

_IS_ACCOUNT: Final = f"{{of}}.party_key GLOB '{ACCOUNT}*'"
_BILL: Final = "json_extract({of}.request, '$.statement_identifier.reference')"
_SENT_BILLS: Final = f"""
    SELECT r.party_key, r.product_id, r.amount, {_BILL.format(of="r")} AS bill,
        json_extract(r.request, '$.statement_identifier.due_date') AS due, r.amount_until, r.identity,
        r.state = '{RowState.FAILED}' AS has_failed
    FROM rows AS r
    WHERE +r.run_id = :run_id AND r.party_key IN (SELECT value FROM json_each(:keys)) AND r.request IS NOT NULL
      AND r.state IN ({SENT}, '{RowState.FAILED}')
    ORDER BY has_failed DESC, r.id
"""  # noqa: S608 - composed of constants
#: Staged rows with an amount that was asked for, which most lists have none of: to look for them reads no other rows.
CREATE_ASKED: Final = """
    CREATE INDEX IF NOT EXISTS temp.staged_asked ON staged (line) WHERE amount_until IS NOT NULL
"""
_ASKED: Final = "temp.staged AS s INDEXED BY staged_asked"
_ASKED_LINES: Final = f"SELECT s.line FROM {_ASKED} WHERE s.amount_until IS NOT NULL AND s.state = 'pending'"  # noqa: S608
_RENEW: Final = "UPDATE temp.staged SET amount_until = ?2 WHERE line = ?1"
_HAS_ASKED: Final = "SELECT EXISTS (SELECT 1 FROM temp.staged INDEXED BY staged_asked WHERE amount_until IS NOT NULL)"
_STAGED: Final = f"""
    SELECT s.line AS key, s.identity, s.party_key, s.operator_id, 1 AS is_asked, {_BILL.format(of="s")} AS bill
    FROM {_ASKED}
    WHERE s.amount_until IS NOT NULL AND s.state = 'pending' AND s.party_key IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM rows AS r
                      WHERE r.run_id = :run_id AND r.identity = s.identity AND r.state IN ({SENT}))
    ORDER BY s.line
"""  # noqa: S608
#: True for a row with an amount of its own that names a bill, of an account of which another bill was asked for: that
#: one was paid exactly, so that nothing of it is left to pay.
_MAY_BE_SETTLED: Final = f"""
    {{of}}.amount_until IS NULL AND {_IS_ACCOUNT} AND {_BILL.format(of="{of}")} IS NOT NULL
      AND EXISTS (
          SELECT 1 FROM rows AS o INDEXED BY idx_rows_party_key, (
              SELECT substr({{of}}.party_key, 1, instr({{of}}.party_key || '{NEAR_END}', '{NEAR_END}') - 1) AS near)
          WHERE (o.party_key = near OR o.party_key >= near || '{NEAR_END}' AND o.party_key < near || '{AFTER_NEAR}')
            AND o.amount_until IS NOT NULL AND o.attempt > 0)
"""  # noqa: S608
_STAGED_NAMED: Final = f"""
    SELECT s.line AS key, s.identity, s.party_key, s.operator_id, 0 AS is_asked, {_BILL.format(of="s")} AS bill
    FROM temp.staged AS s
    WHERE s.state = 'pending' AND {_MAY_BE_SETTLED.format(of="s")}
      AND NOT EXISTS (SELECT 1 FROM rows AS r
                      WHERE r.run_id = :run_id AND r.identity = s.identity AND r.state IN ({SENT}))
    ORDER BY s.line
"""  # noqa: S608
#: Rows of the list that pay the accounts of bills, asked for or not; the keys of accounts begin alike.
_ALL_ACCOUNTS: Final = f"""
    SELECT s.line, s.party_key, s.operator_id, s.amount_until IS NOT NULL AS is_asked, {_BILL.format(of="s")} AS bill
    FROM temp.staged AS s WHERE s.state = 'pending' AND {_IS_ACCOUNT.format(of="s")}
    ORDER BY s.line
"""  # noqa: S608
#: A payment of another row that a decision of this run does not cover; that of another run's list without bills counts
#: for as long as any payment of its run does.
_PAYMENTS: Final = f"""
    SELECT r.id, r.line, r.credit_party, r.party_key, {_BILL.format(of="r")} AS bill, r.amount, r.unit,
        u.job || '/' || u.run_key AS run, a.intent_at, r.run_id IS :run_id AS is_own,
        r.amount_until IS NOT NULL AS is_asked
    FROM rows AS r INDEXED BY idx_rows_party_key CROSS JOIN runs AS u ON u.id = r.run_id
        CROSS JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE (r.party_key = :near OR r.party_key >= :near || '{NEAR_END}' AND r.party_key < :near || '{AFTER_NEAR}')
      AND r.operator_id IS :operator_id AND (r.run_id IS NOT :run_id OR r.identity <> :identity)
      AND u.environment = :environment
      AND (r.state IN ({PAID}) OR r.id IN (SELECT x.row_id FROM ({ABSENT}) AS x))
      AND (r.run_id IS :run_id OR {_BILL.format(of="r")} IS NOT NULL OR EXISTS (
          SELECT 1 FROM temp.compared AS c
          WHERE c.run_id = r.run_id AND (c.since IS NULL OR a.intent_at >= c.since)))
      AND NOT EXISTS (SELECT 1 FROM repeated_payments AS d
                      WHERE d.run_id IS :run_id AND d.earlier_row_id = r.id AND d.reason IS NOT NULL)
    ORDER BY is_own DESC, r.id
"""  # noqa: S608
_REFUSE_STAGED: Final = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = {POSSIBLE_DUPLICATE},
        problems = :problems
    WHERE line = :line
"""  # noqa: S608
#: Values of `repeated.matching` from which bills have theirs, one for each payment that a row repeats.
_BILLS_MATCHING: Final = 4
#: Not a payment that the row is known to repeat already.
_REPEAT: Final = """
    INSERT INTO temp.repeated (key, matching, earlier_row_id, attempt, is_equal, identity, more, known_until)
    SELECT :key, :matching, :earlier_id, NULL, 1, :identity, 0, (SELECT coalesce(max(e.id), 0) FROM events AS e)
    WHERE NOT EXISTS (SELECT 1 FROM temp.repeated AS t WHERE t.key = :key AND t.earlier_row_id = :earlier_id)
"""
#: A part of each request that names a bill.
_NAMES_BILL: Final = "statement_identifier"
_CLAIMED: Final = f"""
    SELECT r.id AS key, r.identity, r.party_key, r.operator_id, r.amount_until IS NOT NULL AS is_asked,
        {_BILL.format(of="r")} AS bill
    FROM json_each(:row_ids) AS w CROSS JOIN rows AS r ON r.id = w.value
    WHERE r.party_key IS NOT NULL AND (r.amount_until IS NOT NULL OR {_MAY_BE_SETTLED.format(of="r")})
"""  # noqa: S608


class SentBill(NamedTuple):
    """What a run sent for an account."""

    amount: str | None
    reference: str | None
    #: As an ISO date.
    due: str | None
    amount_until: str | None
    #: The identity of its row.
    identity: str
    #: Whether it was not paid.
    has_failed: bool

    def is_of(self, identity: str) -> bool:
        """Return True unless it failed as another row, so that nothing of it keeps the row from a newer amount."""
        return not self.has_failed or self.identity == identity


@dataclass(frozen=True, slots=True)
class BillQueries:
    """The bills of a run."""

    file: LedgerFile

    def sent(self, run: Run, party_keys: Collection[str]) -> dict[tuple[str, int], SentBill]:
        """Return what rows of a run were sent for, by their party keys and products; failed ones are among them."""
        rows = self.file.fetch_all(_SENT_BILLS, run_id=run.id, keys=json_array(party_keys))
        return {
            (row["party_key"], row["product_id"]): SentBill(
                amount=row["amount"],
                reference=row["bill"],
                due=row["due"],
                amount_until=row["amount_until"],
                identity=row["identity"],
                has_failed=bool(row["has_failed"]),
            )
            for row in rows
        }

    def asked_lines(self) -> set[int]:
        """Return the lines of staged rows that may be sent, and whose amounts DVS was asked for."""
        return {row["line"] for row in self.file.fetch_all(_ASKED_LINES)}

    def renew_amounts(self, times: Iterable[tuple[int, str]]) -> None:
        """Save until when, in UTC, the amounts of staged rows may be sent, by their lines."""
        with self.file.snapshot() as connection:
            connection.executemany(_RENEW, times)


def has_asked(connection: sqlite3.Connection) -> bool:
    """Return True if DVS was asked for the amount of a row of the staged list."""
    return bool(connection.execute(_HAS_ASKED).fetchone()[0])


def refuse_equal_bills(connection: sqlite3.Connection) -> None:
    """Refuse staged rows that may pay the bill of an earlier line, also where a list may have duplicates.

    One of the two was asked for, so that both may have come to the same bill.
    """
    if not has_asked(connection):
        return
    seen: dict[tuple[str, object], list[tuple[int, str, bool]]] = defaultdict(list)
    refused = []
    for row in connection.execute(_ALL_ACCOUNTS):
        bill, is_asked = _bill_of(row), bool(row["is_asked"])
        others = seen[near_part(row["party_key"]), row["operator_id"]]
        first = next(
            (line for line, other, was_asked in others if (is_asked or was_asked) and _may_be_same(bill, other)), None
        )
        others.append((row["line"], bill, is_asked))
        if first is not None:
            text = f"Line {first} may pay the same bill. Remove one of them, or name the bills by their references."
            problem = Problem(column="", message=text, may_be_paid=True)
            refused.append({"line": row["line"], "problems": encode_problems([problem])})
    connection.executemany(_REFUSE_STAGED, refused)


def refuse_paid_bills(
    connection: sqlite3.Connection, run_id: int | None, environment: str, now: datetime, *, is_paid_again: bool
) -> None:
    """Refuse staged rows whose bill another row has paid or may have paid, whatever it amounted to then, and when.

    DVS was asked for the amount of one of the two.

    Args:
        connection: the ledger, in a transaction, with the runs that are compared.
        run_id: the list's run; None for a new one.
        environment: where the run pays.
        now: the time.
        is_paid_again: whether such rows are paid again; then each payment that they repeat is only noted. Payments of
            the own run refuse a row all the same.
    """
    values = {"run_id": run_id, "environment": environment, "absent_since": absent_since(now)}
    rows = [*connection.execute(_STAGED, values), *connection.execute(_STAGED_NAMED, values)]
    for row, payments in _paid(connection, rows, values):
        if not is_paid_again or payments[0]["is_own"]:
            connection.execute(_REFUSE_STAGED, {"line": row["key"], "problems": _paid_problems(payments[0])})
            continue
        for matching, payment in enumerate(payments, start=_BILLS_MATCHING):
            note = {"key": row["key"], "matching": matching, "earlier_id": payment["id"], "identity": row["identity"]}
            connection.execute(_REPEAT, note)


def refuse_claimed_bills(
    file: LedgerFile, connection: sqlite3.Connection, run: Run, rows: list[sqlite3.Row]
) -> list[sqlite3.Row]:
    """Refuse rows about to be sent whose bill another row has paid by now, and return the others."""
    with_bills = [row["row_id"] for row in rows if row["amount_until"] is not None or _NAMES_BILL in row["request"]]
    if not with_bills:
        return rows
    now = file.clock.now()
    values = {"run_id": run.id, "environment": run.environment, "absent_since": absent_since(now)}
    claimed = connection.execute(_CLAIMED, {"row_ids": json_array(with_bills)}).fetchall()
    problems = {row["key"]: _paid_problems(payments[0]) for row, payments in _paid(connection, claimed, values)}
    return refuse_rows(connection, rows, problems, at=now.isoformat(), cause="possible duplicate", may_be_retried=True)


def _paid(
    connection: sqlite3.Connection, rows: Iterable[sqlite3.Row], values: Mapping[str, object]
) -> Iterator[tuple[sqlite3.Row, list[sqlite3.Row]]]:
    """Yield rows with the payments of other rows that may be those of the same bill, those of the own run first."""
    for row in rows:
        bill = _bill_of(row)
        wanted = {**values, "near": near_part(row["party_key"]), "operator_id": row["operator_id"]}
        wanted["identity"] = row["identity"]
        found = connection.execute(_PAYMENTS, wanted).fetchall()
        if not row["is_asked"]:
            found = [each for each in found if each["is_asked"]]
        if payments := [each for each in found if _may_be_same(bill, _bill_of(each))]:
            yield row, payments


def _bill_of(row: sqlite3.Row) -> str:
    """Return the reference of a row's bill so that near ones are the same; empty without one."""
    return near_reference(row["bill"] or reference_in(row["party_key"] or ""))


def _may_be_same(bill: str, other: str) -> bool:
    return not bill or not other or bill == other


def _paid_problems(payment: sqlite3.Row) -> str:
    of_bill = f"bill {payment['bill']}" if payment["bill"] else "a bill without reference"
    again = "" if payment["is_own"] else ", or add --pay-again REASON if it is another payment"
    text = (
        f"Possible duplicate: run {payment['run']}, line {payment['line']}, sent {of_bill} for "
        f"{payment['credit_party']} on {payment['intent_at'][:10]}, and the biller may not know yet. Remove this row"
        f"{again}."
    )
    return encode_problems([Problem(column="", message=text, may_be_paid=True, is_repeat=not payment["is_own"])])
