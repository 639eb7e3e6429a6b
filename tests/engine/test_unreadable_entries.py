"""Entries of DVS's list that can't be read: they hide nobody else's, and one of ours is never taken for absent."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.rebuild import rebuild_run
from bulk_topup.app.reconcile import Reconciled, reconcile
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, DVSError, RetryPolicy
from bulk_topup.engine import CircuitPolicy, StopReason
from bulk_topup.engine.track import SINGLES_PER_POLL
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.discrepancies import DiscrepancyKind
from tests.engine.test_absence_proof import CREATION, ONE_TRY, REFUSED, Fate, Timeline
from tests.helpers.hand_clock import RingingClock, SkippingClock
from tests.helpers.plain_http import HTTP

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

#: Rows that are open at once: more than a page of the list shows.
ROWS = 120
SWEEP = "GET /v1/transactions?"
#: What other programs may leave in the account's list, and what a proxy may make of it.
FOREIGN: list[Any] = [
    {"id": 1, "external_id": None, "status": {"id": 1, "message": "X", "class": {"id": 1, "message": "CREATED"}}},
    {"id": 2, "external_id": 7, "creation_date": "yesterday"},
    {"id": "3"},
    {},
    [],
    "text",
    None,
    12,
]
#: Of which so many can be told apart.
DISTINCT = 5


@pytest.fixture
def time_scale() -> float:
    """Long enough that all rows are open before the first one ends."""
    return 0.1


def _rows(number: int) -> str:
    return "".join(f"1000{row},+659{row:04}100,5\n" for row in range(number))


def _is_sweep(line: str) -> bool:
    return line.startswith(SWEEP) and "from_date" in line and "external_id=" not in line


async def test_foreign_entries_that_cannot_be_read_do_not_blind_the_sweeps(pay: Pay, network: Any) -> None:
    single = 0

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal single
        single += line.startswith("GET /v1/transactions/")
        return (lambda content: content.extend(FOREIGN)) if _is_sweep(line) else "pass"

    network.rule = rule
    finished, outcomes = await pay(text=_rows(ROWS), timeout=10)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}
    assert finished.result.reason is None
    assert single < ROWS / 2


def _without_status(content: list[dict[str, Any]]) -> None:
    for entry in content[::2]:
        del entry["status"]


async def test_rows_whose_entries_cannot_be_read_are_looked_up_one_by_one(pay: Pay, network: Any) -> None:
    network.rule = lambda _number, line, _body: _without_status if _is_sweep(line) else "pass"
    _, outcomes = await pay(text=_rows(30), timeout=10)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}


@pytest.mark.parametrize("answer", [(500, b""), (200, b"<html></html>"), (200, b'{"transactions": []}')])
async def test_a_list_that_cannot_be_read_falls_back_on_single_look_ups(
    pay: Pay, network: Any, answer: tuple[int, bytes]
) -> None:
    network.rule = lambda _number, line, _body: answer if _is_sweep(line) else "pass"
    finished, outcomes = await pay(text=_rows(30), timeout=10, retries=ONE_TRY)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}
    assert finished.result.reason is None


@pytest.fixture
def endless(sandbox: Any, credentials: tuple[str, str]) -> Callable[[], bytes]:
    """Return a function that makes a full page of the account's transactions, without the number of pages."""

    def make() -> bytes:
        listed = HTTP.get(f"{sandbox.base_url}/transactions", auth=credentials).json()
        return json.dumps([{**listed[0], "id": 9_000 + each} for each in range(99)] + listed[-1:]).encode()

    return make


async def test_a_list_that_repeats_one_page_for_ever_falls_back_on_single_look_ups(
    pay: Pay, network: Any, endless: Callable[[], bytes]
) -> None:
    network.rule = lambda _number, line, _body: (200, endless()) if _is_sweep(line) else "pass"
    finished, outcomes = await pay(text=_rows(30), timeout=10, retries=ONE_TRY)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}
    assert finished.result.reason is None
    assert sum(_is_sweep(line) for line, _ in network.seen) < 200


async def test_more_rows_than_one_poll_looks_up_are_looked_up_in_turn_where_the_list_cannot_be_read(
    pay: Pay, network: Any
) -> None:
    """The rows that one poll looks up first stay open until all others have been looked up."""
    later: set[int] = set()

    def keep_open(transaction: dict[str, Any]) -> None:
        row = int(transaction["credit_party_identifier"]["mobile_number"][len("+659") :][:4])
        if row >= SINGLES_PER_POLL:
            later.add(row)
        elif len(later) < 2 * SINGLES_PER_POLL:
            transaction["status"] = {"id": 20000, "message": "CONFIRMED", "class": {"id": 2, "message": "CONFIRMED"}}

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line.startswith("GET /v1/transactions/"):
            return keep_open
        return (500, b"") if _is_sweep(line) else "pass"

    network.rule = rule
    finished, outcomes = await pay(text=_rows(3 * SINGLES_PER_POLL), timeout=10, retries=ONE_TRY, tracking_timeout=60)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}
    assert finished.result.reason is None


async def test_a_transaction_that_cannot_be_read_at_all_keeps_its_own_row_open_alone(pay: Pay, network: Any) -> None:
    def spoil(content: Any) -> None:
        for entry in content if isinstance(content, list) else [content]:
            if entry["external_id"] == first:
                entry["status"] = "COMPLETED"

    first = ""

    def rule(_number: int, line: str, body: bytes) -> Any:
        nonlocal first
        if line == CREATION:
            first = first or json.loads(body)["external_id"]
        return spoil if line.startswith("GET /v1/transactions") else "pass"

    network.rule = rule
    circuit = CircuitPolicy(failures=1, first_pause=0.01, patience=0.2)
    finished, outcomes = await pay(20, tracking_timeout=60, circuit=circuit)
    states = {outcome.external_id: outcome.state for outcome in outcomes}
    assert states.pop(first) is RowState.ACCEPTED
    assert set(states.values()) == {RowState.COMPLETED}
    assert finished.result.reason is StopReason.STILL_OPEN  # not an outage


@pytest.fixture
def clock() -> RingingClock:
    return RingingClock()


@pytest.mark.parametrize("spoiled", ["external_id", "status"])
async def test_an_entry_that_may_be_ours_is_no_proof_of_absence(
    pay: Pay, network: Any, books: Books, clock: RingingClock, spoiled: str
) -> None:
    """The list has the row's transaction in a form that can't be read; a later look, or a look by its ID, can."""

    def spoil(content: list[dict[str, Any]]) -> None:
        for entry in content:
            entry[spoiled] = None

    fates: list[Fate] = ["hang up", (400, REFUSED), (400, REFUSED)]
    seen = Timeline(network, clock, fates)
    seen.at_look = lambda number: spoil if number <= 4 else "pass"
    _, [outcome] = await pay(1, clock=clock, timeout=1, retries=ONE_TRY)
    assert outcome.state is RowState.COMPLETED
    assert [each["external_id"] for each in books()] == [outcome.external_id]


@pytest.fixture
def open_all(
    network: Any, tmp_path: Path, credentials: tuple[str, str], skipping_clock: SkippingClock
) -> Callable[..., Any]:
    """Return a function that calls another with an open client, ledger, run and payer."""

    async def call(do: Callable[..., Awaitable[Any]], **settings: Any) -> Any:
        policy = RetryPolicy(tries=2, first_wait=0.01)
        clock = skipping_clock
        async with AsyncDVS(network.address, *credentials, rate=10_000, timeout=2, retries=policy, clock=clock) as dvs:
            with LedgerStore(tmp_path / "ledger.db", clock=clock) as ledger:
                payer = PayingAccount(environment=Environment.SANDBOX, account=dvs.account)
                run = ledger.runs.all()[0]
                return await do(dvs=dvs, ledger=ledger, payer=payer, run=run, clock=clock, **settings)

    return call


async def test_reconcile_names_an_entry_of_a_row_that_cannot_be_read_and_never_says_that_it_is_missing(
    pay: Pay, network: Any, open_all: Callable[..., Awaitable[Reconciled]]
) -> None:
    _, outcomes = await pay(3)

    def spoil(content: Any) -> None:
        for entry in content if isinstance(content, list) else [content]:
            if entry["external_id"] == outcomes[0].external_id:
                entry["status"] = "COMPLETED"
        if isinstance(content, list):
            content.extend(FOREIGN)

    network.rule = lambda _number, line, _body: spoil if line.startswith("GET /v1/transactions") else "pass"
    result = await open_all(reconcile)
    assert result.comparison.counts == {DiscrepancyKind.UNREADABLE: 1}
    [found] = result.comparison.discrepancies
    assert found.external_id == outcomes[0].external_id
    assert "status" in found.message
    assert result.comparison.here.transactions == 3
    assert result.comparison.there.transactions == 2
    # Those that look the same count once, as a list is read again and again.
    assert result.comparison.unreadable.count == 1 + DISTINCT
    assert not result.observed


async def test_wallets_are_not_compared_while_an_entry_cannot_be_read(
    pay: Pay, network: Any, open_all: Callable[..., Awaitable[Reconciled]]
) -> None:
    await pay(1)
    await open_all(reconcile)
    network.rule = lambda _number, line, _body: (
        (lambda content: content.append({})) if line.startswith(SWEEP) else "pass"
    )
    result = await open_all(reconcile)
    assert {wallet.uncompared for wallet in result.wallets} == {"1 listed transaction can't be read"}
    assert not result.observed
    network.rule = lambda *_: "pass"
    assert {wallet.uncompared for wallet in (await open_all(reconcile)).wallets} == {""}


async def test_reconcile_reads_an_entry_of_a_row_by_its_id_where_the_list_spoils_it(
    pay: Pay, network: Any, open_all: Callable[..., Awaitable[Reconciled]]
) -> None:
    await pay(4)
    network.rule = lambda _number, line, _body: _without_status if line.startswith(SWEEP) else "pass"
    network.seen.clear()
    result = await open_all(reconcile)
    assert result.agrees
    assert result.comparison.there.transactions == 4
    assert sum(line.startswith("GET /v1/transactions/") for line, _ in network.seen) == 2
    # Nothing is unknown of the account, so its wallets are compared the next time.
    assert result.comparison.unreadable.count == 0
    assert {each.unit for each in result.observed} == {wallet.unit for wallet in result.wallets} != set()
    assert {wallet.uncompared for wallet in (await open_all(reconcile)).wallets} == {""}


async def test_a_wallet_that_can_not_be_read_hides_no_other_and_is_not_compared(
    pay: Pay, network: Any, open_all: Callable[..., Awaitable[Reconciled]]
) -> None:
    await pay(1)
    await open_all(reconcile)
    wallets = {wallet.unit for wallet in (await open_all(reconcile)).wallets}

    def spoil(content: list[dict[str, Any]]) -> None:
        content.insert(0, {"id": "x", "unit": None})
        for balance in content:
            if balance["unit"] == "EUR":
                balance["available"] = "much"

    network.rule = lambda _number, line, _body: spoil if line.startswith("GET /v1/balances") else "pass"
    result = await open_all(reconcile)
    assert {wallet.unit for wallet in result.wallets} == wallets - {"EUR"} != set()
    assert {wallet.uncompared for wallet in result.wallets} == {""}
    assert {each.unit for each in result.observed} == wallets - {"EUR"}


async def test_reconcile_counts_a_transaction_without_an_external_id_as_another_runs(
    pay: Pay, network: Any, open_all: Callable[..., Awaitable[Reconciled]]
) -> None:
    _, outcomes = await pay(3)

    def add(content: list[dict[str, Any]]) -> None:
        content += [{**each, "id": 99, "external_id": None} for each in content[:1]]

    network.rule = lambda _number, line, _body: add if line.startswith(SWEEP) else "pass"
    result = await open_all(reconcile)
    assert result.agrees
    assert (result.comparison.there.transactions, result.comparison.other_runs.transactions) == (len(outcomes), 1)


async def test_a_rebuild_never_takes_an_unreadable_entry_of_the_run_for_absent(
    pay: Pay, network: Any, open_all: Callable[..., Awaitable[Any]]
) -> None:
    await pay(2)

    def spoil(content: Any) -> None:
        for entry in content if isinstance(content, list) else [content]:
            entry["status"] = "COMPLETED"

    network.rule = lambda _number, line, _body: spoil if line.startswith("GET /v1/transactions") else "pass"
    with pytest.raises(DVSError, match="status"):
        await open_all(rebuild_run)


@pytest.mark.parametrize("do", [reconcile, rebuild_run])
async def test_a_list_that_repeats_one_page_for_ever_is_never_complete(
    pay: Pay, network: Any, open_all: Callable[..., Awaitable[Any]], endless: Callable[[], bytes], do: Any
) -> None:
    await pay(3)
    network.seen.clear()
    network.rule = lambda _number, line, _body: (200, endless()) if line.startswith(SWEEP) else "pass"
    with pytest.raises(DVSError, match="repeated page 1 of a list"):
        await open_all(do)
    assert len(network.seen) < 20
