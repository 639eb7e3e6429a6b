"""Answers that are not DVS's own, or not about our request: nobody is paid twice, failed or freed because of them."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import RetryPolicy
from bulk_topup.engine import CircuitPolicy, StopReason
from tests.engine.conftest import After
from tests.helpers.hand_clock import RingingClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

CREATION = "POST /v1/async/transactions HTTP/1.1"
PAGE = b"<html><head><title>Not found</title></head></html>"
REFUSED = b'{"errors":[{"code":1003002,"message":"Requested product amount is out of range"}]}'
USED = b'{"errors":[{"code":1007001,"message":"Transaction external ID has already been used"}]}'
NO_BALANCE = b'{"errors":[{"code":1006001,"message":"Insufficient balance"}]}'
ONE_TRY = RetryPolicy(tries=1, throttled_tries=1)
IMPATIENT = CircuitPolicy(failures=3, first_pause=0.02, longest_pause=0.05, patience=0.3)


@pytest.fixture
def clock() -> RingingClock:
    return RingingClock()


@pytest.mark.parametrize(
    ("status", "body"), [(404, PAGE), (413, b""), (400, b'{"errors":[{"code":1007001,"mess'), (409, b"{}")]
)
async def test_a_page_of_a_gateway_fails_no_row_however_long_it_is_there(
    pay: Pay, network: Any, books: Books, status: int, body: bytes
) -> None:
    network.rule = lambda _number, line, _body: (status, body) if line == CREATION else "pass"
    finished, outcomes = await pay(4, circuit=IMPATIENT, retries=ONE_TRY)
    assert (finished.result.reason, exit_code(finished)) == (
        StopReason.CIRCUIT,
        ExitCode.STOPPED_BY_PROVIDER,
    )
    assert f"HTTP {status} with" in finished.result.message
    assert {outcome.state for outcome in outcomes} <= {RowState.IN_FLIGHT, RowState.PENDING}
    network.rule = lambda _number, _line, _body: "pass"
    _, outcomes = await pay(4)
    assert [outcome.state for outcome in outcomes] == [RowState.COMPLETED] * 4
    assert len(books()) == 4


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_of_a_gateway_stop_at_once_and_free_no_row_that_dvs_may_have_taken(
    pay: Pay, network: Any, books: Books, status: int
) -> None:
    network.rule = lambda _number, line, _body: After(status, PAGE) if line == CREATION else "pass"
    finished, outcomes = await pay(20)
    assert (finished.result.reason, exit_code(finished)) == (
        StopReason.UNAUTHORIZED,
        ExitCode.STOPPED_BY_PROVIDER,
    )
    states = Counter(outcome.state for outcome in outcomes)
    assert len(books()) == states[RowState.IN_FLIGHT] == 20 - states[RowState.PENDING]
    assert states[RowState.PENDING] >= 12
    network.rule = lambda _number, _line, _body: "pass"
    await pay(20)
    assert len(books()) == 20


async def test_a_gateway_that_throttles_after_the_creation_makes_the_run_wait_and_pays_once(
    pay: Pay, network: Any, books: Books
) -> None:
    fates = iter([After(429, b"slow down")])
    network.rule = lambda _number, line, _body: next(fates, "pass") if line == CREATION else "pass"
    _, [outcome] = await pay(1)
    assert outcome.state is RowState.COMPLETED
    assert len(books()) == 1


@pytest.mark.parametrize("fates", [["lose", (400, REFUSED)], [After(400, USED)], ["pass"]])
async def test_a_gateways_404_proves_no_absence_in_a_look_up(
    pay: Pay, network: Any, clock: RingingClock, watcher: Any, fates: list[Any]
) -> None:
    left, pages = iter(fates), 0

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal pages
        if line == CREATION:
            return next(left, "pass")
        if line.startswith("GET /v1/transactions"):
            pages += 1
            if pages == 8:
                watcher.runner.stop()
            return 404, PAGE
        return "pass"

    network.rule = rule
    _, [outcome] = await pay(1, clock=clock)
    assert outcome.state in {RowState.IN_FLIGHT, RowState.ACCEPTED}
    network.rule = lambda _number, _line, _body: "pass"
    _, [outcome] = await pay(1, clock=clock)
    assert outcome.state in {RowState.COMPLETED, RowState.FAILED}


@pytest.mark.parametrize("status", [400, 409, 422, 500])
async def test_a_used_external_id_is_adopted_whatever_its_status(
    pay: Pay, network: Any, books: Books, status: int
) -> None:
    created = 0

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal created
        if line != CREATION:
            return "pass"
        created += 1
        return "hang up" if created == 1 else (status, USED)

    network.rule = rule
    _, [outcome] = await pay(1)
    assert outcome.state is RowState.COMPLETED
    assert len(books()) == 1


@pytest.mark.parametrize("status", [400, 402, 409, 422])
async def test_without_balance_sending_stops_whatever_the_status(pay: Pay, network: Any, status: int) -> None:
    network.rule = lambda _number, line, _body: (status, NO_BALANCE) if line == CREATION else "pass"
    finished, outcomes = await pay(5)
    assert finished.result.reason is StopReason.BALANCE
    assert [outcome.state for outcome in outcomes] == [RowState.PENDING] * 5


async def test_a_used_id_whose_list_is_a_minute_behind_is_no_conflict(
    pay: Pay, network: Any, books: Books, clock: RingingClock
) -> None:
    created: list[float] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line == CREATION:
            created.append(clock.monotonic())
            return "hang up" if len(created) == 1 else (409, USED)
        if "external_id=" in line and clock.monotonic() - created[-1] < 60:
            return 200, b"[]"
        return "pass"

    network.rule = rule
    _, [outcome] = await pay(1, clock=clock)
    assert outcome.state is RowState.COMPLETED
    assert len(books()) == 1


async def test_a_used_id_that_is_never_listed_is_a_conflict_after_a_minute_of_look_ups(
    pay: Pay, network: Any, clock: RingingClock
) -> None:
    seen: dict[str, list[float]] = {"created": [], "looked": []}

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line == CREATION:
            seen["created"].append(clock.monotonic())
            return 400, USED
        if "external_id=" in line:
            seen["looked"].append(clock.monotonic())
            return 200, b"[]"
        return "pass"

    network.rule = rule
    _, [outcome] = await pay(1, clock=clock)
    assert outcome.state is RowState.CONFLICT
    assert "as used, but lists no transaction with it. Ask DT One" in outcome.message
    assert seen["looked"][-1] - seen["created"][-1] >= 60
    assert len(seen["created"]) == 1


async def test_another_transaction_in_the_answer_is_followed_by_a_look_up_of_ours(
    pay: Pay, network: Any, books: Books
) -> None:
    def other(value: Any) -> None:
        value["external_id"], value["id"] = "another-1", 5

    network.rule = lambda _number, line, _body: other if line == CREATION else "pass"
    _, outcomes = await pay(3)
    assert [outcome.state for outcome in outcomes] == [RowState.COMPLETED] * 3
    assert {outcome.external_id for outcome in outcomes} == {each["external_id"] for each in books()}
    assert sum(line == CREATION for line, _ in network.seen) == 3  # none is sent again


@pytest.mark.parametrize("look_up", ["pass", (503, b"")], ids=["not listed", "not asked"])
async def test_another_transaction_in_the_answer_is_no_answer_while_ours_is_not_listed(
    pay: Pay, network: Any, books: Books, look_up: Any
) -> None:
    other = {
        "id": 5,
        "external_id": "another-1",
        "creation_date": "2026-11-01T20:05:05.883561000Z",
        "status": {"id": 70000, "message": "COMPLETED", "class": {"id": 7, "message": "COMPLETED"}},
        "product": {"id": 6418},
    }
    answers = {True: (201, json.dumps(other).encode()), False: look_up}
    network.rule = lambda _number, line, _body: (
        answers[line == CREATION] if line == CREATION or "external_id=" in line else "pass"
    )
    finished, [outcome] = await pay(1, circuit=IMPATIENT)
    assert (outcome.state, finished.result.reason) == (RowState.IN_FLIGHT, StopReason.CIRCUIT)
    assert look_up != "pass" or "with transaction 5 of external ID another-1" in finished.result.message
    network.rule = lambda _number, _line, _body: "pass"
    _, [outcome] = await pay(1)
    assert (outcome.state, len(books())) == (RowState.COMPLETED, 1)


async def test_a_used_id_whose_look_up_fails_leaves_the_row_in_flight(
    pay: Pay, network: Any, books: Books, clock: RingingClock, watcher: Any
) -> None:
    looked: list[str] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line == CREATION:
            return 400, USED
        if "external_id=" in line:
            looked.append(line)
            if len(looked) == 12:
                watcher.runner.stop()
            return 500, b""
        return "pass"

    network.rule = rule
    _, [outcome] = await pay(1, clock=clock, retries=ONE_TRY)
    assert (outcome.state, books()) == (RowState.IN_FLIGHT, [])
    network.rule = lambda *_: "pass"
    _, [outcome] = await pay(1, clock=clock)
    assert (outcome.state, outcome.attempt, len(books())) == (RowState.COMPLETED, 1, 1)
