"""Which external IDs that DVS lists a run would send although the ledger lacks them; reads attempts and rows."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk_topup.domain.identity import number_of, stem_of
from bulk_topup.domain.run import Run, possible_ids
from bulk_topup.domain.states import RowState
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import json_array, utc_text
from bulk_topup.ledger.sql_fragments import NOT_TAKEN, REPLACED, UNSENT

#: Attempts beyond the one that the ledger knows of a row that are taken for the row's.
MAX_BEYOND: Final = 3
#: States of rows that may be sent (again) without a person's decision about the row.
_SENDABLE: Final = ", ".join(
    f"'{state}'" for state in (RowState.PENDING, RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.FAILED)
)

#: Usually the run is among the latest, so that its newest transaction is among the first that the index gives.
_NEWEST: Final = """
    SELECT a.creation_date FROM attempts AS a INDEXED BY idx_attempts_created CROSS JOIN rows AS r ON r.id = a.row_id
    WHERE r.run_id = :run_id AND a.creation_date IS NOT NULL AND coalesce(a.creation_date, a.intent_at) >= :since
    ORDER BY coalesce(a.creation_date, a.intent_at) DESC LIMIT 1
"""
#: The same for a run whose transactions are all older than itself, because its ledger was lost.
_NEWEST_OLDER: Final = """
    SELECT max(a.creation_date) FROM rows AS r CROSS JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.attempt > 0
"""
#: Without attempts that were not taken: DVS has no transaction of theirs, unless the ledger is older than that.
_KNOWN: Final = f"""
    SELECT a.external_id FROM json_each(:external_ids) AS wanted
    CROSS JOIN attempts AS a ON a.external_id = wanted.value
    CROSS JOIN rows AS r ON r.id = a.row_id
    WHERE NOT (r.attempt = a.number AND {NOT_TAKEN})
"""  # noqa: S608 - composed of constants
#: The attempts that rows of the run have reached, among given external IDs.
_REACHED: Final = f"""
    SELECT a.external_id FROM json_each(:external_ids) AS wanted
    CROSS JOIN attempts AS a ON a.external_id = wanted.value
    CROSS JOIN rows AS r ON r.id = a.row_id AND r.attempt = a.number
    WHERE r.run_id = :run_id AND r.state IN ({_SENDABLE})
"""  # noqa: S608
#: When the oldest of the attempts was made that failed, or may still fail, and whose rows are sent again then: by DVS's
#: clock, and by ours where there is no transaction. An attempt of a pending row may have been withdrawn, not sent.
_FIRST_FAILURE: Final = f"""
    SELECT min(a.creation_date) AS created_at, min(iif(a.creation_date IS NULL, a.intent_at, NULL)) AS intent_at
    FROM rows AS r CROSS JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.attempt > 0 AND r.in_list = 1
        AND (r.state = 'pending' AND (a.creation_date IS NOT NULL OR EXISTS (
                SELECT 1 FROM events AS e WHERE e.row_id = r.id AND e.attempt = r.attempt AND e.after = 'failed'))
            OR :is_retried AND r.state = 'failed'
            OR :has_policy AND r.state IN ('{RowState.FAILED}', '{RowState.IN_FLIGHT}', '{RowState.ACCEPTED}'))
"""  # noqa: S608 - composed of constants
#: Those of given beginnings of external IDs that an attempt of a first number has.
_KNOWN_STEMS: Final = """
    SELECT wanted.value AS stem FROM json_each(:stems) AS wanted
    WHERE EXISTS (SELECT 1 FROM attempts AS a
                  WHERE a.external_id > wanted.value || '-' AND a.external_id < wanted.value || '.')
"""
#: Those of runs whose payments would be compared with the staged list, were they not purged.
_PURGED: Final = """
    SELECT a.external_id FROM json_each(:external_ids) AS wanted
    CROSS JOIN attempts AS a ON a.external_id = wanted.value
    CROSS JOIN rows AS r ON r.id = a.row_id
    CROSS JOIN temp.compared AS c ON c.run_id = r.run_id
    CROSS JOIN runs AS u ON u.id = c.run_id
    WHERE u.purged_at IS NOT NULL AND (c.since IS NULL OR a.intent_at >= c.since)
"""
_NEVER_SENT: Final = "SELECT identity FROM rows WHERE run_id = :run_id AND state = 'pending' AND attempt = 0"
_NEXT: Final = f"""
    SELECT r.identity, a.external_id, r.attempt + iif({NOT_TAKEN}, 0, 1) AS number
    FROM rows AS r LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'pending' AND r.in_list = 1
        AND NOT EXISTS (SELECT 1 FROM absences AS w WHERE w.row_id = r.id AND w.attempt = r.attempt)
    ORDER BY r.id LIMIT :limit
"""  # noqa: S608
#: The same for rows that corrections replaced: the ledger that is gone may have corrected a row back, and sent it.
_NEXT_REPLACED: Final = f"""
    SELECT r.identity, a.external_id, r.attempt + iif({NOT_TAKEN}, 0, 1) AS number
    FROM corrections AS c
        CROSS JOIN rows AS q ON q.run_id = c.run_id AND q.identity = c.identity AND q.state IN ('pending', 'failed')
        CROSS JOIN rows AS r ON r.run_id = c.run_id AND r.identity = c.replaced
        LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE c.run_id = :run_id AND r.in_list = {REPLACED} AND r.state IN ({UNSENT}, 'failed')
        AND NOT EXISTS (SELECT 1 FROM absences AS w WHERE w.row_id = r.id AND w.attempt = r.attempt)
    ORDER BY q.state = 'failed', q.id LIMIT :limit
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class LackingIdQueries:
    """External IDs that a ledger lacks, because it is older than what it paid."""

    file: LedgerFile

    def newest(self, run: Run) -> datetime | None:
        """Return when the newest transaction of a run was created, in UTC by DVS's clock; None without any."""
        found = self.file.fetch_all(_NEWEST, run_id=run.id, since=utc_text(run.created_at))
        newest = (found or self.file.fetch_all(_NEWEST_OLDER, run_id=run.id))[0][0]
        return None if newest is None else datetime.fromisoformat(newest)

    def unknown(self, external_ids: Collection[str]) -> set[str]:
        """Return the external IDs that no attempt of any run has, or one alone that DVS did not take."""
        known = self.file.fetch_all(_KNOWN, external_ids=json_array(external_ids))
        return set(external_ids) - {row["external_id"] for row in known}

    def first_failure(self, run: Run, *, is_retried: bool, has_policy: bool) -> tuple[datetime | None, datetime | None]:
        """Return since when attempts have failed whose rows are sent again, in UTC; None for no such attempt.

        Args:
            run: the run.
            is_retried: whether failed rows are, and not only those that are pending again.
            has_policy: whether rows are that fail by themselves, so that those that are open count too.

        Returns:
            By DVS's clock, of attempts with a transaction; by this machine's, of those without.
        """
        values = {"run_id": run.id, "is_retried": is_retried, "has_policy": has_policy}
        [found] = self.file.fetch_all(_FIRST_FAILURE, **values)
        created_at, intent_at = (None if each is None else datetime.fromisoformat(each) for each in found)
        return created_at, intent_at

    def of_purged_runs(self, external_ids: Collection[str]) -> set[str]:
        """Return the external IDs of purged runs that would be compared with the staged list, which was compared."""
        return {row[0] for row in self.file.fetch_all(_PURGED, external_ids=json_array(external_ids))}

    def of_no_row(self, external_ids: Collection[str]) -> set[str]:
        """Return the external IDs that are of no attempt of any row, whatever their numbers."""
        stems = {stem_of(each) for each in external_ids}
        known = {row["stem"] for row in self.file.fetch_all(_KNOWN_STEMS, stems=json_array(stems))}
        return {each for each in external_ids if stem_of(each) not in known}

    def of_run(self, run: Run, external_ids: Collection[str]) -> set[str]:
        """Return those of unknown external IDs that are up to `MAX_BEYOND` attempts ahead of a row that may be sent."""
        ahead: dict[str, set[str]] = defaultdict(set)
        first: dict[str, set[str]] = defaultdict(set)
        for id_ in external_ids:
            stem, number = stem_of(id_), number_of(id_)
            if number is None:
                continue
            for before in range(max(number - MAX_BEYOND, 1), number + 1):
                ahead[f"{stem}-{before}"].add(id_)
            if number <= MAX_BEYOND:
                first[stem].add(id_)
        found: set[str] = set()
        for row in self.file.fetch_all(_REACHED, run_id=run.id, external_ids=json_array(ahead)):
            found |= ahead[row["external_id"]]
        if first:
            names = possible_ids(run)
            for row in self.file.iterate(_NEVER_SENT, run_id=run.id):
                for ids in names:
                    found |= first.get(stem_of(ids.external_id(row["identity"], 1)), set())
        return found

    def next(self, run: Run, limit: int) -> list[str]:
        """Return external IDs that the run would use next and does not know: of the rows that are sent first.

        Those of as many rows that corrections replaced are among them.
        """
        found: list[str] = []
        values = {"run_id": run.id, "limit": limit}
        for row in [*self.file.fetch_all(_NEXT, **values), *self.file.fetch_all(_NEXT_REPLACED, **values)]:
            if row["external_id"] is None:
                found.extend(ids.external_id(row["identity"], 1) for ids in possible_ids(run))
            else:
                found.append(f"{stem_of(row['external_id'])}-{row['number']}")
        return found
