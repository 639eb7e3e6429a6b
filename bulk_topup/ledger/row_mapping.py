"""Converts rows of SQLite to records and records to parameters, and sums amounts that are stored as text; pure."""

import json
import sqlite3
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bulk_topup.domain.attempt import (
    Attempt,
    Facts,
    HeldAttempt,
    HintedAttempt,
    KnownTransaction,
    MetPrice,
    Move,
    OpenAttempt,
    PricedAttempt,
)
from bulk_topup.domain.identity_version import IdentityVersion
from bulk_topup.domain.list_parts import ListPart
from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.domain.row import OutcomeGroup
from bulk_topup.domain.run import Closing, LeftOpen, PaidAgain, Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import Total

_FINAL = frozenset({RowState.COMPLETED, RowState.FAILED, RowState.REVERSED})


def json_array(values: Collection[object] | None) -> str | None:
    """Return values as a parameter of a statement that reads them with `json_each`; None for no condition."""
    return None if values is None else json.dumps(list(values))


def utc_text(time: datetime) -> str:
    """Return a time as the ledger stores it, so that both compare as texts."""
    return time.astimezone(UTC).isoformat()


def sum_amounts(groups: Iterable[Any]) -> dict[str, Decimal]:
    """Return the sums, per unit, of groups of unit, amount and count; SQLite would add floats."""
    sums: dict[str, Decimal] = {}
    for unit, amount, count in groups:
        add_to(sums, unit, amount, count)
    return sums


def add_to(sums: dict[str, Decimal], unit: str, amount: str | None, count: int) -> None:
    """Add `count` times an amount that SQLite has as text to the sum of its unit; None adds nothing."""
    if amount is not None:
        sums[unit] = PRECISE.fma(Decimal(amount), count, sums.get(unit, Decimal(0)))


def add_to_total(
    total: Total, unit: str | None, amount: str | None, cost_unit: str | None, cost: str | None, count: int
) -> None:
    """Add `count` rows with the same requested amount and cost to a total."""
    total.rows += count
    if unit is not None:
        add_to(total.amounts, unit, amount, count)
    if cost is None or cost_unit is None:
        total.unpriced += count
    else:
        add_to(total.costs, cost_unit, cost, count)


def run_of(row: sqlite3.Row, ledger: Path) -> Run:
    """Return the run of a row of that ledger."""
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
        comparison=row["comparison"],
        reading_version=row["reading_version"],
        time_zone=row["time_zone"],
        closing=_closing_of(row),
        left_open=_left_open_of(row),
        paid_again=_paid_again_of(row),
        ledger=ledger.absolute(),
        identity_version=IdentityVersion(row["identity_version"]),
        id_job=row["id_job"],
        id_run_key=row["id_run_key"],
        is_rebuilding=bool(row["rebuilding"]),
        parts=_parts_of(row),
    )


def _closing_of(row: sqlite3.Row) -> Closing | None:
    if row["closed_at"] is None:
        return None
    at = datetime.fromisoformat(row["closed_at"])
    return Closing(at=at, by=row["closed_by"], reason=row["closed_reason"])


def _left_open_of(row: sqlite3.Row) -> LeftOpen | None:
    if row["left_open"] is None:
        return None
    stored = json.loads(row["left_open"])
    return LeftOpen(runs=tuple(stored["runs"]), by=stored["by"], reason=stored["reason"])


def _paid_again_of(row: sqlite3.Row) -> tuple[PaidAgain, ...]:
    return tuple(
        PaidAgain(
            runs=tuple(stored["runs"]),
            rows=stored["rows"],
            by=stored["by"],
            reason=stored["reason"],
            at=datetime.fromisoformat(stored["at"]),
        )
        for stored in json.loads(row["paid_again"] or "[]")
    )


def _parts_of(row: sqlite3.Row) -> tuple[ListPart, ...]:
    return tuple(
        ListPart(
            list_path=stored["list"],
            reading=stored["reading"],
            at=None if stored["at"] is None else datetime.fromisoformat(stored["at"]),
            by=stored["by"],
        )
        for stored in json.loads(row["parts"] or "[]")
    )


def attempt_of(row: sqlite3.Row) -> Attempt:
    """Return the attempt of a row."""
    return new_attempt_of(row, row["number"], row["external_id"])


def new_attempt_of(row: sqlite3.Row, number: int, external_id: str) -> Attempt:
    """Return an attempt that is not written yet, for a row."""
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
    """Return the accepted attempt of a row."""
    return OpenAttempt(
        attempt=attempt_of(row),
        transaction_id=row["transaction_id"],
        creation_date=datetime.fromisoformat(row["creation_date"]),
        status_message=row["status_message"],
    )


def held_attempt_of(row: sqlite3.Row) -> HeldAttempt:
    """Return the attempt of a row with its unconfirmed transaction."""
    return HeldAttempt(
        attempt=attempt_of(row),
        transaction_id=row["transaction_id"],
        price=_decimal(row["price"]),
        fee=_decimal(row["fee"]),
        price_unit=row["price_unit"],
        is_contradicted=bool(row["contradicted"]),
    )


def met_price_of(row: sqlite3.Row) -> MetPrice:
    """Return what a sent row was charged, beside the plan of a pending one."""
    return MetPrice(
        attempt=attempt_of(row),
        price=_decimal(row["price"]),
        fee=_decimal(row["fee"]),
        price_unit=row["price_unit"],
        next_amount=_decimal(row["next_amount"]),
        next_cost=_decimal(row["next_cost"]),
        next_unit=row["next_unit"],
    )


def priced_attempt_of(row: sqlite3.Row) -> PricedAttempt:
    """Return the attempt of a row with the price of its transaction."""
    return PricedAttempt(
        attempt=attempt_of(row),
        price=_decimal(row["price"]),
        fee=_decimal(row["fee"]),
        price_unit=row["price_unit"],
    )


def known_transaction_of(row: sqlite3.Row) -> KnownTransaction:
    """Return the attempt of a row in conflict with its transaction."""
    return KnownTransaction(
        attempt=attempt_of(row),
        price=_decimal(row["price"]),
        fee=_decimal(row["fee"]),
        price_unit=row["price_unit"],
        transaction_id=row["transaction_id"],
    )


def hinted_attempt_of(row: sqlite3.Row) -> HintedAttempt:
    """Return the attempt of a row that a callback named."""
    return HintedAttempt(
        attempt=attempt_of(row),
        state=RowState(row["state"]),
        transaction_id=row["transaction_id"],
        received_at=datetime.fromisoformat(row["received_at"]),
    )


def event_values(
    row_id: int, attempt: int, at: str, before: RowState, after: RowState, cause: str, status_message: str | None = None
) -> dict[str, object]:
    """Return the parameters of an event."""
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
    """Return the parameters that change a row's state, and those of the event."""
    status_message = move.facts.status_message if move.facts else None
    entry = event_values(move.row_id, move.attempt, at, move.before, move.after, move.cause, status_message)
    return {**entry, "message": move.message}


def facts_values(move: Move, facts: Facts, at: str) -> dict[str, object]:
    """Return the parameters that write the facts of a row's attempt."""
    delivery = facts.delivery
    return {
        "row_id": move.row_id,
        "attempt": move.attempt,
        "transaction_id": facts.transaction_id,
        "creation_date": utc_text(facts.creation_date),
        "status_class": facts.status_class,
        "status_message": facts.status_message,
        "price": None if facts.price is None else format_plain(facts.price),
        "fee": None if facts.fee is None else format_plain(facts.fee),
        "price_unit": facts.price_unit,
        "operator_reference": facts.operator_reference,
        **facts.secrets.by_field(),
        "delivered": None if delivery.delivered is None else format_plain(delivery.delivered),
        "delivered_unit": delivery.delivered_unit,
        "bonus": delivery.bonus,
        "retail_price": None if delivery.retail_price is None else format_plain(delivery.retail_price),
        "retail_unit": delivery.retail_unit,
        "expires_at": None if facts.expires_at is None else utc_text(facts.expires_at),
        "final_at": at if move.after in _FINAL else None,
    }


def outcome_group_of(row: sqlite3.Row) -> OutcomeGroup:
    """Return the group of outcomes of a row."""
    return OutcomeGroup(
        state=RowState(row["state"]),
        product_id=row["product_id"],
        amount=_decimal(row["amount"]),
        unit=row["unit"],
        price=_decimal(row["price"]),
        fee=_decimal(row["fee"]),
        price_unit=row["price_unit"],
        planned_cost=_decimal(row["planned_cost"]),
        planned_unit=row["planned_unit"],
        rows=row["rows"],
        is_repeat=bool(row["is_repeat"]),
        is_nothing_due=bool(row["is_nothing_due"]),
        is_left_out=bool(row["is_left_out"]),
        failure=row["failure"],
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
