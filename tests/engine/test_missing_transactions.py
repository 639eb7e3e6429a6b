"""A transaction that DVS accepted and no longer finds: its row needs review, and nothing is sent for it."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.resolve_conflicts import resolve_conflicts
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.ledger import LedgerStore, RetryChoice
from bulk_topup.reconcile.resolve import ManualResolution
from tests.helpers.hand_clock import RingingClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> RingingClock:
    return RingingClock()


Pay = Callable[..., Awaitable[Any]]
GONE = (404, json.dumps({"errors": [{"code": 1008004, "message": "Transaction not found"}]}).encode())
#: Accepted, and final only a while later.
SLOW = "R,+6595123300,5\n"
NO_ROUTE = (404, json.dumps({"errors": [{"code": 1000404, "message": "Resource not found"}]}).encode())


def _is_read(line: str) -> bool:
    return line.startswith("GET /v1/transactions")


async def test_a_row_whose_transaction_is_missing_for_long_is_a_conflict_and_is_not_sent_again(
    pay: Pay, network: Any, books: Callable[[], Any], clock: RingingClock
) -> None:
    missed: list[float] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if not _is_read(line):
            return "pass"
        missed.append(clock.monotonic())
        return GONE

    network.rule = rule
    finished, [outcome] = await pay(text=SLOW, clock=clock, timeout=1)
    assert outcome.state is RowState.CONFLICT
    assert missed[-1] - missed[0] >= 60
    assert "no longer finds or lists it" in outcome.message
    assert finished.result.reason is None
    network.rule = lambda _number, _line, _body: "pass"
    _, [outcome] = await pay(text=SLOW, clock=clock)
    assert outcome.state is RowState.COMPLETED  # by proof: its transaction is found again
    assert len(books()) == 1


async def test_a_row_that_is_wrongly_resolved_as_failed_is_not_paid_twice_by_its_retry(
    pay: Pay,
    network: Any,
    books: Callable[[], Any],
    tmp_path: Path,
    credentials: tuple[str, str],
    clock: RingingClock,
) -> None:
    network.rule = lambda _number, line, _body: GONE if _is_read(line) else "pass"
    finished, _ = await pay(text=SLOW, clock=clock)
    statement = ManualResolution(state=RowState.FAILED, who="ada", reason="ticket 4711")
    async with AsyncDVS(network.address, *credentials) as dvs:
        with LedgerStore(tmp_path / "ledger.db") as ledger:
            payer = PayingAccount(environment=Environment.SANDBOX, account=dvs.account)
            await resolve_conflicts(finished.run, [2], statement, dvs=dvs, payer=payer, ledger=ledger)
            ledger.retries.choose(finished.run, RetryChoice())
            ledger.retries.apply("retry asked for")
    network.rule = lambda _number, _line, _body: "pass"
    _, [outcome] = await pay(text=SLOW, clock=clock)
    assert (outcome.state, outcome.attempt) == (RowState.COMPLETED, 1)
    assert len(books()) == 1


async def test_a_transaction_that_is_found_again_in_time_is_tracked(pay: Pay, network: Any) -> None:
    asked: list[str] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if not _is_read(line):
            return "pass"
        asked.append(line)
        return GONE if len(asked) < 4 else "pass"

    network.rule = rule
    _, [outcome] = await pay(text=SLOW)
    assert outcome.state is RowState.COMPLETED


async def test_a_base_url_that_finds_nothing_at_all_proves_nothing(
    pay: Pay, network: Any, watcher: Any, clock: RingingClock
) -> None:
    asked: list[str] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if not _is_read(line):
            return "pass"
        asked.append(line)
        if len(asked) == 9:
            watcher.runner.stop()
        return NO_ROUTE if line.startswith("GET /v1/transactions/") else (200, b"[]")

    network.rule = rule
    _, [outcome] = await pay(text=SLOW, clock=clock)
    assert outcome.state is RowState.ACCEPTED


async def test_a_transaction_that_the_list_alone_shows_is_no_conflict(
    pay: Pay, network: Any, books: Callable[[], Any], watcher: Any, clock: RingingClock
) -> None:
    searched: list[str] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line.startswith("GET /v1/transactions/"):
            return GONE
        if "external_id=" in line:
            searched.append(line)
            if len(searched) == 2:
                watcher.runner.stop()
        return "pass"

    network.rule = rule
    _, [outcome] = await pay(text=SLOW, clock=clock, timeout=1)
    assert outcome.state in {RowState.ACCEPTED, RowState.COMPLETED}
    network.rule = lambda *_: "pass"
    _, [outcome] = await pay(text=SLOW, clock=clock)
    assert (outcome.state, len(books())) == (RowState.COMPLETED, 1)


async def test_a_row_that_the_list_alone_shows_is_tracked_to_its_end(
    pay: Pay, network: Any, books: Callable[[], Any], clock: RingingClock
) -> None:
    network.rule = lambda _number, line, _body: GONE if line.startswith("GET /v1/transactions/") else "pass"
    finished, [outcome] = await pay(1, clock=clock, timeout=1)
    assert (outcome.state, finished.result.reason, len(books())) == (RowState.COMPLETED, None, 1)
