"""The books: a restarted sandbox continues where it was, whatever stopped it."""

import fcntl
import json
import os
import resource
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig, remove_unused
from bulk_topup.sandbox.http.bodies import books_body
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.requests import CreateRequest, Party, RequestedAmount

Open = Callable[..., Provider]


def _request(external_id: str, suffix: str = "555", *, auto_confirm: bool = True) -> CreateRequest:
    return CreateRequest(
        external_id=external_id,
        product_id=6418,
        calculation_mode=CalculationMode.DESTINATION_AMOUNT,
        destination=RequestedAmount(unit_type="CURRENCY", unit="SGD", amount=Decimal("7.50")),
        auto_confirm=auto_confirm,
        credit_party_identifier=Party(mobile_number=f"+6595123{suffix}"),
    )


def _state(provider: Provider) -> dict[str, Any]:
    state: dict[str, Any] = codec.decode(books_body(provider))
    return state


def test_a_restart_restores_everything(open_provider: Open, clock: Any) -> None:
    before = open_provider()
    completed, declined = (before.create(_request(suffix, suffix)) for suffix in ("555", "102"))
    created, cancelled, confirmed, reversed_ = (
        before.create(_request(name, auto_confirm=False)) for name in ("created", "cancelled", "confirmed", "reversed")
    )
    before.cancel(cancelled.id)
    clock.seconds += 2
    before.confirm(confirmed.id)
    before.confirm(reversed_.id)
    clock.seconds += 2
    before.reverse(reversed_.id)
    slow = before.create(_request("slow", "300"))
    clock.seconds += 150
    expected = _state(before)
    before.close()

    after = open_provider(balances={"USD": Decimal(5)})
    assert _state(after) == expected
    classes = [entry["status_class"] for entry in expected["transactions"]]
    assert classes == ["COMPLETED", "DECLINED", "CREATED", "CANCELLED", "COMPLETED", "REVERSED", "SUBMITTED"]
    assert expected["opening_balances"]["USD"] == 1000
    assert after.pin_seed == before.pin_seed
    assert after.get(completed.id).request == completed.request
    assert after.get(declined.id).quote.price == declined.quote.price
    clock.seconds += 150
    assert after.get(slow.id).status(after.now()).message == "COMPLETED"
    after.confirm(created.id)
    assert after.create(_request("next")).id == slow.id + 1
    with pytest.raises(Exception, match="already been used"):
        after.create(_request("created"))


def test_statuses_that_became_due_while_it_was_down_are_applied(open_provider: Open, clock: Any) -> None:
    before = open_provider()
    transaction = before.create(_request("a"))
    before.close()
    clock.seconds += 100
    after = open_provider(time_scale=1000)
    state = _state(after)
    assert state["transactions"][0]["status_class"] == "COMPLETED"
    assert state["transactions"][0]["final_date"].startswith("2026-11-01T00:16:41.000000000Z")
    assert after.wallets["USD"].spent == transaction.quote.cost


def test_an_unfinished_last_line_is_dropped_and_overwritten(
    open_provider: Open, config: Callable[..., SandboxConfig]
) -> None:
    path = config().books
    assert path is not None
    first = open_provider()
    first.create(_request("kept"))
    first.close()
    whole = path.read_bytes()
    second = open_provider()
    second.create(_request("torn"))
    second.close()
    torn = path.read_bytes()
    for length in (len(torn) - 1, len(whole) + 40, len(whole) + 1):
        path.write_bytes(torn[:length])
        opened = open_provider()
        assert [transaction.request.external_id for transaction in opened.transactions] == ["kept"]
        assert path.read_bytes() == whole
        opened.create(_request("torn"))
        opened.close()
        assert len(path.read_bytes().splitlines()) == 3


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{}\n", "line 3 is not an event"),
        (b"\xff\n", "line 3 is not an event"),
        (b'{"event":"cancelled","at":"2026-11-01T00:00:00","id":2237512891}\n', "line 3 is not an event"),
        (b'{"event":"opened","at":"2026-11-01T00:00:00Z","balances":{},"pin_seed":"x"}\n', "their only opening"),
        (b'{"event":"cancelled","at":"2026-11-01T00:00:00Z","id":5}\n', "Choose a new file"),
    ],
)
def test_invalid_books_are_refused(
    open_provider: Open, config: Callable[..., SandboxConfig], line: bytes, problem: str
) -> None:
    path = config().books
    assert path is not None
    provider = open_provider()
    provider.create(_request("a"))
    provider.close()
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(ConfigurationError, match=problem):
        open_provider()


@pytest.mark.parametrize(("old", "new"), [(b'"price":5.57', b'"price":5.58'), (b":6418", b":1"), (b'"USD"', b'"XXX"')])
def test_books_of_another_catalogue_are_refused(
    open_provider: Open, config: Callable[..., SandboxConfig], old: bytes, new: bytes
) -> None:
    path = config().books
    assert path is not None
    provider = open_provider()
    provider.create(_request("a"))
    provider.close()
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new))
    with pytest.raises(ConfigurationError, match="do not match this version's catalogue"):
        open_provider()


def test_books_that_do_not_start_with_their_opening_are_refused(
    open_provider: Open, config: Callable[..., SandboxConfig]
) -> None:
    path = config().books
    assert path is not None
    path.write_bytes(b'{"event":"cancelled","at":"2026-11-01T00:00:00Z","id":5}\n')
    with pytest.raises(ConfigurationError, match="their only opening"):
        open_provider()


def test_one_process_at_a_time_uses_the_books(open_provider: Open) -> None:
    open_provider()
    with pytest.raises(ConfigurationError, match="Another sandbox uses the books"):
        open_provider()


def test_books_that_cannot_be_opened_are_an_error(open_provider: Open, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Can't open the books .*books\.jsonl: No such file or directory\."):
        open_provider(books=tmp_path / "missing" / "books.jsonl")


def test_only_their_owner_can_read_the_books_and_they_contain_no_pin(
    api_of: Callable[..., httpx2.Client], config: Callable[..., SandboxConfig], clock: Any
) -> None:
    path = config().books
    assert path is not None
    path.touch(0o644)
    with EmbeddedSandbox(config(), clock) as sandbox:
        client = api_of(sandbox)
        id_ = client.post(
            "/async/transactions", json={"external_id": "pin", "product_id": 8803, "auto_confirm": True}
        ).json()["id"]
        clock.seconds += 1
        pin = client.get(f"/transactions/{id_}").json()["pin"]
        export = client.get(sandbox.books_url).text
        sandbox.restart()
        assert client.get(f"/transactions/{id_}").json()["pin"] == pin
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for secret in pin.values():
        assert secret
        assert secret not in export + path.read_text()


@contextmanager
def _no_file_longer_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 50])
def test_a_change_that_cannot_be_written_is_not_made(
    open_provider: Open, config: Callable[..., SandboxConfig], room: int
) -> None:
    path = config().books
    assert path is not None
    provider = open_provider()
    provider.create(_request("a"))
    before, size = _state(provider), path.stat().st_size
    with _no_file_longer_than(size + room), pytest.raises(OSError, match=r"disk is full|too large"):
        provider.create(_request("b"))
    assert path.stat().st_size == size
    assert _state(provider) == before
    assert provider.create(_request("b")).id == provider.transactions[0].id + 1


def test_a_provider_that_cannot_write_is_not_available(
    api_of: Callable[..., httpx2.Client], config: Callable[..., SandboxConfig], clock: Any, refused: Any, body: Any
) -> None:
    path = config().books
    assert path is not None
    with EmbeddedSandbox(config(), clock) as sandbox:
        client = api_of(sandbox)
        request = body(3411)
        with _no_file_longer_than(path.stat().st_size):
            refused(client.post("/async/transactions", json=request), 503, 1009503)
        assert client.post("/async/transactions", json=request).status_code == 201


def test_the_export_contains_who_was_paid(
    api_of: Callable[..., httpx2.Client], config: Callable[..., SandboxConfig], clock: Any
) -> None:
    with EmbeddedSandbox(config(), clock) as sandbox:
        client = api_of(sandbox)
        answer = client.post(
            "/async/transactions", content=codec.encode(_request("pay-1")), headers={"Content-Type": "application/json"}
        )
        clock.seconds += 1
        export = codec.decode(client.get(sandbox.books_url).content)
    assert export == {
        "opening_balances": {"USD": 1000, "EUR": 100},
        "wallets": {
            "USD": {"available": Decimal("994.43"), "holding": Decimal(0), "spent": Decimal("5.57")},
            "EUR": {"available": 100, "holding": 0, "spent": 0},
        },
        "transactions": [
            {
                "id": answer.json()["id"],
                "external_id": "pay-1",
                "product_id": 6418,
                "credit_party": "+6595123555",
                "amount": Decimal("7.50"),
                "unit": "SGD",
                "price": Decimal("5.57"),
                "fee": 0,
                "price_unit": "USD",
                "status_class": "COMPLETED",
                "status_message": "COMPLETED",
                "creation_date": "2026-11-01T00:16:40.000000000Z",
                "final_date": "2026-11-01T00:16:41.000000000Z",
            }
        ],
    }


def test_the_export_contains_the_requested_amount(open_provider: Open) -> None:
    provider = open_provider()
    provider.create(CreateRequest(external_id="fixed", product_id=8803))
    provider.create(
        CreateRequest(
            external_id="source",
            product_id=6418,
            calculation_mode=CalculationMode.SOURCE_AMOUNT,
            source=RequestedAmount(unit_type="CURRENCY", unit="USD", amount=5),
            credit_party_identifier=Party(mobile_number="+6595123555"),
        )
    )
    entries = _state(provider)["transactions"]
    assert [(entry["amount"], entry["unit"]) for entry in entries] == [(25, "USD"), (5, "USD")]
    assert [entry["credit_party"] for entry in entries] == [None, "+6595123555"]
    assert [entry["final_date"] for entry in entries] == [None, None]


@pytest.fixture
def api_of() -> Iterator[Callable[..., httpx2.Client]]:
    """Yield a function that creates a client of a sandbox; all of them are closed at the end."""
    clients: list[httpx2.Client] = []

    def make(sandbox: EmbeddedSandbox) -> httpx2.Client:
        # Reconnects once if a restart closed the connection.
        transport = httpx2.HTTPTransport(retries=1)
        clients.append(httpx2.Client(base_url=sandbox.base_url, auth=("key", "secret"), transport=transport))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_a_killed_sandbox_loses_nothing_that_it_answered(
    command: Callable[..., Any], body: Any, tmp_path: Path
) -> None:
    options = ("--books", tmp_path / "books.jsonl", "--rate-limit", 0)
    first = command(*options)
    ids: dict[str, int] = {}
    with httpx2.Client(base_url=first.base_url, auth=first.auth) as client:
        while True:
            request = body(3411, auto_confirm=True)
            try:
                ids[request["external_id"]] = client.post("/async/transactions", json=request).json()["id"]
            except httpx2.HTTPError:
                break
            if len(ids) == 60:
                os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    second = command(*options)
    export = json.loads(httpx2.get(second.books_url, auth=second.auth).content, parse_float=Decimal)
    found = {entry["external_id"]: entry["id"] for entry in export["transactions"]}
    assert ids.items() <= found.items()
    assert len(found) <= len(ids) + 1
    wallet = export["wallets"]["USD"]
    assert wallet["available"] + wallet["holding"] + wallet["spent"] == export["opening_balances"]["USD"]


def test_only_books_that_nothing_happened_in_and_nobody_has_open_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "books.jsonl"
    remove_unused(path)
    config = SandboxConfig(api_key="key", api_secret=SecretStr("test-secret"), books=path)
    with EmbeddedSandbox(config):
        remove_unused(path)
        assert path.exists()
    opened = path.read_bytes()
    remove_unused(path)
    assert not path.exists()
    path.write_bytes(opened * 2)
    remove_unused(path)
    assert path.exists()


def test_books_that_another_sandbox_begins_while_the_former_are_removed_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "books.jsonl"
    path.write_text("opened\n")
    lock = fcntl.flock

    def begin_others(descriptor: int, how: int) -> None:
        lock(descriptor, how)
        path.unlink()
        path.write_text("opened by another\n")

    monkeypatch.setattr(fcntl, "flock", begin_others)
    remove_unused(path)
    assert path.exists()
