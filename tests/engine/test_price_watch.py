"""Prices that differ from the plan: named while the run is running, a stop where the job sets one."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.attempt import Attempt, Facts
from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.engine import StopReason, price_watch
from bulk_topup.engine.price_watch import USUAL_TOLERANCE, PriceWatch, price_drift
from tests.engine.conftest import count_states

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("planned", "charged", "is_drift"), [("10", "10.20", False), ("10", "10.21", True), ("10", "9.80", False)]
)
def test_a_price_may_differ_by_exactly_the_tolerance(
    attempt: Attempt, planned: str, charged: str, is_drift: bool
) -> None:
    row = replace(attempt, cost=Decimal(planned), cost_unit="USD")
    assert (price_drift(row, Decimal(charged), "USD", Decimal("0.02")) is not None) is is_drift


@pytest.mark.parametrize("tolerance", [Decimal(0), USUAL_TOLERANCE])
@pytest.mark.parametrize(
    ("unit", "planned", "within", "beyond"),
    [
        ("USD", "0.37", "0.38", "0.3801"),
        ("USD", "0.37", "0.36", "0.3599"),
        ("JPY", "55", "56", "57"),
        ("KWD", "0.050", "0.051", "0.052"),
        ("CREDITS", "0.37", "0.38", "0.39"),
    ],
)
def test_the_smallest_unit_of_the_currency_is_tolerated_in_any_case(
    attempt: Attempt, tolerance: Decimal, unit: str, planned: str, within: str, beyond: str
) -> None:
    row = replace(attempt, cost=Decimal(planned), cost_unit=unit)
    assert price_drift(row, Decimal(within), unit, tolerance) is None
    assert price_drift(row, Decimal(beyond), unit, tolerance) is not None


def _facts(facts: Facts, price: str | None) -> Facts:
    return replace(facts, price=None if price is None else Decimal(price), fee=None, price_unit="USD")


@pytest.fixture
def facts(transaction: Callable[..., Any]) -> Facts:
    from bulk_topup.domain.moves import facts_of

    return facts_of(transaction())


def test_a_difference_is_a_warning_that_counts_rows_unless_the_job_sets_a_stop(attempt: Attempt, facts: Facts) -> None:
    watch = PriceWatch(Guards())
    rows = [replace(attempt, row_id=number, cost=Decimal(10), cost_unit="USD") for number in range(3)]
    assert watch.drift(rows[0], _facts(facts, "10.10"), is_final=True) is None
    assert watch.message == ""
    assert watch.drift(rows[1], _facts(facts, "10.11"), is_final=False) is None
    assert watch.message.startswith("1 row costs more than 1 % more or less than planned. The first: DVS charges 10.11")
    for is_final in (False, True):
        assert watch.drift(rows[2], _facts(facts, "9"), is_final=is_final) is None
    assert watch.message.startswith("2 rows cost more than 1 %")
    for guards in (Guards(mode=Mode.HOLD), Guards.model_validate({"stops": {"price_drift": "0.01"}})):
        watch = PriceWatch(guards)
        assert "the tolerance is 1 %" in str(watch.drift(rows[1], _facts(facts, "10.11"), is_final=False))
        assert watch.message == ""


def test_rows_are_remembered_only_until_they_are_final_and_only_so_many(
    attempt: Attempt, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_watch, "MAX_REMEMBERED", 10)
    watch = PriceWatch(Guards())
    rows = [replace(attempt, row_id=number, cost=Decimal(10), cost_unit="USD") for number in range(100)]
    for row in rows:
        watch.drift(row, _facts(facts, "9"), is_final=False)
    assert len(watch._open) == 10
    for row in rows[-10:]:
        watch.drift(row, _facts(facts, "9"), is_final=True)
    assert watch.message.startswith("100 rows cost")
    assert watch._open == {}


def test_a_price_that_is_missing_is_no_warning_and_stops_only_once_it_is_final(attempt: Attempt, facts: Facts) -> None:
    row = replace(attempt, cost=Decimal(10), cost_unit="USD")
    usual, strict = PriceWatch(Guards()), PriceWatch(Guards(mode=Mode.HOLD))
    assert usual.drift(row, _facts(facts, None), is_final=True) is None
    assert usual.message == ""
    assert strict.drift(row, _facts(facts, None), is_final=False) is None
    assert "no price" in str(strict.drift(row, _facts(facts, None), is_final=True))


async def test_a_run_whose_prices_rose_pays_everybody_and_says_so_while_it_is_running(
    pay: Pay, network: Any, watcher: Any, cheaper: Callable[[float], Any]
) -> None:
    network.rule = cheaper(2)
    finished, outcomes = await pay(3)
    assert (finished.result.reason, exit_code(finished), count_states(outcomes)) == (None, 0, {"completed": 3})
    progress = watcher.runner.progress()
    assert progress.message == ""
    assert progress.warning == finished.result.message
    assert progress.warning.startswith(
        "3 rows cost more than 1 % more or less than planned. The first: DVS charges 3.71 USD"
    )
    summary = finished.report.summary
    assert (progress.taken, progress.planned) == (summary.charged, summary.planned)
    assert summary.planned == {"USD": sum((outcome.planned_cost for outcome in outcomes), Decimal(0))}
    assert summary.charged["USD"] > summary.planned["USD"]


async def test_hold_mode_confirms_rows_that_cost_a_cent_more(pay: Pay, books: Books, network: Any) -> None:
    def add_a_cent(body: Any) -> None:
        for transaction in body if isinstance(body, list) else [body]:
            if "prices" in transaction:
                price = transaction["prices"]["wholesale"]
                price["amount"] = round(price["amount"] + 0.01, 2)

    network.rule = lambda _number, line, _body: add_a_cent if "transactions" in line else "pass"
    text = "".join(f"1000{row},+6595123{400 + row},1\n" for row in range(3))  # planned to cost 0.74 USD
    finished, outcomes = await pay(text=text, mode="hold")
    assert (finished.result.reason, count_states(outcomes), len(books())) == (None, {"completed": 3}, 3)


async def test_a_plan_says_what_changed_since_the_jobs_latest_run(
    pay: Pay, network: Any, watcher: Any, cheaper: Callable[[float], Any]
) -> None:
    usual, network.rule = network.rule, cheaper(2)
    finished, _ = await pay(3)
    assert watcher.prepared_as.price_changes == ()
    network.rule = usual
    await pay(3, max_age="0")  # else the products that the first run asked for are used again
    [change] = watcher.prepared_as.price_changes
    assert str(change) == f"Product 6418, 5.00 SGD: 3.71 USD, 1.86 USD in run {finished.run.name} (+99.46 %)."


async def test_a_start_after_a_stop_at_a_price_asks_for_prices_again_and_goes_on(
    pay: Pay, network: Any, books: Books, cheaper: Callable[[float], Any]
) -> None:
    usual, network.rule = network.rule, cheaper(2)
    finished, _ = await pay(20, stops={"price_drift": "0.02"})
    sent = len(books())
    assert (finished.result.reason, sent < 20) == (StopReason.PRICE, True)
    network.rule = usual
    finished, outcomes = await pay(20, stops={"price_drift": "0.02"})
    assert (finished.result.reason, finished.result.message) == (None, "")
    assert (len(books()), count_states(outcomes)) == (20, {"completed": 20})


async def test_a_run_of_another_environment_says_nothing_of_prices(
    pay: Pay, network: Any, watcher: Any, cheaper: Callable[[float], Any], tmp_path: Path
) -> None:
    usual, network.rule = network.rule, cheaper(2)
    await pay(3, run_key="may")
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        connection.execute("UPDATE runs SET environment = 'preprod'")
    network.rule = usual
    await pay(3, run_key="june", max_age="0")
    assert watcher.prepared_as.price_changes == ()
