"""A server that stops at once, in whatever moment it is stopped, and answers the requests that it is serving."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from bulk_topup.system import asgi_server
from bulk_topup.system.asgi_server import ReadyServer, listen, server_config

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class App:
    """Answers a request once `may_answer` is set."""

    def __init__(self) -> None:
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()
        self.is_cancelled = False

    async def __call__(self, _scope: Any, _receive: Any, send: Send) -> None:
        self.is_asked.set()
        try:
            await asyncio.to_thread(self.may_answer.wait)
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def app() -> Iterator[App]:
    app = App()
    yield app
    app.may_answer.set()  # ends the thread that waits


@contextmanager
def _serving(app: App) -> Iterator[tuple[ReadyServer, threading.Thread, str]]:
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = ReadyServer(server_config(app))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    server.ready.wait()
    yield server, thread, address
    thread.join()


def _get(address: str) -> tuple[threading.Thread, list[int]]:
    """Send a request in a thread, and return it with the status of the response."""
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(httpx2.get(address, timeout=60).status_code))
    thread.start()
    return thread, statuses


def test_a_server_that_stops_still_answers_the_requests_that_it_has(app: App) -> None:
    with _serving(app) as (server, thread, address):
        client, statuses = _get(address)
        app.is_asked.wait()
        server.stop()
        assert thread.is_alive()
        app.may_answer.set()
        client.join()
    assert statuses == [204]
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(address)


def test_a_request_without_an_answer_is_cancelled(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_server, "GRACE", 0.01)
    with _serving(app) as (server, _, address):
        client, statuses = _get(address)
        app.is_asked.wait()
        server.stop()
        client.join()
        app.may_answer.set()  # asyncio waits for the thread that the request waits in
    assert (app.is_cancelled, statuses) == (True, [500])


def test_a_server_may_be_stopped_before_it_serves_and_after_it_has_ended(app: App) -> None:
    server = ReadyServer(server_config(app))
    server.stop()
    server.run([listen("127.0.0.1", 0)])
    server.stop()
    assert not app.is_asked.is_set()


def test_a_server_notices_a_stop_without_a_pause(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would wait for otherwise never comes."""
    monkeypatch.setattr(asgi_server, "_TICK", 3600)
    with _serving(app) as (server, _, _):
        server.stop()
