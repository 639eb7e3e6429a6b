"""A run with a completed row, to report on; the person and the number are invented."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState

RUN = Run(
    id=1,
    job="payroll",
    run_key="2026-11",
    environment="sandbox",
    list_path="lists/payroll.csv",
    columns=("employee", "phone", "amount"),
    account="https://dvs.example/v1 (key 1a2b3c4d)",
    created_at=datetime(2026, 11, 24, 2, 0, tzinfo=UTC),
)
COMPLETED = Outcome(
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
    planned_cost=Decimal("9.35"),
    planned_unit="USD",
    price=Decimal("9.30"),
    fee=Decimal("0.05"),
    price_unit="USD",
    delivered=Decimal("12.40"),
    delivered_unit="SGD",
    bonus="1 SGD, 500 MB",
    retail_price=Decimal("9.90"),
    retail_unit="USD",
    operator_reference="OP-1",
    pin_code="1234-5678",
    pin_serial="SERIAL-9",
    esim_activation_code="LPA:1$esim.example$4711",
    esim_apple_universal_link="https://esim.example/apple/4711",
    esim_android_universal_link="https://esim.example/android/4711",
    esim_installation_url="https://esim.example/install/4711",
    creation_date=datetime(2026, 11, 24, 2, 1, 5, 123456, tzinfo=UTC),
    final_at=datetime(2026, 11, 24, 2, 1, 9, tzinfo=UTC),
    in_list=True,
)


@pytest.fixture(scope="session")
def run() -> Run:
    return RUN


@pytest.fixture(scope="session")
def outcome() -> Callable[..., Outcome]:
    """Return a function that creates a completed row with the given changes."""

    def make(**changes: object) -> Outcome:
        return replace(COMPLETED, **changes)  # type: ignore[arg-type]

    return make
