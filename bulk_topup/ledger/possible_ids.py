"""External IDs under which DVS may have rows that a lost ledger has sent, in temporary tables."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.earlier_identities import possible_stems
from bulk_topup.domain.identity import REFERENCE_PREFIX
from bulk_topup.domain.identity_version import IdentityVersion, RunIds
from bulk_topup.domain.sameness import ACCOUNT
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import json_array

#: A stem is what the IDs of all attempts have in common. `key` is the row, `place` orders its stems, and `versions`
#: has a bit for each version that computes it; none for one of another spelling.
_CREATE: Final = """
    CREATE TEMP TABLE IF NOT EXISTS expected (
        stem TEXT PRIMARY KEY, key INTEGER, place INTEGER, versions INTEGER
    ) WITHOUT ROWID
"""
_INDEX: Final = "CREATE INDEX IF NOT EXISTS temp.expected_key ON expected (key, place)"
_CLEAR: Final = "DELETE FROM temp.expected"
#: If a spelling of one row is another's own, it is that one's.
_EXPECT: Final = """
    INSERT INTO temp.expected (stem, key, place, versions) VALUES (?, ?, ?, ?)
    ON CONFLICT (stem) DO UPDATE SET key = excluded.key, place = excluded.place, versions = excluded.versions
        WHERE excluded.place < expected.place
"""
_STAGED: Final = """
    SELECT line AS key, identity, coalesce(written, identity) AS written FROM temp.staged WHERE state = 'pending'
"""
_COUNT: Final = "SELECT count(*) FROM temp.staged WHERE state = 'pending'"
#: A row whose identity is or may have been spelled otherwise. The second digit of a country code: Brazil and Mexico.
_IS_DOUBTFUL: Final = f"""
    SELECT EXISTS (
        SELECT 1 FROM temp.staged
        WHERE state = 'pending' AND (:are_all_doubtful OR written IS NOT NULL OR party_key GLOB '{ACCOUNT}*'
            OR party_key GLOB '+5[25]*' OR identity GLOB '{REFERENCE_PREFIX}*[^0-9]*'))
"""  # noqa: S608 - composed of constants
_VERSIONS: Final = "SELECT stem, versions FROM temp.expected WHERE stem IN (SELECT value FROM json_each(:stems))"

#: Row, folded identity and identity as it is written.
Spelled = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class PossibleIdQueries:
    """The external IDs that rows of a staged list may have."""

    file: LedgerFile

    def count(self) -> int:
        """Return how many rows of the staged list are to be paid."""
        return int(self.file.fetch_all(_COUNT)[0][0])

    def are_doubtful(self, versions: Sequence[RunIds]) -> bool:
        """Return True if any row that is to be paid may have other IDs in an earlier version, or another spelling."""
        has_other_names = any((ids.job, ids.run_key) != (versions[0].job, versions[0].run_key) for ids in versions)
        return bool(self.file.fetch_all(_IS_DOUBTFUL, are_all_doubtful=has_other_names)[0][0])

    def expect_staged(self, versions: Sequence[RunIds]) -> None:
        """Compute the IDs that the rows of the staged list may have had under any of these versions, newest first."""
        with self.file.snapshot() as connection:
            rows = connection.execute(_STAGED)
            expect(connection, versions, ((row["key"], row["identity"], row["written"]) for row in rows))

    def versions_of(self, stems: Collection[str]) -> dict[str, frozenset[IdentityVersion]]:
        """Return the versions of those stems that rows of the staged list may have; none for another spelling's."""
        found = self.file.fetch_all(_VERSIONS, stems=json_array(stems))
        return {
            row["stem"]: frozenset(each for each in IdentityVersion if row["versions"] >> each & 1) for row in found
        }


def expect(connection: sqlite3.Connection, versions: Sequence[RunIds], rows: Iterable[Spelled]) -> None:
    """Write what external IDs of rows may begin with.

    Args:
        connection: a connection in a transaction.
        versions: what they may be computed from, the run's own first.
        rows: the rows.
    """
    for statement in (_CREATE, _INDEX, _CLEAR):
        connection.execute(statement)
    connection.executemany(_EXPECT, _expected(versions, rows))


def _expected(versions: Sequence[RunIds], rows: Iterable[Spelled]) -> Iterator[tuple[str, int, int, int]]:
    for key, identity, written in rows:
        for place, (stem, computed_by) in enumerate(possible_stems(versions, identity, written).items()):
            yield stem, key, place, sum(1 << version for version in computed_by)
