"""A run says why it waits for DVS, while it waits and at its end."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.engine import CircuitPolicy, Runner
from bulk_topup.engine.control import Control
from bulk_topup.engine.pauses import Pauses
from bulk_topup.ledger.pause_note import read_pause, remove_pause
from tests.engine.test_absence_proof import CREATION
from tests.helpers.hand_clock import RingingClock, SkippingClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
RATE_LIMIT = 20


def _pauses(clock: RingingClock) -> tuple[Pauses, AsyncDVS]:
    dvs = AsyncDVS("http://127.0.0.1:9/v1", "key", "secret", clock=clock)
    return Pauses(dvs, Control(clock, CircuitPolicy())), dvs


async def test_a_pause_without_retry_after_says_so() -> None:
    pauses, dvs = _pauses(RingingClock())
    assert pauses.throttling == ""
    dvs.limiter.throttled(None, RATE_LIMIT, dvs.limiter.sent())
    assert "resumes in 1 s, and DVS does not say for how long." in pauses.throttling


async def test_other_programs_that_use_much_of_the_rate_limit_are_named() -> None:
    clock = RingingClock()
    pauses, dvs = _pauses(clock)
    assert pauses.sharing == ""
    for used in (1, 2):  # each of our requests alone, then beside one of another program
        for _ in range(8):
            for number in range(1, 10):
                sent_at = dvs.limiter.sent()
                dvs.limiter.learn(RATE_LIMIT, RATE_LIMIT - used * number, sent_at)
                await clock.sleep(1 / 9)
        text = r"Other programs use about \d+ of this account's 20 requests/s; the run uses the rest\."
        assert re.fullmatch("" if used == 1 else text, pauses.sharing)
    dvs.limiter.throttled(30.0, RATE_LIMIT, dvs.limiter.sent())
    assert "resumes in 30 s, as DVS asks to (Retry-After). Other programs use about" in pauses.throttling


async def test_where_slow_requests_cannot_show_who_uses_the_limit_nobody_is_named() -> None:
    clock = RingingClock()
    pauses, dvs = _pauses(clock)
    for number in range(1, 9):  # the plan of a run, at once
        dvs.limiter.learn(RATE_LIMIT, RATE_LIMIT - number, dvs.limiter.sent())
    for _ in range(10):  # then a slow run
        await clock.sleep(0.7)
        dvs.limiter.learn(RATE_LIMIT, RATE_LIMIT - 9, dvs.limiter.sent())
        assert pauses.sharing == ""


async def test_the_end_of_a_run_says_for_how_long_dvs_throttled_it(pay: Pay, network: Any) -> None:
    creations = 0

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal creations
        creations += line == CREATION
        is_throttled = line == CREATION and creations in range(2, 40)
        return (429, b'{"errors":[{"code":1000429,"message":"Too many requests"}]}') if is_throttled else "pass"

    network.rule = rule
    finished, outcomes = await pay(4)
    assert {each.state for each in outcomes} == {RowState.COMPLETED}
    assert finished.result.reason is None
    assert "because DVS throttled this account (HTTP 429), whose rate limit other programs may use." in (
        finished.result.message
    )


async def test_the_end_of_a_run_says_for_how_long_dvs_did_not_respond(pay: Pay, network: Any) -> None:
    creations = 0

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal creations
        creations += line == CREATION
        return "lose" if line == CREATION and creations < 3 else "pass"

    network.rule = rule
    circuit = CircuitPolicy(failures=2, first_pause=30.0)
    finished, outcomes = await pay(2, circuit=circuit, retries=RetryPolicy(tries=1))
    assert {each.state for each in outcomes} == {RowState.COMPLETED}
    assert finished.result.message == "Sending paused for 30 s because DVS did not respond."
    finished, _ = await pay(2)
    assert finished.result.message == ""


async def test_while_a_run_pauses_a_note_beside_the_ledger_says_why(
    pay: Pay, network: Any, tmp_path: Path, skipping_clock: SkippingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    creations = 0
    notes: list[str] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal creations
        creations += line == CREATION
        return "lose" if line == CREATION and creations < 3 else "pass"

    def read_and_remove(ledger: Path, job: str, run_key: str) -> None:
        notes.append(read_pause(ledger, job, run_key, skipping_clock.now() - timedelta(seconds=600)))
        notes.append(read_pause(ledger, job, run_key, skipping_clock.now()))
        remove_pause(ledger, job, run_key)

    network.rule = rule
    monkeypatch.setattr("bulk_topup.app.execute.remove_pause", read_and_remove)
    await pay(2, circuit=CircuitPolicy(failures=2, first_pause=30.0), retries=RetryPolicy(tries=1))
    assert notes[0].startswith("Paused for 30 s after 2 requests without a response: ")
    assert notes[1] == ""  # it is over
    assert _notes(tmp_path) == []


async def test_a_pause_of_the_client_after_the_run_is_not_noted(
    pay: Pay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients: list[AsyncDVS] = []
    told: list[float] = []

    def runner_of(*, dvs: AsyncDVS, **values: Any) -> Runner:
        clients.append(dvs)
        dvs.waits.on_wait = told.append
        return Runner(dvs=dvs, **values)

    monkeypatch.setattr("bulk_topup.app.execute.Runner", runner_of)
    await pay(1)
    clients[0].waits.start(30)
    assert told == [30]
    assert _notes(tmp_path) == []


def _notes(folder: Path) -> list[Path]:
    return list(folder.glob("*.pause"))
