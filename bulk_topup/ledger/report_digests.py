"""What a run's report says in figures, and which files were the last whole one; statements for the ledger alone."""

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from bulk_topup.__version__ import __version__
from bulk_topup.domain.row import OutcomeGroup
from bulk_topup.domain.run import Run
from bulk_topup.ledger import statements as sql
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import outcome_group_of

#: Triggers drop what is kept of a run's report when a row or the run changes, the mark of one being written too.
_BEGIN: Final = "INSERT OR REPLACE INTO reports (run_id, version, mark) VALUES (:run_id, :version, :mark)"
_KEEP: Final = "UPDATE reports SET files = :files WHERE run_id = :run_id AND mark = :mark"
#: Among the newest events of all runs: to look for those of a run that is long over would take ever longer.
_LAST_CHANGE: Final = """
    SELECT e.at FROM (SELECT id, row_id, at FROM events ORDER BY id DESC LIMIT :newest) AS e
    CROSS JOIN rows AS r ON r.id = e.row_id WHERE r.run_id = :run_id ORDER BY e.id DESC LIMIT 1
"""
#: How many of them are looked at.
NEWEST_EVENTS: Final = 100_000
_KEPT: Final = "SELECT files FROM reports WHERE run_id = :run_id AND version = :version AND files IS NOT NULL"


class Reports(LedgerFile):
    """Reports of runs."""

    def outcome_groups(self, run: Run) -> Iterator[OutcomeGroup]:
        """Give every row that `outcomes` gives, in groups of those that look the same in a summary."""
        return map(outcome_group_of, self._each(sql.OUTCOME_GROUPS, run_id=run.id))

    def last_change(self, run: Run) -> datetime | None:
        """Give when something changed of a run's rows last, in UTC; None where that is long ago."""
        rows = self._all(_LAST_CHANGE, run_id=run.id, newest=NEWEST_EVENTS)
        return datetime.fromisoformat(rows[0][0]) if rows else None

    def begin_report(self, run: Run) -> str:
        """Note that a report is about to be read from the ledger, and give the mark that `keep_report` asks for."""
        mark = secrets.token_hex(8)
        with self._transaction() as connection:
            connection.execute(_BEGIN, {"run_id": run.id, "version": __version__, "mark": mark})
        return mark

    def keep_report(self, run: Run, mark: str, files: Mapping[str, str]) -> None:
        """Keep which files a report is, unless something of the run changed since it was begun.

        Args:
            run: the run.
            mark: what `begin_report` gave.
            files: digests of the files, by their names.
        """
        with self._transaction() as connection:
            connection.execute(_KEEP, {"run_id": run.id, "mark": mark, "files": json.dumps(dict(files))})

    def kept_report(self, run: Run) -> dict[str, str] | None:
        """Give the digests, by name, of the files that say all that is known of a run as this version says it."""
        rows = self._all(_KEPT, run_id=run.id, version=__version__)
        found: dict[str, str] | None = json.loads(rows[0][0]) if rows else None
        return found
