"""Callbacks from anyone, with or without the token: little is read, nothing is trusted, nothing breaks."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bulk_topup.dvs.callbacks import MAX_BODY, CallbackReceiver
from bulk_topup.system import bounded_server
from bulk_topup.system.bounded_server import MAX_CONNECTIONS, Address, Serving

KNOWN = "list-abc-1"


@pytest.fixture
def saved() -> list[str]:
    """The external IDs that reach the ledger."""
    return []


@pytest.fixture
def port(saved: list[str]) -> Iterator[int]:
    """The port of a receiver that knows one external ID."""

    def save(external_id: str) -> bool:
        saved.append(external_id)
        return external_id == KNOWN

    receiver = CallbackReceiver("t0ken", save, body_timeout=0.2)
    with Serving(receiver, Address(host="127.0.0.1", port=0)) as serving:
        yield int(serving.url.rpartition(":")[2])


@pytest.fixture
def send(port: int) -> Callable[[bytes], int]:
    """Return a function that sends bytes and returns the status of the response."""

    def send_(request: bytes) -> int:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(request)
            return int(connection.recv(1000).split(b" ")[1])

    return send_


def _post(body: bytes, path: bytes = b"/t0ken", *, length: int | None = None) -> bytes:
    content_length = len(body) if length is None else length
    return b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"%d" % content_length + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"list-abc-1"',
        b"\xff\xfe",
        b'{"external_id": null}',
        b'{"external_id": 7}',
        b'{"external_id": ["list-abc-1"]}',
        b'{"external_id": "' + b"x" * 41 + b'"}',
        b'{"external_id": "\\ud800"}',
        b"[" * 200_000,
        b'{"external_id": "list-abc-1", "x": 1e999999999}',
        b"<xml/>",
    ],
)
def test_a_body_without_a_valid_external_id_is_a_bad_request_and_is_not_saved(
    send: Callable[[bytes], int], saved: list[str], body: bytes
) -> None:
    assert send(_post(body)) == 400
    assert saved == []


@pytest.mark.parametrize(
    "path",
    [
        b"/",
        b"/T0KEN",
        b"/t0ken/",
        b"/t0ken/..",
        b"/x/../t0ken",
        b"//t0ken",
        b"/t0ke",
        b"/%ff",
        b"/" + b"t" * 5000,
        b"/t0ken%00",
    ],
)
def test_another_path_than_the_token_is_not_found(send: Callable[[bytes], int], saved: list[str], path: bytes) -> None:
    assert send(_post(b'{"external_id": "list-abc-1"}', path)) == 404
    assert saved == []


@pytest.mark.parametrize("external_id", [b"list-xyz-1", b"", b"' OR 1=1 --", b"../../x", b"\\u0000"])
def test_an_unknown_external_id_is_not_found(send: Callable[[bytes], int], external_id: bytes) -> None:
    assert send(_post(b'{"external_id": "' + external_id + b'"}')) == 404


def test_a_body_beyond_its_bound_is_not_read(send: Callable[[bytes], int], saved: list[str]) -> None:
    assert send(_post(b" " * (MAX_BODY + 1), length=10**9)) == 413
    assert saved == []


def test_a_body_that_never_arrives_times_out(send: Callable[[bytes], int], saved: list[str]) -> None:
    assert send(_post(b'{"external_id": ', length=100)) == 408
    assert saved == []


@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\r\n\r\n", b"POST\r\n\r\n", b"POST /t0ken HTTP/9.9\r\n\r\n", b"GET /\0 HTTP/1.1\r\n\r\n"]
)
def test_bytes_that_are_no_http_are_a_bad_request(
    send: Callable[[bytes], int], saved: list[str], request_: bytes
) -> None:
    assert send(request_) == 400
    assert saved == []


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_idle_connections_are_dropped_for_others_and_use_no_files_of_the_run(
    send: Callable[[bytes], int], port: int
) -> None:
    before = _descriptors()
    idle = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(4 * MAX_CONNECTIONS)]
    idle[-1].sendall(b"POST /t0ken HTTP/1.1\r\nHost: ")
    assert send(_post(b'{"external_id": "list-abc-1"}')) == 204
    # One of each connection is the stranger's own.
    assert _descriptors() - before - len(idle) <= MAX_CONNECTIONS + 2
    for connection in idle:
        connection.close()


@pytest.mark.parametrize("sent", [b"", b"POST /t0ken HTTP/1.1\r\nHost: x\r\n", _post(b"", b"/other") + b"POST /"])
def test_a_connection_without_a_complete_head_ends(port: int, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(bounded_server, "HEAD_TIMEOUT", 0.05)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        with suppress(ConnectionResetError):
            while connection.recv(1000):
                pass


def test_a_connection_ends_even_if_its_reader_stands_still(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_server, "LIFETIME", 0.05)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(_post(b"{", length=10))
        with suppress(ConnectionResetError):
            assert connection.recv(1000) == b""
