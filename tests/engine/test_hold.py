"""Hold mode: all transactions are created, then all are confirmed or all are cancelled, under any fault."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bulk_topup.app.run_ending import exit_code
from bulk_topup.engine import StopReason
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.system.clock import Clock
from tests.engine.conftest import After, count_states, count_statuses, decision_in
from tests.helpers.hand_clock import SkippingClock, WrongClock
from tests.helpers.plain_http import HTTP

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]
Cheaper = Callable[[float], Any]


@pytest.fixture
def sandbox(
    request: pytest.FixtureRequest, tmp_path: Path, credentials: tuple[str, str], sandbox_clock: Clock
) -> Iterator[EmbeddedSandbox]:
    """A sandbox where transactions can be confirmed for 36 s, or as long as the test sets."""
    key, secret = credentials
    config = SandboxConfig(
        time_scale=getattr(request, "param", 0.01),
        rate_limit=0,
        balances={"USD": Decimal(100_000)},
        api_key=key,
        api_secret=SecretStr(secret),
        books=tmp_path / "provider-books.jsonl",
    )
    with EmbeddedSandbox(config, sandbox_clock) as running:
        yield running


def _kinds(network: Any) -> list[str]:
    """Return the kinds of the requests in order: create, confirm, cancel."""
    posts = [line for line, _ in network.seen if line.startswith("POST")]
    return [
        "create" if line.split("?")[0].endswith("/transactions HTTP/1.1") else line.split()[1].rsplit("/")[-1]
        for line in posts
    ]


async def test_nothing_is_confirmed_before_everything_is_created(pay: Pay, network: Any, tmp_path: Path) -> None:
    finished, outcomes = await pay(8, mode="hold")
    assert (finished.result.reason, exit_code(finished)) == (None, 0)
    assert count_states(outcomes) == {"completed": 8}
    assert _kinds(network) == ["create"] * 8 + ["confirm"] * 8
    assert decision_in(tmp_path) is None


async def test_a_price_that_differs_from_the_plan_has_all_cancelled_and_none_paid(
    pay: Pay, books: Books, network: Any, cheaper: Cheaper, sandbox: Any, credentials: tuple[str, str]
) -> None:
    network.rule = cheaper(1.05)
    finished, outcomes = await pay(6, mode="hold")
    assert "the tolerance is 1 %" in finished.result.message
    assert "confirm" not in _kinds(network)
    assert _kinds(network).count("create") == _kinds(network).count("cancel") == len(books())
    assert set(count_statuses(books)) == {"CANCELLED"}
    assert count_states(outcomes)["completed"] == 0
    assert sum((Decimal(balance["holding"]) for balance in _balances(sandbox, credentials)), Decimal(0)) == 0


def _balances(sandbox: Any, credentials: tuple[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = HTTP.get(f"{sandbox.base_url}/balances", auth=credentials).json()
    return found


async def test_a_cap_that_is_reached_has_all_cancelled(pay: Pay, books: Books, network: Any, cheaper: Cheaper) -> None:
    network.rule = cheaper(2)
    finished, outcomes = await pay(20, mode="hold", caps={"costs": {"USD": "38"}}, stops={"price_drift": 1})
    assert finished.result.reason is StopReason.CAP
    assert set(count_statuses(books)) == {"CANCELLED"}
    assert count_states(outcomes) == {"failed": len(books()), "pending": 20 - len(books())}


@pytest.mark.parametrize("sandbox", [0.001], indirect=True)
async def test_what_would_expire_before_all_is_created_is_cancelled(pay: Pay, books: Books) -> None:
    finished, outcomes = await pay(60, mode="hold", rate=10)
    assert finished.result.reason is StopReason.CANCELLED
    assert "would have expired" in finished.result.message
    assert set(count_statuses(books)) == {"CANCELLED"}
    assert count_states(outcomes)["completed"] == 0


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_machine_whose_clock_is_wrong_confirms_in_time_by_the_clock_of_dvs(
    pay: Pay, books: Books, skipping_clock: SkippingClock, days: int
) -> None:
    clock = WrongClock(skipping_clock, timedelta(days=days))
    finished, outcomes = await pay(3, mode="hold", clock=clock)
    assert finished.result.reason is None
    assert count_states(outcomes) == {"completed": 3}
    assert count_statuses(books) == {"COMPLETED": 3}


@pytest.mark.parametrize("sandbox", [0.001], indirect=True)
async def test_by_a_clock_that_is_late_nothing_expires_unconfirmed(
    pay: Pay, books: Books, skipping_clock: SkippingClock
) -> None:
    finished, _ = await pay(60, mode="hold", rate=10, clock=WrongClock(skipping_clock, timedelta(days=-1)))
    assert (finished.result.reason, "would have expired" in finished.result.message) == (StopReason.CANCELLED, True)
    assert set(count_statuses(books)) == {"CANCELLED"}


@pytest.mark.parametrize("sandbox", [0.001], indirect=True)
async def test_what_can_no_longer_be_confirmed_is_cancelled(
    pay: Pay, books: Books, network: Any, tmp_path: Path, skipping_clock: SkippingClock
) -> None:
    def rule(_number: int, line: str, _body: bytes) -> str:
        return "lose" if "/confirm" in line and skipping_clock.now() < _last_expiry(tmp_path) else "pass"

    network.rule = rule
    finished, outcomes = await pay(3, mode="hold")
    assert (finished.result.reason, exit_code(finished)) == (None, 1)
    assert count_states(outcomes) == {"failed": 3}
    assert count_statuses(books) == {"CANCELLED": 3}


def _last_expiry(folder: Path) -> datetime:
    events = map(json.loads, (folder / "provider-books.jsonl").read_text().splitlines())
    return max(datetime.fromisoformat(event["expires_at"]) for event in events if "expires_at" in event)


@pytest.mark.parametrize("fate", ["lose", "hang up", "half", (404, b"<html>"), After(409, b"<html>")])
async def test_a_confirmation_without_a_response_is_looked_up_and_pays_once(
    pay: Pay, books: Books, network: Any, fate: Any
) -> None:
    met: set[str] = set()

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line.startswith("POST") and "/confirm" in line and line not in met:
            met.add(line)
            return fate
        return "pass"

    network.rule = rule
    finished, outcomes = await pay(4, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 4})
    assert count_statuses(books) == {"COMPLETED": 4}
    assert len(met) == 4


async def test_a_run_that_is_stopped_while_it_creates_decides_in_the_next_invocation(
    pay: Pay, books: Books, network: Any, watcher: Any
) -> None:
    def rule(_number: int, _line: str, _body: bytes) -> str:
        if _kinds(network).count("create") == 5 and watcher.runner:
            watcher.runner.stop()
        return "pass"

    network.rule = rule
    finished, outcomes = await pay(10, mode="hold")
    assert (finished.result.reason, exit_code(finished)) == (StopReason.INTERRUPTED, 75)
    assert "confirm" not in _kinds(network)
    network.rule = lambda *_: "pass"
    finished, outcomes = await pay(10, mode="hold")
    assert finished.result.message == ""
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 10})
    assert count_statuses(books) == {"COMPLETED": 10}


@pytest.mark.parametrize("act", ["confirm", "cancel"])
async def test_a_decision_is_carried_out_by_the_next_invocation_and_never_made_again(
    pay: Pay, books: Books, network: Any, watcher: Any, tmp_path: Path, cheaper: Cheaper, act: str
) -> None:
    cheap = cheaper(2)

    def rule(number: int, line: str, body: bytes) -> Any:
        if _kinds(network).count(act) == 2 and watcher.runner:
            watcher.runner.stop()
        return cheap(number, line, body) if act == "cancel" else "pass"

    network.rule = rule
    settings = {"mode": "hold", "rate": 100, "stops": {"price_drift": 1}}
    finished, _ = await pay(20, **settings, caps={"costs": {"USD": 38 if act == "cancel" else 80}})
    assert exit_code(finished) == 75
    assert decision_in(tmp_path) == act
    network.rule = lambda *_: "pass"
    before, created = len(network.seen), len(books())
    finished, outcomes = await pay(20, **settings)
    again = [line for line, _ in network.seen[before:] if line.startswith("POST")]
    assert act in again[0]
    assert decision_in(tmp_path) is None
    if act == "confirm":
        assert count_states(outcomes) == {"completed": 20}
        assert count_statuses(books) == {"COMPLETED": 20}
    else:
        assert count_states(outcomes) == Counter({"failed": created, "completed": 20 - created})
        assert count_statuses(books)["CANCELLED"] == created


async def test_a_later_list_of_the_run_is_a_round_of_its_own(pay: Pay, books: Books, network: Any) -> None:
    await pay(3, mode="hold")
    finished, outcomes = await pay(5, mode="hold", add=True)
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 5})
    assert _kinds(network) == ["create"] * 3 + ["confirm"] * 3 + ["create"] * 2 + ["confirm"] * 2
    assert count_statuses(books) == {"COMPLETED": 5}


@pytest.mark.parametrize("change", ["left", "changed"])
async def test_a_transaction_that_no_longer_matches_the_list_is_not_confirmed(
    pay: Pay, books: Books, network: Any, watcher: Any, change: str
) -> None:
    def rule(_number: int, _line: str, _body: bytes) -> str:
        if _kinds(network).count("create") == 3 and watcher.runner:
            watcher.runner.stop()
        return "pass"

    network.rule = rule
    _, outcomes = await pay(3, mode="hold")
    assert count_states(outcomes) == {"accepted": 3}
    network.rule = lambda *_: "pass"
    last = {"left": "", "changed": "10002,+6595123402,4\n"}[change]
    text = f"10000,+6595123400,5\n10001,+6595123401,5\n{last}"
    finished, outcomes = await pay(text=text, mode="hold")
    assert finished.result.reason is StopReason.CANCELLED
    assert "The list no longer matches" in finished.result.message
    assert set(count_statuses(books)) == {"CANCELLED"}


async def test_a_cap_that_real_prices_exceed_has_all_cancelled_although_no_row_is_left_to_send(
    pay: Pay, books: Books, network: Any, cheaper: Cheaper
) -> None:
    network.rule = cheaper(2)  # four rows are planned to cost 7.44 USD, and cost 14.84
    finished, _ = await pay(4, mode="hold", caps={"costs": {"USD": 10}}, stops={"price_drift": 1})
    assert (finished.result.reason, set(count_statuses(books))) == (StopReason.CANCELLED, {"CANCELLED"})
    assert "the cap is 10.00 USD" in finished.result.message


async def test_a_cancelled_row_is_no_failure_that_hides_the_reason(
    pay: Pay, books: Books, network: Any, cheaper: Cheaper
) -> None:
    network.rule = cheaper(2)
    stops = {"price_drift": 1, "failed_share": "0.1", "failed_share_after": 1}
    finished, _ = await pay(4, mode="hold", caps={"costs": {"USD": 10}}, stops=stops)
    assert finished.result.reason is StopReason.CANCELLED
    assert "All unconfirmed transactions were cancelled. The run costs 14.84 USD" in finished.result.message
    assert set(count_statuses(books)) == {"CANCELLED"}


@pytest.mark.parametrize("sandbox", [0.05], indirect=True)
async def test_a_list_that_was_read_before_the_confirmation_undoes_nothing(
    pay: Pay, network: Any, sandbox: EmbeddedSandbox, credentials: tuple[str, str]
) -> None:
    stale: list[bytes] = []
    given: list[bytes] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if "/confirm" in line and not stale:
            stale.append(HTTP.get(f"{sandbox.base_url}/transactions", auth=credentials).content)
        if line.startswith("GET /v1/transactions?from_date") and len(given) < 3:
            given.append(stale[0])
            return (200, stale[0])
        return "pass"

    network.rule = rule
    finished, outcomes = await pay(8, mode="hold")
    assert len(given) == 3
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 8})
    assert _kinds(network) == ["create"] * 8 + ["confirm"] * 8


def _change_one(row: int, change: Callable[[dict[str, Any]], object], *, singly: bool = True) -> Callable[..., Any]:
    """Return a rule that changes what DVS states of one row's unconfirmed transaction, also when it is read singly."""

    def each(transaction: dict[str, Any]) -> None:
        is_row = transaction.get("credit_party_identifier") == {"mobile_number": f"+6595123{400 + row}"}
        if is_row and transaction["status"]["class"]["message"] == "CREATED":
            change(transaction)

    def rule(_number: int, line: str, _body: bytes) -> Any:
        is_single = line.startswith("GET /v1/transactions/")
        return each if line.startswith("POST /v1/async/transactions HTTP") or (is_single and singly) else "pass"

    return rule


def _without_prices(transaction: dict[str, Any]) -> None:
    del transaction["prices"]


@pytest.mark.parametrize("price", [{"amount": -3, "fee": 6.71}, {"amount": -3.71}, {"unit": "EUR"}])
async def test_a_price_that_can_not_be_right_is_a_conflict_of_its_row_and_nothing_is_confirmed_or_cancelled(
    pay: Pay, network: Any, books: Books, tmp_path: Path, price: dict[str, object]
) -> None:
    network.rule = _change_one(2, lambda transaction: transaction["prices"]["wholesale"].update(price))
    for _ in range(2):  # the next start does the same while DVS says the same
        finished, outcomes = await pay(4, mode="hold", stops={"price_drift": 1})
        assert (finished.result.reason, exit_code(finished)) == (StopReason.PRICE, 75)
        assert "no decision to confirm is made" in finished.result.message
        # `transaction cancel` takes the ID of DVS, which the list of conflicts names.
        assert re.search(r"`bulk-topup conflict list list/\S+ --env sandbox .*`", finished.result.message)
        assert "`bulk-topup transaction cancel ID --env sandbox --base-url http" in finished.result.message
        assert "--price-drift" not in finished.result.message
        assert [outcome.state.value for outcome in outcomes if outcome.line == 4] == ["conflict"]
        assert set(count_states(outcomes)) <= {"conflict", "accepted", "pending"}
        assert set(_kinds(network)) == {"create"}
        assert decision_in(tmp_path) is None
    network.rule = lambda *_: "pass"
    finished, outcomes = await pay(4, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 4})
    assert count_statuses(books) == {"COMPLETED": 4}


async def test_a_transaction_with_a_wrong_price_that_is_cancelled_by_hand_holds_back_no_other(
    pay: Pay, network: Any, sandbox: EmbeddedSandbox, credentials: tuple[str, str]
) -> None:
    network.rule = _change_one(3, lambda transaction: transaction["prices"]["wholesale"].update(unit="EUR"))
    _, outcomes = await pay(4, mode="hold")
    (wrong,) = [outcome for outcome in outcomes if outcome.state.value == "conflict"]
    url = f"{sandbox.base_url}/transactions/{wrong.transaction_id}/cancel"
    HTTP.post(url, auth=credentials).raise_for_status()
    finished, outcomes = await pay(4, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 3, "failed": 1})


async def test_a_price_that_is_missing_is_asked_for_once_more_before_the_decision(
    pay: Pay, network: Any, books: Books
) -> None:
    network.rule = _change_one(1, _without_prices, singly=False)
    finished, outcomes = await pay(4, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 4})
    (unpriced,) = [str(each["id"]) for each in books() if each["credit_party"] == "+6595123401"]
    lines = [line for line, _ in network.seen]
    asked = lines.index(f"GET /v1/transactions/{unpriced} HTTP/1.1")
    assert asked < min(number for number, line in enumerate(lines) if "/confirm" in line)
    assert _kinds(network) == ["create"] * 4 + ["confirm"] * 4


async def test_a_price_that_stays_missing_leaves_the_decision_open_and_the_next_start_makes_it(
    pay: Pay, network: Any, books: Books, tmp_path: Path
) -> None:
    network.rule = _change_one(1, _without_prices)
    finished, outcomes = await pay(4, mode="hold")
    assert (finished.result.reason, exit_code(finished)) == (StopReason.PRICE, 75)
    assert "gives no price" in finished.result.message
    assert "Nothing was confirmed; unconfirmed transactions expire from" in finished.result.message
    assert (count_states(outcomes), set(_kinds(network)), decision_in(tmp_path)) == ({"accepted": 4}, {"create"}, None)
    assert set(count_statuses(books)) == {"CREATED"}
    singles = [line for line, _ in network.seen if line.startswith("GET /v1/transactions/")]
    assert len(singles) == 1
    network.rule = lambda *_: "pass"
    finished, outcomes = await pay(4, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 4})


async def test_a_price_that_can_not_be_asked_for_leaves_the_decision_open_and_others_are_not_asked_for(
    pay: Pay, network: Any, books: Books, tmp_path: Path
) -> None:
    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line.startswith("GET /v1/transactions/"):
            return (503, b"")
        return _without_prices if line.startswith("POST /v1/async/transactions HTTP") else "pass"

    network.rule = rule
    finished, outcomes = await pay(6, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (StopReason.PRICE, {"accepted": 6})
    assert decision_in(tmp_path) is None
    assert len({line for line, _ in network.seen if line.startswith("GET /v1/transactions/")}) == 4
    network.rule = lambda *_: "pass"
    finished, outcomes = await pay(6, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 6})
    assert count_statuses(books) == {"COMPLETED": 6}


async def test_a_reason_to_cancel_all_outweighs_a_price_that_is_missing(
    pay: Pay, network: Any, books: Books, cheaper: Cheaper
) -> None:
    cheap, missing = cheaper(1.05), _change_one(0, _without_prices)
    network.rule = lambda number, line, body: (
        cheap(number, line, body) if "/products/" in line else missing(number, line, body)
    )
    finished, _ = await pay(4, mode="hold")
    assert "the tolerance is 1 %" in finished.result.message
    assert set(count_statuses(books)) == {"CANCELLED"}


async def test_a_conflict_that_ends_after_the_decision_is_not_confirmed_without_being_compared(
    pay: Pay, network: Any, books: Books, watcher: Any, tmp_path: Path
) -> None:
    """Row 0 is in conflict when the others are compared; then the list shows that it is right, at another price."""

    def rule(_number: int, line: str, _body: bytes) -> Any:
        kinds = _kinds(network)
        if line.startswith("POST /v1/async/transactions HTTP") and kinds == ["create"]:
            return lambda transaction: transaction.update(product={"id": 1})
        if kinds.count("confirm") == 2 and watcher.runner:
            watcher.runner.stop()
        return "pass"

    def dearer(transactions: Any) -> None:
        for each in transactions if isinstance(transactions, list) else [transactions]:
            if each["id"] == strange.transaction_id:
                each["prices"]["wholesale"]["amount"] = 4

    network.rule = rule
    _, outcomes = await pay(20, mode="hold", rate=100)
    (strange,) = [outcome for outcome in outcomes if outcome.state.value == "conflict"]
    assert decision_in(tmp_path) == "confirm"
    network.rule = lambda _number, line, _body: dearer if "/transactions" in line else "pass"
    finished, outcomes = await pay(20, mode="hold")
    assert "the tolerance is 1 %" in finished.result.message
    assert (count_states(outcomes), count_statuses(books)) == (
        {"completed": 19, "failed": 1},
        {"COMPLETED": 19, "CANCELLED": 1},
    )


async def test_a_wrong_price_that_an_earlier_version_accepted_or_a_person_leaves_the_decision_open_too(
    pay: Pay, network: Any, books: Books, tmp_path: Path
) -> None:
    network.rule = _change_one(3, lambda transaction: transaction["prices"]["wholesale"].update(amount=-3, fee=6.71))
    _, outcomes = await pay(4, mode="hold")
    assert count_states(outcomes)["conflict"] == 1
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE rows SET state = 'accepted' WHERE state = 'conflict'")
    finished, outcomes = await pay(4, mode="hold", stops={"price_drift": 1})
    assert (finished.result.reason, count_states(outcomes)) == (StopReason.PRICE, {"accepted": 4})
    assert "a price below 0" in finished.result.message
    assert set(count_statuses(books)) == {"CREATED"}


async def test_a_conflict_about_an_unconfirmed_transaction_ends_at_a_start_alone(
    pay: Pay, network: Any, books: Books
) -> None:
    def rule(_number: int, line: str, _body: bytes) -> Any:
        is_first = line.startswith("POST /v1/async/transactions HTTP") and _kinds(network) == ["create"]
        return (lambda transaction: transaction.update(product={"id": 1})) if is_first else "pass"

    network.rule = rule
    _, outcomes = await pay(4, mode="hold")
    assert count_states(outcomes) == {"completed": 3, "conflict": 1}
    assert count_statuses(books) == {"COMPLETED": 3, "CREATED": 1}
    finished, outcomes = await pay(4, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 4})
