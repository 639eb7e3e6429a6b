"""Refusals after requests of unknown outcome: what proves that DVS did not take a request, and how long that takes."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import RetryPolicy
from bulk_topup.engine import StopReason
from bulk_topup.engine.absence_proof import ABSENCE_WAIT, BETWEEN_LOOKS, LOOKS
from bulk_topup.engine.control import OUTAGE
from bulk_topup.engine.submit import WORKERS_PER_SLOT
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.hand_clock import Late, RingingClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Fate = str | tuple[int, bytes] | Late | Callable[[Any], object]
Books = Callable[[], list[dict[str, Any]]]

CREATION = "POST /v1/async/transactions HTTP/1.1"
REFUSED = b'{"errors":[{"code":1003001,"message":"Product is not available in your account"}]}'
NO_BALANCE = b'{"errors":[{"code":1006001,"message":"Insufficient balance"}]}'
#: Transport tries without waits, so that an unknown outcome comes at once.
ONE_TRY = RetryPolicy(tries=1)
HOUR = 3_600.0


#: A transaction of another program, as DVS lists it.
OTHER = {
    "id": 2237512891,
    "external_id": "another-1",
    "creation_date": "2026-11-01T20:05:05.883561000Z",
    "status": {"id": 70000, "message": "COMPLETED", "class": {"id": 7, "message": "COMPLETED"}},
    "product": {"id": 6418},
    "credit_party_identifier": {"mobile_number": "+6595123100"},
}


@pytest.fixture
def clock() -> RingingClock:
    return RingingClock()


class Timeline:
    """Gives creations their fates in turn, and records when each kind of request was seen by the test's clock."""

    def __init__(self, network: Any, clock: RingingClock, fates: Iterable[Fate]) -> None:
        self.clock = clock
        self.fates = iter(fates)
        self.created: list[float] = []
        self.looked: list[float] = []
        #: Called at each look, with its number from 1; returns its fate.
        self.at_look: Callable[[int], Fate] = lambda _number: "pass"
        network.clock = clock
        network.rule = self.rule

    def rule(self, _number: int, line: str, _body: bytes) -> Fate:
        if line == CREATION:
            self.created.append(self.clock.monotonic())
            return next(self.fates, "pass")
        if "external_id=" in line:
            self.looked.append(self.clock.monotonic())
            return self.at_look(len(self.looked))
        return "pass"


def _external_ids(network: Any) -> set[str]:
    return {json.loads(body)["external_id"] for line, body in network.seen if line == CREATION}


@pytest.mark.parametrize("seconds", [6, 58])
async def test_a_request_that_arrives_seconds_after_a_refusal_is_found_whatever_the_timeout_is(
    pay: Pay, network: Any, books: Books, clock: RingingClock, seconds: float
) -> None:
    Timeline(network, clock, chain([Late(seconds)], repeat((400, REFUSED))))
    _, [outcome] = await pay(1, clock=clock, timeout=1)
    assert outcome.state is RowState.COMPLETED
    assert [each["external_id"] for each in books()] == [outcome.external_id]


async def test_a_request_that_arrives_between_the_looks_is_found_by_the_second(
    pay: Pay, network: Any, books: Books, clock: RingingClock
) -> None:
    Timeline(network, clock, chain([Late(ABSENCE_WAIT + BETWEEN_LOOKS / 2)], repeat((400, REFUSED))))
    _, [outcome] = await pay(1, clock=clock, timeout=1, retries=RetryPolicy(tries=2, first_wait=0))
    assert outcome.state is RowState.COMPLETED
    assert len(books()) == 1


async def test_two_looks_a_minute_after_the_last_send_prove_absence(
    pay: Pay, network: Any, books: Books, clock: RingingClock
) -> None:
    seen = Timeline(network, clock, chain(["lose"], repeat((400, REFUSED))))
    finished, [outcome] = await pay(1, clock=clock, timeout=1)
    assert outcome.state is RowState.FAILED
    assert "not available in your account (1003001)" in outcome.message
    assert "may still arrive: do not pay it by other means before 2026-11-02 06:0" in outcome.message
    assert len(seen.looked) == LOOKS == 2
    assert seen.looked[0] - seen.created[-1] >= ABSENCE_WAIT == 60
    assert seen.looked[1] - seen.looked[0] >= BETWEEN_LOOKS == 15
    assert (finished.result.reason, finished.result.message, books()) == (None, "", [])


async def test_the_wait_holds_no_slot_and_no_worker(pay: Pay, network: Any, books: Books, clock: RingingClock) -> None:
    """More rows wait than there are workers; all others are sent meanwhile."""
    waiting = WORKERS_PER_SLOT * 4 + 4
    tries: Counter[str] = Counter()
    seen = Timeline(network, clock, [])

    def rule(number: int, line: str, body: bytes) -> Fate:
        seen.rule(number, line, body)
        if line != CREATION:
            return "pass"
        number_called = json.loads(body)["credit_party_identifier"]["mobile_number"]
        tries[number_called] += 1
        if int(number_called[-3:]) >= 400 + waiting:
            return "pass"
        return "lose" if tries[number_called] == 1 else (400, REFUSED)

    network.rule = rule
    _, outcomes = await pay(40, clock=clock, timeout=1)
    assert seen.created[-1] < seen.looked[0]
    states = Counter(outcome.state for outcome in outcomes)
    assert states == {RowState.COMPLETED: 40 - waiting, RowState.FAILED: waiting}
    assert len(books()) == 40 - waiting


async def test_a_stop_ends_the_wait_and_leaves_the_row_in_flight(
    pay: Pay, network: Any, clock: RingingClock, watcher: Any
) -> None:
    seen = Timeline(network, clock, chain(["lose"], repeat((400, REFUSED))))
    shown: list[str] = []

    def stop() -> None:
        shown.append(watcher.runner.progress().message)
        watcher.runner.stop()

    clock.at(30, stop)
    finished, [outcome] = await pay(1, clock=clock, timeout=1)
    assert outcome.state is RowState.IN_FLIGHT
    assert shown == ["1 row waits for proof that DVS has no transaction."]
    assert finished.result.reason is StopReason.INTERRUPTED
    assert exit_code(finished) is ExitCode.RESUMABLE
    assert finished.result.message.startswith("1 row waits for proof that DVS has no transaction. Interrupted.")
    assert seen.looked == []


@pytest.mark.parametrize("seconds_between", [0, 20, HOUR, -HOUR])
async def test_after_a_restart_the_wait_continues_from_the_last_send(
    pay: Pay, network: Any, clock: RingingClock, watcher: Any, seconds_between: float
) -> None:
    seen = Timeline(network, clock, chain(["lose"], repeat((400, REFUSED))))
    clock.at(30, lambda: watcher.runner.stop())
    await pay(1, clock=clock, timeout=1)
    sent = len(seen.created)
    clock.seconds += seconds_between
    started = clock.monotonic()
    _, [outcome] = await pay(1, clock=clock, timeout=1)
    assert outcome.state is RowState.FAILED
    assert len(seen.created) == sent, "it was sent again"
    due = max(seen.created[-1] + ABSENCE_WAIT, started)
    if seconds_between < 0:  # the clock was set back: as if it had been sent just now
        due = started + ABSENCE_WAIT
    assert due <= seen.looked[0] <= due + 5


async def test_a_clock_that_is_set_forward_during_the_run_shortens_no_wait(
    pay: Pay, network: Any, clock: RingingClock
) -> None:
    seen = Timeline(network, clock, chain(["lose"], repeat((400, REFUSED))))
    clock.at(10, lambda: clock.set_forward(HOUR))
    await pay(1, clock=clock, timeout=1)
    assert seen.looked[0] - seen.created[-1] >= ABSENCE_WAIT


async def test_a_list_of_other_transactions_is_no_proof(
    pay: Pay, network: Any, clock: RingingClock, watcher: Any
) -> None:
    """As from a gateway that ignores the filter."""

    def look(number: int) -> Fate:
        if number == 3:
            watcher.runner.stop()
        return 200, json.dumps([OTHER]).encode()

    seen = Timeline(network, clock, chain(["lose"], repeat((400, REFUSED))))
    seen.at_look = look
    _, [outcome] = await pay(1, clock=clock, retries=ONE_TRY)
    assert outcome.state is RowState.IN_FLIGHT


async def test_a_row_without_balance_after_an_unknown_try_is_sent_again_under_its_id_once_it_is_proved_absent(
    pay: Pay, network: Any, books: Books, clock: RingingClock
) -> None:
    seen = Timeline(network, clock, ["lose", (400, NO_BALANCE)])
    finished, [outcome] = await pay(1, clock=clock)
    assert (outcome.state, finished.result.reason) == (RowState.PENDING, StopReason.BALANCE)
    assert len(seen.looked) == LOOKS
    _, [outcome] = await pay(1, clock=clock)
    assert (outcome.state, outcome.attempt, len(_external_ids(network))) == (RowState.COMPLETED, 1, 1)
    assert len(books()) == 1


@pytest.mark.parametrize("answer", [(401, b""), (403, b"<html>"), (429, b"slow down")])
async def test_only_a_response_in_the_form_of_dvs_releases_a_row(
    pay: Pay, network: Any, clock: RingingClock, watcher: Any, answer: tuple[int, bytes]
) -> None:
    def rule(_number: int, line: str, _body: bytes) -> Fate:
        if line != CREATION:
            return "pass"
        watcher.runner.stop()
        return answer

    network.rule = rule
    _, [outcome] = await pay(1, clock=clock, retries=RetryPolicy(tries=1, throttled_tries=1))
    assert outcome.state is RowState.IN_FLIGHT


async def test_a_resumed_run_looks_up_what_is_in_flight_before_it_sends_it_again(
    pay: Pay, network: Any, books: Books, clock: RingingClock, watcher: Any
) -> None:
    def rule(_number: int, line: str, body: bytes) -> Fate:
        if line != CREATION:
            return "pass"
        watcher.runner.stop()
        return "hang up" if b"400" in body else "lose"

    network.rule = rule
    _, outcomes = await pay(2, clock=clock, retries=ONE_TRY)
    assert [outcome.state for outcome in outcomes] == [RowState.IN_FLIGHT] * 2
    network.seen.clear()
    seen = Timeline(network, clock, [])
    _, outcomes = await pay(2, clock=clock)
    assert [outcome.state for outcome in outcomes] == [RowState.COMPLETED] * 2
    assert len(seen.looked) == 2
    assert len(seen.created) == 1, "only the request that DVS never got is sent again"
    assert len(books()) == 2


async def test_what_can_not_be_looked_up_at_a_resume_is_not_sent(
    pay: Pay, network: Any, clock: RingingClock, watcher: Any
) -> None:
    def rule(_number: int, line: str, _body: bytes) -> Fate:
        if line == CREATION:
            watcher.runner.stop()
            return "lose"
        return "pass"

    network.rule = rule
    await pay(1, clock=clock, retries=ONE_TRY)
    seen = Timeline(network, clock, [])
    seen.at_look = lambda _number: (500, b"")
    finished, [outcome] = await pay(1, clock=clock)
    assert (outcome.state, seen.created) == (RowState.IN_FLIGHT, [])
    assert finished.result.reason is StopReason.CIRCUIT


@pytest.mark.parametrize(("silence", "sends"), [(OUTAGE + 5, 1), (OUTAGE - 15, 2)])
async def test_only_after_an_outage_of_half_a_minute_a_request_is_looked_up_before_it_is_sent_again(
    pay: Pay, network: Any, books: Books, clock: RingingClock, silence: float, sends: int
) -> None:
    seen = Timeline(network, clock, ["hang up"])

    def slow(number: int, line: str, body: bytes) -> Fate:
        if line == CREATION and not seen.created:
            clock.seconds += silence
        return seen.rule(number, line, body)

    network.rule = slow
    _, [outcome] = await pay(1, clock=clock, retries=ONE_TRY)
    assert outcome.state is RowState.COMPLETED
    assert len(seen.created) == sends
    assert len(books()) == 1


async def test_unknown_outcomes_of_transport_errors_alone_end_without_a_wait(
    pay: Pay, network: Any, books: Books, clock: RingingClock
) -> None:
    started = clock.monotonic()
    seen = Timeline(network, clock, ["lose", "hang up", "half"])
    finished, outcomes = await pay(3, clock=clock, retries=ONE_TRY)
    assert [outcome.state for outcome in outcomes] == [RowState.COMPLETED] * 3
    assert finished.result.reason is None
    assert seen.created[-1] - started < ABSENCE_WAIT / 2
    assert len(books()) == 3


async def test_a_retry_of_the_same_request_goes_out_at_once_under_the_same_id(
    pay: Pay, network: Any, books: Books, clock: RingingClock, tmp_path: Path
) -> None:
    Timeline(network, clock, chain(["lose"], [(400, REFUSED)]))
    finished, [failed] = await pay(1, clock=clock)
    assert failed.state is RowState.FAILED
    _retry(tmp_path, clock, finished.run)
    _, [outcome] = await pay(1, clock=clock)
    assert (outcome.state, outcome.external_id, outcome.attempt) == (RowState.COMPLETED, failed.external_id, 1)
    assert len(books()) == 1


async def test_a_corrected_number_waits_a_day_after_the_last_send(
    pay: Pay, network: Any, books: Books, clock: RingingClock, tmp_path: Path
) -> None:
    Timeline(network, clock, chain(["lose"], [(400, REFUSED)]))
    finished, _ = await pay(1, clock=clock)
    corrected = "10000,+6595123777,5\n"
    finished, [outcome] = await pay(text=corrected, clock=clock)
    _retry(tmp_path, clock, finished.run)
    finished, [outcome] = await pay(text=corrected, clock=clock)
    assert (outcome.state, finished.result.reason) == (RowState.PENDING, StopReason.WITHHELD)
    assert exit_code(finished) is ExitCode.RESUMABLE
    assert "1 row was corrected after a request that may still arrive. Not sent before 2026-11-02 06:0" in (
        finished.result.message
    )
    assert books() == []
    clock.seconds += 24 * HOUR
    _, [outcome] = await pay(text=corrected, clock=clock)
    assert outcome.state is RowState.COMPLETED
    assert [each["credit_party"] for each in books()] == ["+6595123777"]


async def test_an_edited_reference_does_not_pay_what_may_still_arrive(
    pay: Pay, network: Any, books: Books, clock: RingingClock
) -> None:
    Timeline(network, clock, chain(["lose"], [(400, REFUSED)]))
    await pay(1, clock=clock)
    edited = "10000 new,+6595123400,5\n"
    _, outcomes = await pay(text=edited, clock=clock, skip_refused=True)
    assert {outcome.state for outcome in outcomes if outcome.in_list} == {RowState.REFUSED}
    assert books() == []
    clock.seconds += 24 * HOUR
    _, outcomes = await pay(text=edited, clock=clock, skip_refused=True)
    assert [outcome.state for outcome in outcomes if outcome.in_list] == [RowState.COMPLETED]


def _retry(folder: Path, clock: RingingClock, run: Any) -> None:
    with LedgerStore(folder / "ledger.db", clock=clock) as ledger:
        chosen, _ = ledger.retries.choose(run, RetryChoice())
        assert chosen == 1
        ledger.retries.apply("retry asked for")


async def test_a_stop_at_a_look_proves_nothing_and_looks_up_no_further_row(
    pay: Pay, network: Any, books: Books, clock: RingingClock, watcher: Any
) -> None:
    rows, concurrency = 12, 4

    def rule(_number: int, line: str, _body: bytes) -> Fate:
        if line == CREATION:
            seen.created.append(clock.monotonic())
            return "lose" if len(seen.created) <= rows else (400, REFUSED)
        if "external_id=" in line:
            seen.looked.append(clock.monotonic())
            watcher.runner.stop()
        return "pass"

    seen = Timeline(network, clock, [])
    network.rule = rule
    await pay(rows, clock=clock, retries=ONE_TRY)
    _, outcomes = await pay(rows, clock=clock, retries=ONE_TRY)
    assert {outcome.state for outcome in outcomes} == {RowState.IN_FLIGHT}
    assert 1 <= len(seen.looked) <= 2 * concurrency
    sent = len(seen.created)
    network.rule = lambda _number, line, _body: "lose" if line == CREATION else "pass"
    _, outcomes = await pay(rows, clock=clock)
    assert {outcome.state for outcome in outcomes} == {RowState.FAILED}
    assert (len(seen.created), books()) == (sent, [])
