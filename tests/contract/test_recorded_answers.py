"""Answers in the form of recorded ones: older than the newest description, so fields are missing, never more of them.

The client reads each, and the sandbox leaves out and nulls the same fields. Their texts and numbers are invented.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs import AsyncDVS, UnauthorizedError
from bulk_topup.dvs.models.base import Range
from bulk_topup.dvs.models.product import FixedProduct
from bulk_topup.dvs.models.transaction import Transaction, TransactionRequest
from bulk_topup.sandbox import EmbeddedSandbox

ANSWERS = Path(__file__).parent / "recorded_answers"
#: Fields that answers have today and recorded ones did not, or not all of them.
NEWER = {"product.service.subservice", "product.tags", "benefits[].amount.total_including_tax"}

pytestmark = pytest.mark.anyio


def answer(name: str) -> bytes:
    return (ANSWERS / f"{name}.json").read_bytes()


@asynccontextmanager
async def provider(name: str, status: str = "200 OK") -> AsyncIterator[AsyncDVS]:
    """Serve an answer to every request, with its headers as DVS writes them, and yield a client."""
    body = answer(name)
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "X-Total: 1\r\nX-Total-Pages: 1\r\nX-Per-Page: 100\r\nX-Page: 1\r\n"
        "X-Ratelimit-Limit: 10\r\nX-Ratelimit-Remaining: 9\r\nConnection: close\r\n\r\n"
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with AsyncDVS(f"http://127.0.0.1:{port}/v1", "key", "secret") as dvs:
            yield dvs


@pytest.mark.parametrize(
    ("name", "status", "number", "tags"),
    [
        ("created", "CREATED", 10000, ["AIRTIME"]),
        ("confirmed", "CONFIRMED", 20000, None),
        ("rejected", "REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE", 30400, None),
    ],
)
async def test_recorded_transactions_are_read(name: str, status: str, number: int, tags: list[str] | None) -> None:
    id_ = 2237551912 if name == "created" else 2237512891
    async with provider(f"transaction_{name}") as dvs:
        found = await dvs.transactions.get(id_)
        outcome = await dvs.transaction_outcomes.get(id_)
    assert (found.status.id, found.status.message) == (number, status)
    assert (found.product.type, found.product.tags) == ("FIXED_VALUE_RECHARGE", tags)
    assert found.prices is not None
    assert (found.prices.wholesale.amount, found.prices.wholesale.fee) == (
        Decimal("3.6"),
        Decimal(0),
    )
    assert found.benefits is not None
    assert found.benefits[0].amount.total_excluding_tax == 3
    assert (found.pin, found.metadata, found.callback_url, found.promotions) == (None, None, None, None)
    assert (outcome.id, outcome.status, outcome.requested_values) == (found.id, found.status, None)
    assert (found.confirmation_date is None) == (name == "created")


async def test_times_with_nine_digits_are_exact() -> None:
    async with provider("transaction_confirmed") as dvs:
        found = await dvs.transactions.get(2237512891)
    assert found.creation_date == datetime(2021, 3, 24, 20, 5, 5, 883561, tzinfo=UTC)


async def test_a_recorded_list_of_products_lookup_and_balance_is_read() -> None:
    async with provider("products") as dvs:
        products = [product async for product in dvs.products.list()]
    assert [product.id for product in products] == [6035, 6036]
    fixed = [product for product in products if isinstance(product, FixedProduct)]
    assert [product.required_statement_identifier_fields for product in fixed] == [None, None]
    assert fixed[0].rates.base == Decimal("0.833333333333333")
    async with provider("mobile_number_lookup") as dvs:
        assert [each.identified async for each in dvs.lookup.mobile_number("+525512345678", post=True)] == [True, False]
    async with provider("balances") as dvs:
        [balance] = [balance async for balance in dvs.balances.list()]
    assert (balance.available, balance.holding, balance.credit_limit) == (Decimal(0), Decimal(0), Decimal(0))


async def test_a_recorded_error_is_read() -> None:
    async with provider("unauthorized", "401 Unauthorized") as dvs:
        with pytest.raises(UnauthorizedError, match="1000401"):
            await dvs.balances.list().page()


def _paths(value: Any, at: str = "") -> Iterator[str]:
    """Yield the path of each field, and its path with `=null` if it is null."""
    if isinstance(value, list):
        for part in value:
            yield from _paths(part, f"{at}[]")
    elif isinstance(value, dict):
        for name, part in value.items():
            path = f"{at}.{name}" if at else name
            yield f"{path}=null" if part is None else path
            yield from _paths(part, path)


@pytest.mark.parametrize("name", ["created", "confirmed"])
def test_the_sandbox_leaves_out_and_nulls_the_same_fields(served: EmbeddedSandbox, name: str) -> None:
    request = {
        "external_id": f"recorded-{name}-again",
        "product_id": 3411,
        "auto_confirm": name == "confirmed",
        "credit_party_identifier": {"mobile_number": "+593990001300"},
    }
    with httpx2.Client(auth=("key", "secret")) as client:
        created = client.post(f"{served.base_url}/async/transactions", json=request).json()
    recorded = set(_paths(json.loads(answer(f"transaction_{name}")))) - {"product.tags"}
    found = {path for path in _paths(created) if not any(path.startswith(newer) for newer in NEWER)}
    assert found == recorded
    assert created["product"]["tags"] is None


def test_metadata_that_no_description_has_yet_is_kept_as_it_came_and_hides_nothing() -> None:
    body = json.loads(answer("transaction_confirmed"))
    body["metadata"] = {"type": "VOUCHER", "voucher": {"url": "https://shop.example/4711", "parts": [1, None]}}
    transaction = Transaction.model_validate(body)
    assert transaction.model_dump()["metadata"] == body["metadata"]
    assert transaction.has_secrets
    assert "4711" not in f"{transaction!r} {transaction} {transaction.masked('*').model_dump()}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:word@pay.example.com:8443/dvs/4711-token?key=4711", "https://pay.example.com:8443/*"),
        ("http://[::1]:9/4711-token", "http://[::1]:9/*"),
        ("http://[4711-token", "*"),
        ("4711-token", "*"),
    ],
)
def test_the_token_of_a_callback_url_is_masked_and_in_no_repr(url: str, shown: str) -> None:
    transaction = Transaction.model_validate(json.loads(answer("transaction_confirmed")) | {"callback_url": url})
    assert transaction.masked("*").callback_url == shown
    request = TransactionRequest(external_id="one", product_id=1, callback_url=url)
    assert "4711" not in f"{transaction!r} {request!r}"


@pytest.mark.parametrize(
    "metadata", ["text", [], 7, {}, {"type": None}, {"type": "ESIM", "profile": "LPA"}, {"type": "ESIM", "balance": 1}]
)
def test_no_metadata_hides_an_outcome(metadata: object) -> None:
    body = json.loads(answer("transaction_rejected")) | {"metadata": metadata}
    transaction = Transaction.model_validate(body)
    assert (transaction.status.class_.message, transaction.esim) == ("REJECTED", None)


def test_unknown_and_unlimited_amounts_are_read() -> None:
    body = json.loads(answer("transaction_confirmed"))
    body["benefits"][0]["amount"] = {"base": -1, "promotion_bonus": None, "total_excluding_tax": {"min": -1, "max": 5}}
    body["rates"] = {"base": None, "wholesale": 1, "retail": -1}
    transaction = Transaction.model_validate(body)
    assert transaction.benefits is not None
    amount = transaction.benefits[0].amount
    assert (amount.base, amount.promotion_bonus) == (Decimal(-1), None)
    assert amount.total_excluding_tax == Range(min=Decimal(-1), max=Decimal(5))
