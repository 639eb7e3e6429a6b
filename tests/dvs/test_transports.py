"""All transports follow the same rules: a request is sent once, and answered or unknown; over a real socket."""

import asyncio
import gzip
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, get_args

import pytest
import trustme
import uvloop
from pydantic import SecretStr

from bulk_topup.dvs.errors import NoResponseError
from bulk_topup.dvs.transports.base import MAX_BODY_BYTES, Account, HTTPRequest, HTTPResponse, HTTPTransport
from bulk_topup.dvs.transports.choice import TransportName, transport_for
from bulk_topup.errors import ConfigurationError

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("name", get_args(TransportName))]

SECRET = "s3cret-never-shown"
PAY = HTTPRequest(method="POST", path="/async/transactions", body=b'{"external_id":"list-abc-1"}')
READ = HTTPRequest(method="GET", path="/transactions", params={"from_date": "2026-11-24T00:00:00+01:00", "page": "1"})


def transport(name: TransportName, base_url: str, *, timeout: float = 5, connections: int = 4) -> HTTPTransport:
    account = Account(
        base_url=base_url,
        api_key="key",
        api_secret=SecretStr(SECRET),
        timeout=timeout,
        connections=connections,
        user_agent="bulk-topup/test",
    )
    return transport_for(account, name)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def peer(serve: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve connections by a function; give the base URL."""
    open_now: set[asyncio.StreamWriter] = set()

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            open_now.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0, ssl=tls)
    try:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for writer in open_now:
            writer.transport.abort()
        await asyncio.sleep(0)


async def request_on(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
    return head + await reader.readexactly(int(fields.get(b"content-length", b"0")))


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_response_comes_back_as_it_was_sent(
    name: TransportName, scripted: Callable[..., Any], answer: Callable[..., bytes], loop_factory: Any
) -> None:
    async def exchange() -> tuple[HTTPResponse, list[bytes]]:
        async with scripted(answer(400, b'{"errors":[]}', X_RateLimit_Limit="7")) as provider:
            async with transport(name, provider.base_url) as opened:
                return await opened.send(PAY), provider.requests

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        got, sent = runner.run(exchange())
    assert (got.status_code, got.body) == (400, b'{"errors":[]}')
    assert got.headers["x-ratelimit-limit"] == "7"
    assert len(sent) == 1
    head, _, body = sent[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {line.partition(":")[0].lower(): line.partition(": ")[2] for line in lines[1:]}
    assert lines[0] == "POST /v1/async/transactions HTTP/1.1"
    assert body == PAY.body
    pair = b64encode(f"key:{SECRET}".encode()).decode()
    wanted = {
        "authorization": f"Basic {pair}",
        "user-agent": "bulk-topup/test",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "content-type": "application/json",
    }
    assert wanted.items() <= fields.items()
    assert len(lines) == len(fields) + 1


async def test_a_path_is_quoted_and_a_request_without_a_body_has_no_content_headers(
    name: TransportName, scripted: Callable[..., Any], answer: Callable[..., bytes]
) -> None:
    confirm = HTTPRequest(method="POST", path="/async/transactions/7/confirm", language="de")
    async with scripted(answer(200, b"[]")) as provider, transport(name, provider.base_url) as opened:
        await opened.send(READ)
        await opened.send(confirm)
    line = b"GET /v1/transactions?from_date=2026-11-24T00%3A00%3A00%2B01%3A00&page=1 HTTP/1.1\r\n"
    assert provider.requests[0].startswith(line)
    assert b"content-type" not in provider.requests[0].lower()
    assert b"content-type" not in provider.requests[1].lower()
    assert b"accept-language: de" in provider.requests[1].lower()


@pytest.mark.parametrize(
    "bytes_",
    [
        b"",
        b"HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Le",
        b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n{",
        b"SSH-2.0-OpenSSH_9.2\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: x\r\nConnection: close\r\n\r\n{}",
    ],
)
@pytest.mark.parametrize("call", [PAY, READ], ids=["POST", "GET"])
async def test_an_incomplete_response_is_unknown_and_was_requested_once(
    name: TransportName, bytes_: bytes, call: HTTPRequest, scripted: Callable[..., Any]
) -> None:
    async with scripted(bytes_) as provider, transport(name, provider.base_url) as opened:
        with pytest.raises(NoResponseError):
            await opened.send(call)
    assert len(provider.requests) == 1


async def test_nobody_listening_is_unknown(name: TransportName) -> None:
    async with transport(name, "http://127.0.0.1:9/v1") as opened:
        with pytest.raises(NoResponseError):
            await opened.send(PAY)


@pytest.mark.parametrize("ending", ["closed", "reset"])
@pytest.mark.parametrize("call", [PAY, READ], ids=["POST", "GET"])
async def test_a_request_that_a_kept_connection_takes_and_never_answers_is_not_sent_again(
    name: TransportName, ending: str, call: HTTPRequest, answer: Callable[..., bytes]
) -> None:
    """Also not a moment later.

    Real time because a client may do that behind our back, without our clock.
    """
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await request_on(reader))
        writer.write(answer(200, b"[]"))
        taken.append(await request_on(reader))
        if ending == "reset":
            writer.transport.abort()

    async with peer(serve) as base_url, transport(name, base_url) as opened:
        assert (await opened.send(READ)).status_code == 200
        with pytest.raises(NoResponseError):
            await opened.send(call)
        await asyncio.sleep(0.05)
    assert len(taken) == 2


@pytest.mark.parametrize("call", [PAY, READ], ids=["POST", "GET"])
async def test_a_request_that_meets_a_connection_being_closed_is_sent_once_at_most(
    name: TransportName, call: HTTPRequest, answer: Callable[..., bytes]
) -> None:
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await request_on(reader))
        writer.write(answer(200, b"[]"))  # and closed without an announcement

    async with peer(serve) as base_url, transport(name, base_url) as opened:
        answered = 0
        for _ in range(50):
            try:
                answered += (await opened.send(call)).status_code == 200
            except NoResponseError:
                continue
    assert len(taken) == answered


async def test_a_redirect_is_a_response_and_a_cookie_is_not_kept(
    name: TransportName, scripted: Callable[..., Any], answer: Callable[..., bytes]
) -> None:
    moved = answer(302, b"", Location="http://127.0.0.1:9/v1/elsewhere", Set_Cookie="a=b; Path=/")
    async with scripted(moved) as provider, transport(name, provider.base_url) as opened:
        assert (await opened.send(PAY)).status_code == 302
        assert (await opened.send(READ)).status_code == 302
    assert len(provider.requests) == 2
    assert b"cookie" not in provider.requests[1].lower()


async def test_a_body_that_never_ends_meets_the_timeout(name: TransportName) -> None:
    """Real time because that of a client's timeout is."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_on(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with peer(serve) as base_url, transport(name, base_url, timeout=0.2) as opened:
        with pytest.raises(NoResponseError, match="TimeoutError"):
            await opened.send(PAY)


async def test_the_wait_for_a_connection_does_not_count_as_time_and_connections_are_bounded(
    name: TransportName, answer: Callable[..., bytes]
) -> None:
    """Real time because that of a client's timeout is."""
    now = most = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            while True:
                await request_on(reader)
                await asyncio.sleep(0.1)
                writer.write(answer(200, b"[]"))
        finally:
            now -= 1

    async with peer(serve) as base_url, transport(name, base_url, timeout=0.35, connections=2) as opened:
        answers = await asyncio.gather(*(opened.send(PAY) for _ in range(12)))
    assert [each.status_code for each in answers] == [200] * 12
    assert most == 2


async def test_a_cancelled_request_leaves_its_response_to_no_other(
    name: TransportName, answer: Callable[..., bytes]
) -> None:
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await request_on(reader)
            if b"POST" in request:
                writer.write(answer(201, b"x" * 1000)[:-500])
                asked.set()
                await go_on.wait()
                writer.write(b"x" * 500)
            else:
                writer.write(answer(200, b"[]"))

    async with peer(serve) as base_url, transport(name, base_url, connections=1) as opened:
        paying = asyncio.create_task(opened.send(PAY))
        await asked.wait()
        paying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await paying
        go_on.set()
        got = await opened.send(READ)
    assert (got.status_code, got.body) == (200, b"[]")


async def test_a_compressed_body_is_read_whole_or_not_at_all(
    name: TransportName, scripted: Callable[..., Any], answer: Callable[..., bytes]
) -> None:
    packed = gzip.compress(b"[1, 2, 3]")
    answers = [
        answer(200, packed, Content_Encoding="gzip"),
        answer(200, packed[:-9], Content_Encoding="gzip"),
        answer(200, b"[]", Content_Encoding="br"),
    ]
    async with scripted(*answers) as provider, transport(name, provider.base_url) as opened:
        assert (await opened.send(READ)).body == b"[1, 2, 3]"
        for reason in ("cut off", "only gzip"):
            with pytest.raises(NoResponseError, match=reason):
                await opened.send(READ)


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
async def test_a_body_is_read_up_to_its_bound(
    name: TransportName, is_packed: bool, scripted: Callable[..., Any], answer: Callable[..., bytes]
) -> None:
    def sized(size: int) -> bytes:
        body = b" " * size
        return answer(200, gzip.compress(body, 1), Content_Encoding="gzip") if is_packed else answer(200, body)

    answers = sized(MAX_BODY_BYTES), sized(MAX_BODY_BYTES + 1)
    async with scripted(*answers) as provider, transport(name, provider.base_url, timeout=30) as opened:
        assert len((await opened.send(READ)).body) == MAX_BODY_BYTES
        with pytest.raises(NoResponseError, match="bytes"):
            await opened.send(READ)


async def test_headers_that_are_not_text_hide_no_response(
    name: TransportName, scripted: Callable[..., Any], answer: Callable[..., bytes]
) -> None:
    raw = answer(201, b"{}", X_Odd="?", X_Page="3").replace(b"?", b"\xff\xe9")
    async with scripted(raw) as provider, transport(name, provider.base_url) as opened:
        got = await opened.send(PAY)
    assert (got.status_code, got.headers["x-page"]) == (201, "3")


@pytest.mark.parametrize("bytes_", [b"", b"HTTP/9.9 wrong\r\n\r\n", b"HTTP/1.1 201 X\r\nContent-Length: x\r\n\r\n"])
async def test_the_secret_is_in_no_error_nor_in_what_led_to_it(
    name: TransportName, bytes_: bytes, scripted: Callable[..., Any]
) -> None:
    async with scripted(bytes_) as provider, transport(name, provider.base_url, timeout=1) as opened:
        with pytest.raises(NoResponseError) as caught:
            await opened.send(PAY)
        texts = [repr(opened)]
    error: BaseException | None = caught.value
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    pair = b64encode(f"key:{SECRET}".encode()).decode()
    assert not [text for text in texts if SECRET in text or pair in text]


def certified(authority: trustme.CA, host: str, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    if newest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = newest
    context.maximum_version = newest
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("host", "newest", "is_trusted", "is_answered"),
    [
        ("127.0.0.1", ssl.TLSVersion.TLSv1_3, True, True),
        ("127.0.0.1", ssl.TLSVersion.TLSv1_2, True, True),
        ("127.0.0.1", ssl.TLSVersion.TLSv1_1, True, False),
        ("127.0.0.1", ssl.TLSVersion.TLSv1_3, False, False),
        ("dvs-api.example", ssl.TLSVersion.TLSv1_3, True, False),
    ],
    ids=["TLS 1.3", "TLS 1.2", "TLS 1.1", "unknown authority", "another host"],
)
async def test_a_provider_is_trusted_by_its_certificate_only(
    name: TransportName,
    host: str,
    newest: ssl.TLSVersion,
    is_trusted: bool,
    is_answered: bool,
    answer: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    authority = trustme.CA()
    trusted = authority if is_trusted else trustme.CA()
    trusted.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await request_on(reader))
        writer.write(answer(200, b"[]"))
        await reader.read()

    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)  # of the peer's handshakes
    async with peer(serve, certified(authority, host, newest)) as base_url, transport(name, base_url) as opened:
        if is_answered:
            assert (await opened.send(PAY)).status_code == 200
        else:
            with pytest.raises(NoResponseError):
                await opened.send(PAY)
    assert len(taken) == is_answered


@pytest.mark.parametrize(("excepted", "is_asked"), [("", True), ("127.0.0.1", False)])
async def test_the_environments_proxy_opens_a_tunnel_and_gets_no_credentials(
    name: TransportName, excepted: str, is_asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async with peer(refuse) as proxy:
        for variable in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(variable, proxy.removesuffix("/v1"))
        for variable in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(variable, excepted)
        async with transport(name, "https://127.0.0.1:9/v1") as opened:
            with pytest.raises(NoResponseError):
                await opened.send(PAY)
    assert [head.split(b"\r\n")[0] for head in asked] == [b"CONNECT 127.0.0.1:9 HTTP/1.1"] * is_asked
    assert not any(b"Basic" in head for head in asked)


async def test_an_unsupported_proxy_is_refused_before_anything_is_sent(
    name: TransportName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    for variable in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ConfigurationError, match="proxy"):
        transport(name, "https://dvs-api.example/v1")
