"""An attempt and its transactions as plain values."""

from collections.abc import Callable
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.statuses import StatusClass

EXTERNAL_ID = "list-abcdefghijklmnopqr-1"


@pytest.fixture
def attempt() -> Attempt:
    """Ten SGD of product 6418 to one number."""
    request = {
        "product_id": 6418,
        "auto_confirm": True,
        "calculation_mode": "DESTINATION_AMOUNT",
        "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 10},
        "credit_party_identifier": {"mobile_number": "+6595123100"},
    }
    return Attempt(row_id=7, number=1, external_id=EXTERNAL_ID, request=codec.encode(request))


@pytest.fixture
def transaction() -> Callable[..., Transaction]:
    """Return a function that creates the transaction of that attempt, with the given fields changed."""

    def make(class_: StatusClass = StatusClass.CONFIRMED, message: str | None = None, **other: Any) -> Transaction:
        values: dict[str, Any] = {
            "id": 2237512891,
            "external_id": EXTERNAL_ID,
            "creation_date": "2026-11-24T20:05:05.883561000Z",
            "status": {
                "id": class_ * 10000,
                "message": message or class_.name,
                "class": {"id": int(class_), "message": class_.name},
            },
            "product": {"id": 6418},
            "prices": {"wholesale": {"unit_type": "CURRENCY", "unit": "USD", "amount": 7.41, "fee": 0}, "retail": None},
            "requested_values": {"destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 10}},
            "credit_party_identifier": {"mobile_number": "+6595123100"},
        }
        return Transaction.model_validate({**values, **other})

    return make
