"""A response's bytes: header names as DVS writes them, and head and body in one write."""

import re
import socket
from asyncio import Transport
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig, server

KEY = "Authorization: Basic a2V5OnNlY3JldA=="
_LENGTH = re.compile(rb"Content-Length: (\d+)\r\n")


class CountedTransport:
    """A connection that records what is written to it, one entry a write."""

    def __init__(self, transport: Transport, writes: list[bytes]) -> None:
        self._transport = transport
        self._writes = writes

    def write(self, data: bytes) -> None:
        self._writes.append(bytes(data))
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """All writes of servers that start in the test."""
    found: list[bytes] = []

    class Counted(server._Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(CountedTransport(transport, found))  # type: ignore[arg-type]

    monkeypatch.setattr(server, "_Protocol", Counted)
    return found


@pytest.fixture
def wire(writes: list[bytes]) -> Iterator[socket.socket]:
    """A raw connection to a sandbox whose rate limit is one request."""
    del writes
    config = SandboxConfig(api_key="key", api_secret=SecretStr("secret"), rate_limit=2, time_scale=0)
    with EmbeddedSandbox(config) as sandbox:
        host, _, port = sandbox.address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as connection:
            yield connection


def exchange(wire: socket.socket, method: str, target: str, *headers: str, body: bytes = b"") -> tuple[bytes, bytes]:
    """Send a request, and return head and body of the response as they are on the wire."""
    lines = [f"{method} {target} HTTP/1.1", "Host: sandbox", *headers, f"Content-Length: {len(body)}", "", ""]
    wire.sendall("\r\n".join(lines).encode() + body)
    received = b""
    while b"\r\n\r\n" not in received:
        received += wire.recv(65_536)
    head, _, rest = received.partition(b"\r\n\r\n")
    length = 0 if method == "HEAD" else int(_LENGTH.findall(head + b"\r\n")[0])
    while len(rest) < length:
        rest += wire.recv(65_536)
    return head, rest


def names(head: bytes) -> list[str]:
    return [line.partition(b": ")[0].decode() for line in head.split(b"\r\n")[1:]]


def test_header_names_are_those_of_the_provider_and_head_and_body_are_one_write(
    wire: socket.socket, writes: list[bytes]
) -> None:
    head, body = exchange(wire, "GET", "/v1/products?per_page=2&page=2", KEY)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert {
        *("X-Total", "X-Total-Pages", "X-Per-Page", "X-Page", "X-Next-Page", "X-Prev-Page"),
        *("X-Ratelimit-Limit", "X-Ratelimit-Remaining", "Content-Language", "Vary", "Content-Type", "Content-Length"),
    } <= set(names(head))
    assert writes == [head + b"\r\n\r\n" + body]


def test_the_values_of_headers_keep_their_case(wire: socket.socket) -> None:
    head, _ = exchange(wire, "GET", "/v1/products", KEY, "Accept-Language: es")
    assert {b"Content-Language: es", b"Vary: Accept-Language", b"Content-Type: application/json; charset=utf-8"} <= set(
        head.split(b"\r\n")
    )


def test_every_error_is_one_write_too(wire: socket.socket, writes: list[bytes]) -> None:
    heads = []
    for method, target, key in (
        ("GET", "/v1/products/1", KEY),
        ("POST", "/v1/async/transactions", KEY),
        ("GET", "/v1/balances", KEY),
        ("GET", "/v1/balances", "Authorization: Basic x"),
    ):
        head, body = exchange(wire, method, target, key, body=b"{" if method == "POST" else b"")
        assert writes.pop() == head + b"\r\n\r\n" + body
        assert not writes
        heads.append(head)
    assert [head.split(b" ")[1] for head in heads] == [b"404", b"400", b"429", b"401"]
    assert "Retry-After" in names(heads[2])
    assert "WWW-Authenticate" in names(heads[3])


def test_what_comes_before_a_response_or_without_a_body_is_written_at_once(
    wire: socket.socket, writes: list[bytes]
) -> None:
    head, _ = exchange(wire, "HEAD", "/openapi.json")
    assert writes == [head + b"\r\n\r\n"]
    writes.clear()
    body = b'{"mobile_number": "+6595123100"}'
    wire.sendall(
        f"POST /v1/lookup/mobile-number HTTP/1.1\r\nHost: sandbox\r\n{KEY}\r\nExpect: 100-continue\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
    )
    assert wire.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.sendall(body)
    received = b""
    while b"identified" not in received:
        received += wire.recv(65_536)
    assert writes == [b"HTTP/1.1 100 Continue\r\n\r\n", received]
    assert b"X-Total-Pages: 1\r\n" in received
