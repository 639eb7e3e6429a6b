"""What the ledger has of a window of time, to be compared with the provider's list; and balances seen before."""

import json
import sqlite3
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from bulk_topup.domain.attempt import KnownAttempt, Resolution
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import Observation, Total
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.row_mapping import attempt_of, run_of, summed

#: Attempts that are read at once.
BATCH: Final = 1_000

_CREATE_LISTED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS listed (transaction_id INTEGER PRIMARY KEY, external_id TEXT)
"""
_INDEX_LISTED: Final = "CREATE INDEX IF NOT EXISTS temp.listed_external_id ON listed (external_id)"
_CLEAR_LISTED: Final = "DELETE FROM temp.listed"
_LISTED: Final = "SELECT transaction_id FROM temp.listed WHERE external_id = ?"
_NOTE_LISTED: Final = "INSERT OR IGNORE INTO temp.listed (transaction_id, external_id) VALUES (?, ?)"

_KNOWN: Final = """
    SELECT a.id, coalesce(a.creation_date, a.intent_at) AS moment, r.id AS row_id, a.number, a.external_id, a.request,
           r.operator_id, r.amount, r.unit, r.cost, r.cost_unit, r.run_id, runs.job || '/' || runs.run_key AS run,
           r.line, r.attempt, r.state, r.message, a.transaction_id, a.creation_date, a.status_message, a.price, a.fee,
           a.price_unit, a.resolution, runs.purged_at
    FROM attempts AS a JOIN rows AS r ON r.id = a.row_id JOIN runs ON runs.id = r.run_id
"""
_AMONG: Final = f"{_KNOWN} WHERE a.external_id IN (SELECT value FROM json_each(:external_ids))"  # noqa: S608 - composed of constants
#: Attempts of the window whose ids the provider's list did not have, in the order of their times from a place on.
_UNLISTED: Final = f"""{_KNOWN}
    WHERE coalesce(a.creation_date, a.intent_at) BETWEEN :moment AND :end
      AND (coalesce(a.creation_date, a.intent_at) > :moment OR a.id > :after)
      AND +r.run_id IN (SELECT value FROM json_each(:run_ids))
      AND NOT EXISTS (SELECT 1 FROM temp.listed AS l WHERE l.external_id = a.external_id)
    ORDER BY coalesce(a.creation_date, a.intent_at), a.id LIMIT :limit
"""  # noqa: S608
_RUNS: Final = """
    SELECT * FROM runs WHERE account IN ('', :account) AND id IN (
        SELECT r.run_id FROM attempts AS a JOIN rows AS r ON r.id = a.row_id
        WHERE coalesce(a.creation_date, a.intent_at) BETWEEN :start AND :end
    ) ORDER BY id
"""
#: An adopted transaction can be older than the first intent that the ledger knows.
_SPAN: Final = """
    SELECT min(min(a.intent_at, coalesce(a.creation_date, a.intent_at))), max(coalesce(a.creation_date, a.intent_at))
    FROM attempts AS a JOIN rows AS r ON r.id = a.row_id WHERE r.run_id = :run_id
"""
_ROWS: Final = """
    SELECT state, unit, amount, count(*) FROM rows WHERE run_id = :run_id AND in_list = :in_list
      AND (in_list = 1 OR attempt > 0)
    GROUP BY state, unit, amount
"""
_LIST: Final = "SELECT line, cells FROM rows WHERE run_id = :run_id AND in_list = 1 AND line BETWEEN :first AND :last"
_OBSERVE: Final = """
    INSERT INTO observations (account, at, unit, available, holding, newest)
    VALUES (:account, :at, :unit, :available, :holding, :newest)
"""
_OBSERVED: Final = """
    SELECT * FROM observations
    WHERE id IN (SELECT max(id) FROM observations WHERE account = :account GROUP BY unit) ORDER BY unit
"""


class Comparing(LedgerFile):
    """The ledger's side of a comparison with the provider."""

    def begin_comparison(self) -> None:
        """Forget what an earlier comparison saw in the provider's list."""
        with self._transaction() as connection:
            for statement in (_CREATE_LISTED, _INDEX_LISTED, _CLEAR_LISTED):
                connection.execute(statement)

    def note_listed(self, transactions: Collection[tuple[int, str]]) -> dict[int, bool]:
        """Note transactions of the provider's list.

        Args:
            transactions: the provider's id and the external id of each.

        Returns:
            The ids that it did not have before, each with whether its external id came with another one before.
        """
        new: dict[int, bool] = {}
        with self._transaction() as connection:
            for transaction_id, external_id in transactions:
                others = {row[0] for row in connection.execute(_LISTED, [external_id])}
                if connection.execute(_NOTE_LISTED, [transaction_id, external_id]).rowcount:
                    new[transaction_id] = bool(others)
        return new

    def attempts_among(self, external_ids: Collection[str]) -> dict[str, KnownAttempt]:
        """Give the attempts, of any run, that go by these external ids, by these."""
        rows = self._all(_AMONG, external_ids=json.dumps(list(external_ids)))
        return {row["external_id"]: _known_of(row) for row in rows}

    def unlisted(
        self, runs: Collection[Run], start: datetime, end: datetime, *, limit: int = BATCH
    ) -> Iterator[KnownAttempt]:
        """Give attempts of the runs, made between two times, that the provider's list did not have, oldest first.

        Args:
            runs: the runs.
            start, end: the window, in UTC.
            limit: attempts that are read at once.
        """
        ids = json.dumps([run.id for run in runs])
        place: dict[str, object] = {"moment": _text(start), "after": 0}
        while batch := self._all(_UNLISTED, run_ids=ids, end=_text(end), limit=limit, **place):
            for row in batch:
                yield _known_of(row)
            place = {"moment": batch[-1]["moment"], "after": batch[-1]["id"]}

    def runs_between(self, account: str, start: datetime, end: datetime) -> list[Run]:
        """Give the runs of an account that have attempts between two times."""
        return [run_of(row, self.path) for row in self._all(_RUNS, account=account, start=_text(start), end=_text(end))]

    def span(self, run: Run) -> tuple[datetime, datetime] | None:
        """Give the times of a run's first and last intent or transaction, in UTC; None before the first."""
        first, last = self._all(_SPAN, run_id=run.id)[0]
        return None if first is None else (datetime.fromisoformat(first), datetime.fromisoformat(last))

    def row_totals(self, run: Run, *, in_list: bool = True) -> dict[RowState, Total]:
        """Sum what the rows of a run's list ask for, by their states; or of those that were sent and left it."""
        totals: dict[RowState, Total] = {}
        groups = self._all(_ROWS, run_id=run.id, in_list=in_list)
        for state in dict.fromkeys(row["state"] for row in groups):
            own = [tuple(row)[1:] for row in groups if row["state"] == state]
            totals[RowState(state)] = Total(
                rows=sum(count for *_, count in own),
                amounts=summed((unit, amount, count) for unit, amount, count in own if amount is not None),
            )
        return totals

    def cells_between(self, run: Run, first: int, last: int) -> dict[int, str]:
        """Give the cells of the list's rows from line to line, each as the JSON text that the ledger has."""
        return {row["line"]: row["cells"] for row in self._all(_LIST, run_id=run.id, first=first, last=last)}

    def observe(self, account: str, observations: Collection[Observation]) -> None:
        """Keep what an account's wallets hold."""
        with self._transaction() as connection:
            connection.executemany(
                _OBSERVE,
                [
                    {
                        "account": account,
                        "at": _text(seen.at),
                        "unit": seen.unit,
                        "available": format_plain(seen.available),
                        "holding": format_plain(seen.holding),
                        "newest": _text(seen.newest),
                    }
                    for seen in observations
                ],
            )

    def observed(self, account: str) -> dict[str, Observation]:
        """Give what was seen last of an account's wallets, by their units."""
        return {
            row["unit"]: Observation(
                at=datetime.fromisoformat(row["at"]),
                unit=row["unit"],
                available=Decimal(row["available"]),
                holding=Decimal(row["holding"]),
                newest=datetime.fromisoformat(row["newest"]),
            )
            for row in self._all(_OBSERVED, account=account)
        }


def _text(moment: datetime) -> str:
    """Write a time as the ledger keeps it, so that it can be compared as text."""
    return moment.astimezone(UTC).isoformat()


def _known_of(row: sqlite3.Row) -> KnownAttempt:
    is_latest = row["attempt"] == row["number"]
    return KnownAttempt(
        attempt=attempt_of(row),
        run_id=row["run_id"],
        run=row["run"],
        line=row["line"],
        is_latest=is_latest,
        state=RowState(row["state"]) if is_latest else RowState.FAILED,
        message=row["message"],
        transaction_id=row["transaction_id"],
        status_message=row["status_message"],
        price=None if row["price"] is None else Decimal(row["price"]),
        fee=None if row["fee"] is None else Decimal(row["fee"]),
        price_unit=row["price_unit"],
        resolution=None if row["resolution"] is None else Resolution(row["resolution"]),
        is_purged=row["purged_at"] is not None,
    )
