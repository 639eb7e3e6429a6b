"""Failed rows that get a new attempt, and when: chosen and moved in SQLite, so that their number does not matter.

Rows that were refused because another run may have paid them are tried again too: that payment may have failed since.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import json_array, sum_amounts

CREATE_RETRIED: Final = "CREATE TEMP TABLE IF NOT EXISTS retried (id INTEGER PRIMARY KEY)"
_CLEAR_RETRIED: Final = "DELETE FROM temp.retried"
#: Whether a row failed, or was refused when it was to be sent because another run may have paid it.
_MAY_BE_RETRIED: Final = """(r.state = 'failed' OR r.state = 'refused' AND r.request IS NOT NULL
    AND EXISTS (SELECT 1 FROM json_each(r.problems) AS p WHERE json_extract(p.value, '$[2]') = 2))"""
#: Rows to retry; a null parameter excludes none. A row that changed in the list while it was in flight would be
#: sent as it was before, so the list must be read again first.
_CHOOSE: Final = f"""
    LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state IN ('failed', 'refused') AND {_MAY_BE_RETRIED}
      AND r.in_list = 1 AND r.request IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM runs WHERE id = :run_id AND closed_at IS NOT NULL)
      AND (r.note = '' OR r.request IS NOT a.request)
      AND (:lines IS NULL OR r.line IN (SELECT value FROM json_each(:lines)))
      AND (:attempts IS NULL OR r.attempt < :attempts)
      AND (:statuses IS NULL OR a.status_message IN (SELECT value FROM json_each(:statuses))
           OR a.status_class IN (SELECT value FROM json_each(:classes))
           OR :or_corrected AND (r.state = 'refused' OR r.request IS NOT a.request))
"""  # noqa: S608 - composed of constants
_CHOOSE_ANY: Final = f"INSERT INTO temp.retried SELECT r.id FROM rows AS r {_CHOOSE}"  # noqa: S608 - composed of constants
#: The same for row IDs, a JSON array, so that not every failed row is read for each one that fails.
_CHOOSE_AMONG: Final = f"""
    INSERT OR IGNORE INTO temp.retried
    SELECT r.id FROM json_each(:row_ids) AS w CROSS JOIN rows AS r ON r.id = w.value {_CHOOSE}
"""  # noqa: S608
_COSTS_OF_RETRIED: Final = """
    SELECT r.cost_unit, r.cost, count(*) FROM temp.retried AS t CROSS JOIN rows AS r ON r.id = t.id
    WHERE r.cost IS NOT NULL GROUP BY r.cost_unit, r.cost
"""
_EVENTS_OF_RETRIED: Final = """
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT r.id, r.attempt, :at, r.state, 'pending', :cause
    FROM temp.retried AS t CROSS JOIN rows AS r ON r.id = t.id WHERE r.state IN ('failed', 'refused')
"""
_HAS_REFUSED: Final = """
    SELECT EXISTS (
        SELECT 1 FROM temp.retried AS t CROSS JOIN rows AS r ON r.id = t.id WHERE r.state = 'refused')
"""
#: Payments that such rows were refused for are compared with them again.
_COMPARE_AGAIN: Final = """
    DELETE FROM repeated_payments
    WHERE reason IS NULL AND (run_id, identity) IN (
        SELECT r.run_id, r.identity FROM temp.retried AS t CROSS JOIN rows AS r ON r.id = t.id
        WHERE r.state = 'refused')
"""
_MOVE_RETRIED: Final = """
    UPDATE rows SET state = 'pending', message = '', problems = '[]', retry_at = :retry_at
    WHERE state IN ('failed', 'refused') AND id IN (SELECT id FROM temp.retried)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryChoice:
    """Which rows to retry; a row must meet every condition."""

    #: Status messages, e.g. DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE; None for any or none.
    statuses: Collection[str] | None = None
    #: Status classes, e.g. DECLINED, in addition to the messages.
    classes: Collection[str] = ()
    #: Rows that were corrected since they failed, and those that were refused when they were to be sent because another
    #: run may have paid them, too, whatever their status.
    or_corrected: bool = False
    #: Lines of the list; None for any.
    lines: Collection[int] | None = None
    #: Row IDs of the ledger; None for any.
    row_ids: Collection[int] | None = None
    #: Only rows with fewer attempts than this; None for any number.
    attempts: int | None = None


@dataclass(frozen=True, slots=True)
class RetryQueries:
    """Retries of failed rows."""

    file: LedgerFile

    def choose(self, run: Run, choice: RetryChoice) -> tuple[int, dict[str, Decimal]]:
        """Save which rows to retry; the run does not change before `apply`.

        Returns:
            Their number, and their expected cost per wallet unit.
        """
        values = {
            "run_id": run.id,
            "statuses": json_array(choice.statuses),
            "classes": json_array(choice.classes),
            "or_corrected": choice.or_corrected,
            "lines": json_array(choice.lines),
            "row_ids": json_array(choice.row_ids),
            "attempts": choice.attempts,
        }
        with self.file.transaction() as connection:
            connection.execute(CREATE_RETRIED)
            connection.execute(_CLEAR_RETRIED)
            statement = _CHOOSE_ANY if choice.row_ids is None else _CHOOSE_AMONG
            chosen = connection.execute(statement, values).rowcount
        return chosen, sum_amounts(self.file.fetch_all(_COSTS_OF_RETRIED))

    def apply(self, cause: str, *, not_before: datetime | None = None) -> int:
        """Make the chosen rows pending that are still failed or refused.

        Args:
            cause: the cause of the events.
            not_before: earliest time to send them, in UTC; None for at once.

        Returns:
            The number of rows that are pending now.
        """
        values = {
            "at": self.file.now(),
            "cause": cause,
            "retry_at": None if not_before is None else not_before.isoformat(),
        }
        with self.file.transaction() as connection:
            if connection.execute(_HAS_REFUSED).fetchone()[0]:
                connection.execute(_COMPARE_AGAIN)
            connection.execute(_EVENTS_OF_RETRIED, values)
            moved = connection.execute(_MOVE_RETRIED, values).rowcount
            connection.execute(_CLEAR_RETRIED)
        return moved

    def apply_policy(self, run: Run, choice: RetryChoice, not_before: datetime) -> int:
        """Make failed rows pending as the job's retry policy says, and return their number."""
        chosen, _ = self.choose(run, choice)
        return self.apply("retry by the job's policy", not_before=not_before) if chosen else 0
