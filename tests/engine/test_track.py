"""Many open rows are tracked to final status, whatever the local clock says and DVS's list shows."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, NoResponseError
from bulk_topup.engine import CircuitPolicy, PollPolicy
from bulk_topup.engine.callback_hints import follow_hints
from bulk_topup.engine.conflict_proof import ConflictProof
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext
from bulk_topup.engine.track import Tracker
from bulk_topup.ledger import LedgerStore
from tests.helpers.hand_clock import SkippingClock, WrongClock
from tests.helpers.plain_http import HTTP

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
#: Rows that are open at once: more than a page of the list shows.
ROWS = 150


@pytest.fixture
def time_scale() -> float:
    """Long enough that all rows are open before the first one ends."""
    return 0.1


def _tracker(context: RunContext) -> Tracker:
    recorder = MoveRecorder(context)
    return Tracker(context, recorder, ConflictProof(context, recorder))


def _slow(rows: int) -> str:
    return "".join(f"1000{row},+659{row:04}300,5\n" for row in range(rows))


async def test_rows_are_polled_although_the_local_clock_is_behind(pay: Pay, skipping_clock: SkippingClock) -> None:
    clock = WrongClock(skipping_clock, timedelta(hours=-1))
    async with asyncio.timeout(120):
        _, outcomes = await pay(text=_slow(ROWS), timeout=10, clock=clock)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}


async def test_each_row_that_the_list_does_not_show_is_looked_up_in_turn(pay: Pay, network: Any) -> None:
    network.rule = lambda _number, line, _body: (200, b"[]") if line.startswith("GET /v1/transactions?") else "pass"
    quick = "".join(f"2000{row},+659{row:04}100,5\n" for row in range(20))
    _, outcomes = await pay(text=_slow(ROWS) + quick, timeout=10)
    slow_ends, quick_ends = (
        [each.final_at for each in outcomes if each.cells[0].startswith(digits)] for digits in ("1000", "2000")
    )
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}
    assert max(quick_ends) < min(slow_ends)


async def test_look_ups_use_all_of_the_concurrency(pay: Pay, network: Any) -> None:
    network.rule = lambda _number, line, _body: (200, b"[]") if line.startswith("GET /v1/transactions?") else "pass"
    _, outcomes = await pay(text=_slow(30), timeout=10)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}
    assert network.most["GET"] == 4


def _leave_open(content: Any) -> None:
    """Let a response say that no transaction has a final status yet."""
    for each in content if isinstance(content, list) else [content]:
        each["status"] = {"id": 50000, "message": "SUBMITTED", "class": {"id": 5, "message": "SUBMITTED"}}


async def test_several_pages_of_the_list_are_read_concurrently(
    pay: Pay, network: Any, sandbox: Any, credentials: tuple[str, str]
) -> None:
    faults = sandbox.base_url.removesuffix("/v1") + "/sandbox/faults"
    slow_lists = {"kind": "latency", "method": "GET", "path": "/transactions", "seconds": 0.2}
    HTTP.put(faults, json=[slow_lists], auth=credentials).raise_for_status()
    network.rule = lambda _number, line, _body: (
        _leave_open if line.startswith("GET /v1/transactions") and network.most["GET?"] < 2 else "pass"
    )
    async with asyncio.timeout(300):
        _, outcomes = await pay(text="".join(f"1000{row},+659{row:04}100,5\n" for row in range(500)), timeout=20)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}
    assert network.most["GET?"] <= 4


async def test_transactions_that_callbacks_named_are_fetched_concurrently(
    pay: Pay, network: Any, tmp_path: Path, credentials: tuple[str, str], skipping_clock: SkippingClock
) -> None:
    finished, outcomes = await pay(20)
    asked = network.most.pop("GET")
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        assert all(ledger.hints.save(each.external_id) for each in outcomes)
        async with AsyncDVS(network.address, *credentials, rate=10_000) as dvs:
            assert await follow_hints(finished.run, dvs=dvs, ledger=ledger, clock=skipping_clock) == 0
        assert ledger.hints.attempts(finished.run) == []
    assert network.most["GET"] > asked


async def test_while_rows_are_sent_tracking_uses_a_small_part_of_the_concurrency(
    pay: Pay, network: Any, sandbox: Any, credentials: tuple[str, str]
) -> None:
    faults = sandbox.base_url.removesuffix("/v1") + "/sandbox/faults"
    HTTP.put(faults, json=[{"kind": "latency", "seconds": 0.1}], auth=credentials).raise_for_status()
    asked: list[int] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line.startswith("POST"):
            if not asked:  # the plan has asked for a product
                network.most.clear()
            asked.append(network.most["GET"])
        return (200, b"[]") if line.startswith("GET /v1/transactions?") else "pass"

    network.rule = rule
    await pay(text=_slow(100), timeout=10)
    assert max(asked) == 1
    assert network.most["GET"] == 4


@pytest.mark.parametrize(("concurrency", "while_sending"), [(1, 1), (4, 1), (8, 1), (15, 1), (16, 2), (64, 8)])
async def test_while_rows_are_sent_tracking_has_an_eighth_of_the_concurrency_and_at_least_one_request(
    pay: Pay, context_of: Any, concurrency: int, while_sending: int
) -> None:
    finished, _ = await pay(1)
    async with context_of(finished.run, concurrency=concurrency) as context:
        tracker = _tracker(context)
        assert tracker._concurrency == while_sending
        tracker.end_submitting()
        assert tracker._concurrency == concurrency


@pytest.mark.parametrize(("seconds", "longest", "patience"), [(1_800, 60, 720), (100, 60, 60), (150, 60, 60)])
async def test_rows_are_polled_again_well_within_the_tracking_timeout_whatever_is_expected_of_them(
    pay: Pay, context_of: Any, seconds: float, longest: float, patience: float
) -> None:
    finished, _ = await pay(1)
    polling = PollPolicy(longest=longest)
    async with context_of(finished.run, tracking_timeout=seconds, polling=polling) as context:
        assert _tracker(context)._polls.patience == patience


async def test_a_transaction_that_is_created_only_is_tracked_where_nothing_is_to_be_confirmed(
    pay: Pay, network: Any
) -> None:
    created = {"id": 10000, "message": "CREATED", "class": {"id": 1, "message": "CREATED"}}
    network.rule = lambda _number, line, _body: (
        (lambda answer: answer.update(status=created)) if line.startswith("POST") else "pass"
    )
    finished, outcomes = await pay(3)
    assert finished.result.reason is None
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}


async def test_a_poll_that_fails_is_no_change_and_a_failure_of_dvs(pay: Pay, context_of: Any) -> None:
    async def fail() -> int:
        raise NoResponseError

    async def find() -> int:
        return 3

    finished, _ = await pay(1)
    async with context_of(finished.run, circuit=CircuitPolicy(failures=1)) as context:
        tracker = _tracker(context)
        assert (await tracker._count(find()), context.control.is_paused) == (3, False)
        assert (await tracker._count(fail()), context.control.is_paused) == (0, True)


@pytest.mark.parametrize(("rows", "is_swept"), [(1, False), (30, True)])
async def test_polls_learn_when_rows_become_final_and_how_long_the_list_is(
    pay: Pay, watcher: Any, rows: int, is_swept: bool
) -> None:
    """A row by itself is looked up, many are found in the list."""
    await pay(text=_slow(rows), timeout=10)
    polls = watcher.runner._tracker._polls
    assert polls.completion_times.known_to > 0
    assert any(polls._listed.values()) is is_swept
