"""Hold mode: what is seen only at the decision, and decisions that can't be carried out at once."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.run_ending import exit_code
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import CircuitPolicy, StopReason
from bulk_topup.engine.callback_hints import follow_hints
from bulk_topup.engine.hold import IDLE_PASSES
from bulk_topup.ledger import LedgerStore
from tests.engine.conftest import count_states, count_statuses, decision_in
from tests.helpers.hand_clock import SkippingClock, WrongClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]
Cheaper = Callable[[float], Any]

CREATION = "POST /v1/async/transactions HTTP/1.1"


@pytest.fixture
def time_scale() -> float:
    """Transactions can be confirmed for 180 s."""
    return 0.05


def _acts(network: Any) -> Counter[str]:
    """Return how often each kind of request was sent: create, confirm, cancel, and get for single transactions."""
    kinds: Counter[str] = Counter()
    for line, _ in network.seen:
        path = line.split()[1].split("?")[0]
        if line == CREATION:
            kinds["create"] += 1
        elif line.startswith("POST"):
            kinds[path.rsplit("/")[-1]] += 1
        elif "/transactions/" in path:
            kinds["get"] += 1
    return kinds


def _error(code: int) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": "Not now"}]}).encode()


def _stop_after_creating(network: Any, watcher: Any, rows: int, rule: Callable[..., Any] = lambda *_: "pass") -> None:
    """Stop the run once it has created that many transactions, before it decides."""

    def stopping(number: int, line: str, body: bytes) -> Any:
        if _acts(network)["create"] == rows and watcher.runner:
            watcher.runner.stop()
        return rule(number, line, body)

    network.rule = stopping


async def test_a_price_that_an_earlier_start_met_is_compared_at_the_decision(
    pay: Pay, books: Books, network: Any, watcher: Any, cheaper: Cheaper, tmp_path: Path
) -> None:
    """The first start tolerates the price and is stopped; the second creates nothing, so only its decision can see."""
    cheap = cheaper(1.05)
    _stop_after_creating(network, watcher, 3, cheap)
    _, outcomes = await pay(3, mode="hold", stops={"price_drift": 1})
    assert (count_states(outcomes), decision_in(tmp_path)) == ({"accepted": 3}, None)
    network.rule = cheap
    finished, outcomes = await pay(3, mode="hold")
    assert finished.result.reason is StopReason.CANCELLED
    assert "the tolerance is 1 %" in finished.result.message
    assert (count_states(outcomes), count_statuses(books)) == ({"failed": 3}, {"CANCELLED": 3})
    assert _acts(network)["confirm"] == 0


async def test_the_time_to_confirm_is_checked_just_before_the_decision(
    pay: Pay, books: Books, network: Any, skipping_clock: SkippingClock
) -> None:
    """The last transaction has no time left; no time passes on the clock since the check before it."""

    class _StandingClock(WrongClock):
        def monotonic(self) -> float:
            return skipping_clock.skipped

    def expire(transaction: dict[str, Any]) -> None:
        transaction["confirmation_expiration_date"] = transaction["creation_date"]

    def rule(_number: int, line: str, _body: bytes) -> Any:
        return expire if line == CREATION and _acts(network)["create"] == 3 else "pass"

    network.rule = rule
    finished, outcomes = await pay(3, mode="hold", clock=_StandingClock(skipping_clock, timedelta()))
    assert finished.result.reason is StopReason.CANCELLED
    assert "would have expired" in finished.result.message
    assert (count_states(outcomes), count_statuses(books)) == ({"failed": 3}, {"CANCELLED": 3})


async def test_confirmations_that_never_get_through_leave_the_rows_open_and_the_next_start_confirms_them(
    pay: Pay, books: Books, network: Any, tmp_path: Path
) -> None:
    network.rule = lambda _number, line, _body: (400, _error(1000400)) if "/confirm" in line else "pass"
    finished, outcomes = await pay(2, mode="hold")
    assert (finished.result.reason, exit_code(finished)) == (StopReason.STILL_OPEN, 75)
    assert "2 transactions are still unconfirmed after the decision to confirm" in finished.result.message
    assert (count_states(outcomes), count_statuses(books)) == ({"accepted": 2}, {"CREATED": 2})
    assert (_acts(network)["confirm"], decision_in(tmp_path)) == (2 * (IDLE_PASSES + 1), "confirm")
    network.rule = lambda *_: "pass"
    finished, outcomes = await pay(2, mode="hold")
    assert (finished.result.reason, count_states(outcomes), count_statuses(books)) == (
        None,
        {"completed": 2},
        {"COMPLETED": 2},
    )
    assert _acts(network)["create"] == 2


async def test_a_confirmation_that_gets_through_counts_as_progress_of_all(pay: Pay, books: Books, network: Any) -> None:
    """One gets through shortly before the passes would be over; the other as long after it."""
    confirmed: Counter[str] = Counter()

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if "/confirm" not in line:
            return "pass"
        confirmed[line] += 1
        allowed = IDLE_PASSES - 2 if line == min(confirmed) else 2 * IDLE_PASSES - 6
        return "pass" if confirmed[line] > allowed else (400, _error(1000400))

    network.rule = rule
    finished, outcomes = await pay(2, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 2})
    assert count_statuses(books) == {"COMPLETED": 2}


async def test_a_confirmation_that_is_unauthorized_stops_the_run_and_the_next_start_confirms(
    pay: Pay, books: Books, network: Any, tmp_path: Path
) -> None:
    network.rule = lambda _number, line, _body: (401, _error(1000401)) if "/confirm" in line else "pass"
    finished, outcomes = await pay(2, mode="hold")
    assert finished.result.reason is StopReason.UNAUTHORIZED
    assert (count_states(outcomes), count_statuses(books)) == ({"accepted": 2}, {"CREATED": 2})
    assert (_acts(network)["get"], _acts(network)["cancel"], decision_in(tmp_path)) == (0, 0, "confirm")
    network.rule = lambda *_: "pass"
    finished, outcomes = await pay(2, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 2})
    assert count_statuses(books) == {"COMPLETED": 2}


@pytest.mark.parametrize(("status", "code"), [(404, 1000404), (429, 1000429)])
async def test_a_confirmation_that_is_not_found_or_throttled_is_sent_again_and_nothing_else_is_asked(
    pay: Pay, books: Books, network: Any, status: int, code: int
) -> None:
    refused: Counter[str] = Counter()
    confirmed: set[str] = set()
    asked: list[str] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        id_ = line.split()[1].removesuffix("/confirm").rsplit("/")[-1]
        if "/confirm" in line and refused[id_] < 4:
            refused[id_] += 1
            return (status, _error(code))
        if "/confirm" in line:
            confirmed.add(id_)
        elif id_ in refused and id_ not in confirmed:  # only what is confirmed is tracked
            asked.append(line)
        return "pass"

    network.rule = rule
    circuit = CircuitPolicy(failures=100)
    finished, outcomes = await pay(2, mode="hold", circuit=circuit)
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 2})
    assert count_statuses(books) == {"COMPLETED": 2}
    assert set(refused.values()) == {4}
    assert (asked, _acts(network)["cancel"]) == ([], 0)


@pytest.mark.parametrize("act", ["confirm", "cancel"])
async def test_during_a_pause_nothing_is_confirmed_or_cancelled(
    pay: Pay, books: Books, network: Any, cheaper: Cheaper, skipping_clock: SkippingClock, act: str
) -> None:
    times: dict[str, list[float]] = {}
    cheap = cheaper(1.05) if act == "cancel" else lambda *_: "pass"

    def rule(number: int, line: str, body: bytes) -> Any:
        if f"/{act} " not in line:
            return cheap(number, line, body)
        times.setdefault(line, []).append(skipping_clock.monotonic())
        return "lose" if len(times[line]) <= 2 else "pass"  # the client tries twice

    network.rule = rule
    circuit = CircuitPolicy(failures=1, first_pause=40)
    finished, outcomes = await pay(2, mode="hold", circuit=circuit)
    assert finished.result.reason is (StopReason.PRICE if act == "cancel" else None)
    assert ("the tolerance is 1 %" in finished.result.message) == (act == "cancel")
    assert count_states(outcomes) == {"failed" if act == "cancel" else "completed": len(books())}
    assert all(len(each) == 3 and each[2] - each[1] >= 35 for each in times.values())


async def test_callbacks_about_unconfirmed_transactions_wait_until_these_are_confirmed(
    pay: Pay,
    books: Books,
    network: Any,
    watcher: Any,
    tmp_path: Path,
    credentials: tuple[str, str],
    skipping_clock: SkippingClock,
) -> None:
    _stop_after_creating(network, watcher, 4)
    finished, outcomes = await pay(4, mode="hold")
    network.rule = lambda *_: "pass"
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        assert all(ledger.hints.save(each.external_id) for each in outcomes)
        async with AsyncDVS(network.address, *credentials, rate=10_000) as dvs:
            assert await follow_hints(finished.run, dvs=dvs, ledger=ledger, clock=skipping_clock) == 0
        assert len(ledger.hints.attempts(finished.run)) == 4
    assert (_acts(network)["get"], count_statuses(books)) == (0, {"CREATED": 4})

    def rule(_number: int, line: str, _body: bytes) -> Any:  # the list never tells: callbacks alone do
        return (200, b"[]") if line.startswith("GET /v1/transactions?") else "pass"

    network.rule = rule
    finished, outcomes = await pay(4, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 4})
    assert (_acts(network)["create"], _acts(network)["confirm"]) == (4, 4)
    with LedgerStore(tmp_path / "ledger.db", read_only=True) as ledger:
        assert ledger.hints.attempts(finished.run) == []
