"""Rebuilds the attempts of a run whose ledger was lost from the transactions that DVS has."""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.earlier_identities import ListedTransaction, fold_identity, number_among_equals
from bulk_topup.domain.identity import looks_like, number_of, stem_of
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run, possible_ids
from bulk_topup.domain.sameness import party_key
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import other_transactions
from bulk_topup.ledger.attempts import write_intents, write_moves
from bulk_topup.ledger.ledger_file import LedgerFile
from bulk_topup.ledger.other_transactions import rows_that_may_be_paid, save_others
from bulk_topup.ledger.possible_ids import Spelled, expect
from bulk_topup.ledger.row_mapping import attempt_of, json_array, new_attempt_of, utc_text
from bulk_topup.ledger.sql_fragments import ATTEMPT, NOT_TAKEN

_CREATE_WRITTEN: Final = """
    CREATE TEMP TABLE IF NOT EXISTS written_identities (identity TEXT PRIMARY KEY, written TEXT) WITHOUT ROWID
"""
_CLEAR_WRITTEN: Final = "DELETE FROM temp.written_identities"
_KEEP_WRITTEN: Final = """
    INSERT OR IGNORE INTO temp.written_identities (identity, written)
    SELECT identity, written FROM temp.staged WHERE written IS NOT NULL AND state = 'pending'
"""
_CREATE_FOUND: Final = """
    CREATE TEMP TABLE IF NOT EXISTS found (
        row_id INTEGER, stem TEXT, number INTEGER, body BLOB, PRIMARY KEY (row_id, stem, number)
    ) WITHOUT ROWID
"""
_CLEAR_FOUND: Final = "DELETE FROM temp.found"
#: Rows that DVS does not have: their amounts are asked for when the list is run.
_FORGET_AMOUNTS: Final = """
    UPDATE rows SET amount = NULL, cost = NULL
    WHERE run_id = :run_id AND state = 'pending' AND attempt = 0 AND amount_until = ''
"""
_SET_AMOUNT: Final = """
    UPDATE rows SET amount = :amount, cost = NULL, request = :request
    WHERE id = :row_id AND state = 'pending' AND amount_until IS NOT NULL
"""
_END_REBUILDING: Final = "UPDATE runs SET rebuilding = 0 WHERE id = :run_id"
_UNSENT: Final = """
    SELECT id AS row_id, identity, request, operator_id, amount, unit, cost, cost_unit, amount_until FROM rows
    WHERE run_id = :run_id AND state = 'pending' AND attempt = 0 AND id > :after ORDER BY id LIMIT :limit
"""
_IDENTITIES: Final = """
    SELECT r.id, r.identity, w.written,
        iif(r.amount_until IS NULL, json_extract(r.request, '$.statement_identifier.reference'), NULL) AS bill
    FROM rows AS r LEFT JOIN temp.written_identities AS w ON w.identity = r.identity
    WHERE r.run_id = :run_id AND r.state = 'pending' AND r.attempt = 0
"""
_STEMS: Final = """
    SELECT key, stem FROM temp.expected WHERE key IN (SELECT value FROM json_each(:row_ids)) ORDER BY key, place
"""
#: After all stems that were computed from the list.
SPELLED_PLACE: Final = 1_000
#: A stem that was computed for a row with another bill than its transaction paid: earlier versions knew no bills. Not
#: where DVS was asked for the bill, which the key of the row does not have.
_UNEXPECT_BILL: Final = """
    DELETE FROM temp.expected WHERE stem = :stem AND :bill <> '' AND EXISTS (
        SELECT 1 FROM rows AS r WHERE r.id = expected.key AND r.attempt = 0 AND r.party_key IS NOT :party_key
            AND r.amount_until IS NULL)
"""
#: The row that a transaction paid, whose own spelling alone gives its stem. Of equal rows it is that with the number
#: of the transaction, or else the first that no other one is known of: earlier versions numbered the bills of an
#: account. Rows that an interrupted rebuild has found count for its number, too, and its transactions are known.
_EXPECT_SPELLED: Final = f"""
    INSERT OR IGNORE INTO temp.expected (stem, key, place, versions)
    SELECT :stem, r.id, {SPELLED_PLACE}, 0 FROM (
        SELECT id, state, attempt, row_number() OVER (ORDER BY line) AS number FROM rows
        WHERE +run_id = :run_id AND party_key = :party_key AND product_id = :product_id
            AND NOT (state = 'refused' AND attempt = 0)) AS r
    WHERE r.state = 'pending' AND r.attempt = 0
        AND NOT EXISTS (SELECT 1 FROM temp.expected AS e WHERE e.key = r.id AND e.place = {SPELLED_PLACE})
        AND NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.external_id IN (:external_id, :stem || '-1'))
    ORDER BY r.number <> :number, r.number LIMIT 1
"""  # noqa: S608
#: Rows that were sent and may be sent again, with the external ID that they have reached: DVS may have later ones.
_REACHED: Final = """
    SELECT r.id, a.external_id FROM rows AS r CROSS JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state IN ('pending', 'in_flight', 'accepted', 'failed') AND r.attempt > 0
"""
_EXPECT_REACHED: Final = (
    "INSERT OR REPLACE INTO temp.expected (stem, key, place, versions) VALUES (:stem, :row_id, 0, 0)"
)
_IS_EXPECTED: Final = "SELECT 1 FROM temp.expected WHERE stem = :stem"
_SAVE: Final = """
    INSERT OR IGNORE INTO temp.found (row_id, stem, number, body)
    SELECT key, stem, :number, :body FROM temp.expected WHERE stem = :stem
"""
#: Rows of which DVS has attempts that the ledger lacks; the list decides what a later one requested.
_LATER: Final = f"""
    SELECT {ATTEMPT}, r.state, coalesce(r.request, a.request) AS row_request,
        min(f.number) <= r.attempt AS is_same
    FROM temp.found AS f CROSS JOIN rows AS r ON r.id = f.row_id
    CROSS JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE f.row_id > :after AND r.run_id = :run_id
        AND (f.number > r.attempt OR (f.number = r.attempt AND {NOT_TAKEN}))
    GROUP BY f.row_id ORDER BY f.row_id LIMIT :limit
"""  # noqa: S608 - composed of constants
_FOUND: Final = """
    SELECT row_id, stem, number, body FROM temp.found WHERE row_id IN (SELECT value FROM json_each(:row_ids))
"""


@dataclass(frozen=True, slots=True)
class RebuildQueries:
    """The rebuild of a run."""

    file: LedgerFile

    def remember_spellings(self) -> None:
        """Keep how the staged list writes the identities of its rows, until the run is rebuilt."""
        with self.file.snapshot() as connection:
            for statement in (_CREATE_WRITTEN, _CLEAR_WRITTEN, _KEEP_WRITTEN):
                connection.execute(statement)

    def start(self, run: Run) -> None:
        """Save under which external IDs DVS may know the run's rows.

        Nothing of a list that was merged for it is sent before the rebuild has ended.
        """
        with self.file.transaction() as connection:
            for statement in (_CREATE_WRITTEN, _CREATE_FOUND, _CLEAR_FOUND, *other_transactions.SET_UP):
                connection.execute(statement)
            rows = connection.execute(_IDENTITIES, {"run_id": run.id})
            expect(connection, possible_ids(run), (_spelled(run, row) for row in rows))
            reached = connection.execute(_REACHED, {"run_id": run.id})
            connection.executemany(
                _EXPECT_REACHED, ({"stem": stem_of(row["external_id"]), "row_id": row["id"]} for row in reached)
            )

    def end(self, run: Run) -> None:
        """Save that every row was looked up, so that the others may be sent."""
        with self.file.transaction() as connection:
            connection.execute(_FORGET_AMOUNTS, {"run_id": run.id})
            connection.execute(_END_REBUILDING, {"run_id": run.id})

    def save(self, run: Run, transactions: Collection[tuple[ListedTransaction, bytes | None]]) -> None:
        """Save the transactions that belong to rows of the run, also in another spelling of their parties.

        Each comes with its JSON, or None where that must not be written to a file that is not encrypted.
        """
        versions, jobs = possible_ids(run), {run.job, *(ids.job for ids in possible_ids(run))}
        values, spelled, others = [], [], []
        for each, body in transactions:
            stem = stem_of(each.external_id)
            if (number := number_of(each.external_id)) is not None:
                values.append({"stem": stem, "number": number, "body": body})
            if looks_like(jobs, each.external_id):
                row_number = number_among_equals(versions, each)
                if row_number is not None:
                    bill = each.bill or ""
                    key = {"party_key": party_key(*each.party, bill), "bill": bill, "product_id": each.product_id}
                    spelled.append(
                        {"run_id": run.id, "external_id": each.external_id, "stem": stem, "number": row_number, **key}
                    )
                elif each.may_pay:
                    others.append(each)
        with self.file.transaction() as connection:
            connection.executemany(_UNEXPECT_BILL, spelled)
            connection.executemany(_EXPECT_SPELLED, spelled)
            connection.executemany(_SAVE, values)
            save_others(connection, [each for each in others if not _is_expected(connection, each)])

    def may_be_paid(self, run: Run) -> list[tuple[Attempt, str, datetime]]:
        """Return first attempts of rows never sent that saved transactions of no row may have paid.

        Each comes with the external ID of such a transaction, and the time of its creation.
        """
        with self.file.snapshot() as connection:
            return list(rows_that_may_be_paid(connection, run))

    def unsent(self, run: Run, *, after_row: int = 0, limit: int) -> list[tuple[Attempt, ...]]:
        """Return the first attempts that rows never sent may have had, after the row ID `after_row`.

        Each row has one for every external ID that it may have had, the run's own first.
        """
        rows = self.file.fetch_all(_UNSENT, run_id=run.id, after=after_row, limit=limit)
        stems: dict[int, list[str]] = defaultdict(list)
        for found in self.file.fetch_all(_STEMS, row_ids=json_array([row["row_id"] for row in rows])):
            stems[found["key"]].append(found["stem"])
        return [
            tuple(
                replace(new_attempt_of(row, 1, f"{stem}-1"), is_amount_open=row["amount_until"] is not None)
                for stem in stems[row["row_id"]]
            )
            for row in rows
        ]

    def reached(self, run: Run, *, after_row: int = 0, limit: int) -> list[tuple[Attempt, Attempt, RowState]]:
        """Return rows with attempts of which DVS has some that the ledger lacks, after the row ID `after_row`.

        Each has its latest attempt in the ledger, the first that is lacking, and its state. Both are the same where DVS
        took an attempt after all that the ledger has as not taken.
        """
        rows = self.file.fetch_all(_LATER, run_id=run.id, after=after_row, limit=limit)
        found = []
        for row in rows:
            known, number = attempt_of(row), row["number"] + (0 if row["is_same"] else 1)
            later = replace(
                known,
                number=number,
                external_id=f"{stem_of(known.external_id)}-{number}",
                request=row["row_request"].encode(),
            )
            found.append((known, later, RowState(row["state"])))
        return found

    def saved(self, row_ids: Collection[int]) -> dict[str, dict[int, bytes | None]]:
        """Return the saved JSON for rows, by the stem of the external ID and the attempt number."""
        found: dict[str, dict[int, bytes | None]] = defaultdict(dict)
        for row in self.file.fetch_all(_FOUND, row_ids=json_array(row_ids)):
            found[row["stem"]][row["number"]] = row["body"]
        return found

    def write_attempts(
        self, attempts: Sequence[tuple[Attempt, datetime]], cause: str, moves: Sequence[Move] = ()
    ) -> None:
        """Write attempts of pending rows that DVS has, as intents of the time of their creation, and their outcomes.

        All are written or none: an attempt that stayed in flight alone would be sent once DVS has shown to lack its ID.

        Args:
            attempts: attempts, each with the creation time of its transaction.
            cause: the cause of the events.
            moves: the moves of these attempts; none for those that stay in flight.

        Raises:
            StateError: a move is not allowed.
            LedgerError: one of the rows is not pending.
        """
        at = self.file.now()
        intents = [(attempt, utc_text(created_at)) for attempt, created_at in attempts]
        amounts = [
            {
                "row_id": each.row_id,
                "amount": each.amount and format_plain(each.amount),
                "request": each.request.decode(),
            }
            for each, _ in attempts
            if each.is_amount_open
        ]
        with self.file.transaction() as connection:
            connection.executemany(_SET_AMOUNT, amounts)
            write_intents(self.file, connection, intents, at, cause)
            write_moves(self.file, connection, moves, at)


def _is_expected(connection: sqlite3.Connection, listed: ListedTransaction) -> bool:
    return connection.execute(_IS_EXPECTED, {"stem": stem_of(listed.external_id)}).fetchone() is not None


def _spelled(run: Run, row: sqlite3.Row) -> Spelled:
    """Return a row's ID, its folded identity and its identity as the list writes it."""
    if run.identity_version.folds_rows:
        return row["id"], row["identity"], row["written"] or row["identity"]
    return row["id"], fold_identity(row["identity"], row["bill"]), row["identity"]
