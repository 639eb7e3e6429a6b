"""Fixtures: a ledger in its own folder, and functions that create rows, runs, facts and moves."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, Facts, Move
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS, PurchaseSecrets
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import mobile_key
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock
from tests.helpers.checked_rows import CheckedRow, staged

COLUMNS = ("phone", "amount")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books" / "ledger.db"


@pytest.fixture
def ledger(path: Path, clock: Clock) -> Iterator[LedgerStore]:
    with LedgerStore(path, clock=clock) as opened:
        yield opened


@pytest.fixture(scope="session")
def row() -> Callable[..., CheckedRow]:
    """Return a function that creates a row of an amount in SGD to the number that ends with `who`, or a refused one."""

    def make(who: int, amount: str = "10", *, line: int | None = None, refused: str = "", **changes: Any) -> CheckedRow:
        party = f"+6595123{who:03}"
        request = json.dumps(
            {
                "product_id": 6418,
                "auto_confirm": True,
                "calculation_mode": "DESTINATION_AMOUNT",
                "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": amount},
                "credit_party_identifier": {"mobile_number": party},
            }
        )
        values: dict[str, Any] = {
            "line": line or who + 2,
            "identity": f"party:{who}",
            "cells": json.dumps([party, amount]),
            "problems": (Problem(column="amount", message=refused),) if refused else (),
            "product_id": 6418,
            "credit_party": party,
            "amount": Decimal(amount),
            "unit": "SGD",
            "request": None if refused else request.encode(),
            "cost": None if refused else Decimal(amount) / 2,
            "cost_unit": "USD",
            "party_key": mobile_key(party),
        }
        return CheckedRow(**{**values, **changes})

    return make


@pytest.fixture(scope="session")
def start() -> Callable[..., Run]:
    """Return a function that merges a list into a run, as every invocation does."""

    def merge(
        ledger: LedgerStore,
        rows: Sequence[CheckedRow],
        *,
        run_key: str = "2026-11",
        columns: Sequence[str] = COLUMNS,
        **job: Any,
    ) -> Run:
        ledger.staging.clear()
        ledger.staging.add(staged(rows))
        return ledger.staging.merge(
            job="payroll", run_key=run_key, environment="sandbox", list_path="payroll.csv", columns=columns, **job
        )

    return merge


@pytest.fixture(scope="session")
def facts() -> Callable[..., Facts]:
    """Return a function that creates facts of a transaction with the given changes, secrets by their field."""

    def make(**changes: Any) -> Facts:
        secrets = {name: changes.pop(name) for name in SECRET_FIELDS if name in changes}
        values: dict[str, Any] = {
            "transaction_id": 2237512891,
            "creation_date": datetime(2026, 11, 1, 2, 1, 5, 883561, tzinfo=UTC),
            "status_class": "CONFIRMED",
            "status_message": "CONFIRMED",
            "price": Decimal("7.41"),
            "fee": Decimal("0.05"),
            "price_unit": "USD",
            "operator_reference": None,
            "secrets": PurchaseSecrets(**secrets),
        }
        return Facts(**{**values, **changes})

    return make


@pytest.fixture(scope="session")
def move(facts: Callable[..., Facts]) -> Callable[..., Move]:
    """Return a function that creates the move of an attempt's row, with facts where a transaction must exist."""
    with_transaction = {RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED}

    def make(attempt: Attempt, before: RowState, after: RowState, **changes: Any) -> Move:
        known = facts(status_class=after.name, status_message=after.name) if after in with_transaction else None
        values: dict[str, Any] = {"cause": "answer", "facts": known}
        return Move(row_id=attempt.row_id, attempt=attempt.number, before=before, after=after, **{**values, **changes})

    return make


@pytest.fixture
def bring(ledger: LedgerStore, move: Callable[..., Move]) -> Callable[[Run, RowState], Attempt]:
    """Return a function that claims the only pending row of a run and moves it to a state."""

    def do(run: Run, state: RowState) -> Attempt:
        [attempt] = ledger.attempts.claim(run, 2)
        if state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])
        return attempt

    return do
