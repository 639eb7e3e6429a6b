"""Synchronous mode: a request waits until its transaction is final, for 180 s at most, or until its client is gone."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.transaction import TransactionRequest
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.http.sync_wait import SyncWaiter
from bulk_topup.sandbox.provider.requests import CreateRequest, Party

Refused = Callable[[httpx2.Response, int, int], None]
Serve = Callable[[float], httpx2.Client]


def _to(suffix: str, **changes: Any) -> dict[str, Any]:
    return {"credit_party_identifier": {"mobile_number": f"+6595123{suffix}"}, "auto_confirm": True, **changes}


@pytest.fixture
def serve(config: Callable[..., SandboxConfig]) -> Iterator[Serve]:
    """Yield a function that starts a sandbox with a time scale and the system's clock, and returns a client of it."""
    opened: list[EmbeddedSandbox] = []
    clients: list[httpx2.Client] = []

    def start(time_scale: float) -> httpx2.Client:
        sandbox = EmbeddedSandbox(config(time_scale=time_scale, books=None))
        sandbox.__enter__()
        opened.append(sandbox)
        client = httpx2.Client(base_url=sandbox.base_url, auth=("key", "secret"), timeout=60)
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.close()
    for sandbox in opened:
        sandbox.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("suffix", "status"),
    [
        ("555", "COMPLETED"),
        ("100", "COMPLETED"),
        ("102", "DECLINED-INVALID-CREDIT-PARTY"),
        ("207", "DECLINED-EXCEPTION"),
        ("108", "REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE"),
    ],
)
def test_a_synchronous_creation_is_answered_with_the_final_status(
    serve: Serve, body: Any, suffix: str, status: str
) -> None:
    api = serve(0.001)
    answer = api.post("/sync/transactions", json=body(3411, **_to(suffix)))
    assert (answer.status_code, answer.json()["status"]["message"]) == (201, status)
    assert api.get(f"/transactions/{answer.json()['id']}").json() == answer.json()


def test_a_synchronous_confirmation_is_answered_with_the_final_status(serve: Serve, body: Any) -> None:
    api = serve(0.001)
    created = api.post("/sync/transactions", json=body(3411, **_to("101", auto_confirm=False)))
    assert (created.status_code, created.json()["status"]["message"]) == (201, "CREATED")
    answer = api.post(f"/sync/transactions/{created.json()['id']}/confirm")
    assert answer.status_code == 202
    assert answer.json()["status"]["message"] == "COMPLETED"
    assert answer.json()["pin"]["code"]


def test_either_mode_confirms_what_the_other_created(serve: Serve, body: Any) -> None:
    api = serve(0.001)
    created = api.post("/async/transactions", json=body(3411)).json()
    assert api.post(f"/sync/transactions/{created['id']}/confirm").json()["status"]["message"] == "COMPLETED"
    created = api.post("/sync/transactions", json=body(3411)).json()
    assert api.post(f"/async/transactions/{created['id']}/confirm").json()["status"]["message"] == "CONFIRMED"


def test_a_transaction_that_takes_longer_than_the_wait_is_returned_as_it_is(serve: Serve, body: Any) -> None:
    answer = serve(0.001).post("/sync/transactions", json=body(3411, **_to("300")))
    assert answer.status_code == 201
    assert answer.json()["status"]["message"] == "SUBMITTED"


def test_errors_are_returned_at_once(serve: Serve, body: Any, refused: Refused) -> None:
    api = serve(1)
    refused(api.post("/sync/transactions", json=body(1)), 404, 1003001)
    refused(api.post("/sync/transactions/2237512891/confirm"), 404, 1008004)
    refused(api.post("/sync/transactions", content=b"{"), 400, 1000400)


def test_others_are_served_while_a_request_waits_and_stopping_answers_it(
    config: Callable[..., SandboxConfig], body: Any
) -> None:
    async def stop_while_waiting(sandbox: EmbeddedSandbox) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=sandbox.base_url, auth=("key", "secret"), timeout=60) as api:
            request = body(3411, **_to("300"))
            waiting = asyncio.create_task(api.post("/sync/transactions", json=request))
            while not (await api.get("/transactions", params={"external_id": request["external_id"]})).json():
                assert not waiting.done()
            await asyncio.to_thread(sandbox.__exit__, None, None, None)
            return await waiting

    sandbox = EmbeddedSandbox(config(books=None))
    sandbox.__enter__()
    answer = asyncio.run(stop_while_waiting(sandbox))
    assert (answer.status_code, answer.json()["status"]["message"]) == (201, "CONFIRMED")


async def _never() -> Any:
    await asyncio.Event().wait()


async def _gone() -> Any:
    return {"type": "http.disconnect"}


class _StoppedClock:
    """A clock that stops."""

    def __init__(self, clock: Any) -> None:
        self.now, self.monotonic = clock.now, clock.monotonic

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        await asyncio.Event().wait()


def _request(suffix: str) -> CreateRequest:
    return CreateRequest(
        external_id="a",
        product_id=3411,
        auto_confirm=True,
        credit_party_identifier=Party(mobile_number=f"+6595123{suffix}"),
    )


@pytest.mark.anyio
async def test_the_wait_stops_when_the_client_disconnects(open_provider: Any, clock: Any) -> None:
    provider = open_provider()
    transaction = provider.create(_request("300"))
    await SyncWaiter(provider, _StoppedClock(clock), 1).wait(transaction, _gone)
    assert transaction.final_status is None


@pytest.mark.anyio
@pytest.mark.parametrize(("suffix", "seconds"), [("555", 1), ("100", 3), ("200", 20), ("300", 180), ("109", 0)])
async def test_a_request_waits_as_long_as_its_transaction_takes_and_at_most_180_seconds(
    open_provider: Any, clock: Any, suffix: str, seconds: float
) -> None:
    provider = open_provider()
    transaction = provider.create(_request(suffix))
    before = clock.seconds
    await SyncWaiter(provider, clock, 1).wait(transaction, _never)
    assert clock.seconds - before == pytest.approx(seconds, abs=1e-3)
    assert len(clock.slept) <= 2


@pytest.mark.anyio
async def test_the_client_pays_synchronously(sandbox: EmbeddedSandbox, credentials: tuple[str, str]) -> None:
    async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
        request = TransactionRequest.model_validate(
            {"external_id": "a", "product_id": 3411, "auto_confirm": True}
            | {"credit_party_identifier": {"mobile_number": "+6595123100"}}
        )
        assert (await dvs.transactions.create_sync(request)).status.message == "COMPLETED"
