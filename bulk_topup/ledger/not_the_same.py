"""Pairs of credited parties that a person has found to be different: those of a staged list, and those that are kept.

Every comparison of near keys asks here, also those with other runs. The decision of an invocation is in temporary
tables until its list is merged; a plan thus changes nothing.
"""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bulk_topup.domain.not_the_same import DifferentPair
from bulk_topup.ledger.ledger_file import LedgerFile

if TYPE_CHECKING:
    from bulk_topup.domain.not_the_same import NotTheSame

#: True if two keys are a pair that is kept in the ledger; a format of `a` and `b`, expressions for the keys.
IS_KEPT_PAIR: Final = """EXISTS (
    SELECT 1 FROM not_the_same AS kept WHERE kept.key = min({a}, {b}) AND kept.other = max({a}, {b}))"""
#: True if two keys are a pair that the staged list relies on.
IS_USED_PAIR: Final = """EXISTS (
    SELECT 1 FROM temp.used_pairs AS used WHERE used.key = min({a}, {b}) AND used.other = max({a}, {b}))"""
#: True if the decision of this invocation names a line; a format of `line`, an expression for the line.
IS_NAMED_LINE: Final = "{line} IN (SELECT line FROM temp.named_lines)"

CREATE_NAMED_LINES: Final = "CREATE TEMP TABLE IF NOT EXISTS named_lines (line INTEGER PRIMARY KEY)"
CREATE_USED_PAIRS: Final = """
    CREATE TEMP TABLE IF NOT EXISTS used_pairs (key TEXT, other TEXT, PRIMARY KEY (key, other)) WITHOUT ROWID
"""
_CLEAR_NAMED_LINES: Final = "DELETE FROM temp.named_lines"
_CLEAR_USED_PAIRS: Final = "DELETE FROM temp.used_pairs"
CLEAR_PAIRS: Final = (CREATE_NAMED_LINES, CREATE_USED_PAIRS, _CLEAR_NAMED_LINES, _CLEAR_USED_PAIRS)
_NAME_LINE: Final = "INSERT OR IGNORE INTO temp.named_lines (line) VALUES (?)"
_NAMED_LINES: Final = "SELECT line FROM temp.named_lines"
_HAS_PAIRS: Final = "SELECT EXISTS (SELECT 1 FROM not_the_same) OR EXISTS (SELECT 1 FROM temp.named_lines)"
_IS_KEPT: Final = f"SELECT {IS_KEPT_PAIR.format(a=':a', b=':b')}"
_USE_PAIR: Final = f"""
    INSERT INTO temp.used_pairs (key, other)
    SELECT min(:a, :b), max(:a, :b) WHERE :is_named OR {IS_KEPT_PAIR.format(a=":a", b=":b")}
    ON CONFLICT DO UPDATE SET key = key
"""
#: The pairs without which the staged list would have more possible duplicates.
USED_PAIRS: Final = "SELECT key, other FROM temp.used_pairs ORDER BY key, other"
_KEEP_USED: Final = """
    INSERT OR IGNORE INTO not_the_same (key, other, reason, by, at)
    SELECT key, other, :reason, :by, :at FROM temp.used_pairs
"""
_PAIRS_OF: Final = """
    SELECT key, other, reason, by, at FROM not_the_same WHERE key = :key
    UNION ALL SELECT key, other, reason, by, at FROM not_the_same WHERE other = :key
"""
#: A pair says nothing more once the ledger does not know one of the two.
FORGET_PAIRS: Final = """
    DELETE FROM not_the_same
    WHERE NOT EXISTS (SELECT 1 FROM rows AS r WHERE r.party_key = not_the_same.key)
       OR NOT EXISTS (SELECT 1 FROM rows AS r WHERE r.party_key = not_the_same.other)
"""


@dataclass(frozen=True, slots=True)
class NotTheSameQueries:
    """The pairs that are kept."""

    file: LedgerFile

    def find(self, key: str) -> list[DifferentPair]:
        """Return the pairs of a party key that are kept."""
        return [DifferentPair(**dict(row)) for row in self.file.fetch_all(_PAIRS_OF, key=key)]


def name_lines(connection: sqlite3.Connection, lines: Collection[int]) -> None:
    """Save which lines of the staged list a decision names."""
    connection.executemany(_NAME_LINE, ((line,) for line in lines))


def named_lines(connection: sqlite3.Connection) -> frozenset[int]:
    """Return the lines of the staged list that a decision names."""
    return frozenset(row["line"] for row in connection.execute(_NAMED_LINES))


def has_pairs(connection: sqlite3.Connection) -> bool:
    """Return True if any pair is kept, or a decision names any line; else `use_pair` finds none."""
    return bool(connection.execute(_HAS_PAIRS).fetchone()[0])


def use_pair(connection: sqlite3.Connection, key: str, other: str, *, is_named: bool) -> bool:
    """Return True if two keys are a pair that is kept, or one that this invocation's decision names.

    Args:
        connection: a connection in a transaction.
        key: a key of the staged list.
        other: the other one, of the list or of the run.
        is_named: whether the decision names a line with one of them.
    """
    return connection.execute(_USE_PAIR, {"a": key, "b": other, "is_named": is_named}).rowcount > 0


def is_kept_pair(connection: sqlite3.Connection, key: str, other: str) -> bool:
    """Return True if two keys are a pair that is kept."""
    return bool(connection.execute(_IS_KEPT, {"a": key, "b": other}).fetchone()[0])


def keep_used(connection: sqlite3.Connection, decision: "NotTheSame", at: str) -> None:
    """Keep the pairs that the staged list relies on, with the reason of those that are new."""
    connection.execute(_KEEP_USED, {"reason": decision.reason, "by": decision.by, "at": at})
