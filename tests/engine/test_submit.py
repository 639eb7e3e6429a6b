"""How many rows are claimed at once, what is counted of claims and responses, and how long a run waits for more."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.guards import Guards
from bulk_topup.domain.moves import move_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.engine import StopReason
from bulk_topup.engine.absence_proof import AbsenceProof
from bulk_topup.engine.conflict_proof import ConflictProof
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext
from bulk_topup.engine.submit import Submitter

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]


def _submitter(context: RunContext) -> Submitter:
    recorder = MoveRecorder(context)
    return Submitter(context, recorder, AbsenceProof(context, recorder), ConflictProof(context, recorder), None)


def _change(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as connection:
        connection.execute(statement, values)


def _forget(folder: Path, first: int) -> None:
    """Let no row from one on ever have been sent."""
    _change(folder, "UPDATE rows SET state = 'pending', attempt = 0 WHERE id >= ?", first)
    _change(folder, "DELETE FROM attempts WHERE row_id >= ?", first)


async def test_each_claimed_row_and_each_response_is_counted_once(pay: Pay, watcher: Any) -> None:
    await pay(9)
    submitter = watcher.runner._submitter
    assert (submitter._claimed, submitter._returned) == (9, 9)


async def test_as_many_rows_are_claimed_as_responses_came_in_a_tenth_of_a_second_since_the_last_claim(
    pay: Pay, context_of: Any, clock: Any
) -> None:
    finished, _ = await pay(1)
    async with context_of(finished.run, clock=clock, concurrency=10) as context:
        submitter = _submitter(context)
        sizes = []
        for seconds, responses in ((0.001, 1), (0, 0), (1, 0), (0.001, 0), (2, 1_000), (2, 1_000), (1, 90), (1, 9_000)):
            clock.seconds += seconds
            submitter._returned += responses
            sizes.append(submitter._claim_size())
        assert sizes == [100, 10, 10, 10, 50, 50, 10, 250]


@pytest.mark.parametrize(("due", "wait"), [(None, 1.0), (-5, 0.05), (0.01, 0.05), (0.3, 0.3), (90, 1.0)])
async def test_a_run_waits_until_a_row_may_be_sent_but_neither_too_short_nor_too_long(
    pay: Pay, context_of: Any, clock: Any, tmp_path: Path, due: float | None, wait: float
) -> None:
    finished, _ = await pay(1)
    at = None if due is None else (clock.now() + timedelta(seconds=due)).isoformat()
    _change(tmp_path, "UPDATE rows SET state = 'pending', retry_at = ?", at)
    async with context_of(finished.run, clock=clock) as context:
        before = clock.seconds
        assert await _submitter(context)._wait_for_more()
        assert round(clock.seconds - before, 3) == wait
        assert context.control.quiet.is_set()


@pytest.mark.parametrize(
    ("attempts", "accepted", "is_retrying", "may_come"),
    [(2, 1, False, True), (2, 0, True, True), (2, 0, False, False), (1, 1, True, False)],
)
async def test_without_pending_rows_a_run_waits_only_for_those_that_may_fail_and_be_retried(
    pay: Pay, context_of: Any, clock: Any, attempts: int, accepted: int, is_retrying: bool, may_come: bool
) -> None:
    finished, _ = await pay(1)
    guards = Guards.model_validate({"retry": {"attempts": attempts, "wait": 1, "statuses": ["DECLINED"]}})
    async with context_of(finished.run, clock=clock, guards=guards) as context:
        submitter = _submitter(context)
        context.journal.counts[RowState.ACCEPTED] = accepted
        submitter._recorder._undecided = int(is_retrying)
        before = clock.seconds
        assert await submitter._wait_for_more() is may_come
        assert (clock.seconds - before, context.control.reason) == (1.0 if may_come else 0.0, None)


@pytest.mark.parametrize(
    ("operator", "state", "reason"),
    [(3, "pending", StopReason.OPERATORS), (3, "completed", None), (4, "pending", None)],
)
async def test_rows_that_only_a_paused_operator_keeps_back_stop_the_run(
    pay: Pay,
    context_of: Any,
    clock: Any,
    tmp_path: Path,
    attempt: Attempt,
    transaction: Callable[..., Any],
    operator: int,
    state: str,
    reason: StopReason | None,
) -> None:
    finished, _ = await pay(1)
    _change(tmp_path, "UPDATE rows SET state = ?, operator_id = ?", state, operator)
    failed = move_for(
        attempt,
        RowState.IN_FLIGHT,
        transaction(StatusClass.DECLINED, "DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"),
        "a test",
    )
    guards = Guards.model_validate({"operators": {"failures": 1, "pause": 1_000, "patience": 10}})
    async with context_of(finished.run, clock=clock, guards=guards) as context:
        context.operators.record_move(replace(attempt, operator_id=3), failed)
        clock.seconds += 11
        assert context.operators.given_up == [3]
        assert await _submitter(context)._wait_for_more() is (operator == 4)
        assert context.control.reason is reason
        assert ("Operators paused after repeated failures: 3. Resume later" in context.control.message) is bool(reason)


def _canaries(wanted: int) -> Guards:
    return Guards.model_validate({"stops": {"canary": wanted, "canary_share": 1}})


async def test_a_canary_that_was_refused_when_it_was_to_be_sent_does_not_count(
    pay: Pay, context_of: Any, tmp_path: Path
) -> None:
    finished, _ = await pay(4)
    _change(tmp_path, "UPDATE rows SET state = 'refused' WHERE id = 2")
    _forget(tmp_path, 3)
    async with context_of(finished.run, guards=_canaries(2)) as context:
        submitter = _submitter(context)
        await submitter._send_canaries()
        assert (submitter._claimed, context.control.reason) == (1, None)


@pytest.mark.parametrize(("wanted", "reason"), [(1, None), (2, StopReason.CANARY)])
async def test_one_row_more_than_canaries_was_sent_by_a_start_that_had_its_verdict(
    pay: Pay, context_of: Any, tmp_path: Path, wanted: int, reason: StopReason | None
) -> None:
    finished, _ = await pay(4)
    _change(tmp_path, "UPDATE rows SET state = 'failed' WHERE id <= 2")
    _forget(tmp_path, 3)
    async with context_of(finished.run, guards=_canaries(wanted)) as context:
        submitter = _submitter(context)
        await submitter._send_canaries()
        assert (submitter._claimed, context.control.reason) == (0, reason)


@pytest.mark.parametrize(("is_open", "waits"), [(True, 3), (False, 0)])
async def test_there_is_no_verdict_on_canaries_while_one_is_open_or_about_to_be_retried(
    pay: Pay, context_of: Any, clock: Any, tmp_path: Path, is_open: bool, waits: int
) -> None:
    finished, _ = await pay(3)
    _change(tmp_path, "UPDATE rows SET state = 'failed' WHERE id <= 2")
    _forget(tmp_path, 3)
    async with context_of(finished.run, clock=clock, guards=_canaries(2)) as context:
        submitter = _submitter(context)
        passes = 0

        def hold_back(*, begins: bool) -> None:
            context.journal.counts[RowState.ACCEPTED] = int(is_open and begins)
            submitter._recorder._undecided = int(not is_open and begins)

        async def work_unknown() -> None:
            nonlocal passes
            passes += 1
            if passes > 3:
                hold_back(begins=False)

        hold_back(begins=True)
        submitter._work_unknown = work_unknown  # type: ignore[method-assign]
        before = clock.seconds
        await submitter._send_canaries()
        assert (passes, context.control.reason) == (4, StopReason.CANARY)
        assert (clock.seconds - before, context.control.quiet.is_set()) == (waits * 1.0, is_open)


@pytest.mark.parametrize(("in_flight", "waiting", "is_quiet"), [(2, 2, True), (2, 1, False), (1, 0, False)])
async def test_while_all_that_is_in_flight_waits_for_proof_nothing_is_sent_and_polls_may_use_the_rate(
    pay: Pay, context_of: Any, clock: Any, in_flight: int, waiting: int, is_quiet: bool
) -> None:
    finished, _ = await pay(1)
    async with context_of(finished.run, clock=clock) as context:
        submitter = _submitter(context)
        context.journal.counts[RowState.IN_FLIGHT] = in_flight
        submitter._proof.waiting = waiting
        before = clock.seconds
        await submitter._wait_for_outcomes()
        assert (context.control.quiet.is_set(), clock.seconds - before) == (is_quiet, 1.0)
