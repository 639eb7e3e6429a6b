"""What single polls of open rows request, count and record, and what a row is when its transaction is not found."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.domain.attempt import OpenAttempt
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import NoResponseError
from bulk_topup.dvs.errors import ErrorDetail, error_for
from bulk_topup.engine import CircuitPolicy, PollPolicy, StopReason, track
from bulk_topup.engine.conflict_proof import ConflictProof
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext
from bulk_topup.engine.track import Tracker

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
OpenRows = Callable[[int], Awaitable[Run]]

CREATION = "POST /v1/async/transactions HTTP/1.1"
GONE = error_for(404, (ErrorDetail(code=1008004, message="Transaction not found"),))
NO_ROUTE = error_for(404, (ErrorDetail(code=1000404, message="Resource not found"),))


def _tracker(context: RunContext) -> Tracker:
    recorder = MoveRecorder(context)
    return Tracker(context, recorder, ConflictProof(context, recorder))


def _rows(number: int) -> str:
    return "".join(f"1000{row},+659{row:04}300,5\n" for row in range(number))


def _as(class_: int, name: str) -> Callable[[Any], None]:
    """Return a change by which all transactions of an answer have a status."""

    def change(answer: Any) -> None:
        for each in answer if isinstance(answer, list) else [answer]:
            each["status"] = {"id": class_ * 10_000, "message": name, "class": {"id": class_, "message": name}}

    return change


def _spoil(answer: Any) -> None:
    for each in answer if isinstance(answer, list) else [answer]:
        each["status"] = "COMPLETED"


OPEN, FINAL = _as(5, "SUBMITTED"), _as(7, "COMPLETED")


@pytest.fixture
def open_rows(pay: Pay, network: Any, watcher: Any) -> OpenRows:
    """Return a function that creates a run of some accepted rows."""

    async def make(rows: int) -> Run:
        created = 0

        def rule(_number: int, line: str, _body: bytes) -> Any:
            nonlocal created
            created += line == CREATION
            if created == rows:
                watcher.runner.stop()
            return OPEN if line == CREATION else "pass"

        network.rule = rule
        finished, outcomes = await pay(text=_rows(rows), timeout=10)
        assert [outcome.state for outcome in outcomes] == [RowState.ACCEPTED] * rows
        network.rule = lambda *_: "pass"
        network.seen.clear()
        run: Run = finished.run
        return run

    return make


@pytest.mark.parametrize("rows", [1, 3])
async def test_a_poll_counts_rows_that_are_final_and_its_requests_and_is_remembered(
    open_rows: OpenRows, network: Any, context_of: Any, rows: int
) -> None:
    """A row by itself is looked up, several are found in the list."""
    run = await open_rows(rows)
    async with context_of(run) as context:
        tracker = _tracker(context)
        for answer, final in ((OPEN, 0), (FINAL, rows)):
            network.rule = lambda *_, answer=answer: answer
            due = await tracker._due(0)
            assert (sum(each.count for each in due), await tracker._poll(due)) == (rows, final)
            assert tracker._pace._polled == len(network.seen)
            assert tracker._polls._polled.keys() == {each.second for each in due}
        assert all(("?" in line) is (rows > 1) for line, _ in network.seen)
        assert context.journal.counts[RowState.COMPLETED] == rows


@pytest.mark.parametrize("rows", [1, 3])
async def test_a_poll_with_a_response_ends_a_series_of_failures(
    open_rows: OpenRows, context_of: Any, rows: int
) -> None:
    run = await open_rows(rows)
    async with context_of(run, circuit=CircuitPolicy(failures=2)) as context:
        tracker = _tracker(context)
        context.control.record_no_response(NoResponseError())
        await tracker._poll(await tracker._due(0))
        context.control.record_no_response(NoResponseError())
        assert not context.control.is_paused


async def test_a_sweep_of_the_list_ends_conflicts_that_it_proves_to_be_none(
    pay: Pay, network: Any, watcher: Any, context_of: Any
) -> None:
    def contradict(answer: Any) -> None:
        OPEN(answer)
        answer["product"] = {"id": 1}

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line != CREATION:
            return "pass"
        created = sum(line == CREATION for line, _ in network.seen)
        if created == 9:
            watcher.runner.stop()
        return contradict if created == 5 else OPEN

    network.rule = rule
    finished, _ = await pay(text=_rows(9), timeout=10)
    network.rule = lambda *_: OPEN
    async with context_of(finished.run) as context:
        assert context.journal.counts[RowState.CONFLICT] == 1
        tracker = _tracker(context)
        await tracker._poll(await tracker._due(0))
        assert (context.journal.counts[RowState.CONFLICT], context.journal.counts[RowState.ACCEPTED]) == (0, 9)


@pytest.mark.parametrize("rows", [1, 3])
async def test_after_a_stop_a_poll_requests_and_counts_nothing(
    open_rows: OpenRows, network: Any, context_of: Any, rows: int
) -> None:
    run = await open_rows(rows)
    network.rule = lambda *_: FINAL
    async with context_of(run) as context:
        tracker = _tracker(context)
        due = await tracker._due(0)
        context.control.stop(StopReason.INTERRUPTED, "Interrupted.")
        assert await tracker._poll(due) == 0
        final, tally = await tracker._look_up(due, set())
        assert (final, tally.rows, network.seen) == (0, {}, [])


@pytest.mark.parametrize(("rows", "are_all"), [(1, True), (2, True), (3, False), (4, False)])
async def test_a_poll_looks_up_its_maximum_of_rows_and_knows_whether_others_are_left(
    open_rows: OpenRows, context_of: Any, monkeypatch: pytest.MonkeyPatch, rows: int, are_all: bool
) -> None:
    monkeypatch.setattr(track, "SINGLES_PER_POLL", 2)
    run = await open_rows(rows)
    async with context_of(run) as context:
        tracker = _tracker(context)
        due = await tracker._due(0)
        found, is_complete = await tracker._unseen(due, set(), after_row=0)
        assert ([item.attempt.row_id for item in found], is_complete) == ([1, 2][:rows], are_all)
        found, is_complete = await tracker._unseen(due, {1}, after_row=0)
        assert ([item.attempt.row_id for item in found], is_complete) == ([2, 3][: rows - 1], rows < 4)


@pytest.mark.parametrize("are_all_submitted", [False, True])
async def test_open_rows_of_an_earlier_start_are_polled_after_the_first_wait(
    open_rows: OpenRows, network: Any, context_of: Any, clock: Any, are_all_submitted: bool
) -> None:
    run = await open_rows(1)
    polled: list[float] = []
    async with context_of(run, clock=clock, polling=PollPolicy(shortest=10)) as context:
        tracker = _tracker(context)

        def rule(*_: Any) -> Any:
            polled.append(clock.seconds - before)
            tracker.end_submitting()
            return FINAL

        network.rule = rule
        if are_all_submitted:
            tracker.end_submitting()
        before = clock.seconds
        await tracker.track_all()
        assert polled == [10]
        assert context.journal.counts[RowState.COMPLETED] == 1


async def _miss(tracker: Tracker, clock: Any, item: OpenAttempt, error: Any) -> list[int]:
    """Return what three misses within more than a minute count as."""
    counted = []
    for _ in range(3):
        counted.append(await tracker._record_miss(item, error))
        clock.seconds += 40
    return counted


@pytest.mark.parametrize(
    ("error", "listed", "counted", "state"),
    [
        (GONE, (200, b"[]"), 1, RowState.CONFLICT),
        (GONE, OPEN, 0, RowState.ACCEPTED),
        (GONE, FINAL, 1, RowState.COMPLETED),
        (GONE, _spoil, 0, RowState.ACCEPTED),
        (NO_ROUTE, (200, b"[]"), 0, RowState.ACCEPTED),
    ],
)
async def test_a_row_whose_transaction_is_not_found_is_what_the_list_shows_of_it_if_it_can_be_read(
    open_rows: OpenRows, network: Any, context_of: Any, clock: Any, error: Any, listed: Any, counted: int, state: Any
) -> None:
    run = await open_rows(1)
    network.rule = lambda *_: listed
    async with context_of(run, clock=clock) as context:
        tracker = _tracker(context)
        [item] = context.ledger.attempts.accepted(run)
        assert await _miss(tracker, clock, item, error) == [0, 0, counted]
        assert bool(network.seen) is (error is GONE)
        [outcome] = context.ledger.outcomes.rows(run)
        assert outcome.state is state


async def test_a_transaction_that_the_list_shows_is_looked_for_there_only_after_as_many_misses_again(
    open_rows: OpenRows, network: Any, context_of: Any, clock: Any
) -> None:
    run = await open_rows(1)
    network.rule = lambda *_: OPEN
    async with context_of(run, clock=clock) as context:
        tracker = _tracker(context)
        [item] = context.ledger.attempts.accepted(run)
        asked = []
        for _ in range(2):
            await _miss(tracker, clock, item, GONE)
            asked.append(len(network.seen))
        assert asked == [1, 2]


async def test_conflicts_are_looked_up_once_at_the_end_and_what_is_accepted_after_all_is_tracked(
    pay: Pay, network: Any
) -> None:
    """Both answers differ from what was sent; the record of the first row's transaction is right, and not final yet."""
    ids: list[int] = []

    def contradict(answer: Any) -> None:
        for each in answer if isinstance(answer, list) else [answer]:
            ids.append(each["id"])
            each["product"] = {"id": 1}

    def rule(_number: int, line: str, body: bytes) -> Any:
        if line == CREATION:
            if json.loads(body)["credit_party_identifier"]["mobile_number"].endswith("0000300"):
                return lambda answer: answer.update(product={"id": 2})
            return contradict
        if line.startswith("GET /v1/transactions/") and ids and f"/{ids[0]} " in line:
            return contradict
        return "pass"

    network.rule = rule
    finished, outcomes = await pay(text=_rows(2))
    assert [outcome.state for outcome in outcomes] == [RowState.COMPLETED, RowState.CONFLICT]
    assert finished.result.reason is None
    looked_up = [line for line, _ in network.seen if line == f"GET /v1/transactions/{ids[0]} HTTP/1.1"]
    assert len(looked_up) == 1
