"""The ledger compared with DVS's list over a network that changes what the list says: prices that it leaves out."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.reconcile import Reconciled, reconcile
from bulk_topup.domain.environment import Environment
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile import compare
from bulk_topup.reconcile.discrepancies import DiscrepancyKind
from tests.engine.conftest import cheaper, network, pay, sandbox_clock, watcher
from tests.helpers.hand_clock import SkippingClock

__all__ = ["cheaper", "network", "pay", "sandbox_clock", "watcher"]

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Compared = Callable[[], Awaitable[Reconciled]]

LIST = "GET /v1/transactions?"
SINGLE = "GET /v1/transactions/"


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
