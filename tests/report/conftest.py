"""A run and rows to report on; plainly invented persons and numbers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bulk_topup.records import Outcome, Run
from bulk_topup.states import RowState


@pytest.fixture(scope="session")
def run() -> Run:
    return Run(
        id=1,
        job="payroll",
        run_key="2026-11",
        environment="sandbox",
        list_path="lists/payroll.csv",
        columns=("employee", "phone", "amount"),
        created_at=datetime(2026, 11, 24, 2, 0, tzinfo=UTC),
    )


@pytest.fixture(scope="session")
def outcome() -> Callable[..., Outcome]:
    """Give a function that makes a completed row, changed as its arguments say."""
    completed = Outcome(
        line=2,
        state=RowState.COMPLETED,
        cells=("E1", "+6595123100", "12.50"),
        problems=(),
        message="",
        note="",
        product_id=6418,
        credit_party="+6595123100",
        amount=Decimal("12.50"),
        unit="SGD",
        attempt=1,
        external_id="payroll-0123456789abcdef-1",
        transaction_id=2237512891,
        status_class="COMPLETED",
        status_message="COMPLETED",
        price=Decimal("9.30"),
        fee=Decimal("0.05"),
        price_unit="USD",
        operator_reference="OP-1",
        pin_code="1234-5678",
        pin_serial="SERIAL-9",
        creation_date=datetime(2026, 11, 24, 2, 1, 5, 123456, tzinfo=UTC),
        final_at=datetime(2026, 11, 24, 2, 1, 9, tzinfo=UTC),
        in_list=True,
    )

    def make(**changes: object) -> Outcome:
        return replace(completed, **changes)  # type: ignore[arg-type]

    return make
