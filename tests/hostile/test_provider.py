"""Responses that no provider should send: a payment with an untrusted response stays unknown, in bounded memory."""

import asyncio
import gzip
import json
import ssl
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from bulk_topup.dvs import AsyncDVS, DVSError, InvalidResponseError, NoResponseError
from bulk_topup.dvs.models.product import UnknownProduct
from bulk_topup.dvs.models.transaction import TransactionRequest
from bulk_topup.dvs.request_retries import ONE_TRY
from bulk_topup.dvs.transports.base import MAX_BODY_BYTES

pytestmark = pytest.mark.anyio

SECRET = "s3cret-never-shown"
REQUEST = TransactionRequest(external_id="list-abc-1", product_id=6418)
GOOD = {
    "id": 2237512891,
    "external_id": "list-abc-1",
    "creation_date": "2026-11-24T20:05:05.883561000Z",
    "status": {"id": 20000, "message": "CONFIRMED", "class": {"id": 2, "message": "CONFIRMED"}},
    "product": {"id": 6418},
}


def _client(provider: Any, **options: Any) -> AsyncDVS:
    return AsyncDVS(provider.base_url, "key", SECRET, **{"rate": 1000, "timeout": 5, "retries": ONE_TRY, **options})


def _body(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def _with_price(text: str) -> bytes:
    """Return a transaction whose price is a JSON text."""
    prices = '{"wholesale": {"unit": "USD", "amount": AMOUNT, "fee": 0}}'.replace("AMOUNT", text)
    return _body()[:-1] + f', "prices": {prices}}}'.encode()


BODIES = {
    "HTML": b"<!DOCTYPE html><html><body>Welcome</body></html>",
    "nothing": b"",
    "half of the JSON": _body()[:60],
    "JSON and more": _body() + b"}",
    "a list": b"[" + _body() + b"]",
    "null": b"null",
    "deeply nested JSON": b"[" * 200_000,
    "deeply nested JSON inside": _body(benefits="x").replace(b'"x"', b"[" * 100_000 + b"]" * 100_000),
    "NaN": _with_price("NaN"),
    "Infinity": _with_price("-Infinity"),
    "1e400": _with_price("1e400"),
    "a number that would take a gigabyte": _with_price("1e999999999"),
    "a number of too many digits": _with_price("0." + "1" * 1000),
    "an integer without end": _with_price("1" * 100_000),
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "latin-1": _body(operator_reference="x").replace(b'"x"', b'"\xe9"'),
    "half a surrogate pair": _body(operator_reference="x").replace(b'"x"', b'"\\ud800"'),
    "an id beyond 64 bits": _body(id=2**63),
    "a negative id": _body(id=-1),
    "an id that is no number": _body(id="tx-1"),
    "an id with decimals": _body(id=1.5),
    "no id": json.dumps({name: value for name, value in GOOD.items() if name != "id"}).encode(),
    "no status": _body(status=None),
    "a status that is a text": _body(status="COMPLETED"),
    "a time before all time": _body(creation_date="0001-01-01T00:00:00+14:00"),
    "a time after all time": _body(creation_date="9999-12-31T23:59:59-14:00"),
    "no time": _body(creation_date="yesterday"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_payment_whose_response_is_no_transaction_is_unknown(
    provider: Any, response: Callable[..., bytes], name: str
) -> None:
    provider.rule = lambda _line: response(201, BODIES[name], Content_Type="application/json")
    async with _client(provider) as dvs:
        with pytest.raises(DVSError) as caught:
            await dvs.transactions.create_async(REQUEST)
    assert caught.value.outcome_unknown
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("type_", ["text/html; charset=utf-16", "application/octet-stream", "x/y; charset=nonsense"])
async def test_the_content_type_of_a_response_is_ignored(
    provider: Any, response: Callable[..., bytes], type_: str
) -> None:
    provider.rule = lambda _line: response(201, _body(), Content_Type=type_)
    async with _client(provider) as dvs:
        assert (await dvs.transactions.create_async(REQUEST)).id == GOOD["id"]


async def test_a_time_without_a_zone_is_utc(provider: Any, response: Callable[..., bytes]) -> None:
    provider.rule = lambda _line: response(201, _body(creation_date="2026-11-24T20:05:05"))
    async with _client(provider) as dvs:
        assert (await dvs.transactions.create_async(REQUEST)).creation_date.isoformat() == "2026-11-24T20:05:05+00:00"


BOMB = gzip.compress(b" " * (MAX_BODY_BYTES + 1))
PACKED = {
    "a bomb": ("gzip", BOMB, "more than 16777216 bytes"),
    "a bomb in a bomb": ("gzip, gzip", gzip.compress(BOMB), 'packed as "gzip, gzip"'),
    "cut off": ("gzip", gzip.compress(_body())[:-9], "cut off"),
    "not packed at all": ("gzip", _body(), "incorrect header"),
    "packed by another method": ("deflate", zlib.compress(_body()), 'packed as "deflate"'),
    "packed by a method with an endless name": ("x" * 5000, _body(), 'packed as "' + "x" * 20 + '"'),
}


@pytest.mark.parametrize("name", PACKED)
async def test_a_compressed_response_that_cannot_be_unpacked_within_bounds_is_no_response(
    provider: Any, response: Callable[..., bytes], name: str
) -> None:
    packing, body, message = PACKED[name]
    provider.rule = lambda _line: response(201, body, Content_Encoding=packing)
    async with _client(provider) as dvs:
        with pytest.raises(NoResponseError, match=message):
            await dvs.transactions.create_async(REQUEST)


async def test_a_compressed_response_is_unpacked(provider: Any, response: Callable[..., bytes]) -> None:
    provider.rule = lambda _line: response(201, gzip.compress(_body()), Content_Encoding="gzip")
    async with _client(provider) as dvs:
        assert (await dvs.transactions.create_async(REQUEST)).id == GOOD["id"]


async def _flood(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    while True:
        writer.write(chunk)
        await writer.drain()


async def test_a_body_without_end_is_read_to_its_bound_only(provider: Any) -> None:
    provider.rule = lambda _line: _flood
    async with _client(provider) as dvs:
        with pytest.raises(NoResponseError, match="more than 16777216 bytes"):
            await dvs.transactions.create_async(REQUEST)


def _drip(start: bytes, part: bytes) -> Callable[[asyncio.StreamWriter], Any]:
    """Return a function that writes a start, and then parts without end.

    Real time because that of a client's timeout is.
    """

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)

    return write


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"HTTP/1.1 201 X\r\nContent-Length: 1000000\r\n\r\n", b" "),
        (b"HTTP/1.1 201 X\r\n", b"x: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
        (b"", b""),
    ],
    ids=["a body in drips", "headers in drips", "endless continues", "endless hints", "silence"],
)
async def test_a_response_that_never_ends_times_out(provider: Any, start: bytes, part: bytes) -> None:
    provider.rule = lambda _line: _drip(start, part)
    async with _client(provider, timeout=0.3) as dvs:
        with pytest.raises(NoResponseError):
            await dvs.transactions.create_async(REQUEST)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 201 X\r\n" + b"x-filler: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 201 X\r\n" + b"x: y\r\n" * 100_000 + b"\r\n",
        b"HTTP/1.1 abc X\r\n\r\n",
        b"HTTP/1.1 201 X\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 201 X\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n{}",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01" * 100,
    ],
    ids=["a long header", "many headers", "no status", "a negative length", "two lengths", "SSH", "TLS"],
)
async def test_bytes_that_are_no_http_are_no_response(provider: Any, head: bytes) -> None:
    provider.rule = lambda _line: head
    async with _client(provider, timeout=0.5) as dvs:
        with pytest.raises(NoResponseError):
            await dvs.transactions.create_async(REQUEST)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_proves_nothing(
    provider: Any, response: Callable[..., bytes], status: int
) -> None:
    provider.rule = lambda _line: response(status, Location=f"http://127.0.0.1:{provider.port}/v1/elsewhere")
    async with _client(provider) as dvs:
        with pytest.raises(InvalidResponseError, match="a redirect, which is never followed") as caught:
            await dvs.transactions.create_async(REQUEST)
    assert caught.value.outcome_unknown
    assert [request.split(b" ")[1] for request in provider.seen] == [b"/v1/async/transactions"]


@pytest.mark.parametrize("status", [500, 502, 504, 520, 599, 999])
async def test_a_server_error_proves_nothing_whatever_its_body(
    provider: Any, response: Callable[..., bytes], status: int
) -> None:
    body = b'{"errors":[{"code":1006001,"message":"Insufficient balance"}]}'
    provider.rule = lambda _line: response(status, body)
    async with _client(provider) as dvs:
        with pytest.raises(DVSError) as caught:
            await dvs.transactions.create_async(REQUEST)
    assert caught.value.outcome_unknown


async def test_an_endless_error_is_cut_and_cannot_control_a_terminal(
    provider: Any, response: Callable[..., bytes]
) -> None:
    entries = [{"code": 1000400, "message": "\x1b[2J" + "no" * 100_000}] * 10_000
    provider.rule = lambda _line: response(400, json.dumps({"errors": entries[:50]}).encode())
    async with _client(provider) as dvs:
        with pytest.raises(DVSError) as caught:
            await dvs.transactions.create_async(REQUEST)
    assert len(str(caught.value)) < 10_000
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Ratelimit_Limit": "0", "X_Ratelimit_Remaining": "0"},
        {"X_Ratelimit_Limit": "-5", "X_Ratelimit_Remaining": "-1"},
        {"X_Ratelimit_Limit": "lots", "X_Ratelimit_Remaining": "1e9"},
        {"X_Ratelimit_Limit": "9" * 5000, "X_Ratelimit_Remaining": "9" * 5000},
    ],
    ids=["zero", "negative", "words", "without end"],
)
async def test_an_impossible_rate_limit_is_not_adopted(
    provider: Any, response: Callable[..., bytes], headers: dict[str, str]
) -> None:
    provider.rule = lambda _line: response(200, b"[]", **headers)
    async with _client(provider, rate=None) as dvs:
        await dvs.balances.list().page()
        assert 1 <= dvs.limiter.rate <= 100


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        ("1000000000", 300.0),
        ("-5", 1.0),
        ("soon", 1.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 300.0),
        ("9" * 5000, 1.0),
        ("٣", 1.0),
    ],
)
async def test_a_requested_wait_is_bounded(
    provider: Any, response: Callable[..., bytes], clock: Any, retry_after: str, pause: float
) -> None:
    responses = iter([response(429, Retry_After=retry_after), response(200, b"[]")])
    provider.rule = lambda _line: next(responses)
    async with _client(provider, clock=clock) as dvs:
        await dvs.balances.list().page()
    assert max(clock.slept) == pytest.approx(pause, abs=1)


PAGES = {
    "pages without end that are empty": (b"[]", {"X_Total_Pages": 10**9}, "page 1 is empty"),
    "the same page again and again": (b"[{}]", {"X_Total_Pages": 10**9, "X_Page": 1}, "page 1 .* page 2 was requested"),
    "another page than was requested": (b"[]", {"X_Page": 7}, "page 7 .* page 1 was requested"),
    "no list": (b'{"id": 1}', {}, "something other than a list"),
}


@pytest.mark.parametrize("name", PAGES)
async def test_a_list_with_wrong_pages_is_an_error_and_no_endless_loop(
    provider: Any, response: Callable[..., bytes], name: str
) -> None:
    body, headers, message = PAGES[name]
    body = body.replace(b"{}", b'{"id": 1, "unit": "USD", "available": 1}')
    provider.rule = lambda _line: response(200, body, **headers)
    async with _client(provider) as dvs:
        with pytest.raises(InvalidResponseError, match=message):
            [each async for each in dvs.balances.list()]


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Total_Pages": -1},
        {"X_Total_Pages": "many"},
        {"X_Total_Pages": "9" * 5000},
        {"X_Per_Page": 0},
        {"X_Per_Page": 10**9},
        {"X_Total": -5},
    ],
)
async def test_a_list_whose_totals_are_no_numbers_ends_with_its_last_page(
    provider: Any, response: Callable[..., bytes], headers: dict[str, object]
) -> None:
    balance = b'{"id": 1, "unit": "USD", "available": 1}'
    full = b"[" + b",".join([balance] * 100) + b"]"
    provider.rule = lambda line: response(200, full if "page=1&" in line else b"[" + balance + b"]", **headers)
    async with _client(provider) as dvs:
        assert len([each async for each in dvs.balances.list()]) == 101


@pytest.mark.parametrize("product", [{"type": "TIME_MACHINE"}, {"type": 7}, {"type": None}, {"type": ["RANGED"]}])
async def test_a_product_of_an_unknown_or_an_invalid_type_is_shown_and_never_paid(
    provider: Any, response: Callable[..., bytes], product: dict[str, object]
) -> None:
    country = {"name": "Singapore", "iso_code": "SGP"}
    known = {"id": 1, "name": "x", "service": {"id": 1, "name": "x"}, "operator": {"id": 1, "name": "x"}}
    known["operator"] = {"id": 1, "name": "x", "country": country}
    provider.rule = lambda _line: response(200, json.dumps({**known, **product}).encode())
    async with _client(provider) as dvs:
        found = await dvs.products.get(1)
    assert isinstance(found, UnknownProduct)
    assert found.type == (product["type"] if isinstance(product["type"], str) else None)
    assert "this version can't pay" in found.why


async def test_an_untrusted_certificate_is_refused() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with AsyncDVS(url, "key", SECRET, rate=1000, timeout=5, retries=ONE_TRY) as dvs:
            with pytest.raises(NoResponseError, match="CERTIFICATE_VERIFY_FAILED"):
                await dvs.transactions.create_async(REQUEST)
    assert received == []
