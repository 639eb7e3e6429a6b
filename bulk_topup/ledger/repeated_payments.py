"""Payments of other runs that a run pays again on purpose, and those that nobody knows any more; writes the ledger."""

import hashlib
import json
import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk_topup.domain.earlier_payments import ELSEWHERE, RepeatedRun

#: What the staged list pays again: what was saved with its run before, and what it repeats now.
_REPEATED: Final = """
    SELECT f.identity, f.earlier_row_id, f.reason, f.more, a.intent_at, u.job || '/' || u.run_key AS run
    FROM (
        SELECT identity, earlier_row_id, :pay_again AS reason, more FROM temp.repeated WHERE :pay_again <> ''
        UNION ALL
        SELECT p.identity, p.earlier_row_id, p.reason, p.more
        FROM repeated_payments AS p CROSS JOIN temp.staged AS s ON s.identity = p.identity AND s.state = 'pending'
        WHERE p.run_id IS :run_id AND p.reason IS NOT NULL
    ) AS f
    CROSS JOIN rows AS r ON r.id = abs(f.earlier_row_id)
    CROSS JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    CROSS JOIN runs AS u ON u.id = r.run_id
    ORDER BY f.identity, f.earlier_row_id
"""
_HAS_REPEATED: Final = """
    SELECT EXISTS (SELECT 1 FROM temp.repeated WHERE :pay_again <> '')
        OR EXISTS (SELECT 1 FROM repeated_payments WHERE run_id IS :run_id AND reason IS NOT NULL)
"""
#: Purged runs that are compared have no beneficiaries any more.
_UNKNOWN_UNTIL: Final = """
    SELECT max(u.last_sent_at) FROM temp.compared AS c CROSS JOIN runs AS u ON u.id = c.run_id
    WHERE u.purged_at IS NOT NULL AND (c.since IS NULL OR u.last_sent_at >= c.since)
"""
_FORGET_REFUSED: Final = "DELETE FROM repeated_payments WHERE run_id = :run_id AND reason IS NULL"
_SAVE: Final = """
    INSERT OR IGNORE INTO repeated_payments (run_id, earlier_row_id, identity, reason, at, more, known_until)
    SELECT :run_id, earlier_row_id, identity, nullif(:pay_again, ''), :at, more, known_until FROM temp.repeated
"""
_NEW: Final = """
    SELECT u.job || '/' || u.run_key AS run, count(*) AS rows
    FROM temp.repeated AS t CROSS JOIN rows AS r ON r.id = abs(t.earlier_row_id) CROSS JOIN runs AS u ON u.id = r.run_id
    GROUP BY u.id ORDER BY rows DESC, u.id
"""
_ADD_DECISION: Final = """
    UPDATE runs SET paid_again = json_insert(coalesce(paid_again, '[]'), '$[#]', json(:decision)) WHERE id = :run_id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeated:
    """What a staged list pays again on purpose."""

    #: The runs that paid it before, each once for each reason, those with the most rows first.
    runs: tuple[RepeatedRun, ...] = ()
    #: Further payments that these rows repeat.
    more: int = 0
    #: SHA-256 of the rows' identities, the payments that they repeat, and the reasons, in hexadecimal; empty for none.
    sha256: str = ""


def find_repeated(connection: sqlite3.Connection, run_id: int | None, pay_again: str) -> Repeated:
    """Return what the staged list pays again, in this invocation and in earlier ones of its run.

    Args:
        connection: the ledger, in a transaction.
        run_id: the list's run; None for a new one.
        pay_again: why the rows of `temp.repeated` are paid again; empty if they are refused.
    """
    values = {"run_id": run_id, "pay_again": pay_again}
    if not connection.execute(_HAS_REPEATED, values).fetchone()[0]:
        return Repeated()
    digest = hashlib.sha256()
    times: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    more = 0
    for row in connection.execute(_REPEATED, values):
        # A statement that was approved before these were counted stays valid where there are none.
        further = [row["more"]] if row["more"] else []
        more += sum(further)
        digest.update(json.dumps([row["identity"], row["earlier_row_id"], row["reason"], *further]).encode() + b"\n")
        times[row["run"], row["reason"]].append(datetime.fromisoformat(row["intent_at"]))
    runs = (
        RepeatedRun(run=run, rows=len(each), first=min(each), last=max(each), reason=reason)
        for (run, reason), each in times.items()
    )
    ordered = tuple(sorted(runs, key=lambda each: (-each.rows, each.run, each.reason)))
    return Repeated(runs=ordered, more=more, sha256=digest.hexdigest() if ordered else "")


def unknown_until(connection: sqlite3.Connection) -> datetime | None:
    """Return when the last payment was sent that would be compared, were its run not purged; None for none."""
    found: str | None = connection.execute(_UNKNOWN_UNTIL).fetchone()[0]
    return None if found is None else datetime.fromisoformat(found)


def save_repeated(
    connection: sqlite3.Connection, run_id: int, pay_again: str, *, elsewhere: int, by: str, at: str
) -> None:
    """Save which payments the rows of the merged list repeat: those of `temp.repeated`, and those of other ledgers.

    Args:
        connection: the ledger, in a transaction.
        run_id: the list's run.
        pay_again: why they are paid again; empty if they are refused.
        elsewhere: how many rows are known to repeat payments of another ledger.
        by: who pays them again.
        at: the time.
    """
    values = {"run_id": run_id, "pay_again": pay_again, "at": at}
    connection.execute(_FORGET_REFUSED, values)
    connection.execute(_SAVE, values)
    found = connection.execute(_NEW).fetchall()
    if not pay_again:
        return
    decisions = [([row["run"] for row in found], sum(row["rows"] for row in found)), ([ELSEWHERE], elsewhere)]
    for runs, rows in decisions:
        if rows:
            decision = {"runs": runs, "rows": rows, "by": by, "reason": pay_again, "at": at}
            connection.execute(_ADD_DECISION, {**values, "decision": json.dumps(decision, ensure_ascii=False)})
