"""Refuses rows above the velocity limit, counting recent payments of any run; for the other modules of the ledger."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from bulk_topup.domain.list_parts import lines_before, part_of
from bulk_topup.domain.money import PRECISE, format_money
from bulk_topup.domain.problem_kinds import ProblemKind
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.sameness import ACCOUNT, AFTER_NEAR
from bulk_topup.ledger.claim_refusals import refuse_rows
from bulk_topup.ledger.sql_fragments import ABSENT, NEAR_PART, PAID, UNSENT, absent_since
from bulk_topup.ledger.staged_list_statements import VELOCITY

if TYPE_CHECKING:
    from bulk_topup.domain.guards import Velocity

#: Earlier payments that a refusal lists; of more it gives the number.
MAX_LISTED: Final = 3
_FIX: Final = (
    "It may be a different payment. Remove this row, or pay it on purpose after that time or with a higher limit."
)

#: Near spellings are one beneficiary, and two bills of one account are, unless a person has found two to be different.
_NEAR = NEAR_PART.format(key="{of}.party_key")
#: An account number belongs to one beneficiary per operator; a mobile number belongs to one everywhere.
_OPERATOR = f"CASE WHEN {{of}}.party_key GLOB '{ACCOUNT}*' THEN {{of}}.operator_id END"

#: Comes after the ID of every row.
_LAST: Final = 2**63 - 1
#: The payments to each `n.near`; all keys with a near part are between it and the near part with the next character.
_PAYMENTS = f"""
    SELECT n.near AS party, {_OPERATOR.format(of="r")} AS operator_id, 0 AS is_new, a.intent_at AS at,
           r.line, r.credit_party, r.party_key, r.amount, r.unit, u.job || '/' || u.run_key AS run, r.id AS key,
           0 AS place
    FROM n CROSS JOIN rows AS r ON r.party_key >= n.near AND r.party_key < n.near || char({ord(AFTER_NEAR)})
        CROSS JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt CROSS JOIN runs AS u ON u.id = r.run_id
    WHERE r.state IN ({PAID}) AND a.intent_at >= :since AND r.credit_party IS NOT NULL
"""  # noqa: S608 - composed of constants
#: The same for attempts that may still arrive, as they were sent, unless their rows are counted already.
_ABSENT_PAYMENTS = f"""
    SELECT {_NEAR.format(of="x")}, {_OPERATOR.format(of="x")}, 0, a.intent_at, r.line, x.credit_party, x.party_key,
        x.amount, x.unit, u.job || '/' || u.run_key, r.id, 0
    FROM ({ABSENT}) AS x CROSS JOIN rows AS r ON r.id = x.row_id
        CROSS JOIN attempts AS a ON a.row_id = x.row_id AND a.number = x.attempt JOIN runs AS u ON u.id = r.run_id
    WHERE r.state NOT IN ({PAID}) AND x.credit_party IS NOT NULL AND {_NEAR.format(of="x")} IN (SELECT near FROM n)
"""  # noqa: S608 - composed of constants
#: Recent payments to the credit parties of the staged list, then the rows of the list and those that its run will send
#: of its other lists, in the order in which they are sent. The latter have a run.
_STAGED = f"""
    WITH n AS (SELECT DISTINCT {_NEAR.format(of="s")} AS near FROM temp.staged AS s
               WHERE s.state = 'pending' AND s.credit_party IS NOT NULL)
    {_PAYMENTS}
    UNION ALL
    {_ABSENT_PAYMENTS}
      AND NOT EXISTS (
          SELECT 1 FROM temp.staged AS s WHERE r.run_id = :run_id AND s.identity = r.identity AND s.state = 'pending'
              AND (r.state IN ({UNSENT}) OR r.state = 'failed' AND s.is_resent) AND s.party_key IS x.party_key)
    UNION ALL
    SELECT {_NEAR.format(of="s")}, {_OPERATOR.format(of="s")}, 1, NULL, s.line, s.credit_party, s.party_key, s.amount,
        s.unit, NULL, s.line, coalesce(r.id, {_LAST})
    FROM temp.staged AS s LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE s.state = 'pending' AND s.credit_party IS NOT NULL
      AND (r.id IS NULL OR r.state IN ({UNSENT}) OR r.state = 'failed' AND s.is_resent)
    UNION ALL
    SELECT n.near, {_OPERATOR.format(of="r")}, 1, NULL, r.line, r.credit_party, r.party_key, r.amount, r.unit,
        u.job || '/' || u.run_key, r.id, r.id
    FROM n CROSS JOIN temp.kept AS k ON k.near = n.near CROSS JOIN rows AS r ON r.id = k.id
        CROSS JOIN runs AS u ON u.id = r.run_id
    WHERE r.state = 'pending' AND r.credit_party IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM absences AS w WHERE w.row_id = r.id AND w.sent_at > :absent_since)
    ORDER BY party, operator_id, is_new, at, place, line
"""  # noqa: S608
_REFUSE_STAGED = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = {VELOCITY}, problems = :problems
    WHERE line = :key
"""  # noqa: S608
#: The same for rows that are about to be sent; the parameter is a JSON array of row IDs.
_CLAIMED = f"""
    WITH n AS (SELECT DISTINCT {_NEAR.format(of="p")} AS near FROM json_each(:row_ids) AS w
               JOIN rows AS p ON p.id = w.value WHERE p.credit_party IS NOT NULL)
    {_PAYMENTS}
    UNION ALL
    {_ABSENT_PAYMENTS} AND r.id NOT IN (SELECT value FROM json_each(:row_ids))
    UNION ALL
    SELECT {_NEAR.format(of="r")}, {_OPERATOR.format(of="r")}, 1, NULL, r.line, r.credit_party, r.party_key, r.amount,
        r.unit, NULL, r.id, 0
    FROM json_each(:row_ids) AS w JOIN rows AS r ON r.id = w.value
    WHERE r.credit_party IS NOT NULL
    ORDER BY party, operator_id, is_new, at, line
"""  # noqa: S608
#: The pairs of different parties with a near part that the ledger keeps, and those that the staged list uses.
_KEPT_PAIRS: Final = f"""
    SELECT key, other FROM not_the_same WHERE key >= :near AND key < :near || char({ord(AFTER_NEAR)})
"""  # noqa: S608
_STAGED_PAIRS: Final = f"""
    {_KEPT_PAIRS}
    UNION SELECT key, other FROM temp.used_pairs WHERE key >= :near AND key < :near || char({ord(AFTER_NEAR)})
"""  # noqa: S608


def refuse_staged(connection: sqlite3.Connection, velocity: "Velocity", run_id: int | None, now: datetime) -> None:
    """Refuse staged rows above the limit, counting payments of any run, earlier rows of the list and of other lists."""
    since = (now - velocity.period).isoformat()
    entries = connection.execute(_STAGED, {"run_id": run_id, "since": since, "absent_since": absent_since(now)})
    above = _above_limit(velocity, entries, _pairs(connection, _STAGED_PAIRS))
    refused = [{"key": key, "problems": _problems(text)} for key, text in above]
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
    entries = connection.execute(_CLAIMED, values)
    above = _above_limit(velocity, entries, _pairs(connection, _KEPT_PAIRS))
    problems = {key: _problems(text) for key, text in above}
    return refuse_rows(connection, rows, problems, at=now.isoformat(), cause="paid too often by now")


@dataclass(kw_only=True, slots=True)
class _Payments:
    """Payments to one beneficiary in the period."""

    count: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    #: The latest ones with their places, newest first.
    latest: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)

    def add(self, place: int, entry: Mapping[str, Any]) -> None:
        """Add a payment, which comes after all others."""
        self.count += 1
        if entry["amount"] is not None and entry["unit"] is not None:
            self.amounts[entry["unit"]] = self.total_with(Decimal(entry["amount"]), entry["unit"])
        self.latest = [(place, entry), *self.latest[: MAX_LISTED - 1]]

    @classmethod
    def together(cls, parts: Sequence["_Payments"]) -> "_Payments":
        """Return the payments of several keys as one."""
        total = cls(count=sum(part.count for part in parts))
        for part in parts:
            for unit, amount in part.amounts.items():
                total.amounts[unit] = total.total_with(amount, unit)
        latest = (payment for part in parts for payment in part.latest)
        total.latest = sorted(latest, key=itemgetter(0), reverse=True)[:MAX_LISTED]
        return total

    def total_with(self, amount: Decimal, unit: str) -> Decimal:
        return PRECISE.add(self.amounts.get(unit, Decimal(0)), amount)

    def sentence(self, party: str) -> str:
        """Return the latest payments in words, to a number as the list spells it."""
        more = self.count - len(self.latest)
        latest = [_description(entry, party) for _, entry in self.latest]
        payments = "; ".join([*latest, f"and {more:,} more before"] if more else latest)
        return f"{party} was already sent {payments}. " if payments else ""


#: Returns the pairs of different parties with a near part.
_Pairs = Callable[[str], AbstractSet[tuple[str, str]]]


def _pairs(connection: sqlite3.Connection, statement: str) -> _Pairs:
    return lambda near: {(row["key"], row["other"]) for row in connection.execute(statement, {"near": near})}


def _above_limit(
    velocity: "Velocity", entries: Iterable[Mapping[str, Any]], pairs_of: _Pairs
) -> Iterator[tuple[Any, str]]:
    """Yield the key of every new row above the limit, with the message for it.

    Args:
        velocity: the limit.
        entries: payments and new rows, those of one beneficiary together, payments first.
        pairs_of: which parties are two beneficiaries although they look like one.
    """
    beneficiary: Callable[[Mapping[str, Any]], tuple[str, int | None]] = lambda entry: (  # noqa: E731
        entry["party"],
        entry["operator_id"],
    )
    for (near, _), group in groupby(entries, beneficiary):
        all_payments = _Payments()
        by_party: dict[str, _Payments] = {}
        pairs: AbstractSet[tuple[str, str]] = frozenset()
        for place, entry in enumerate(group):
            party = entry["party_key"]
            if party not in by_party:
                pairs = pairs_of(near) if len(by_party) == 1 else pairs
                by_party[party] = _Payments()
            if entry["is_new"] and entry["run"] is None:
                payments = all_payments
                if pairs:
                    payments = _Payments.together(
                        [part for key, part in by_party.items() if (min(key, party), max(key, party)) not in pairs]
                    )
                amount = None if entry["amount"] is None else Decimal(entry["amount"])
                if excess := _excess(velocity, payments, amount, entry["unit"]):
                    yield entry["key"], f"{payments.sentence(entry['credit_party'])}{excess} {_FIX}"
                    continue
            all_payments.add(place, entry)
            by_party[party].add(place, entry)


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


def _description(entry: Mapping[str, Any], party: str) -> str:
    money = "" if entry["amount"] is None else f"{format_money(Decimal(entry['amount']), entry['unit'])} "
    if entry["credit_party"] != party:
        money += f"as {entry['credit_party']} "
    if entry["is_new"] and entry["run"] is None:
        return f"{money}by line {entry['line']} of this list"
    if entry["is_new"]:
        part = part_of(entry["line"])
        return f"{money}by line {entry['line'] - lines_before(part)} of list {part} of this run, which is still pending"
    return f"{money}on {entry['at'][:10]} by run {entry['run']}, line {entry['line']}"


def _problems(text: str) -> str:
    # The earlier payment may be the same one, so the row must not be paid by other means either.
    return encode_problems([Problem(column="", message=text, may_be_paid=True, kind=ProblemKind.VELOCITY)])
