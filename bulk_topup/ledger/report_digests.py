"""Whether a run's last report is current: digests of its files, dropped when the run changes."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk_topup.__version__ import __version__
from bulk_topup.domain.run import Run
from bulk_topup.ledger.ledger_file import LedgerFile

#: Triggers delete the entry when a row or the run changes, also while its report is being written. The column `mark`
#: holds the revision.
_START: Final = "INSERT OR REPLACE INTO reports (run_id, version, mark) VALUES (:run_id, :version, :mark)"
_SAVE: Final = "UPDATE reports SET files = :files WHERE run_id = :run_id AND mark = :mark"
#: Among the newest events of all runs: finding the last event of an old run would take longer and longer.
_LAST_CHANGE: Final = """
    SELECT e.at FROM (SELECT id, row_id, at FROM events ORDER BY id DESC LIMIT :newest) AS e
    CROSS JOIN rows AS r ON r.id = e.row_id WHERE r.run_id = :run_id ORDER BY e.id DESC LIMIT 1
"""
#: Number of events that are searched.
NEWEST_EVENTS: Final = 100_000
_CURRENT: Final = "SELECT files FROM reports WHERE run_id = :run_id AND version = :version AND files IS NOT NULL"


@dataclass(frozen=True, slots=True)
class ReportQueries:
    """Reports of runs."""

    file: LedgerFile

    def last_change(self, run: Run) -> datetime | None:
        """Return when a row of the run changed last, in UTC; None if that is long ago."""
        rows = self.file.fetch_all(_LAST_CHANGE, run_id=run.id, newest=NEWEST_EVENTS)
        return datetime.fromisoformat(rows[0][0]) if rows else None

    def start(self, run: Run) -> str:
        """Record that a report is being written, and return its revision for `save`."""
        revision = secrets.token_hex(8)
        with self.file.transaction() as connection:
            connection.execute(_START, {"run_id": run.id, "version": __version__, "mark": revision})
        return revision

    def save(self, run: Run, revision: str, files: Mapping[str, str]) -> None:
        """Save the digests of a report's files, unless the run changed since `start`.

        Args:
            run: the run.
            revision: what `start` returned.
            files: digests of the files, by name.
        """
        with self.file.transaction() as connection:
            connection.execute(_SAVE, {"run_id": run.id, "mark": revision, "files": json.dumps(dict(files))})

    def digests(self, run: Run) -> dict[str, str] | None:
        """Return the digests, by name, of the files of a report that is current and of this version; else None."""
        rows = self.file.fetch_all(_CURRENT, run_id=run.id, version=__version__)
        found: dict[str, str] | None = json.loads(rows[0][0]) if rows else None
        return found
