"""The ledger compared with DVS's list over a network that changes what the list says, and long after a run."""

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.reconcile import Reconciled, reconcile
from bulk_topup.domain.attempt import MAY_ARRIVE
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile import compare
from bulk_topup.reconcile.discrepancies import DiscrepancyKind
from tests.engine.conftest import books, cheaper, network, pay, sandbox_clock, watcher
from tests.helpers.hand_clock import Late, SkippingClock

__all__ = ["books", "cheaper", "network", "pay", "sandbox_clock", "watcher"]

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Compared = Callable[[], Awaitable[Reconciled]]

LIST = "GET /v1/transactions?"
SINGLE = "GET /v1/transactions/"
CREATION = "POST /v1/async/transactions HTTP/1.1"
REFUSED = b'{"errors":[{"code":1003001,"message":"Product is not available in your account"}]}'
DAY = 24 * 3_600.0


@pytest.fixture
def compared(network: Any, tmp_path: Path, credentials: tuple[str, str], skipping_clock: SkippingClock) -> Compared:
    """Return a function that reconciles the run."""

    async def call() -> Reconciled:
        policy = RetryPolicy(tries=2, first_wait=0.01)
        clock = skipping_clock
        async with AsyncDVS(network.address, *credentials, rate=10_000, timeout=2, retries=policy, clock=clock) as dvs:
            with LedgerStore(tmp_path / "ledger.db", clock=clock) as ledger:
                payer = PayingAccount(environment=Environment.SANDBOX, account=dvs.account)
                return await reconcile(dvs=dvs, payer=payer, ledger=ledger, run=ledger.runs.all()[0], clock=clock)

    return call


def _leave_out(content: Any) -> None:
    for transaction in content if isinstance(content, list) else [content]:
        transaction.pop("prices", None)


def _singles(network: Any) -> int:
    return sum(line.startswith(SINGLE) for line, _ in network.seen)


async def test_a_price_that_the_list_leaves_out_is_asked_for_by_id(pay: Pay, network: Any, compared: Compared) -> None:
    await pay(3)
    network.seen.clear()
    network.rule = lambda _number, line, _body: _leave_out if line.startswith(LIST) else "pass"
    result = await compared()
    assert result.agrees
    assert result.comparison.here.charged == result.comparison.there.charged != {}
    assert _singles(network) == 3


async def test_a_price_that_is_left_out_twice_is_another_than_the_ledgers_or_an_unknown_charge(
    pay: Pay, network: Any, compared: Compared
) -> None:
    await pay(2)
    network.rule = lambda _number, line, _body: _leave_out if line.startswith("GET /v1/transactions") else "pass"
    assert (await compared()).comparison.counts == {DiscrepancyKind.DIFFERENT_PRICE: 2}


@pytest.mark.parametrize("is_found", [True, False])
async def test_a_charge_that_the_run_never_learned_is_unknown_only_if_dvs_leaves_it_out_twice(
    pay: Pay, network: Any, compared: Compared, is_found: bool
) -> None:
    network.rule = lambda _number, line, _body: _leave_out if "/transactions" in line else "pass"
    await pay(2)
    path = LIST if is_found else "GET /v1/transactions"
    network.rule = lambda _number, line, _body: _leave_out if line.startswith(path) else "pass"
    kind = DiscrepancyKind.DIFFERENT_PRICE if is_found else DiscrepancyKind.CHARGE_UNKNOWN
    result = await compared()
    assert result.comparison.counts == {kind: 2}
    assert bool(result.comparison.there.charged) is is_found


async def test_only_so_many_prices_are_asked_for(
    pay: Pay, network: Any, compared: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pay(3)
    monkeypatch.setattr(compare, "MAX_PRICES_ASKED", 2)
    network.seen.clear()
    network.rule = lambda _number, line, _body: _leave_out if line.startswith(LIST) else "pass"
    result = await compared()
    assert result.comparison.counts == {DiscrepancyKind.PRICE_NOT_ASKED: 1}
    assert "Compare a shorter time" in result.comparison.discrepancies[0].message
    assert _singles(network) == 2


async def test_a_transaction_that_failed_has_no_price_to_ask_for(pay: Pay, network: Any, compared: Compared) -> None:
    network.rule = lambda _number, line, _body: _leave_out if "/transactions" in line else "pass"
    await pay(text="10000,+6595123102,5\n")  # declined
    network.seen.clear()
    assert (await compared()).agrees
    assert _singles(network) == 0


async def test_a_run_of_last_month_is_compared_in_the_time_of_its_own_transactions(
    pay: Pay,
    network: Any,
    compared: Compared,
    sandbox: Any,
    credentials: tuple[str, str],
    skipping_clock: SkippingClock,
) -> None:
    _, [first, *_] = await pay(3)
    await skipping_clock.sleep(30 * DAY)
    url = f"{sandbox.address}/sandbox/transactions/{first.transaction_id}/reverse"
    httpx2.post(url, auth=credentials).raise_for_status()
    network.seen.clear()
    result = await compared()
    assert result.comparison.counts == {DiscrepancyKind.REVERSED_LATER: 1}
    assert result.comparison.there.transactions == 3
    created = first.creation_date
    assert created - timedelta(hours=1) < result.window.start < created < result.window.end
    assert result.window.end < created + timedelta(hours=1)
    assert len([line for line, _ in network.seen if line.startswith(LIST)]) == 1


async def test_a_request_that_arrives_within_a_day_after_its_row_failed_is_found_whenever_the_run_is_compared(
    pay: Pay, network: Any, compared: Compared, books: Any, skipping_clock: SkippingClock
) -> None:
    fates = chain([Late(DAY - 3_600)], repeat((400, REFUSED)))
    network.clock = skipping_clock
    network.rule = lambda _number, line, _body: next(fates) if line == CREATION else "pass"
    _, [outcome] = await pay(1)
    assert (outcome.state, books()) == (RowState.FAILED, [])
    await skipping_clock.sleep(DAY - 3_000)
    await network.deliver()
    [arrived] = books()
    await skipping_clock.sleep(20 * DAY)
    result = await compared()
    assert result.comparison.counts == {DiscrepancyKind.DIFFERENT_STATUS: 1}
    assert result.comparison.discrepancies[0].transaction_id == arrived["id"]
    assert result.window.end - result.window.start < MAY_ARRIVE + timedelta(hours=1)


async def test_a_row_in_flight_whose_transaction_is_later_than_its_run_is_asked_for_alone(
    pay: Pay, network: Any, compared: Compared, tmp_path: Path, skipping_clock: SkippingClock
) -> None:
    await pay(2)
    before = (skipping_clock.now() - timedelta(days=9)).isoformat()
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE attempts SET intent_at = ?, creation_date = NULL, transaction_id = NULL", [before])
        connection.execute("UPDATE events SET at = ?", [before])
        connection.execute("UPDATE rows SET state = 'in_flight'")
    connection.close()
    network.seen.clear()
    result = await compared()
    assert result.window.end < skipping_clock.now() - timedelta(days=7)
    assert result.comparison.counts == {DiscrepancyKind.IN_FLIGHT_FOUND: 2}
    assert len([line for line, _ in network.seen if "external_id=" in line]) == 2
