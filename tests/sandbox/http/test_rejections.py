"""Rejections by DVS itself: a transaction is REJECTED in the response that confirms it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.sandbox.provider.requests import CreateRequest, Party

Create = Callable[..., Transaction]
REJECTIONS = [
    ("108", 30400, "REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE"),
    ("109", 30300, "REJECTED-LIMITATIONS-ON-CREDIT-PARTY-AMOUNT"),
]


def _wallet(api: httpx2.Client) -> tuple[Any, Any]:
    [balance] = api.get("/balances?unit=USD").json()
    return balance["available"], balance["holding"]


def _to(suffix: str) -> dict[str, Any]:
    return {"credit_party_identifier": {"mobile_number": f"+6595123{suffix}"}}


@pytest.mark.parametrize(("suffix", "id_", "message"), REJECTIONS)
def test_an_auto_confirmed_creation_is_rejected_in_its_response_and_costs_nothing(
    api: httpx2.Client, create: Create, suffix: str, id_: int, message: str
) -> None:
    before = _wallet(api)
    transaction = create(3411, **_to(suffix), auto_confirm=True)
    status = transaction.status
    assert (status.id, status.message, status.class_.id, status.class_.message) == (id_, message, 3, "REJECTED")
    assert transaction.pin is None
    assert transaction.operator_reference is None
    assert _wallet(api) == before


@pytest.mark.parametrize(("suffix", "id_", "message"), REJECTIONS)
def test_the_cost_of_a_transaction_is_on_hold_until_its_confirmation_rejects_it(
    api: httpx2.Client,
    create: Create,
    post: Callable[..., httpx2.Response],
    read: Any,
    refused: Any,
    suffix: str,
    id_: int,
    message: str,
) -> None:
    available, holding = _wallet(api)
    transaction = create(3411, **_to(suffix))
    assert transaction.status.message == "CREATED"
    price = Decimal("3.6")
    assert [Decimal(str(part)) for part in _wallet(api)] == [
        Decimal(str(available)) - price,
        Decimal(str(holding)) + price,
    ]
    answer = post(f"/async/transactions/{transaction.id}/confirm")
    assert answer.status_code == 202
    assert read("transaction", answer).status.message == message
    assert read("transaction", answer).status.id == id_
    assert _wallet(api) == (available, holding)
    refused(post(f"/async/transactions/{transaction.id}/confirm"), 400, 1007002)
    refused(post(f"/transactions/{transaction.id}/cancel"), 400, 1007007)


def test_a_rejection_is_in_the_books_and_stays_after_a_restart(open_provider: Any) -> None:
    before = open_provider()
    request = CreateRequest(
        external_id="a",
        product_id=3411,
        auto_confirm=True,
        credit_party_identifier=Party(mobile_number="+6595123109"),
    )
    id_ = before.create(request).id
    before.close()
    after = open_provider()
    assert after.get(id_).status(after.now()).message == "REJECTED-LIMITATIONS-ON-CREDIT-PARTY-AMOUNT"
    assert after.wallets["USD"].available == after.wallets["USD"].opening


def test_a_list_filtered_by_status_finds_rejections(api: httpx2.Client, create: Create) -> None:
    transaction = create(3411, **_to("108"), auto_confirm=True)
    found = api.get("/transactions?status_id=30400&credit_party_mobile_number=%2B6595123108&per_page=100").json()
    assert transaction.id in {item["id"] for item in found}
