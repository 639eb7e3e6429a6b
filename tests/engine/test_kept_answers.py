"""A plan and the run after it ask for products once, and a run never sends by prices that it has known for an hour."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.plan import plan_job
from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.errors import GuardError, ProductsChangedError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
HEADER = "reference,phone,amount,product_id"
ONE_PRODUCT = "10001,+6595123401,5,6418\n"
TEXT = "10001,+6595123401,5,6418\n10002,+6595123402,8,6430\n"


class LaterClock(SystemClock):
    """This machine's clock, moved ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> Any:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()


@pytest.fixture
def later() -> LaterClock:
    return LaterClock()


async def plan(
    network: Any, credentials: tuple[str, str], folder: Path, clock: LaterClock, text: str = TEXT, **settings: Any
) -> Any:
    path = folder / "bonus.csv"
    path.write_text(f"{HEADER}\n{text}")
    job = Job(list=str(path), **settings).at(clock.now(), folder)
    async with AsyncDVS(network.address, *credentials, rate=10_000) as dvs:
        with LedgerStore(folder / "ledger.db", clock=clock) as ledger:
            _, prepared = await plan_job(job, dvs=dvs, ledger=ledger, environment=Environment.SANDBOX, clock=clock)
            return prepared


def products_asked(network: Any) -> int:
    """Return how many requests about products were sent, and forget them."""
    number: int = sum(line.startswith("GET /v1/products/") for line, _ in network.seen)
    network.seen.clear()
    return number


@pytest.mark.parametrize(("minutes", "asked"), [(59, 0), (61, 2)])
async def test_the_run_after_a_plan_asks_for_its_products_again_after_an_hour(
    minutes: int,
    asked: int,
    network: Any,
    credentials: tuple[str, str],
    tmp_path: Path,
    later: LaterClock,
    pay: Pay,
    watcher: Any,
) -> None:
    prepared = await plan(network, credentials, tmp_path, later)
    assert products_asked(network) == 2
    planned_at = prepared.plan.prices_at
    assert planned_at is not None
    later.ahead = timedelta(minutes=minutes)
    assert (await plan(network, credentials, tmp_path, later)).plan.prices_at == planned_at
    assert products_asked(network) == 0
    finished, _ = await pay(text=TEXT, header=HEADER, clock=later)
    assert products_asked(network) == asked
    assert finished.result.counts[RowState.COMPLETED] == 2
    assert (watcher.prepared_as.plan.prices_at == planned_at) is (asked == 0)


async def test_a_plan_after_a_day_asks_again(
    network: Any, credentials: tuple[str, str], tmp_path: Path, later: LaterClock
) -> None:
    await plan(network, credentials, tmp_path, later)
    products_asked(network)
    later.ahead = timedelta(hours=24, minutes=1)
    await plan(network, credentials, tmp_path, later)
    assert products_asked(network) == 2


async def test_a_job_may_ask_for_its_products_each_time(
    network: Any, credentials: tuple[str, str], tmp_path: Path, later: LaterClock
) -> None:
    for _ in range(2):
        await plan(network, credentials, tmp_path, later, max_age="0")
        assert products_asked(network) == 2


async def test_a_product_that_changes_while_a_person_decides_stops_the_run(
    network: Any, later: LaterClock, pay: Pay, watcher: Any, cheaper: Any, books: Callable[[], list[Any]]
) -> None:
    def decide_slowly(_run: str, _rows: int) -> None:
        later.ahead = timedelta(hours=2)
        network.rule = cheaper(2)

    watcher.confirm = decide_slowly
    with pytest.raises(ProductsChangedError, match="Product 6418 changed after the plan was made"):
        await pay(clock=later)
    assert books() == []


async def test_a_product_that_stays_the_same_meanwhile_stops_nothing(
    network: Any, later: LaterClock, pay: Pay, watcher: Any
) -> None:
    def decide_slowly(_run: str, _rows: int) -> None:
        later.ahead = timedelta(hours=2)
        network.seen.clear()

    watcher.confirm = decide_slowly
    finished, _ = await pay(clock=later)
    assert finished.result.counts[RowState.COMPLETED] == 5
    assert products_asked(network) == 1


async def test_a_cap_on_costs_is_checked_by_the_prices_of_each_start(
    network: Any, credentials: tuple[str, str], tmp_path: Path, later: LaterClock, pay: Pay, cheaper: Any
) -> None:
    network.rule = cheaper(4)
    prepared = await plan(network, credentials, tmp_path, later, text=ONE_PRODUCT)
    [cost] = prepared.difference.costs.values()
    network.rule = lambda _number, _line, _body: "pass"
    with pytest.raises(GuardError):
        await pay(text=ONE_PRODUCT, header=HEADER, clock=later, caps={"costs": {"USD": str(cost)}})


async def test_hold_mode_cancels_what_costs_more_than_a_kept_price(
    network: Any, credentials: tuple[str, str], tmp_path: Path, later: LaterClock, pay: Pay, cheaper: Any
) -> None:
    network.rule = cheaper(4)
    await plan(network, credentials, tmp_path, later, text=ONE_PRODUCT, mode="hold")
    network.rule = lambda _number, _line, _body: "pass"
    network.seen.clear()
    finished, _ = await pay(text=ONE_PRODUCT, header=HEADER, clock=later, mode="hold")
    assert products_asked(network) == 0
    assert finished.result.counts[RowState.COMPLETED] == 0


@pytest.mark.parametrize("code", [1005003, 1007500])
async def test_a_number_that_dvs_refuses_refuses_its_row_and_keeps_the_other_answers(
    code: int, network: Any, credentials: tuple[str, str], tmp_path: Path, later: LaterClock
) -> None:
    body = json.dumps({"errors": [{"code": code, "message": "No"}]}).encode()
    network.rule = lambda _number, _line, sent: (400, body) if b"+6595123402" in sent else "pass"
    path = tmp_path / "auto.csv"
    path.write_text("reference,phone,amount,currency\n1,+6595123400,5,SGD\n2,+6595123402,5,SGD\n")
    columns = {"reference": "reference", "currency": "currency"}
    policy = AutoProduct(type=ProductType.RANGED_VALUE_RECHARGE)
    job = Job(list=str(path), columns=columns, auto_product=policy).at(later.now(), tmp_path)
    for asked in (2, 1):
        async with AsyncDVS(network.address, *credentials, rate=10_000) as dvs:
            with LedgerStore(tmp_path / "ledger.db", clock=later) as ledger:
                _, prepared = await plan_job(job, dvs=dvs, ledger=ledger, environment=Environment.SANDBOX, clock=later)
        [refused] = prepared.plan.refused_rows
        assert "The operator of +6595123402 can't be looked up." in refused.problems[0].message
        assert prepared.plan.accepted == 1
        assert sum(line.startswith("POST /v1/lookup") for line, _ in network.seen) == asked
        network.seen.clear()


async def test_a_refusal_by_a_kept_list_without_products_says_how_old_that_is(
    network: Any, credentials: tuple[str, str], tmp_path: Path, later: LaterClock
) -> None:
    path = tmp_path / "auto.csv"
    path.write_text("reference,phone,amount,currency\n1,+6595123400,5,SGD\n")
    columns = {"reference": "reference", "currency": "currency"}
    for settings, is_kept in (({}, False), ({}, True), ({"max_age": "0"}, False)):
        policy = AutoProduct(benefit_types=("SMS", "DATA"))
        job = Job(list=str(path), columns=columns, auto_product=policy, **settings).at(later.now(), tmp_path)
        async with AsyncDVS(network.address, *credentials, rate=10_000) as dvs:
            with LedgerStore(tmp_path / "ledger.db", clock=later) as ledger:
                _, prepared = await plan_job(job, dvs=dvs, ledger=ledger, environment=Environment.SANDBOX, clock=later)
        [refused] = prepared.plan.refused_rows
        message = refused.problems[0].message
        assert "has no airtime product" in message
        assert message.endswith(" UTC; --max-age 0 asks again.") is is_kept
        later.ahead += timedelta(hours=1)
