"""The client and responses that no well-behaved provider gives, over a real socket."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from bulk_topup.dvs import (
    AsyncDVS,
    ExternalIdAlreadyUsedError,
    InvalidResponseError,
    NoResponseError,
    RetryPolicy,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
)
from bulk_topup.dvs.models.transaction import TransactionRequest
from bulk_topup.errors import ConfigurationError

pytestmark = pytest.mark.anyio

SECRET = "s3cret-never-shown"
REQUEST = TransactionRequest(external_id="list-abc-1", product_id=6418)
USED = b'{"errors":[{"code":1007001,"message":"Transaction external ID has already been used"}]}'
REFUSED = b'{"errors":[{"code":1003002,"message":"Requested product amount is out of range"}]}'
THROTTLED = b'{"errors":[{"code":1000429,"message":"Too many requests"}]}'


def _client(peer: Any, clock: Any, **options: Any) -> AsyncDVS:
    return AsyncDVS(peer.base_url, "key", SECRET, rate=1000, clock=clock, timeout=2, **options)


async def test_a_connection_that_closes_without_a_response_is_retried_and_then_unknown(
    scripted: Callable[..., Any], clock: Any
) -> None:
    async with scripted(b"") as peer, _client(peer, clock, retries=RetryPolicy(tries=3)) as dvs:
        with pytest.raises(NoResponseError) as caught:
            await dvs.transactions.create_async(REQUEST)
    assert caught.value.outcome_unknown
    assert len(peer.requests) == 3
    bodies = {request.split(b"\r\n\r\n", 1)[1] for request in peer.requests}
    assert bodies == {b'{"external_id":"list-abc-1","product_id":6418,"auto_confirm":false}'}


async def test_half_a_body_is_no_response(scripted: Callable[..., Any], clock: Any) -> None:
    half = b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{"
    async with scripted(half) as peer, _client(peer, clock, retries=RetryPolicy(tries=1)) as dvs:
        with pytest.raises(NoResponseError):
            await dvs.transactions.create_async(REQUEST)


async def test_nobody_listening_is_unknown_too(clock: Any) -> None:
    async with AsyncDVS("http://127.0.0.1:9/v1", "k", SECRET, clock=clock, retries=RetryPolicy(tries=1)) as dvs:
        with pytest.raises(NoResponseError):
            await dvs.transactions.create_async(REQUEST)


async def test_a_response_after_an_unknown_try_says_that_it_proves_nothing(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    async with scripted(b"", answer(400, USED)) as peer, _client(peer, clock) as dvs:
        with pytest.raises(ExternalIdAlreadyUsedError) as caught:
            await dvs.transactions.create_async(REQUEST)
    assert caught.value.after_unknown


async def test_a_response_to_the_first_try_is_proof(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    async with scripted(answer(400, USED)) as peer, _client(peer, clock) as dvs:
        with pytest.raises(ExternalIdAlreadyUsedError) as caught:
            await dvs.transactions.create_async(REQUEST)
    assert not caught.value.after_unknown
    assert len(peer.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_transient_server_error_is_retried_and_is_unknown(
    status: int, scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    async with scripted(answer(status)) as peer, _client(peer, clock, retries=RetryPolicy(tries=2)) as dvs:
        with pytest.raises(ServerError) as caught:
            await dvs.products.get(1)
    assert caught.value.outcome_unknown
    assert len(peer.requests) == 2


@pytest.mark.parametrize("status", [408, 499, 501, 520])
async def test_responses_of_proxies_are_unknown_and_not_repeated(
    status: int, scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    async with scripted(answer(status)) as peer, _client(peer, clock) as dvs:
        with pytest.raises(ServerError) as caught:
            await dvs.transactions.create_async(REQUEST)
    assert caught.value.outcome_unknown
    assert len(peer.requests) == 1


async def test_a_429_waits_as_long_as_it_says_and_uses_up_no_try(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    throttled = answer(429, THROTTLED, Retry_After="3")
    policy = RetryPolicy(tries=1)
    async with scripted(*[throttled] * 5, answer(400, REFUSED)) as peer, _client(peer, clock, retries=policy) as dvs:
        began = clock.monotonic()
        with pytest.raises(Exception, match="out of range") as caught:
            await dvs.transactions.create_async(REQUEST)
        assert clock.monotonic() - began >= 15
        assert dvs.traffic.throttled == 5
    assert not getattr(caught.value, "after_unknown", True)


async def test_429_without_end_is_given_up(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    policy = RetryPolicy(throttled_tries=4)
    async with scripted(answer(429)) as peer, _client(peer, clock, retries=policy) as dvs:
        with pytest.raises(TooManyRequestsError):
            await dvs.products.get(1)
    assert len(peer.requests) == 4


async def test_other_4xx_are_never_repeated(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    async with scripted(answer(401)) as peer, _client(peer, clock) as dvs:
        with pytest.raises(UnauthorizedError):
            await dvs.products.get(1)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"[]", b'{"id": 1}', b'"\xff"'])
async def test_a_201_with_a_body_that_is_no_transaction_is_unknown(
    body: bytes, scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    async with scripted(answer(201, body)) as peer, _client(peer, clock, retries=RetryPolicy(tries=1)) as dvs:
        with pytest.raises(InvalidResponseError) as caught:
            await dvs.transactions.create_async(REQUEST)
    assert caught.value.outcome_unknown


async def test_a_pin_in_an_unexpected_body_is_not_quoted(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    body = b'{"id": 1, "pin": {"code": ["9876-5432"], "serial": "S-555"}}'
    async with scripted(answer(201, body)) as peer, _client(peer, clock, retries=RetryPolicy(tries=1)) as dvs:
        with pytest.raises(InvalidResponseError) as caught:
            await dvs.transactions.create_async(REQUEST)
    assert "9876" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_redirect_is_not_followed(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    async with scripted(answer(302, b"", Location="http://127.0.0.1:9/v1/products/1")) as peer:
        async with _client(peer, clock, retries=RetryPolicy(tries=1)) as dvs:
            with pytest.raises(InvalidResponseError, match="redirect"):
                await dvs.products.get(1)
    assert len(peer.requests) == 1


async def test_an_empty_list_comes_as_404_with_its_code_and_not_as_any_404(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    nothing = b'{"errors":[{"code":1008004,"message":"Transaction not found"}]}'
    async with scripted(answer(404, nothing), answer(404, b"<html>wrong address</html>")) as peer:
        async with _client(peer, clock) as dvs:
            assert [item async for item in dvs.transactions.list(external_id="x")] == []
            with pytest.raises(InvalidResponseError, match=r"HTTP 404 with application/json of 26 bytes, .<html>wrong"):
                await dvs.transactions.list(external_id="x").page()


async def test_every_request_carries_credentials_and_our_name(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    async with scripted(answer(200, b"[]")) as peer, _client(peer, clock) as dvs:
        assert (await dvs.balances.list().page()).items == ()
    head = peer.requests[0].decode().lower()
    assert f"authorization: basic {base64.b64encode(f'key:{SECRET}'.encode()).decode()}".lower() in head
    assert "user-agent: bulk-topup/" in head


async def test_pages_are_read_to_the_last_that_the_headers_announce(
    scripted: Callable[..., Any], answer: Callable[..., bytes], clock: Any
) -> None:
    wallet = b'[{"id":%d,"unit_type":"CURRENCY","unit":"USD","available":1.10,"holding":0,"credit_limit":null}]'
    pages = [answer(200, wallet % n, X_Total="3", X_Total_Pages="3", X_Page=str(n), X_Per_Page="1") for n in (1, 2, 3)]
    async with scripted(*pages) as peer, _client(peer, clock) as dvs:
        assert [balance.id async for balance in dvs.balances.list()] == [1, 2, 3]
    assert [f"page={n}&".encode() in request for n, request in enumerate(peer.requests, 1)] == [True] * 3


@pytest.mark.parametrize(
    "url", ["http://dvs-api.dtone.com/v1", "dvs-api.dtone.com", "ftp://x/v1", "https://user:pw@dvs-api.dtone.com/v1"]
)
async def test_an_address_that_would_leak_credentials_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        AsyncDVS(url, "key", SECRET)


async def test_the_secret_is_in_no_error_and_no_repr(clock: Any) -> None:
    async with AsyncDVS("http://127.0.0.1:9/v1", "k", SECRET, clock=clock, retries=RetryPolicy(tries=1)) as dvs:
        with pytest.raises(NoResponseError) as caught:
            await dvs.products.get(1)
        assert SECRET not in f"{caught.value!r} {caught.value} {dvs!r} {vars(dvs)}"
