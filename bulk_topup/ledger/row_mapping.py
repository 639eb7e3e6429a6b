"""Between SQLite's values and ours: rows to records, records to parameters, sums of amounts kept as text; pure."""

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bulk_topup.domain.attempt import Attempt, Facts, HeldAttempt, HintedAttempt, Move, OpenAttempt
from bulk_topup.domain.money import PRECISE, format_plain, with_fee
from bulk_topup.domain.row import OutcomeGroup
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState

_FINAL = frozenset({RowState.COMPLETED, RowState.FAILED, RowState.REVERSED})


def summed(groups: Iterable[Any]) -> dict[str, Decimal]:
    """Sum amounts that SQLite grouped; itself it would add them as floats."""
    sums: dict[str, Decimal] = {}
    for unit, amount, count in groups:
        add_to(sums, unit, amount, count)
    return sums


def add_to(sums: dict[str, Decimal], unit: str, amount: str | None, count: int) -> None:
    """Add an amount that SQLite has as text, so many times, to the sum of its unit; none counts for nothing."""
    if amount is not None:
        sums[unit] = PRECISE.fma(Decimal(amount), count, sums.get(unit, Decimal(0)))


def run_of(row: sqlite3.Row, ledger: Path) -> Run:
    """Make a run of its row in that ledger."""
    return Run(
        id=row["id"],
        job=row["job"],
        run_key=row["run_key"],
        environment=row["environment"],
        account=row["account"],
        guards=row["guards"],
        decision=row["decision"],
        approval=row["approval"],
        purged_at=_time(row["purged_at"]),
        list_path=row["list_path"],
        columns=tuple(json.loads(row["columns"])),
        created_at=datetime.fromisoformat(row["created_at"]),
        reading=row["reading"],
        reporting=row["reporting"],
        ledger=ledger.absolute(),
    )


def attempt_of(row: sqlite3.Row) -> Attempt:
    """Make an attempt of its row."""
    return attempt_under(row, row["number"], row["external_id"])


def attempt_under(row: sqlite3.Row, number: int, external_id: str) -> Attempt:
    """Make an attempt that is not written yet of its row."""
    return Attempt(
        row_id=row["row_id"],
        number=number,
        external_id=external_id,
        request=row["request"].encode(),
        operator_id=row["operator_id"],
        amount=_decimal(row["amount"]),
        unit=row["unit"],
        cost=_decimal(row["cost"]),
        cost_unit=row["cost_unit"],
    )


def open_attempt_of(row: sqlite3.Row) -> OpenAttempt:
    """Make an accepted attempt of its row."""
    return OpenAttempt(
        attempt=attempt_of(row),
        transaction_id=row["transaction_id"],
        creation_date=datetime.fromisoformat(row["creation_date"]),
        status_message=row["status_message"],
    )


def held_attempt_of(row: sqlite3.Row) -> HeldAttempt:
    """Make an attempt whose transaction waits to be confirmed of its row."""
    return HeldAttempt(
        attempt=attempt_of(row),
        transaction_id=row["transaction_id"],
        charged=with_fee(_decimal(row["price"]), _decimal(row["fee"])),
        price_unit=row["price_unit"],
        is_contradicted=bool(row["contradicted"]),
    )


def hinted_attempt_of(row: sqlite3.Row) -> HintedAttempt:
    """Make an attempt that a callback spoke of of its row."""
    return HintedAttempt(
        attempt=attempt_of(row),
        state=RowState(row["state"]),
        transaction_id=row["transaction_id"],
        received_at=datetime.fromisoformat(row["received_at"]),
    )


def event_values(
    row_id: int, attempt: int, at: str, before: RowState, after: RowState, cause: str, status_message: str | None = None
) -> dict[str, object]:
    """Give the parameters of an entry of the event log."""
    return {
        "row_id": row_id,
        "attempt": attempt,
        "at": at,
        "before": before,
        "after": after,
        "cause": cause,
        "status_message": status_message,
    }


def move_values(move: Move, at: str) -> dict[str, object]:
    """Give the parameters that move a row, and enter that in the event log."""
    status_message = move.facts.status_message if move.facts else None
    entry = event_values(move.row_id, move.attempt, at, move.before, move.after, move.cause, status_message)
    return {**entry, "message": move.message}


def facts_values(move: Move, facts: Facts, at: str) -> dict[str, object]:
    """Give the parameters that write what the provider says of a moved row's attempt."""
    return {
        "row_id": move.row_id,
        "attempt": move.attempt,
        "transaction_id": facts.transaction_id,
        "creation_date": facts.creation_date.astimezone(UTC).isoformat(),  # compared as text
        "status_class": facts.status_class,
        "status_message": facts.status_message,
        "price": None if facts.price is None else format_plain(facts.price),
        "fee": None if facts.fee is None else format_plain(facts.fee),
        "price_unit": facts.price_unit,
        "operator_reference": facts.operator_reference,
        "pin_code": facts.pin_code,
        "pin_serial": facts.pin_serial,
        "expires_at": None if facts.expires_at is None else facts.expires_at.astimezone(UTC).isoformat(),
        "final_at": at if move.after in _FINAL else None,
    }


def outcome_group_of(row: sqlite3.Row) -> OutcomeGroup:
    """Make a group of outcomes of its row."""
    return OutcomeGroup(
        state=RowState(row["state"]),
        product_id=row["product_id"],
        amount=_decimal(row["amount"]),
        unit=row["unit"],
        price=_decimal(row["price"]),
        fee=_decimal(row["fee"]),
        price_unit=row["price_unit"],
        rows=row["rows"],
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
