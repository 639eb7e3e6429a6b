"""The rows of a run: how many are in each state, their cells, sums and events."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk_topup.domain.attempt import Event
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import Total
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import json_array, sum_amounts
from bulk_topup.ledger.sql_fragments import IS_LEFT_OUT, IS_NOTHING_DUE, SENT, SHOWN

_COUNT_STATES: Final = f"""
    SELECT state, count(*) FROM rows WHERE run_id = :run_id AND {SHOWN} GROUP BY state
"""  # noqa: S608 - composed of constants
_COUNT_SET_ASIDE: Final = f"""
    SELECT coalesce(sum({IS_NOTHING_DUE.format(of="rows")}), 0), coalesce(sum({IS_LEFT_OUT.format(of="rows")}), 0)
    FROM rows WHERE run_id = :run_id AND state = 'refused' AND {SHOWN}
"""  # noqa: S608 - composed of constants
#: A pending row that was removed from the list is never sent again.
_COUNT_SENT: Final = """
    SELECT state, count(*) FROM rows
    WHERE run_id = :run_id AND attempt > 0 AND (in_list = 1 OR state <> 'pending') GROUP BY state
"""
_TOTALS: Final = f"""
    SELECT state, unit, amount, count(*) FROM rows WHERE run_id = :run_id AND (in_list = 1) = :in_list AND {SHOWN}
    GROUP BY state, unit, amount
"""  # noqa: S608 - composed of constants
_CELLS: Final = """
    SELECT line, cells FROM rows
    WHERE run_id = :run_id AND in_list = 1 AND line IN (SELECT value FROM json_each(:lines))
"""
_CELLS_BETWEEN: Final = (
    "SELECT line, cells FROM rows WHERE run_id = :run_id AND in_list = 1 AND line BETWEEN :first AND :last"
)
_UNCLEAR_LINES: Final = """
    SELECT line FROM rows
    WHERE run_id = :run_id AND in_list = 1 AND +state = 'refused' AND line IN (SELECT value FROM json_each(:lines))
      AND EXISTS (SELECT 1 FROM json_each(problems) AS p WHERE json_extract(p.value, '$[2]'))
"""
_SENT_LINES: Final = f"""
    SELECT line, state FROM rows
    WHERE run_id = :run_id AND in_list = 1 AND +state IN ({SENT}) AND line IN (SELECT value FROM json_each(:lines))
"""  # noqa: S608 - composed of constants
_PENDING_LINES: Final = """
    SELECT line FROM rows
    WHERE run_id = :run_id AND in_list = 1 AND +state = 'pending' AND line IN (SELECT value FROM json_each(:lines))
"""
_SENT_TO: Final = f"""
    SELECT credit_party FROM rows
    WHERE credit_party IN (SELECT value FROM json_each(:numbers)) AND +run_id = :run_id AND +state IN ({SENT})
"""  # noqa: S608 - composed of constants
_EVENTS: Final = "SELECT * FROM events WHERE row_id = :row_id ORDER BY id"


@dataclass(frozen=True, slots=True)
class RowQueries:
    """The rows of a run."""

    file: LedgerFile

    def counts(self, run: Run) -> dict[RowState, int]:
        """Return the number of rows in each state, 0 included."""
        found = {row[0]: row[1] for row in self.file.fetch_all(_COUNT_STATES, run_id=run.id)}
        return {state: found.get(state.value, 0) for state in RowState}

    def set_aside(self, run: Run) -> tuple[int, int]:
        """Return how many refused rows have nothing due, and are left out as duplicates; they need nothing else."""
        [(nothing_due, duplicates)] = self.file.fetch_all(_COUNT_SET_ASIDE, run_id=run.id)
        return nothing_due, duplicates

    def sent_counts(self, run: Run) -> dict[RowState, int]:
        """Return the number of rows that were ever sent by their present state, 0 included."""
        found = {row[0]: row[1] for row in self.file.fetch_all(_COUNT_SENT, run_id=run.id)}
        return {state: found.get(state.value, 0) for state in RowState}

    def totals(self, run: Run, *, in_list: bool = True) -> dict[RowState, Total]:
        """Return rows and requested amounts by state.

        Args:
            run: the run.
            in_list: sum the rows of the list; False for rows that were sent and since removed from it.
        """
        totals: dict[RowState, Total] = {}
        groups = self.file.fetch_all(_TOTALS, run_id=run.id, in_list=in_list)
        for state in dict.fromkeys(row["state"] for row in groups):
            own = [tuple(row)[1:] for row in groups if row["state"] == state]
            totals[RowState(state)] = Total(
                rows=sum(count for *_, count in own),
                amounts=sum_amounts((unit, amount, count) for unit, amount, count in own if amount is not None),
            )
        return totals

    def cells(self, run: Run, lines: Collection[int]) -> dict[int, list[str]]:
        """Return the cells of these lines of the list as it was last read."""
        rows = self.file.fetch_all(_CELLS, run_id=run.id, lines=json_array(lines))
        return {row["line"]: json.loads(row["cells"]) for row in rows}

    def cells_between(self, run: Run, first: int, last: int) -> dict[int, str]:
        """Return the cells of the list from line to line, each as the JSON text that the ledger stores."""
        rows = self.file.fetch_all(_CELLS_BETWEEN, run_id=run.id, first=first, last=last)
        return {row["line"]: row["cells"] for row in rows}

    def sent_lines(self, run: Run, lines: Collection[int]) -> dict[int, RowState]:
        """Return the states of those lines of the list as it was last read that were sent and have not failed."""
        rows = self.file.fetch_all(_SENT_LINES, run_id=run.id, lines=json_array(lines))
        return {row["line"]: RowState(row["state"]) for row in rows}

    def unclear_lines(self, run: Run, lines: Collection[int]) -> set[int]:
        """Return those lines of the list as it was last read that were refused because another row may pay the same."""
        return {row["line"] for row in self.file.fetch_all(_UNCLEAR_LINES, run_id=run.id, lines=json_array(lines))}

    def pending_lines(self, run: Run, lines: Collection[int]) -> set[int]:
        """Return those lines of the list as it was last read that are not sent yet."""
        return {row["line"] for row in self.file.fetch_all(_PENDING_LINES, run_id=run.id, lines=json_array(lines))}

    def sent_to(self, run: Run, numbers: Collection[str]) -> set[str]:
        """Return those numbers that rows of the run credit that were sent and are not known to have failed."""
        rows = self.file.fetch_all(_SENT_TO, run_id=run.id, numbers=json_array(numbers))
        return {row["credit_party"] for row in rows}

    def events(self, row_id: int) -> list[Event]:
        """Return the events of a row, oldest first."""
        return [
            Event(
                at=datetime.fromisoformat(row["at"]),
                attempt=row["attempt"],
                before=RowState(row["before"]) if row["before"] else None,
                after=RowState(row["after"]),
                cause=row["cause"],
                status_message=row["status_message"],
            )
            for row in self.file.fetch_all(_EVENTS, row_id=row_id)
        ]
