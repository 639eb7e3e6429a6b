"""Refuses rows above the velocity limit, counting recent payments of any run; for the other modules of the ledger."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from bulk_topup.domain.money import PRECISE, format_money
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.row_mapping import event_values
from bulk_topup.ledger.sql_fragments import ABSENT, INSERT_EVENT, PAID, UNSENT, absent_since
from bulk_topup.ledger.staged_list_statements import VELOCITY

if TYPE_CHECKING:
    from bulk_topup.domain.guards import Velocity

#: Earlier payments that a refusal lists; of more it gives the number.
MAX_LISTED: Final = 3
_FIX: Final = (
    "It may be a different payment. Remove this row, or pay it on purpose after that time or with a higher limit."
)

#: An account number belongs to one beneficiary per operator; a mobile number belongs to one everywhere.
_OPERATOR = """CASE WHEN json_extract({of}.request, '$.credit_party_identifier.mobile_number') IS NULL
        THEN {of}.operator_id END"""

_PAYMENTS = f"""
    SELECT r.credit_party AS party, {_OPERATOR.format(of="r")} AS operator_id, 0 AS is_new, a.intent_at AS at,
           r.line, r.amount, r.unit, u.job || '/' || u.run_key AS run, r.id AS key
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt JOIN runs AS u ON u.id = r.run_id
    WHERE r.state IN ({PAID}) AND a.intent_at >= :since
"""  # noqa: S608 - composed of constants
#: The same for attempts that may still arrive, as they were sent, unless their rows are counted already.
_ABSENT_PAYMENTS = f"""
    SELECT x.credit_party, CASE WHEN json_extract(a.request, '$.credit_party_identifier.mobile_number') IS NULL
            THEN x.operator_id END, 0, a.intent_at, r.line, x.amount, x.unit, u.job || '/' || u.run_key, r.id
    FROM ({ABSENT}) AS x CROSS JOIN rows AS r ON r.id = x.row_id
        CROSS JOIN attempts AS a ON a.row_id = x.row_id AND a.number = x.attempt JOIN runs AS u ON u.id = r.run_id
    WHERE r.state NOT IN ({PAID})
"""  # noqa: S608 - composed of constants
#: Recent payments to the credit parties of the staged list, then the rows of the list, in list order.
_STAGED = f"""
    {_PAYMENTS} AND r.credit_party IN (SELECT credit_party FROM temp.staged WHERE state = 'pending')
    UNION ALL
    {_ABSENT_PAYMENTS} AND x.credit_party IN (SELECT credit_party FROM temp.staged WHERE state = 'pending')
      AND NOT EXISTS (
          SELECT 1 FROM temp.staged AS s WHERE r.run_id = :run_id AND s.identity = r.identity AND s.state = 'pending'
              AND r.state IN ({UNSENT}) AND s.credit_party IS x.credit_party)
    UNION ALL
    SELECT s.credit_party, {_OPERATOR.format(of="s")}, 1, NULL, s.line, s.amount, s.unit, NULL, s.line
    FROM temp.staged AS s LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE s.state = 'pending' AND s.credit_party IS NOT NULL AND (r.id IS NULL OR r.state IN ({UNSENT}))
    ORDER BY party, operator_id, is_new, at, line
"""  # noqa: S608
_REFUSE_STAGED = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = {VELOCITY}, problems = :problems
    WHERE line = :key
"""  # noqa: S608
#: The same for rows that are about to be sent; the parameter is a JSON array of row IDs.
_CLAIMED = f"""
    {_PAYMENTS} AND r.credit_party IN (
        SELECT p.credit_party FROM json_each(:row_ids) AS w JOIN rows AS p ON p.id = w.value)
    UNION ALL
    {_ABSENT_PAYMENTS} AND r.id NOT IN (SELECT value FROM json_each(:row_ids))
      AND x.credit_party IN (SELECT p.credit_party FROM json_each(:row_ids) AS w JOIN rows AS p ON p.id = w.value)
    UNION ALL
    SELECT r.credit_party, {_OPERATOR.format(of="r")}, 1, NULL, r.line, r.amount, r.unit, NULL, r.id
    FROM json_each(:row_ids) AS w JOIN rows AS r ON r.id = w.value
    WHERE r.credit_party IS NOT NULL
    ORDER BY party, operator_id, is_new, at, line
"""  # noqa: S608
_REFUSE_CLAIMED = """
    UPDATE rows SET state = 'refused', request = NULL, cost = NULL, problems = :problems
    WHERE id = :key AND state = 'pending'
"""


def refuse_staged(connection: sqlite3.Connection, velocity: "Velocity", run_id: int | None, now: datetime) -> None:
    """Refuse staged rows above the limit, counting payments of any run and earlier rows of the list."""
    since = (now - velocity.period).isoformat()
    entries = connection.execute(_STAGED, {"run_id": run_id, "since": since, "absent_since": absent_since(now)})
    refused = [{"key": key, "problems": _problems(text)} for key, text in _above_limit(velocity, entries)]
    connection.executemany(_REFUSE_STAGED, refused)


def refuse_claimed(
    connection: sqlite3.Connection, velocity: "Velocity", rows: list[sqlite3.Row], now: datetime
) -> list[sqlite3.Row]:
    """Refuse rows about to be sent that are above the limit by now, and return the others.

    Two runs that were started at the same time both passed the plan, so the check is repeated here.
    """
    values = {
        "row_ids": json.dumps([row["row_id"] for row in rows]),
        "since": (now - velocity.period).isoformat(),
        "absent_since": absent_since(now),
    }
    refused = dict(_above_limit(velocity, connection.execute(_CLAIMED, values)))
    problems = [{"key": key, "problems": _problems(text)} for key, text in refused.items()]
    connection.executemany(_REFUSE_CLAIMED, problems)
    events = [
        event_values(
            row["row_id"], row["attempt"], now.isoformat(), RowState.PENDING, RowState.REFUSED, "paid too often by now"
        )
        for row in rows
        if row["row_id"] in refused
    ]
    connection.executemany(INSERT_EVENT, events)
    return [row for row in rows if row["row_id"] not in refused]


@dataclass(kw_only=True, slots=True)
class _Payments:
    """The payments to one beneficiary in the period."""

    party: str
    count: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    #: The latest payments in words.
    latest: list[str] = field(default_factory=list)

    def add(self, amount: Decimal | None, unit: str | None, description: str) -> None:
        self.count += 1
        if amount is not None and unit is not None:
            self.amounts[unit] = self.total_with(amount, unit)
        self.latest = [description, *self.latest[: MAX_LISTED - 1]]

    def total_with(self, amount: Decimal, unit: str) -> Decimal:
        return PRECISE.add(self.amounts.get(unit, Decimal(0)), amount)

    def sentence(self) -> str:
        more = self.count - len(self.latest)
        payments = "; ".join([*self.latest, f"and {more:,} more before"] if more else self.latest)
        return f"{self.party} was already sent {payments}. " if payments else ""


def _above_limit(velocity: "Velocity", entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, str]]:
    """Yield the key of every new row above the limit, with the message for it.

    Args:
        velocity: the limit.
        entries: payments and new rows, those of one beneficiary together, payments first.
    """
    beneficiary: Callable[[Mapping[str, Any]], object] = lambda entry: (  # noqa: E731
        entry["party"],
        entry["operator_id"],
    )
    for _, group in groupby(entries, beneficiary):
        payments: _Payments | None = None
        for entry in group:
            payments = payments or _Payments(party=entry["party"])
            amount, unit = None if entry["amount"] is None else Decimal(entry["amount"]), entry["unit"]
            if entry["is_new"] and (excess := _excess(velocity, payments, amount, unit)):
                yield entry["key"], f"{payments.sentence()}{excess} {_FIX}"
                continue
            payments.add(amount, unit, _description(entry))


def _excess(velocity: "Velocity", payments: _Payments, amount: Decimal | None, unit: str | None) -> str:
    """Explain how one more payment exceeds the limit; return an empty text if it does not."""
    period = f"in {velocity.days} {'day' if velocity.days == 1 else 'days'}"
    if velocity.payments is not None and payments.count >= velocity.payments:
        noun = "payment" if velocity.payments == 1 else "payments"
        return f"The velocity limit is {velocity.payments:,} {noun} to one beneficiary {period}."
    if not velocity.amounts or amount is None or unit is None:
        return ""
    limit = velocity.amounts.get(unit)
    if limit is None:
        return f"The velocity limit {period} does not name {unit}. Add an amount for it."
    total = payments.total_with(amount, unit)
    if total <= limit:
        return ""
    return (
        f"With this row it would be {format_money(total, unit)} {period}. "
        f"The velocity limit is {format_money(limit, unit)}."
    )


def _description(entry: Mapping[str, Any]) -> str:
    money = "" if entry["amount"] is None else f"{format_money(Decimal(entry['amount']), entry['unit'])} "
    if entry["is_new"]:
        return f"{money}by line {entry['line']} of this list"
    return f"{money}on {entry['at'][:10]} by run {entry['run']}, line {entry['line']}"


def _problems(text: str) -> str:
    # The earlier payment may be the same one, so the row must not be paid by other means either.
    return encode_problems([Problem(column="", message=text, may_be_paid=True)])
