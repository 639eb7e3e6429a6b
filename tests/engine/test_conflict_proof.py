"""Conflicts that are looked up: what proves them to be wrong, once, and what proves nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, NoResponseError
from bulk_topup.engine import CircuitPolicy, StopReason, conflict_proof
from bulk_topup.engine.conflict_proof import ConflictProof
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext
from bulk_topup.engine.run_options import RunOptions
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
GONE = (404, json.dumps({"errors": [{"code": 1008004, "message": "Transaction not found"}]}).encode())


def _contradict(answer: Any) -> None:
    for each in answer if isinstance(answer, list) else [answer]:
        each["product"] = {"id": 1}


def _spoil(answer: Any) -> None:
    for each in answer if isinstance(answer, list) else [answer]:
        each["status"] = "COMPLETED"


@pytest.mark.parametrize("listed", [1, 2])
async def test_a_conflict_that_is_proved_twice_at_the_same_time_ends_once(
    pay: Pay, network: Any, tmp_path: Path, credentials: tuple[str, str], listed: int
) -> None:
    """The list is seen before the look-up is answered; or twice, at the same time."""

    network.rule = lambda _number, line, _body: _contradict if "/transactions" in line else "pass"
    finished, [outcome] = await pay(1)
    assert outcome.state is RowState.CONFLICT
    network.rule = lambda *_: "pass"
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        async with AsyncDVS(network.address, *credentials, rate=10_000) as dvs:
            context = RunContext.create(
                run=finished.run, dvs=dvs, ledger=ledger, options=RunOptions(), clock=SystemClock()
            )
            proof = ConflictProof(context, MoveRecorder(context))
            transaction = await dvs.transaction_outcomes.get(outcome.transaction_id)
            looked_up, *_ = await asyncio.gather(
                proof.look_up_all(is_start=True), *(proof.compare_listed([transaction]) for _ in range(listed))
            )
            await context.journal.close()
        assert (looked_up, context.journal.counts[RowState.CONFLICT]) == (0, 0)
        [ended] = ledger.outcomes.rows(finished.run)
        assert ended.state is RowState.COMPLETED


async def test_without_conflicts_nothing_is_looked_up(pay: Pay, network: Any, context_of: Any) -> None:
    finished, _ = await pay(2)
    network.seen.clear()
    async with context_of(finished.run) as context:
        assert await ConflictProof(context, MoveRecorder(context)).look_up_all(is_start=True) == 0
    assert network.seen == []


@pytest.mark.parametrize(
    ("singly", "in_list"), [(_spoil, "pass"), (GONE, _spoil), (GONE, (200, b"[]")), (_contradict, "pass")]
)
async def test_what_can_not_be_read_or_found_or_still_differs_ends_no_conflict_and_is_no_failure_of_dvs(
    pay: Pay, network: Any, context_of: Any, singly: Any, in_list: Any
) -> None:
    network.rule = lambda _number, line, _body: _contradict if "/transactions" in line else "pass"
    finished, _ = await pay(2)
    network.rule = lambda _number, line, _body: singly if line.startswith("GET /v1/transactions/") else in_list
    async with context_of(finished.run, circuit=CircuitPolicy(failures=1)) as context:
        proof = ConflictProof(context, MoveRecorder(context))
        assert await proof.look_up_all(is_start=True) == 0
        assert (context.journal.counts[RowState.CONFLICT], context.control.is_paused) == (2, False)
        network.rule = lambda *_: "pass"
        assert await proof.look_up_all(is_start=True) == 2
        assert context.journal.counts == {RowState.COMPLETED: 2} | {
            state: 0 for state in context.journal.counts if state is not RowState.COMPLETED
        }


async def test_a_look_up_without_a_response_counts_as_a_failure_of_dvs(pay: Pay, network: Any, context_of: Any) -> None:
    network.rule = lambda _number, line, _body: _contradict if "/transactions" in line else "pass"
    finished, _ = await pay(1)
    network.rule = lambda *_: "lose"
    async with context_of(finished.run, circuit=CircuitPolicy(failures=1)) as context:
        assert await ConflictProof(context, MoveRecorder(context)).look_up_all(is_start=True) == 0
        assert context.control.is_paused


async def test_a_look_up_with_a_response_ends_a_series_of_failures(pay: Pay, network: Any, context_of: Any) -> None:
    network.rule = lambda _number, line, _body: _contradict if "/transactions" in line else "pass"
    finished, _ = await pay(1)
    async with context_of(finished.run, circuit=CircuitPolicy(failures=2)) as context:
        context.control.record_no_response(NoResponseError())
        await ConflictProof(context, MoveRecorder(context)).look_up_all(is_start=True)
        context.control.record_no_response(NoResponseError())
        assert not context.control.is_paused


async def test_after_a_stop_nothing_is_looked_up_or_counted_as_looked_up(
    pay: Pay, network: Any, context_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflict_proof, "MAX_LOOKUPS", 1)
    network.rule = lambda _number, line, _body: _contradict if "/transactions" in line else "pass"
    finished, _ = await pay(2)
    network.seen.clear()
    async with context_of(finished.run) as context:
        context.control.stop(StopReason.INTERRUPTED, "Interrupted.")
        proof = ConflictProof(context, MoveRecorder(context))
        assert await proof.look_up_all(is_start=True) == 0
        assert proof.message.startswith("2 of 2 rows in conflict were not looked up")
    assert network.seen == []


async def test_as_many_conflicts_as_are_looked_up_at_once_leave_no_message_and_no_event(
    pay: Pay, network: Any, context_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflict_proof, "MAX_LOOKUPS", 2)
    network.rule = lambda _number, line, _body: _contradict if "/transactions" in line else "pass"
    finished, _ = await pay(2)
    async with context_of(finished.run) as context:
        proof = ConflictProof(context, MoveRecorder(context))
        assert (await proof.look_up_all(is_start=True), proof.message) == (0, "")
        assert {len(context.ledger.rows.events(row_id)) for row_id in (1, 2)} == {3}
        context.control.stop(StopReason.INTERRUPTED, "Interrupted.")
        stopped = ConflictProof(context, MoveRecorder(context))
        assert (await stopped.look_up_all(is_start=True), stopped.message) == (0, "")


async def test_conflicts_that_are_looked_up_one_after_the_other_leave_no_message_in_the_end(
    pay: Pay, network: Any, context_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflict_proof, "MAX_LOOKUPS", 1)
    network.rule = lambda _number, line, _body: _contradict if "/transactions" in line else "pass"
    finished, _ = await pay(2)
    async with context_of(finished.run) as context:
        proof = ConflictProof(context, MoveRecorder(context))
        await proof.look_up_all(is_start=True)
        assert proof.message.startswith("1 of 2 rows in conflict were not looked up")
        await proof.look_up_all()
        assert proof.message == ""


@pytest.mark.parametrize("is_listed", [False, True])
@pytest.mark.parametrize(
    ("mode", "is_start", "left"), [(Mode.HOLD, False, 1), (Mode.HOLD, True, 0), (Mode.AUTO_CONFIRM, False, 0)]
)
async def test_a_conflict_about_an_unconfirmed_transaction_is_left_to_the_start_in_hold_mode_and_no_other(
    pay: Pay, network: Any, context_of: Any, mode: Mode, is_start: bool, left: int, is_listed: bool
) -> None:
    network.rule = lambda _number, line, _body: _contradict if "/transactions" in line else "pass"
    finished, outcomes = await pay(2)
    created = {"id": 10000, "message": "CREATED", "class": {"id": 1, "message": "CREATED"}}

    def leave_first_unconfirmed(answer: Any) -> None:
        for each in answer if isinstance(answer, list) else [answer]:
            if each["external_id"] == outcomes[0].external_id:
                each["status"] = created

    network.rule = lambda *_: leave_first_unconfirmed
    async with context_of(finished.run, guards=Guards(mode=mode)) as context:
        proof = ConflictProof(context, MoveRecorder(context))
        if is_listed:
            left = 1 if mode is Mode.HOLD else 0  # whenever the list is read
            ids = [outcome.transaction_id for outcome in outcomes]
            await proof.compare_listed([await context.dvs.transaction_outcomes.get(id_) for id_ in ids])
        else:
            arguments = {"is_start": True} if is_start else {}
            assert await proof.look_up_all(**arguments) == 2 - left
        assert context.journal.counts[RowState.CONFLICT] == left
        assert context.journal.counts[RowState.COMPLETED] == 1
