"""Who was paid of late, whatever the run, and which rows would pay them too often; statements for the ledger alone."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.row_mapping import event_values

if TYPE_CHECKING:
    from bulk_topup.domain.guards import Velocity

#: Earlier payments that a refusal names one by one; of more it tells the number.
NAMED: Final = 3
_CURE: Final = (
    "It may be another payment than this one: leave this row out, or pay it on purpose once the time is over or a "
    "wider limit is stated."
)
#: What the ledger marks staged rows with that are refused for this.
REPEATED: Final = 2

#: Rows that paid somebody, or may have: all but those that are known to have failed or were taken back.
_PAID = ", ".join(
    f"'{state}'" for state in (RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.CONFLICT)
)
_UNSENT = f"'{RowState.REFUSED}', '{RowState.PENDING}'"

#: An account number is somebody's at one operator; a mobile number is somebody's everywhere.
_OPERATOR = """CASE WHEN json_extract({of}.request, '$.credit_party_identifier.mobile_number') IS NULL
        THEN {of}.operator_id END"""

_PAYMENTS = f"""
    SELECT r.credit_party AS party, {_OPERATOR.format(of="r")} AS operator_id, 0 AS is_new, a.intent_at AS at,
           r.line, r.amount, r.unit, u.job || '/' || u.run_key AS run, r.id AS key
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt JOIN runs AS u ON u.id = r.run_id
    WHERE r.state IN ({_PAID}) AND a.intent_at >= :since
"""  # noqa: S608 - composed of constants
#: Payments of late to those whom the staged list would pay, and after them what it would pay, in list order.
_STAGED = f"""
    {_PAYMENTS} AND r.credit_party IN (SELECT credit_party FROM temp.staged WHERE state = 'pending')
    UNION ALL
    SELECT s.credit_party, {_OPERATOR.format(of="s")}, 1, NULL, s.line, s.amount, s.unit, NULL, s.line
    FROM temp.staged AS s LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE s.state = 'pending' AND s.credit_party IS NOT NULL AND (r.id IS NULL OR r.state IN ({_UNSENT}))
    ORDER BY party, operator_id, is_new, at, line
"""  # noqa: S608
_REFUSE_STAGED = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, held = {REPEATED}, problems = :problems
    WHERE line = :key
"""  # noqa: S608
#: The same for rows that are about to be sent; the caller's list of their ids is a JSON array.
_CLAIMED = f"""
    {_PAYMENTS} AND r.credit_party IN (
        SELECT p.credit_party FROM json_each(:row_ids) AS w JOIN rows AS p ON p.id = w.value)
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
_INSERT_EVENT = """
    INSERT INTO events (row_id, attempt, at, before, after, cause, status_message)
    VALUES (:row_id, :attempt, :at, :before, :after, :cause, :status_message)
"""


def refuse_staged(connection: sqlite3.Connection, velocity: "Velocity", run_id: int | None, now: datetime) -> None:
    """Refuse the staged rows that would pay somebody too often, counting what any run paid and the rows before them."""
    since = (now - velocity.period).isoformat()
    entries = connection.execute(_STAGED, {"run_id": run_id, "since": since})
    refused = [{"key": key, "problems": _problems(text)} for key, text in _too_often(velocity, entries)]
    connection.executemany(_REFUSE_STAGED, refused)


def admit(
    connection: sqlite3.Connection, velocity: "Velocity", rows: list[sqlite3.Row], now: datetime
) -> list[sqlite3.Row]:
    """Refuse those of the rows about to be sent that would pay somebody too often by now; give the others.

    Two runs that were started at once both passed the plan: only what stands in the ledger now tells.
    """
    values = {"row_ids": json.dumps([row["row_id"] for row in rows]), "since": (now - velocity.period).isoformat()}
    refused = dict(_too_often(velocity, connection.execute(_CLAIMED, values)))
    told = [{"key": key, "problems": _problems(text)} for key, text in refused.items()]
    connection.executemany(_REFUSE_CLAIMED, told)
    events = [
        event_values(
            row["row_id"], row["attempt"], now.isoformat(), RowState.PENDING, RowState.REFUSED, "paid too often by now"
        )
        for row in rows
        if row["row_id"] in refused
    ]
    connection.executemany(_INSERT_EVENT, events)
    return [row for row in rows if row["row_id"] not in refused]


@dataclass(kw_only=True, slots=True)
class _Received:
    """What one beneficiary gets in the period."""

    party: str
    payments: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    #: The latest payments, told as a person would.
    latest: list[str] = field(default_factory=list)

    def add(self, amount: Decimal | None, unit: str | None, told: str) -> None:
        self.payments += 1
        if amount is not None and unit is not None:
            self.amounts[unit] = self.after(amount, unit)
        self.latest = [told, *self.latest[: NAMED - 1]]

    def after(self, amount: Decimal, unit: str) -> Decimal:
        return PRECISE.add(self.amounts.get(unit, Decimal(0)), amount)

    def told(self) -> str:
        more = self.payments - len(self.latest)
        names = "; ".join([*self.latest, f"and {more} more before"] if more else self.latest)
        return f"{self.party} was already sent {names}. " if names else ""


def _too_often(velocity: "Velocity", entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, str]]:
    """Give the key of every new entry that goes beyond the limit, with the sentences that say so.

    Args:
        velocity: the limit.
        entries: payments and new rows, those of one beneficiary together, and there payments first.
    """
    whose: Callable[[Mapping[str, Any]], object] = lambda entry: (entry["party"], entry["operator_id"])  # noqa: E731
    for _, group in groupby(entries, whose):
        received: _Received | None = None
        for entry in group:
            received = received or _Received(party=entry["party"])
            amount, unit = None if entry["amount"] is None else Decimal(entry["amount"]), entry["unit"]
            if entry["is_new"] and (excess := _excess(velocity, received, amount, unit)):
                yield entry["key"], f"{received.told()}{excess} {_CURE}"
                continue
            received.add(amount, unit, _told(entry))


def _excess(velocity: "Velocity", received: _Received, amount: Decimal | None, unit: str | None) -> str:
    """Say by what a further payment goes beyond the limit; nothing when it does not."""
    period = f"in {velocity.days} {'day' if velocity.days == 1 else 'days'}"
    if velocity.payments is not None and received.payments >= velocity.payments:
        payments = "payment" if velocity.payments == 1 else "payments"
        return f"More than {velocity.payments} {payments} {period} to one beneficiary is not allowed."
    if not velocity.amounts or amount is None or unit is None:
        return ""
    limit = velocity.amounts.get(unit)
    if limit is None:
        return f"The limit of what one beneficiary gets {period} does not name {unit}; state an amount for it."
    total = received.after(amount, unit)
    if total <= limit:
        return ""
    return (
        f"With {format_plain(amount)} {unit} it would be {format_plain(total)} {unit} {period}; "
        f"{format_plain(limit)} {unit} is allowed."
    )


def _told(entry: Mapping[str, Any]) -> str:
    what = "" if entry["amount"] is None else f"{format_plain(Decimal(entry['amount']))} {entry['unit']} "
    if entry["is_new"]:
        return f"{what}by line {entry['line']} of this list"
    return f"{what}on {entry['at'][:10]} by run {entry['run']}, line {entry['line']}"


def _problems(text: str) -> str:
    # Somebody else's payment may be the same one, so the row must not be paid by other means either.
    return encode_problems([Problem(column="", message=text, may_be_paid=True)])
