"""How a run applies the guards of its job: caps, stops, operators, retries, spacing."""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.guards import Guards
from bulk_topup.domain.states import RowState
from bulk_topup.engine import StopReason
from bulk_topup.errors import ModeMismatchError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

UNAVAILABLE = "+6595123104"
BARRED = "+6595123103"
#: A product of another operator.
OTHER_OPERATOR = 4455


def _list(*parties: str, amount: str = "5") -> str:
    return "".join(f"1000{number},{party},{amount}\n" for number, party in enumerate(parties))


def _numbers(count: int, first: int = 400) -> list[str]:
    return [f"+6595123{first + number}" for number in range(count)]


def _states(outcomes: list[Any]) -> list[str]:
    return [outcome.state.value for outcome in outcomes]


async def test_a_cap_on_costs_applies_to_the_prices_that_dvs_really_charges(
    pay: Pay, books: Books, network: Any, cheaper: Callable[[float], Any]
) -> None:
    network.rule = cheaper(2)  # 20 rows are planned to cost 37.20 USD, and cost 74.20
    finished, outcomes = await pay(20, caps={"costs": {"USD": "38"}})
    assert (finished.result.reason, exit_code(finished)) == (StopReason.CAP, 75)
    assert "the cap is 38.00 USD" in finished.result.message
    # Rows in flight when the first prices came were counted at their planned cost.
    assert 10 <= len(books()) == _states(outcomes).count("completed") < 20
    assert _states(outcomes).count("pending") == 20 - len(books())
    finished, _ = await pay(20, caps={"costs": {"USD": "80"}})
    assert (finished.result.reason, len(books())) == (None, 20)


async def test_a_row_that_an_earlier_invocation_left_unknown_counts_at_its_real_price(
    pay: Pay, books: Books, network: Any, watcher: Any, cheaper: Callable[[float], Any]
) -> None:
    cheap = cheaper(2)  # each row is planned to cost 1.86 USD, and costs 3.71

    def rule(number: int, line: str, body: bytes) -> Any:
        if line.startswith("POST") and sum(line.startswith("POST") for line, _ in network.seen) >= 4:
            watcher.runner.stop()
        return "hang up" if line.startswith("POST") else cheap(number, line, body)

    network.rule = rule
    caps = {"costs": {"USD": 15}}
    _, outcomes = await pay(8, caps=caps)
    assert (_states(outcomes).count("in_flight"), len(books())) == (4, 4)
    network.rule = cheap
    finished, outcomes = await pay(8, caps=caps)
    assert (finished.result.reason, len(books())) == (StopReason.CAP, 4)


async def test_a_failed_canary_holds_back_the_other_rows_in_every_invocation(pay: Pay, books: Books) -> None:
    text = _list(BARRED, *_numbers(5))
    stops = {"canary": 2, "canary_share": "0.6"}
    for _ in range(2):
        finished, outcomes = await pay(text=text, stops=stops)
        assert (finished.result.reason, exit_code(finished)) == (StopReason.CANARY, 75)
        assert (
            "Only 1 of the first 2 rows completed, below the required 60 %; 4 rows not sent." in finished.result.message
        )
        assert sorted(_states(outcomes)) == ["completed", "failed"] + ["pending"] * 4
        assert len(books()) == 2
    finished, _ = await pay(text=text, stops={"canary": 0})
    assert (finished.result.reason, len(books())) == (None, 6)


async def test_canaries_come_from_every_operator(pay: Pay, books: Books, network: Any) -> None:
    rows = "".join(f"1000{n},+6595123{400 + n},5,6418\n" for n in range(5)) + _others(2)
    seen: list[tuple[int, int]] = []

    def rule(_number: int, line: str, _body: bytes) -> str:
        if line.startswith("GET /v1/transactions"):
            seen.append((len(books()), len({each["product_id"] for each in map(_request, books())})))
        return "pass"

    network.rule = rule
    finished, outcomes = await pay(text=rows, header="reference,phone,amount,product_id", stops={"canary": 2})
    assert (finished.result.reason, set(_states(outcomes))) == (None, {"completed"})
    assert seen[0] == (2, 2)


def _others(count: int) -> str:
    return "".join(f"2000{n},+44770090080{n},5,{OTHER_OPERATOR}\n" for n in range(count))


def _request(booked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = booked.get("request", booked)
    return found


async def test_a_run_stops_with_the_reasons_when_too_many_rows_fail(pay: Pay, books: Books) -> None:
    text = _list(*([BARRED] + [f"+659512{n}103" for n in (1, 2, 4, 5, 6, 7, 8)]), *_numbers(300))
    stops = {"failed_share": "0.5", "failed_share_after": 4}
    finished, outcomes = await pay(text=text, stops=stops, rate=4)
    assert (finished.result.reason, exit_code(finished)) == (StopReason.FAILURES, 75)
    assert "DECLINED-BARRED-CREDIT-PARTY" in finished.result.message
    assert "pending" in _states(outcomes)
    sent = len(books())
    finished, _ = await pay(text=text, stops=stops)
    assert (finished.result.reason, len(books())) == (StopReason.FAILURES, sent)
    finished, outcomes = await pay(text=text)
    assert (finished.result.reason, _states(outcomes).count("failed")) == (None, 8)


async def test_of_many_reasons_the_five_most_frequent_are_named(pay: Pay, network: Any) -> None:
    def name(transaction: dict[str, Any]) -> None:
        status = transaction["status"]
        if status["class"]["message"] == "DECLINED":
            status["message"] = f"DECLINED-{transaction['credit_party_identifier']['mobile_number'][7]}"

    def rename(content: Any) -> None:
        for each in content if isinstance(content, list) else [content]:
            name(each)

    network.rule = lambda _number, line, _body: rename if "/transactions" in line else "pass"
    text = _list(*(f"+659512{n}103" for n in range(1, 8)))
    finished, _ = await pay(text=text, stops={"failed_share": "0.5", "failed_share_after": 7})
    assert finished.result.reason is StopReason.FAILURES
    assert finished.result.message.count("1 DECLINED-") == 5


async def test_a_price_that_differs_from_the_plan_stops_the_run(
    pay: Pay, books: Books, network: Any, cheaper: Callable[[float], Any]
) -> None:
    network.rule = cheaper(2)
    finished, outcomes = await pay(20, stops={"price_drift": "0.02"})
    assert (finished.result.reason, exit_code(finished)) == (StopReason.PRICE, 75)
    assert "the tolerance is 2 %" in finished.result.message
    sent = len(books())
    assert 0 < sent < 20
    assert _states(outcomes).count("pending") == 20 - sent
    finished, _ = await pay(20, stops={"price_drift": "0.02"})
    assert (finished.result.reason, len(books())) == (StopReason.PRICE, sent)
    finished, _ = await pay(20, stops={"price_drift": "1"})
    assert (finished.result.reason, len(books())) == (None, 20)


async def test_a_row_whose_operator_was_unavailable_is_retried_as_often_as_the_job_sets(pay: Pay, books: Books) -> None:
    text = _list(UNAVAILABLE, BARRED, *_numbers(2))
    finished, outcomes = await pay(text=text, retry={"attempts": 3, "wait": 0.05})
    assert finished.result.reason is None
    assert [(outcome.state.value, outcome.attempt) for outcome in outcomes] == [
        ("failed", 3),
        ("failed", 1),
        ("completed", 1),
        ("completed", 1),
    ]
    assert len(books()) == 3 + 1 + 2


async def test_an_operator_whose_rows_keep_failing_is_paused_and_the_others_continue(pay: Pay) -> None:
    unavailable = [f"+659{n:04}104" for n in range(200)]
    rows = "".join(f"1000{n},{party},5,6418\n" for n, party in enumerate(unavailable))
    rows += _others(10)
    finished, outcomes = await pay(
        text=rows,
        header="reference,phone,amount,product_id",
        operators={"failures": 2, "pause": 0.3, "patience": 0.5},
        concurrency=2,
        rate=20,
    )
    assert finished.result.reason is StopReason.OPERATORS
    assert exit_code(finished) == 75
    assert _states(outcomes)[200:] == ["completed"] * 10
    failed = _states(outcomes)[:200].count("failed")
    assert 2 <= failed < 200
    assert _states(outcomes)[:200].count("pending") == 200 - failed


async def test_two_payments_to_one_number_are_never_in_flight_together(pay: Pay, network: Any, tmp_path: Path) -> None:
    in_flight: list[int] = []

    def rule(_number: int, line: str, _body: bytes) -> str:
        if line.startswith("POST"):
            with LedgerStore(tmp_path / "ledger.db", read_only=True) as ledger:
                in_flight.append(ledger.rows.counts(ledger.runs.all()[0])[RowState.IN_FLIGHT])
        return "pass"

    network.rule = rule
    finished, outcomes = await pay(text=_list(*(["+6595123400"] * 4)), allow_duplicates=True)
    assert in_flight == [1] * 4
    assert (finished.result.reason, _states(outcomes)) == (None, ["completed"] * 4)


async def test_payments_to_one_number_keep_their_minimum_interval(pay: Pay, tmp_path: Path) -> None:
    finished, outcomes = await pay(text=_list(*(["+6595123400"] * 3)), allow_duplicates=True, spacing=0.4)
    assert (finished.result.reason, _states(outcomes)) == (None, ["completed"] * 3)
    with LedgerStore(tmp_path / "ledger.db", read_only=True) as ledger:
        times = [next(e.at for e in ledger.rows.events(row) if e.cause == "intent to send") for row in (1, 2, 3)]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert min(gaps) >= 0.4


async def test_a_run_continues_in_the_mode_that_it_was_started_in(pay: Pay, books: Books) -> None:
    await pay(2)
    with pytest.raises(ModeMismatchError, match="Add --mode auto_confirm"):
        await pay(2, mode="hold")
    assert len(books()) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "hold", "stops": {"canary": 3}}, "canaries are not possible in hold mode"),
        ({"retry": {"statuses": ["DECLINED-INVALID-CREDIT-PARTY"]}}, "never retried automatically"),
        ({"retry": {"statuses": ["REVERSED"]}}, "never retried automatically"),
        ({"retry": {"statuses": ["DECLINED-FUN"]}}, "not a detailed status"),
        ({"stops": {"failed_share": "1.2"}}, "less than or equal to 1"),
        ({"caps": {"costs": {"USD": "NaN"}}}, "finite"),
    ],
)
def test_invalid_guards_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Job.model_validate({"list": "x.csv", **settings})


def test_a_runs_guards_survive_the_ledger() -> None:
    guards = Guards.model_validate({"caps": {"costs": {"USD": "12.50"}}, "stops": {"failed_share": "0.1"}})
    assert Guards.model_validate_json(guards.model_dump_json()) == guards


async def test_rows_that_failed_just_before_a_start_are_retried_by_it(pay: Pay, books: Books) -> None:
    """As after a crash between a row's failure and its retry: the ledger has a failed row, and no retry of it."""
    text = _list(UNAVAILABLE, BARRED, *_numbers(1))
    _, outcomes = await pay(text=text)
    assert [outcome.attempt for outcome in outcomes] == [1, 1, 1]
    _, outcomes = await pay(text=text, retry={"attempts": 2, "wait": 0.05})
    assert [outcome.attempt for outcome in outcomes] == [2, 1, 1]
    assert len(books()) == 4


async def test_the_counts_of_the_progress_are_those_of_the_ledger_after_a_retry(
    pay: Pay, watcher: Any, tmp_path: Path
) -> None:
    finished, _ = await pay(text=_list(UNAVAILABLE, *_numbers(2)), retry={"attempts": 2, "wait": 0.05})
    with LedgerStore(tmp_path / "ledger.db", read_only=True) as ledger:
        assert watcher.runner.progress().counts == ledger.rows.counts(finished.run)


@pytest.mark.parametrize(
    ("stops", "reason"),
    [
        ({"failed_share": "0.5", "failed_share_after": 2}, None),
        ({"failed_share": "0.49", "failed_share_after": 2}, StopReason.FAILURES),
        ({"failed_share": "0.49", "failed_share_after": 3}, None),
    ],
)
async def test_as_many_failures_as_the_limit_allows_stop_nothing(
    pay: Pay, books: Books, stops: dict[str, Any], reason: StopReason | None
) -> None:
    text = _list(BARRED, *_numbers(1))
    await pay(text=text)
    finished, _ = await pay(text=text, stops=stops)
    assert (finished.result.reason, len(books())) == (reason, 2)
