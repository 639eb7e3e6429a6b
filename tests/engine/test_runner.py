"""Whole runs against the sandbox over a failing network: what was sent, what was recorded, what was paid."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.states import RowState
from bulk_topup.dvs import RetryPolicy
from bulk_topup.engine import CircuitPolicy, StopReason
from bulk_topup.engine.absence_proof import LOOKS
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import Clock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]
Fate = str | tuple[int, bytes]

CREATION = "POST /v1/async/transactions HTTP/1.1"
REFUSED = b'{"errors":[{"code":1003002,"message":"Requested product amount is out of range"}]}'
UNAUTHORIZED = b'{"errors":[{"code":1000401,"message":"Unauthorized"}]}'


def _first_of_each_row(fate: Fate) -> Callable[[int, str, bytes], Fate]:
    """Return a rule that gives the first creation of every row a fate, and lets others pass."""
    met: set[str] = set()

    def rule(_number: int, line: str, body: bytes) -> Fate:
        if line != CREATION:
            return "pass"
        external_id = json.loads(body)["external_id"]
        if external_id in met:
            return "pass"
        met.add(external_id)
        return fate

    return rule


def _creations(network: Any) -> Counter[bytes]:
    return Counter(body for line, body in network.seen if line == CREATION)


async def test_an_intent_is_on_disk_before_its_request_is_sent(pay: Pay, network: Any, tmp_path: Path) -> None:
    found: list[tuple[RowState, str | None]] = []

    def rule(_number: int, line: str, body: bytes) -> Fate:
        if line == CREATION:
            with LedgerStore(tmp_path / "ledger.db") as ledger:
                by_id = {each.external_id: each for each in ledger.outcomes.rows(ledger.runs.named("bonus"))}
            external_id = json.loads(body)["external_id"]
            found.append((by_id[external_id].state, by_id[external_id].external_id))
        return "pass"

    network.rule = rule
    await pay(5)
    assert [state for state, _ in found] == [RowState.IN_FLIGHT] * 5


@pytest.mark.parametrize("fate", ["lose", "hang up", "half", (500, b""), (502, b""), (503, b""), (504, b"")])
async def test_a_creation_without_a_definite_response_is_sent_again_unchanged_and_paid_once(
    pay: Pay, network: Any, books: Books, fate: Fate
) -> None:
    network.rule = _first_of_each_row(fate)
    finished, outcomes = await pay(5)
    assert [outcome.state for outcome in outcomes] == [RowState.COMPLETED] * 5
    assert finished.result.reason is None
    sent = _creations(network)
    assert len(sent) == 5
    assert set(sent.values()) == {2}
    assert len(books()) == 5
    assert {outcome.attempt for outcome in outcomes} == {1}


async def test_a_row_that_stays_unknown_after_all_tries_is_sent_again_by_a_later_pass(
    pay: Pay, network: Any, books: Books
) -> None:
    network.rule = _first_of_each_row("hang up")
    _, outcomes = await pay(3, retries=RetryPolicy(tries=1))
    assert [outcome.state for outcome in outcomes] == [RowState.COMPLETED] * 3
    assert len(books()) == 3


async def test_a_refusal_after_an_unknown_try_counts_only_when_the_list_agrees(
    pay: Pay, network: Any, books: Books, clock: Clock
) -> None:
    fates = iter(["hang up", (400, REFUSED)])
    network.rule = lambda _number, line, _body: next(fates, "pass") if line == CREATION else "pass"
    _, [outcome] = await pay(1, clock=clock)
    assert outcome.state is RowState.COMPLETED
    assert len(books()) == 1


async def test_a_refusal_after_a_lost_try_fails_the_row_once_the_list_shows_no_transaction(
    pay: Pay, network: Any, books: Books, clock: Clock
) -> None:
    fates = iter(["lose", (400, REFUSED)])
    network.rule = lambda _number, line, _body: next(fates, "pass") if line == CREATION else "pass"
    _, [outcome] = await pay(1, clock=clock)
    assert outcome.state is RowState.FAILED
    assert books() == []
    lookups = [line for line, _ in network.seen if line.startswith("GET /v1/transactions?external_id=")]
    assert len(lookups) == LOOKS


async def test_when_the_look_up_fails_the_row_stays_unknown(pay: Pay, network: Any, watcher: Any, clock: Clock) -> None:
    fates: Iterator[Fate] = chain(["lose"], repeat((400, REFUSED)))

    def rule(_number: int, line: str, _body: bytes) -> Fate:
        if line == CREATION:
            return next(fates)
        if "external_id=" in line:
            watcher.runner.stop()
            return 500, b""
        return "pass"

    network.rule = rule
    finished, [outcome] = await pay(1, clock=clock)
    assert outcome.state is RowState.IN_FLIGHT
    assert finished.result.reason is StopReason.INTERRUPTED


async def test_a_definite_refusal_fails_the_row_immediately_with_a_reason(
    pay: Pay, network: Any, books: Books, clock: Clock
) -> None:
    refusal = b'{"errors":[{"code":1003001,"message":"Product is not available in your account"}]}'
    network.rule = lambda _number, line, _body: (404, refusal) if line == CREATION else "pass"
    _, outcomes = await pay(2, clock=clock)
    assert [outcome.state for outcome in outcomes] == [RowState.FAILED] * 2
    assert "not available in your account (1003001)" in outcomes[0].message
    assert not [line for line, _ in network.seen if "external_id=" in line]
    assert set(_creations(network).values()) == {1}
    assert books() == []


async def test_refused_credentials_stop_the_run_and_leave_the_rest_pending(
    pay: Pay, network: Any, books: Books
) -> None:
    creations = iter(["pass", "pass"])
    network.rule = lambda _number, line, _body: next(creations, (401, UNAUTHORIZED)) if line == CREATION else "pass"
    finished, outcomes = await pay(20)
    states = Counter(outcome.state for outcome in outcomes)
    assert finished.result.reason is StopReason.UNAUTHORIZED
    assert "DVS_API_KEY" in finished.result.message
    assert states[RowState.PENDING] >= 14
    assert states[RowState.FAILED] == states[RowState.IN_FLIGHT] == 0
    assert len(books()) == 2


async def test_without_balance_nothing_more_is_sent_and_sent_rows_are_tracked_to_final_status(
    pay: Pay, network: Any, books: Books
) -> None:
    # The balance was sufficient when the plan was made; another program spent it since.
    creations = iter(range(3))
    empty = 400, b'{"errors":[{"code":1006001,"message":"Insufficient balance"}]}'
    network.rule = lambda _number, line, _body: empty if line == CREATION and next(creations, None) is None else "pass"
    finished, outcomes = await pay(20)
    states = Counter(outcome.state for outcome in outcomes)
    assert finished.result.reason is StopReason.BALANCE
    assert states == {RowState.COMPLETED: 3, RowState.PENDING: 17}
    assert len(books()) == 3


async def test_a_run_stops_when_dvs_never_responds_and_every_row_can_be_resumed(
    pay: Pay, network: Any, books: Books
) -> None:
    network.rule = lambda _number, line, _body: "lose" if line == CREATION else "pass"
    impatient = CircuitPolicy(failures=3, first_pause=0.02, longest_pause=0.05, patience=0.5)
    finished, outcomes = await pay(6, circuit=impatient)
    assert finished.result.reason is StopReason.CIRCUIT
    assert {outcome.state for outcome in outcomes} <= {RowState.PENDING, RowState.IN_FLIGHT}
    assert books() == []
    network.rule = lambda _number, _line, _body: "pass"
    finished, outcomes = await pay(6)
    assert finished.result.reason is None
    assert [outcome.state for outcome in outcomes] == [RowState.COMPLETED] * 6
    assert len(books()) == 6


async def test_429_uses_up_no_try_and_no_attempt(pay: Pay, network: Any, books: Books) -> None:
    network.rule = _first_of_each_row((429, b""))
    _, outcomes = await pay(2, retries=RetryPolicy(tries=1))
    assert [(outcome.state, outcome.attempt) for outcome in outcomes] == [(RowState.COMPLETED, 1)] * 2
    assert len(books()) == 2


async def test_a_stop_lets_sent_requests_finish(pay: Pay, network: Any, books: Books, watcher: Any) -> None:
    def rule(_number: int, line: str, _body: bytes) -> Fate:
        if line == CREATION:
            watcher.runner.stop()
        return "pass"

    network.rule = rule
    finished, outcomes = await pay(20)
    states = Counter(outcome.state for outcome in outcomes)
    assert finished.result.reason is StopReason.INTERRUPTED
    assert states[RowState.IN_FLIGHT] == 0
    assert 1 <= states[RowState.ACCEPTED] + states[RowState.COMPLETED] <= 4
    assert states[RowState.PENDING] == 20 - len(books())


@pytest.mark.parametrize("how", ["interrupted", "refused credentials", "empty wallet"])
async def test_rows_that_wait_for_the_limiter_are_not_sent_after_a_stop(
    pay: Pay, network: Any, books: Books, watcher: Any, how: str
) -> None:
    answers: dict[str, Fate] = {
        "refused credentials": (401, UNAUTHORIZED),
        "empty wallet": (400, b'{"errors":[{"code":1006001,"message":"Insufficient balance"}]}'),
    }

    def rule(_number: int, line: str, _body: bytes) -> Fate:
        if line == CREATION and how == "interrupted":
            watcher.runner.stop()
        return answers.get(how, "pass") if line == CREATION else "pass"

    network.rule = rule
    _, outcomes = await pay(20, rate=0.01)
    assert sum(_creations(network).values()) == 1
    states = Counter(outcome.state for outcome in outcomes)
    assert states[RowState.PENDING] == 20 - len(books())
    assert states[RowState.IN_FLIGHT] == 0


async def test_tracking_many_rows_takes_few_requests(pay: Pay, network: Any) -> None:
    await pay(150)
    followed = [line for line, _ in network.seen if line.startswith("GET /v1/transactions")]
    assert len(followed) < 75


async def test_a_missing_transaction_delays_no_other_row(pay: Pay, network: Any, watcher: Any) -> None:
    """DVS's list is empty, and one transaction is not found by its ID either."""
    missing: list[str] = []
    asked: Counter[str] = Counter()

    def rule(_number: int, line: str, _body: bytes) -> Fate:
        if line.startswith("GET /v1/transactions?"):
            return 200, b"[]"
        if not line.startswith("GET /v1/transactions/"):
            return "pass"
        if not missing:
            missing.append(line)
        asked[line] += 1
        if line != missing[0]:
            return "pass"
        if asked[line] == 3:
            watcher.runner.stop()
        return 404, b'{"errors":[{"code":1008004,"message":"Transaction not found"}]}'

    network.rule = rule
    _, outcomes = await pay(3)
    assert Counter(outcome.state for outcome in outcomes) == {RowState.COMPLETED: 2, RowState.ACCEPTED: 1}


async def test_concurrent_requests_never_exceed_the_concurrency(network: Any, pay: Pay) -> None:
    finished, _ = await pay(60)
    assert finished.result.counts[RowState.COMPLETED] == 60
    assert network.most["POST"] == 4


@pytest.mark.parametrize(
    ("earlier", "state"), [([], RowState.PENDING), (["hang up"], RowState.IN_FLIGHT), (["lose"], RowState.IN_FLIGHT)]
)
async def test_when_429_uses_up_the_tries_only_a_row_that_dvs_can_not_have_is_pending(
    pay: Pay, network: Any, books: Books, watcher: Any, earlier: list[Fate], state: RowState
) -> None:
    fates = iter(earlier)

    def rule(_number: int, line: str, _body: bytes) -> Fate:
        if line != CREATION:
            return "pass"
        if (fate := next(fates, None)) is None:
            watcher.runner.stop()
            return 429, b'{"errors":[{"code":1000429,"message":"Too many requests"}]}'
        return fate

    network.rule = rule
    _, [outcome] = await pay(1, retries=RetryPolicy(tries=2, first_wait=0.01, throttled_tries=1))
    assert outcome.state is state
    network.rule = lambda *_: "pass"
    _, [outcome] = await pay(1)
    assert (outcome.state, outcome.attempt, len(books())) == (RowState.COMPLETED, 1, 1)


@pytest.mark.parametrize("rows", [1, 3])
async def test_refused_credentials_while_transactions_are_followed_stop_the_run_and_leave_them_open(
    pay: Pay, network: Any, books: Books, watcher: Any, rows: int
) -> None:
    """One row is looked up by itself, several are read in the list."""
    asked: list[str] = []

    def rule(_number: int, line: str, _body: bytes) -> Fate:
        if not line.startswith("GET /v1/transactions"):
            return "pass"
        asked.append(line)
        if len(asked) == 3:  # else a run that goes on asking would never end
            watcher.runner.stop()
        return 401, UNAUTHORIZED

    network.rule = rule
    text = "".join(f"1000{row},+659512{row}300,5\n" for row in range(rows))
    finished, outcomes = await pay(text=text)
    assert finished.result.reason is StopReason.UNAUTHORIZED
    assert [outcome.state for outcome in outcomes] == [RowState.ACCEPTED] * rows
    assert len(asked) == 1
    network.rule = lambda *_: "pass"
    _, outcomes = await pay(text=text)
    assert [outcome.state for outcome in outcomes] == [RowState.COMPLETED] * rows
    assert len(books()) == rows
