"""Which failed rows get a new attempt, and when: chosen and moved in SQLite, however many they are."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bulk_topup.domain.run import Run
from bulk_topup.ledger import statements as sql
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import summed


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryChoice:
    """Which failed rows are meant; a row has to meet all that is stated."""

    #: Status messages, e.g. DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE; None for any, and none at all.
    statuses: Collection[str] | None = None
    #: Status classes, e.g. DECLINED, beside the messages.
    classes: Collection[str] = ()
    #: Rows that were corrected since they failed, whatever their status.
    or_corrected: bool = False
    #: Lines of the list; None for any.
    lines: Collection[int] | None = None
    #: Rows by their id in the ledger; None for any.
    row_ids: Collection[int] | None = None
    #: Only rows with fewer attempts than this; None for any number.
    attempts: int | None = None


class Retrying(LedgerFile):
    """Failed rows on their way to a new attempt."""

    def choose_retries(self, run: Run, choice: RetryChoice) -> tuple[int, dict[str, Decimal]]:
        """Note the failed rows that a choice means; nothing of the run changes before `retry_chosen`.

        Returns:
            How many they are, and what they should cost, per wallet unit.
        """
        values = {
            "run_id": run.id,
            "statuses": _array(choice.statuses),
            "classes": _array(choice.classes),
            "or_corrected": choice.or_corrected,
            "lines": _array(choice.lines),
            "row_ids": _array(choice.row_ids),
            "attempts": choice.attempts,
        }
        with self._transaction() as connection:
            connection.execute(sql.CREATE_RETRIED)
            connection.execute(sql.CLEAR_RETRIED)
            statement = sql.CHOOSE_RETRIES if choice.row_ids is None else sql.CHOOSE_RETRIES_AMONG
            chosen = connection.execute(statement, values).rowcount
        return chosen, summed(self._all(sql.COSTS_OF_RETRIED))

    def retry_chosen(self, cause: str, *, not_before: datetime | None = None) -> int:
        """Make the rows pending that were chosen and are failed still.

        Args:
            cause: what the event log says of it.
            not_before: when they may be sent at the earliest, in UTC; None for at once.

        Returns:
            How many rows moved.
        """
        values = {
            "at": self._now(),
            "cause": cause,
            "retry_at": None if not_before is None else not_before.isoformat(),
        }
        with self._transaction() as connection:
            connection.execute(sql.EVENTS_OF_RETRIED, values)
            moved = connection.execute(sql.MOVE_RETRIED, values).rowcount
            connection.execute(sql.CLEAR_RETRIED)
        return moved

    def retry_failed(self, run: Run, choice: RetryChoice, not_before: datetime) -> int:
        """Give failed rows a new attempt that the job's policy asks for, and their number."""
        chosen, _ = self.choose_retries(run, choice)
        return self.retry_chosen("retry by the job's policy", not_before=not_before) if chosen else 0

    def waiting(self, run: Run, *, given_up: Collection[int] = ()) -> tuple[int, datetime | None]:
        """Tell how many rows are still to be sent, those of given-up operators aside, and when the first is due.

        A row that may be sent at once makes it None; so does no row at all.
        """
        count, any_now, first = self._all(sql.WAITING, run_id=run.id, given_up=_array(given_up))[0]
        return count, None if any_now or first is None else datetime.fromisoformat(first)


def _array(values: Collection[object] | None) -> str | None:
    return None if values is None else json.dumps(list(values))
