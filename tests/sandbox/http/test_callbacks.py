"""Callbacks: which receivers are called for which status, how often, and which are never called."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import httpx2
import pytest

from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.http import callbacks
from bulk_topup.sandbox.http.callbacks import CONCURRENCY, WAITS, Callbacks, is_on_this_machine
from bulk_topup.sandbox.provider.requests import CreateRequest, Party

#: Longer than anything here takes; reached only if something never arrives.
PATIENCE = 30


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: Any
    raw: bytes


@dataclass
class Receiver:
    """A receiver on this machine that responds with `answers`; then with 200. 0 closes the connection."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: "Queue[Received]" = field(default_factory=Queue)
    #: Responses wait for this.
    open: threading.Event = field(default_factory=threading.Event)
    inside: int = 0
    most_inside: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Received:
        return self.got.get(timeout=PATIENCE)

    def statuses(self, count: int) -> list[str]:
        return [self.next().body["status"]["message"] for _ in range(count)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()
    state.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            with state.lock:
                state.inside += 1
                state.most_inside = max(state.most_inside, state.inside)
                status = state.answers.pop(0) if state.answers else 200
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.got.put(
                Received(path=self.path, headers=headers, body=httpx2.Response(200, content=raw).json(), raw=raw)
            )
            state.open.wait(PATIENCE)
            with state.lock:
                state.inside -= 1
            if status:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.send_header("Location", "/elsewhere")
                self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/hooks?run=7"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    state.open.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Served:
    """A sandbox and a client of it."""

    def __init__(self, config: SandboxConfig, clock: Any = None) -> None:
        self.sandbox = EmbeddedSandbox(config, clock)
        self.sandbox.__enter__()
        self.api = httpx2.Client(base_url=self.sandbox.base_url, auth=("key", "secret"))

    def close(self) -> None:
        self.api.close()
        self.sandbox.__exit__(None, None, None)

    def create(self, request: dict[str, Any]) -> int:
        answer = self.api.post("/async/transactions", json=request)
        assert answer.status_code == 201, answer.text
        id_: int = answer.json()["id"]
        return id_


@pytest.fixture
def serve(config: Callable[..., SandboxConfig]) -> Iterator[Callable[..., Served]]:
    """Yield a function that starts a sandbox with books; by default it is fast and uses the system's clock."""
    opened: list[Served] = []

    def start(clock: Any = None, **changes: Any) -> Served:
        opened.append(Served(config(**({"time_scale": 0.001} | changes)), clock))
        return opened[-1]

    yield start
    for served in opened:
        served.close()


@pytest.fixture
def ask(body: Any, receiver: Receiver) -> Callable[..., dict[str, Any]]:
    """Return a function that creates a request with a callback address."""

    def make(suffix: str = "555", **changes: Any) -> dict[str, Any]:
        party = {"mobile_number": f"+6595123{suffix}"}
        values: dict[str, Any] = {"auto_confirm": True, "callback_url": receiver.url, "credit_party_identifier": party}
        request: dict[str, Any] = body(3411, **(values | changes))
        return request

    return make


def _count_notified(config: Callable[..., SandboxConfig], served: Served) -> int:
    """Return how many callbacks the books contain, after a request that gives the sandbox a turn."""
    served.api.get("/balances")
    path = config().books
    assert path is not None
    return path.read_text().count('"notified"')


@pytest.mark.parametrize(
    ("suffix", "status"),
    [
        ("555", "COMPLETED"),
        ("101", "COMPLETED"),
        ("103", "DECLINED-BARRED-CREDIT-PARTY"),
        ("109", "REJECTED-LIMITATIONS-ON-CREDIT-PARTY-AMOUNT"),
    ],
)
def test_a_receiver_is_called_at_the_final_status_although_no_request_arrives(
    serve: Any, ask: Any, receiver: Receiver, suffix: str, status: str
) -> None:
    served = serve()
    request = ask(suffix)
    id_ = served.create(request)
    received = receiver.next()
    assert received.body["status"]["message"] == status
    assert received.body["external_id"] == request["external_id"]
    assert received.raw == served.api.get(f"/transactions/{id_}").content
    assert received.path == "/hooks?run=7"
    assert received.headers["content-type"] == "application/json; charset=utf-8"
    assert received.headers["user-agent"] == "bulk-topup-sandbox"
    assert "authorization" not in received.headers


def test_each_final_status_is_posted_once_and_a_creation_is_not(
    serve: Any, ask: Any, config: Any, receiver: Receiver
) -> None:
    served = serve()
    waiting = served.create(ask(auto_confirm=False))
    cancelled = served.create(ask(auto_confirm=False))
    served.api.post(f"/transactions/{cancelled}/cancel")
    assert receiver.statuses(1) == ["CANCELLED"]
    served.api.post(f"/async/transactions/{waiting}/confirm")
    assert receiver.statuses(1) == ["COMPLETED"]
    while _count_notified(config, served) < 2:
        pass
    assert receiver.got.empty()


def test_a_reversal_is_posted_too(serve: Any, ask: Any, receiver: Receiver) -> None:
    served = serve()
    id_ = served.create(ask())
    assert receiver.statuses(1) == ["COMPLETED"]
    served.api.post(f"{served.sandbox.address}/sandbox/transactions/{id_}/reverse")
    assert receiver.statuses(1) == ["REVERSED"]


def test_a_callback_that_is_not_answered_with_2xx_is_retried(
    serve: Any, ask: Any, config: Any, receiver: Receiver
) -> None:
    receiver.answers = [500, 0, 302, 404, 204]
    served = serve(time_scale=0.0001)
    served.create(ask())
    assert len({receiver.next().raw for _ in range(5)}) == 1
    while _count_notified(config, served) < 1:
        pass
    assert receiver.got.empty()


def test_a_receiver_that_never_accepts_is_no_longer_called_in_the_end(
    serve: Any, ask: Any, config: Any, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [503] * 100
    served = serve(time_scale=0.0001)
    id_ = served.create(ask())
    while _count_notified(config, served) < 1:
        pass
    assert f"The callback of transaction {id_} was not received. No more tries." in caplog.messages
    assert receiver.got.qsize() == len(WAITS) + 1


@pytest.mark.parametrize("port", ["", ":0", ":65536"])
def test_an_unreachable_address_is_no_longer_called_in_the_end(
    serve: Any, ask: Any, config: Any, free_address: str, port: str
) -> None:
    served = serve(time_scale=0.00001)
    served.create(ask(callback_url=f"http://127.0.0.1{port}/" if port else free_address))
    while _count_notified(config, served) < 1:
        pass
    assert served.api.get("/balances").status_code == 200


def test_a_receiver_that_responds_too_late_is_called_again(
    serve: Any, ask: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "RESPONSE_TIMEOUT", 0.01)
    receiver.open.clear()
    serve().create(ask())
    assert receiver.statuses(2) == ["COMPLETED"] * 2
    receiver.open.set()


def test_the_number_of_concurrent_callbacks_is_limited(serve: Any, ask: Any, receiver: Receiver) -> None:
    receiver.open.clear()
    served = serve()
    for _ in range(CONCURRENCY + 10):
        served.create(ask())
    receiver.statuses(CONCURRENCY)
    assert receiver.got.empty()
    receiver.open.set()
    receiver.statuses(10)
    assert receiver.most_inside <= CONCURRENCY


def test_the_number_of_open_callbacks_is_limited_and_the_rest_wait_for_a_restart(
    serve: Any,
    ask: Any,
    config: Any,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(callbacks, "MAX_OPEN", 3)
    receiver.open.clear()
    served = serve()
    ids = [served.create(ask("108")) for _ in range(3)]
    assert caplog.messages == [f"Too many open callbacks. No callback for transaction {ids[2]}."]
    receiver.open.set()
    receiver.statuses(2)
    while _count_notified(config, served) < 2:
        pass
    served.sandbox.restart()
    assert receiver.next().body["id"] == ids[2]


class Standing:
    """A clock that stops: no wait ends."""

    def __init__(self, clock: Any) -> None:
        self.now, self.monotonic = clock.now, clock.monotonic

    async def sleep(self, seconds: float) -> None:
        del seconds
        await asyncio.Event().wait()


def test_statuses_that_became_final_while_it_was_down_are_posted_after_the_start(
    serve: Any, ask: Any, clock: Any, receiver: Receiver
) -> None:
    served = serve(Standing(clock), time_scale=1)
    served.create(ask("100"))
    slow = served.create(ask("200"))
    served.sandbox.__exit__(None, None, None)
    assert receiver.got.empty()
    clock.seconds += 5
    served.sandbox.__enter__()
    assert receiver.statuses(1) == ["COMPLETED"]
    clock.seconds += 15
    assert served.api.get(f"/transactions/{slow}").json()["status"]["message"] == "COMPLETED"
    assert receiver.next().body["id"] == slow


def test_a_restart_repeats_what_was_not_received_and_nothing_else(
    serve: Any, ask: Any, config: Any, receiver: Receiver
) -> None:
    served = serve()
    served.create(ask())
    receiver.next()
    while _count_notified(config, served) < 1:
        pass
    receiver.answers = [500] * 5
    missed = served.create(ask())
    receiver.next()
    served.sandbox.restart()
    while not receiver.got.empty():
        assert receiver.next().body["id"] == missed
    while _count_notified(config, served) < 2:
        pass
    while not receiver.got.empty():
        assert receiver.next().body["id"] == missed


@pytest.mark.anyio
async def test_waits_between_tries_grow_and_the_last_try_is_followed_by_none(
    open_provider: Any, clock: Any, free_address: str
) -> None:
    provider = open_provider(time_scale=2)
    transaction = provider.create(
        CreateRequest(
            external_id="a",
            product_id=3411,
            auto_confirm=True,
            credit_party_identifier=Party(mobile_number="+6595123108"),
            callback_url=free_address,
        )
    )
    calls = Callbacks(provider, clock, 2)
    calls.start()
    while transaction.notified_status is None:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)
    await calls.stop()
    assert clock.slept == [2 * wait for wait in WAITS]
    assert sorted(WAITS) == list(WAITS)


@pytest.mark.anyio
async def test_a_status_that_has_changed_again_is_not_posted_again(
    open_provider: Any, clock: Any, receiver: Receiver
) -> None:
    receiver.answers = [500]
    provider = open_provider(time_scale=1)
    transaction = provider.create(
        CreateRequest(
            external_id="a",
            product_id=3411,
            auto_confirm=True,
            credit_party_identifier=Party(mobile_number="+6595123555"),
            callback_url=receiver.url,
        )
    )
    standing = Gated(clock)
    calls = Callbacks(provider, standing, 1)
    calls.start()
    clock.seconds += 1
    provider.now()
    await standing.reached.wait()
    provider.reverse(transaction.id)
    while transaction.notified_status is None:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)
    standing.gate.set()
    await asyncio.sleep(0)
    await calls.stop()
    assert receiver.statuses(2) == ["COMPLETED", "REVERSED"]
    assert receiver.got.empty()


class Gated:
    """A clock whose waits of 5 s and more, as between tries, end when a gate opens."""

    def __init__(self, clock: Any) -> None:
        self.now, self.monotonic = clock.now, clock.monotonic
        self.gate, self.reached = asyncio.Event(), asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if seconds < WAITS[0]:
            await asyncio.Event().wait()
        self.reached.set()
        await self.gate.wait()


@pytest.fixture
def free_address() -> str:
    """An address on this machine without a listener."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return f"http://127.0.0.1:{server.server_port}/"


def test_no_other_machine_is_called_and_the_log_says_so_once(
    serve: Any, ask: Any, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve()
    for path in "ab":
        request = ask("108", callback_url=f"https://payroll.example/{path}")
        answer = served.api.post("/async/transactions", json=request)
        assert served.api.get(f"/transactions/{answer.json()['id']}").json()["callback_url"] == request["callback_url"]
    served.create(ask("108"))
    assert receiver.statuses(1) == ["REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE"]
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ['No callback to "payroll.example": the sandbox calls this machine only.']


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1/", True),
        ("http://127.9.9.9:8000/hook", True),
        ("https://localhost:8443/hook", True),
        ("http://LOCALHOST/", True),
        ("http://[::1]:80/", True),
        ("http://user:word@127.0.0.1/", True),
        ("http://192.0.2.1/", False),
        ("http://0.0.0.0/", False),
        ("http://10.0.0.1/", False),
        ("http://[2001:db8::1]/", False),
        ("http://localhost.example/", False),
        ("http://127.0.0.1.example/", False),
        ("http://127.0.0.1@example.org/", False),
        ("http://example.org#@127.0.0.1/", False),
        ("http://example.org/127.0.0.1", False),
        ("http://example.org?@localhost/", False),
        ("http://", False),
        ("http://[::1/", False),
    ],
)
def test_an_address_is_on_this_machine_only_if_its_host_is_a_loopback_address(url: str, here: bool) -> None:
    assert is_on_this_machine(url) is here
