"""Answers in DVS's own form that differ from what was sent, or whose price can't be right: what stops, what is kept."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.product import ProductId
from bulk_topup.engine import RunOptions, StopReason, conflict_proof
from bulk_topup.engine.conflict_proof import CAUSE, ConflictProof
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext
from bulk_topup.ledger import LedgerStore
from tests.helpers.hand_clock import SkippingClock
from tests.helpers.plain_http import HTTP

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]
Change = Callable[[dict[str, Any]], object]

CREATION = "POST /v1/async/transactions HTTP/1.1"


def _change_all(change: Change) -> Callable[[int, str, bytes], Any]:
    """Return a rule that changes every transaction that DVS states, in lists too."""

    def each(value: Any) -> None:
        for transaction in value if isinstance(value, list) else [value]:
            if "external_id" in transaction:
                change(transaction)

    return lambda _number, line, _body: each if "/transactions" in line else "pass"


def _without_plus(transaction: dict[str, Any]) -> None:
    party = transaction["credit_party_identifier"]
    party["mobile_number"] = party["mobile_number"].removeprefix("+")


def _another(transaction: dict[str, Any]) -> None:
    transaction["credit_party_identifier"] = {"mobile_number": "+6591111111"}


async def test_an_echo_in_another_spelling_is_no_conflict(pay: Pay, network: Any, books: Books) -> None:
    network.rule = _change_all(_without_plus)
    finished, outcomes = await pay(10)
    assert (finished.result.reason, len(books())) == (None, 10)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}


async def test_after_three_conflicts_in_a_row_nothing_more_is_sent_and_all_that_is_known_is_kept(
    pay: Pay, network: Any, books: Books
) -> None:
    network.rule = _change_all(_another)
    finished, outcomes = await pay(40)
    assert finished.result.reason is StopReason.CONFLICTS
    assert "conflict list" in finished.result.message
    strange = [outcome for outcome in outcomes if outcome.state is RowState.CONFLICT]
    assert 3 <= len(strange) == len(books()) <= 12
    assert {outcome.state for outcome in outcomes} == {RowState.CONFLICT, RowState.PENDING}
    ids = {each["external_id"]: each["id"] for each in books()}
    assert all(outcome.transaction_id == ids[outcome.external_id] for outcome in strange)
    assert {(outcome.price, outcome.price_unit) for outcome in strange} == {(Decimal("3.71"), "USD")}


async def test_a_conflict_that_was_a_wrong_answer_ends_at_the_next_start_by_proof(
    pay: Pay, network: Any, books: Books, tmp_path: Path
) -> None:
    network.rule = _change_all(_another)
    await pay(20)
    network.rule = lambda _number, _line, _body: "pass"
    finished, outcomes = await pay(20)
    assert (finished.result.reason, len(books())) == (None, 20)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        causes = {event.cause for row_id in range(1, 21) for event in ledger.rows.events(row_id)}
    assert CAUSE in causes


async def test_a_conflict_that_was_one_wrong_answer_ends_within_the_run(pay: Pay, network: Any, books: Books) -> None:
    created = 0

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal created
        created += line == CREATION
        return (lambda value: value.update(product={"id": 1})) if line == CREATION and created == 5 else "pass"

    network.rule = rule
    finished, outcomes = await pay(10)
    assert (finished.result.reason, len(books())) == (None, 10)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}


async def test_an_answer_about_another_transaction_says_nothing_of_the_one_that_was_asked_for(
    pay: Pay, network: Any, books: Books
) -> None:
    first: dict[str, Any] = {}

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line == CREATION:
            return lambda transaction: first or first.update(transaction)
        if line.startswith("GET /v1/transactions?from_date"):
            return 200, b"[]"
        return (lambda transaction: transaction.update(first)) if line.startswith("GET /v1/transactions/") else "pass"

    network.rule = rule
    finished, outcomes = await pay(3, tracking_timeout=0.2)
    assert {RowState.ACCEPTED} <= {outcome.state for outcome in outcomes} <= {RowState.ACCEPTED, RowState.COMPLETED}
    assert finished.result.counts[RowState.CONFLICT] == 0
    network.rule = lambda _number, _line, _body: "pass"
    _, outcomes = await pay(3)
    assert {outcome.state for outcome in outcomes} == {RowState.COMPLETED}
    assert len(books()) == 3


async def test_a_sweep_of_the_list_ends_a_conflict_by_proof(
    pay: Pay,
    network: Any,
    tmp_path: Path,
    sandbox: Any,
    credentials: tuple[str, str],
    skipping_clock: SkippingClock,
) -> None:
    network.rule = _change_all(_another)
    finished, _ = await pay(3)
    assert finished.result.counts[RowState.CONFLICT] == 3
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        async with AsyncDVS(sandbox.base_url, *credentials, clock=skipping_clock) as dvs:
            context = RunContext.create(
                run=finished.run, dvs=dvs, ledger=ledger, options=RunOptions(), clock=skipping_clock
            )
            listed = [each async for each in dvs.transaction_outcomes.list()]
            changed = listed[0].model_copy(update={"product": ProductId(id=1)})
            await ConflictProof(context, MoveRecorder(context)).compare_listed([changed, *listed[1:]])
            await context.journal.close()
        counts = ledger.rows.counts(finished.run)
    assert (counts[RowState.CONFLICT], counts[RowState.COMPLETED]) == (1, 2)


async def test_more_conflicts_than_are_looked_up_at_once_are_looked_up_in_turn_and_named(
    pay: Pay, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.rule = _change_all(_another)
    await pay(9, stops={"failed_share": 1})
    finished, outcomes = await pay(9, stops={"failed_share": 1})  # what was in flight at the stop is in conflict now
    conflicts = [outcome for outcome in outcomes if outcome.state is RowState.CONFLICT]
    monkeypatch.setattr(conflict_proof, "MAX_LOOKUPS", 1)
    asked: list[list[int]] = []
    for _ in range(3):
        network.seen.clear()
        finished, _ = await pay(9, stops={"failed_share": 1})
        asked.append([int(line.split("/")[3].split()[0]) for line in _singles(network)])
    ids = [outcome.transaction_id for outcome in conflicts]
    assert len(ids) > 2
    # One at the start and one at the end of each invocation: each time those whose turn it is.
    assert [each for start in asked for each in start] == (ids * 6)[: sum(map(len, asked))]
    assert {len(each) for each in asked} == {2}
    left = len(ids) - 2
    assert (
        f"{left} of {len(ids)} rows in conflict were not looked up; the next start does that" in finished.result.message
    )


async def test_conflicts_that_are_all_looked_up_leave_no_message_and_no_event(
    pay: Pay, network: Any, tmp_path: Path
) -> None:
    network.rule = _change_all(_another)
    await pay(3)
    finished, _ = await pay(3)
    assert "looked up" not in finished.result.message
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        assert {len(ledger.rows.events(row_id)) for row_id in (1, 2, 3)} == {3}


def _singles(network: Any) -> list[str]:
    return [line for line, _ in network.seen if line.startswith("GET /v1/transactions/")]


async def test_a_second_look_at_a_transaction_that_does_not_state_its_party_proves_no_more_than_the_first(
    pay: Pay, network: Any, books: Books
) -> None:
    lost = False

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal lost
        if line == CREATION:
            fate, lost = "pass" if lost else "hang up", True
            return fate
        return _change_all(lambda each: each.pop("credit_party_identifier"))(0, line, b"")

    network.rule = rule
    for _ in range(2):
        _, [outcome] = await pay(1)
        assert (outcome.state, len(books())) == (RowState.CONFLICT, 1)
        assert outcome.transaction_id == books()[0]["id"]


async def test_conflicts_count_for_the_failure_stop(pay: Pay, network: Any) -> None:
    creations = 0

    def rule(number: int, line: str, body: bytes) -> Any:
        nonlocal creations
        creations += line == CREATION
        return _change_all(_another)(number, line, body) if line == CREATION and creations % 4 == 0 else "pass"

    network.rule = rule
    finished, outcomes = await pay(60, stops={"failed_share": "0.2", "failed_share_after": 4})
    assert finished.result.reason is StopReason.FAILURES
    assert "conflict" in finished.result.message
    assert sum(outcome.state is RowState.PENDING for outcome in outcomes) > 20


@pytest.mark.parametrize(
    ("price", "text"), [({"amount": -3.71}, "-3.71 USD"), ({"fee": -1}, "-1.00 USD"), ({"unit": "EUR"}, "3.71 EUR")]
)
async def test_a_price_that_can_not_be_right_is_a_conflict_that_stops_sending_in_this_and_the_next_start(
    pay: Pay, network: Any, books: Books, price: dict[str, object], text: str
) -> None:
    network.rule = _change_all(lambda transaction: transaction["prices"]["wholesale"].update(price))
    finished, outcomes = await pay(40)
    assert (finished.result.reason, text in finished.result.message) == (StopReason.PRICE, True)
    strange = [outcome for outcome in outcomes if outcome.state is RowState.CONFLICT]
    assert 1 <= len(strange) == len(books()) <= 12
    assert finished.result.counts[RowState.COMPLETED] == 0
    finished, _ = await pay(40)
    assert (finished.result.reason, len(books())) == (StopReason.PRICE, len(strange))
    network.rule = lambda _number, _line, _body: "pass"
    finished, _ = await pay(40)
    assert (finished.result.counts[RowState.COMPLETED], len(books())) == (40, 40)


@pytest.mark.parametrize(
    ("change", "left_out"),
    [
        (_another, "credit_party_identifier"),
        (lambda transaction: transaction["prices"]["wholesale"].update(amount=-3.71), "prices"),
    ],
)
async def test_answers_that_leave_out_what_is_in_conflict_end_none(
    pay: Pay, network: Any, books: Books, change: Change, left_out: str
) -> None:
    leave_out = _change_all(lambda transaction: transaction.pop(left_out, None))
    network.rule = lambda number, line, body: change if line == CREATION else leave_out(number, line, body)
    for _ in range(2):
        finished, outcomes = await pay(2)
        assert {outcome.state for outcome in outcomes} == {RowState.CONFLICT}
    assert (len(books()), finished.result.counts[RowState.COMPLETED]) == (2, 0)


async def test_a_price_that_is_left_out_before_the_end_is_nothing(pay: Pay, network: Any) -> None:
    def leave_out(transaction: dict[str, Any]) -> None:
        if transaction["status"]["class"]["message"] != "COMPLETED":
            del transaction["prices"]

    network.rule = _change_all(leave_out)
    finished, outcomes = await pay(5, stops={"price_drift": "0.01"})
    assert finished.result.reason is None
    assert {(outcome.state, outcome.price) for outcome in outcomes} == {(RowState.COMPLETED, Decimal("3.71"))}


async def test_a_price_that_a_final_answer_lacks_is_asked_for_once_more(pay: Pay, network: Any, books: Books) -> None:
    singles: list[str] = []

    def rule(number: int, line: str, body: bytes) -> Any:
        if line.startswith("GET /v1/transactions/"):
            singles.append(line)
            return "pass"
        return _change_all(lambda transaction: transaction.pop("prices"))(number, line, body)

    network.rule = rule
    _, outcomes = await pay(3)
    assert {(outcome.state, outcome.price) for outcome in outcomes} == {(RowState.COMPLETED, Decimal("3.71"))}
    assert len(singles) >= len(books()) == 3


async def test_without_any_price_a_row_is_completed_and_its_charge_unknown(pay: Pay, network: Any) -> None:
    network.rule = _change_all(lambda transaction: transaction.pop("prices"))
    finished, outcomes = await pay(3)
    assert finished.result.reason is None
    assert {(outcome.state, outcome.price) for outcome in outcomes} == {(RowState.COMPLETED, None)}


async def test_the_price_column_sums_up_to_what_was_charged_and_a_failed_row_has_a_planned_cost_alone(
    pay: Pay, sandbox: Any, credentials: tuple[str, str]
) -> None:
    rows = "".join(f"1000{row},+65951231{suffix},5\n" for row, suffix in enumerate(("00", "02", "06", "10", "04")))
    finished, outcomes = await pay(text=rows)
    charged = [outcome for outcome in outcomes if outcome.price is not None]
    assert {outcome.state for outcome in charged} == {RowState.COMPLETED}
    assert [outcome.planned_cost for outcome in outcomes] == [Decimal("3.71")] * 5
    assert {outcome.planned_unit for outcome in outcomes} == {"USD"}
    books = HTTP.get(sandbox.books_url, auth=credentials).json()
    spent = Decimal(str(books["wallets"]["USD"]["spent"]))
    assert sum(outcome.price + outcome.fee for outcome in charged) == spent == finished.report.summary.charged["USD"]
    failed = [total for total in finished.report.summary.totals if total.state is RowState.FAILED]
    assert {(total.price, total.fee, total.price_unit) for total in failed} == {(0, 0, None)}


async def test_a_second_answer_about_a_price_keeps_the_pin_of_the_first(pay: Pay, network: Any) -> None:
    final: list[str] = []

    def leave_out(transaction: dict[str, Any]) -> None:
        if transaction["status"]["class"]["message"] == "COMPLETED":
            left_out = "pin" if final else "prices"
            final.append(left_out)
            del transaction[left_out]

    network.rule = _change_all(leave_out)
    _, (outcome,) = await pay(text="10001,8803,\n", header="reference,product_id,amount")
    assert final == ["prices", "pin"]
    assert (outcome.state, outcome.price is None, outcome.pin_code is None) == (RowState.COMPLETED, False, False)


async def test_prices_without_a_wholesale_price_hide_no_outcome(pay: Pay, network: Any) -> None:
    network.rule = _change_all(lambda transaction: transaction.update(prices={"wholesale": None, "retail": None}))
    finished, outcomes = await pay(2)
    assert finished.result.reason is None
    assert {(outcome.state, outcome.price) for outcome in outcomes} == {(RowState.COMPLETED, None)}
