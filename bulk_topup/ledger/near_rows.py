"""Refuses rows of a staged list that may credit the same beneficiary as another row of it, in another spelling."""

import json
import sqlite3
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from bulk_topup.domain.identity import REFERENCE_PREFIX
from bulk_topup.domain.problems import Problem, encode_problems
from bulk_topup.domain.sameness import ACCOUNT, REFERENCE, is_near, near_bill
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.not_the_same import named_lines, use_pair
from bulk_topup.ledger.sql_fragments import NEAR_PART, SENT
from bulk_topup.ledger.staged_list_statements import POSSIBLE_DUPLICATE, UNDECIDED

#: Rows that a reason names; of more it gives the number.
MAX_NAMED: Final = 3

CREATE_GROUPS: Final = """
    CREATE TEMP TABLE IF NOT EXISTS near_groups (near TEXT, product_id INTEGER, PRIMARY KEY (near, product_id))
    WITHOUT ROWID
"""
_CLEAR_GROUPS: Final = "DELETE FROM temp.near_groups"
#: A row whose key is not the spelling of the list. Rows that all have their keys' spelling are near to none, and equal
#: only to rows with the same identity, which are found while the list is checked.
_HAS_RESPELLED: Final = f"""
    SELECT EXISTS (
        SELECT 1 FROM temp.staged
        WHERE party_key <> credit_party AND party_key <> '{ACCOUNT}' || credit_party
           OR credit_party IS NULL AND party_key <> identity)
"""  # noqa: S608 - composed of constants
_FIND_GROUPS: Final = f"""
    INSERT INTO temp.near_groups (near, product_id)
    SELECT near, product_id
    FROM (SELECT {NEAR_PART.format(key="party_key")} AS near, product_id, party_key FROM temp.staged
          WHERE party_key IS NOT NULL AND product_id IS NOT NULL)
    GROUP BY near, product_id
    HAVING count(*) > 1
       AND (min(party_key) <> max(party_key) OR NOT :allow_duplicates OR near GLOB '{REFERENCE}*')
"""  # noqa: S608
#: Rows that were sent come first: what is not sent yet is refused beside them.
_MEMBERS: Final = f"""
    SELECT g.near, g.product_id, s.line, s.party_key, s.state, r.id IS NOT NULL AS is_sent
    FROM temp.staged AS s
    CROSS JOIN temp.near_groups AS g
        ON g.near = {NEAR_PART.format(key="s.party_key")} AND g.product_id = s.product_id
    LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity AND +r.state IN ({SENT})
    ORDER BY g.near, g.product_id, is_sent DESC, s.line
"""  # noqa: S608
_SPELLING: Final = (
    "SELECT coalesce(written, identity) AS identity, credit_party, request FROM temp.staged WHERE line = :line"
)
_REFUSE: Final = """
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, refusal = :refusal, problems = :problems
    WHERE line = :line
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Key:
    """The first row with a key, and the keys of rows before it that are near."""

    line: int
    near_keys: tuple["_Key", ...]


@dataclass(kw_only=True, slots=True)
class _Group:
    """The keys of rows with one product that have the same near part, in order."""

    connection: sqlite3.Connection
    #: Keys of rows whose lines a decision names.
    named_keys: AbstractSet[str]
    keys: dict[str, _Key] = field(default_factory=dict)
    #: The keys by the near text of their bill: of many bills of one account, few are compared.
    by_bill: dict[str, list[str]] = field(default_factory=dict)

    def add(self, key: str, line: int) -> _Key:
        """Return the entry of a key, which the first row with it adds."""
        if (known := self.keys.get(key)) is None:
            bill = near_bill(key)
            others = self.keys if not bill else (*self.by_bill.get(bill, ()), *self.by_bill.get("", ()))
            near_keys = tuple(self.keys[other] for other in others if self._is_near(key, other))
            known = self.keys[key] = _Key(line=line, near_keys=near_keys)
            self.by_bill.setdefault(bill, []).append(key)
        return known

    def _is_near(self, key: str, other: str) -> bool:
        is_named = not self.named_keys.isdisjoint((key, other))
        return is_near(key, other) and not use_pair(self.connection, key, other, is_named=is_named)


def refuse_near_rows(connection: sqlite3.Connection, run_id: int | None, *, allow_duplicates: bool) -> None:
    """Refuse rows that have the key of another row of their product in another spelling, or a near key.

    The later row is refused, unless the earlier one was not sent yet and the later one was. Near rows that a person has
    found to be different are not refused.

    Args:
        connection: a connection in a transaction.
        run_id: the run; None for one that does not exist yet.
        allow_duplicates: whether equal rows of one product may be paid; near ones may be the same row written twice.
    """
    connection.execute(CREATE_GROUPS)
    connection.execute(_CLEAR_GROUPS)
    if not connection.execute(_HAS_RESPELLED).fetchone()[0]:
        return
    if connection.execute(_FIND_GROUPS, {"allow_duplicates": allow_duplicates}).rowcount < 1:
        return
    refused: list[dict[str, object]] = []
    named = named_lines(connection)
    members = connection.execute(_MEMBERS, {"run_id": run_id}).fetchall()
    for (near, _), rows in groupby(members, lambda row: (row["near"], row["product_id"])):
        may_repeat = allow_duplicates and not near.startswith(REFERENCE)
        refused += _refused(connection, list(rows), named, may_repeat=may_repeat)
    connection.executemany(_REFUSE, refused)


def _refused(
    connection: sqlite3.Connection, rows: Collection[Any], named: Collection[int], *, may_repeat: bool
) -> Iterator[dict[str, object]]:
    """Yield the lines of rows to refuse, with the reasons."""
    named_keys = {row["party_key"] for row in rows if row["line"] in named}
    group = _Group(connection=connection, named_keys=named_keys)
    for row in rows:
        key = group.add(row["party_key"], row["line"])
        if row["is_sent"] or row["state"] != RowState.PENDING:
            continue
        if key.line != row["line"] and not may_repeat:
            refusal, text = POSSIBLE_DUPLICATE, _equal_text(connection, key.line)
        elif key.near_keys:
            refusal, text = UNDECIDED, _near_text(connection, row["line"], [near.line for near in key.near_keys])
        else:
            continue
        problems = encode_problems([Problem(column="", message=text, may_be_paid=True)])
        yield {"line": row["line"], "refusal": refusal, "problems": problems}


def _equal_text(connection: sqlite3.Connection, first: int) -> str:
    spelling, is_reference = _spelling(connection, first)
    if is_reference:
        return f"Line {first} has this reference as {spelling}. Every row needs its own."
    return f"Duplicate of line {first}, which has {spelling}. Remove one, or add --allow-duplicates."


def _near_text(connection: sqlite3.Connection, line: int, others: list[int]) -> str:
    spelling, is_reference = _spelling(connection, line)
    named = [f"{_spelling(connection, other)[0]} of line {other}" for other in sorted(others)[:MAX_NAMED]]
    if more := len(others) - len(named):
        named.append(f"{more:,} more")
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    what = "references" if is_reference else "beneficiaries"
    return (
        f"Possible duplicate: {spelling} may be {listed} in another spelling. Remove one, or if they are different "
        f"{what}, add --not-the-same {line} --reason TEXT."
    )


def _spelling(connection: sqlite3.Connection, line: int) -> tuple[str, bool]:
    """Return how the list writes the credited party of a row, and whether it has only a reference."""
    row = connection.execute(_SPELLING, {"line": line}).fetchone()
    if row["credit_party"] is None:
        return f'"{row["identity"].removeprefix(REFERENCE_PREFIX)}"', True
    request = {} if row["request"] is None else json.loads(row["request"])
    party, bill = request.get("credit_party_identifier", {}), request.get("statement_identifier", {})
    number = party.get("account_number") or row["credit_party"]
    words = [f'"{number}"']
    if qualifier := party.get("account_qualifier"):
        words.append(f'with "{qualifier}"')
    if reference := bill.get("reference"):
        words.append(f'and bill "{reference}"')
    return " ".join(words), False
