"""What a run counts of the moves that it records: reasons of failures, conflicts in a row, prices."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.domain.moves import facts_of
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.engine import CircuitPolicy, StopReason
from bulk_topup.engine.move_recorder import CONFLICTS_IN_A_ROW, MoveRecorder

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]

InFlight = Callable[[int], Awaitable[tuple[Run, list[Attempt]]]]

UNAVAILABLE = "DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"
STRICT = Guards.model_validate({"stops": {"failed_share": "0.2", "failed_share_after": 1}})


def _move(attempt: Attempt, after: RowState, facts: Any = None) -> Move:
    return Move(
        row_id=attempt.row_id, attempt=attempt.number, before=RowState.IN_FLIGHT, after=after, cause="", facts=facts
    )


async def test_the_reasons_are_those_of_rows_that_failed_by_status_or_message_and_of_no_others(
    pay: Pay, context_of: Any, attempt: Attempt, transaction: Callable[..., Any]
) -> None:
    finished, _ = await pay(1)
    async with context_of(finished.run) as context:
        recorder = MoveRecorder(context)
        for after in (RowState.PENDING, RowState.FAILED, RowState.REVERSED, RowState.ACCEPTED, RowState.COMPLETED):
            facts = facts_of(transaction(StatusClass.DECLINED, f"DECLINED-{after.name}"))
            recorder._count(attempt, _move(attempt, after, facts))
        recorder._count(attempt, replace(_move(attempt, RowState.FAILED), message="DVS did not accept it."))
        assert recorder._reasons == {"DECLINED-FAILED": 1, "DVS did not accept it.": 1}


async def test_the_failure_stop_names_the_five_most_frequent_reasons(pay: Pay, context_of: Any) -> None:
    finished, _ = await pay(1)
    async with context_of(finished.run, guards=STRICT) as context:
        recorder = MoveRecorder(context)
        recorder._reasons.update({f"REASON-{number}": number for number in range(1, 8)})
        context.journal.counts[RowState.FAILED] = 28
        recorder.check_failure_rate()
        assert "limit: 7 REASON-7, 6 REASON-6, 5 REASON-5, 4 REASON-4, 3 REASON-3. Find" in context.control.message


@pytest.mark.parametrize(
    ("failed", "completed", "after", "is_stopped"),
    [(1, 4, 5, False), (2, 7, 9, True), (2, 7, 10, False), (2, 8, 10, False), (1, 0, 1, True), (0, 1, 1, False)],
)
async def test_the_failure_stop_begins_above_its_share_and_at_its_number_of_final_rows(
    pay: Pay, context_of: Any, failed: int, completed: int, after: int, is_stopped: bool
) -> None:
    finished, _ = await pay(1)
    guards = Guards.model_validate({"stops": {"failed_share": "0.2", "failed_share_after": after}})
    async with context_of(finished.run, guards=guards) as context:
        context.journal.counts.update({RowState.FAILED: failed, RowState.COMPLETED: completed})
        MoveRecorder(context).check_failure_rate()
        assert (context.control.reason is StopReason.FAILURES) is is_stopped


async def test_conflicts_in_a_row_are_those_since_a_transaction_was_as_requested(
    pay: Pay, context_of: Any, attempt: Attempt, transaction: Callable[..., Any]
) -> None:
    finished, _ = await pay(1)
    facts = facts_of(transaction())
    states = [RowState.CONFLICT] * (CONFLICTS_IN_A_ROW - 1)
    async with context_of(finished.run) as context:
        recorder = MoveRecorder(context)
        for after in (*states, RowState.ACCEPTED, *states):
            recorder._count(attempt, _move(attempt, after, facts))
        recorder._count(attempt, _move(attempt, RowState.FAILED, facts))
        recorder._count(attempt, _move(attempt, RowState.ACCEPTED))  # found by a person
        assert context.control.may_submit
        recorder._count(attempt, _move(attempt, RowState.CONFLICT, facts))
        assert context.control.reason is StopReason.CONFLICTS
        assert recorder._reasons == {"CONFIRMED": 1, "conflict": 2 * len(states) + 1}
        assert context.control.message.startswith("DVS's last 3 answers differ from what was sent.")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("class_", "is_cancelled"), [(StatusClass.CANCELLED, True), (StatusClass.DECLINED, False), (None, False)]
)
async def test_a_row_is_cancelled_by_the_run_only_in_hold_mode(
    pay: Pay,
    context_of: Any,
    attempt: Attempt,
    transaction: Callable[..., Any],
    mode: Mode,
    class_: StatusClass | None,
    is_cancelled: bool,
) -> None:
    finished, _ = await pay(1)
    move = _move(attempt, RowState.FAILED, class_ and facts_of(transaction(class_)))
    async with context_of(finished.run, guards=Guards(mode=mode)) as context:
        assert MoveRecorder(context)._is_cancelled_by_run(move) is (is_cancelled and mode is Mode.HOLD)


async def test_a_price_is_watched_from_the_first_answer_and_a_missing_one_only_once_it_is_final(
    pay: Pay, context_of: Any, attempt: Attempt, transaction: Callable[..., Any]
) -> None:
    finished, _ = await pay(1)
    planned = replace(attempt, cost=Decimal(1), cost_unit="USD")
    priced, unpriced = facts_of(transaction()), facts_of(transaction(prices=None))
    guards = Guards.model_validate({"stops": {"price_drift": "0.01"}})
    for after, facts, is_stopped in (
        (RowState.ACCEPTED, priced, True),
        (RowState.COMPLETED, priced, True),
        (RowState.ACCEPTED, unpriced, False),
        (RowState.COMPLETED, unpriced, True),
        (RowState.FAILED, priced, False),
        (RowState.COMPLETED, None, False),
    ):
        async with context_of(finished.run, guards=guards) as context:
            MoveRecorder(context)._count_charge(planned, _move(planned, after, facts))
            assert (context.control.reason is StopReason.PRICE) is is_stopped


async def test_a_row_that_failed_is_retried_after_the_wait_and_no_other(
    in_flight: InFlight, context_of: Any, clock: Any, transaction: Callable[..., Any]
) -> None:
    run, [failing, other] = await in_flight(2)
    accepted, declined = facts_of(transaction()), facts_of(transaction(StatusClass.DECLINED, UNAVAILABLE))
    recorders: list[MoveRecorder] = []
    retrying: list[bool] = []
    guards = Guards.model_validate({"retry": {"attempts": 2, "wait": 90, "statuses": [UNAVAILABLE]}})
    options = {"guards": guards, "on_moves": lambda _: retrying.append(recorders[0].is_retrying)}
    async with context_of(run, clock=clock, **options) as context:
        recorder = MoveRecorder(context)
        recorders.append(recorder)
        await recorder.record((other, _move(other, RowState.ACCEPTED, accepted)))
        assert not recorder.is_retrying
        await recorder.record((failing, _move(failing, RowState.FAILED, declined)))
        assert not recorder.is_retrying
        counts = context.journal.counts
        assert (counts[RowState.FAILED], counts[RowState.PENDING], counts[RowState.ACCEPTED]) == (0, 1, 1)
        count, due = context.ledger.attempts.pending(run)
        assert (count, round((due - clock.now()).total_seconds())) == (1, 90)
    assert retrying == [False, True]


async def test_without_a_retry_policy_nothing_is_retried(
    in_flight: InFlight, context_of: Any, transaction: Callable[..., Any]
) -> None:
    run, [attempt] = await in_flight(1)
    async with context_of(run) as context:
        declined = facts_of(transaction(StatusClass.DECLINED, UNAVAILABLE))
        await MoveRecorder(context).record((attempt, _move(attempt, RowState.FAILED, declined)))
        assert context.journal.counts[RowState.FAILED] == 1


@pytest.mark.parametrize(
    ("mode", "after", "class_", "is_stopped"),
    [
        (Mode.AUTO_CONFIRM, RowState.FAILED, StatusClass.DECLINED, True),
        (Mode.AUTO_CONFIRM, RowState.FAILED, StatusClass.CANCELLED, True),
        (Mode.AUTO_CONFIRM, RowState.CONFLICT, StatusClass.COMPLETED, True),
        (Mode.HOLD, RowState.FAILED, StatusClass.DECLINED, True),
        (Mode.HOLD, RowState.FAILED, StatusClass.CANCELLED, False),
    ],
)
async def test_a_row_that_failed_counts_for_the_failure_stop_unless_the_run_cancelled_it(
    in_flight: InFlight,
    context_of: Any,
    transaction: Callable[..., Any],
    mode: Mode,
    after: RowState,
    class_: StatusClass,
    is_stopped: bool,
) -> None:
    run, [attempt] = await in_flight(1)
    async with context_of(run, guards=STRICT.model_copy(update={"mode": mode})) as context:
        await MoveRecorder(context).record((attempt, _move(attempt, after, facts_of(transaction(class_)))))
        assert (context.control.reason is StopReason.FAILURES) is is_stopped


def _another(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda answer: answer.update(changes)


DECLINED = {"id": 90000, "message": "DECLINED", "class": {"id": 9, "message": "DECLINED"}}


@pytest.mark.parametrize(
    ("answer", "after", "price", "is_failure"),
    [
        ("pass", RowState.COMPLETED, Decimal("3.71"), False),
        (lambda answer: answer.pop("prices"), RowState.COMPLETED, None, False),
        (_another(id=1), RowState.COMPLETED, None, True),
        (_another(external_id="another-1"), RowState.COMPLETED, None, False),
        (_another(status=DECLINED), RowState.COMPLETED, None, False),
        (_another(product={"id": 1}), RowState.CONFLICT, Decimal("3.71"), False),
        ((503, b""), RowState.COMPLETED, None, True),
    ],
)
async def test_a_price_that_is_missing_at_the_end_is_that_of_a_second_answer_about_the_same(
    pay: Pay, network: Any, context_of: Any, answer: Any, after: RowState, price: Decimal | None, is_failure: bool
) -> None:
    finished, [outcome] = await pay(1)
    async with context_of(finished.run, circuit=CircuitPolicy(failures=1)) as context:
        transaction = await context.dvs.transaction_outcomes.get(outcome.transaction_id)
        [row] = context.ledger.file.fetch_all("SELECT row_id, request FROM attempts")
        attempt = Attempt(row_id=row["row_id"], number=1, external_id=outcome.external_id, request=row["request"])
        facts = facts_of(transaction)
        known = replace(facts, price=None, fee=None, price_unit=None, operator_reference="first")
        move = _move(attempt, RowState.COMPLETED, known)
        network.rule = lambda *_: answer
        recorder = MoveRecorder(context)
        [(_, found)] = await recorder._with_prices([(attempt, move)])
        assert (found.after, found.facts and found.facts.price) == (after, price)
        assert context.control.is_paused is is_failure, "no answer about it is a failure of DVS"
        assert after is RowState.CONFLICT or found.facts == replace(
            known, price=price, fee=price and facts.fee, price_unit=None if price is None else "USD"
        )
        network.seen.clear()
        others = [
            _move(attempt, RowState.COMPLETED, facts),
            _move(attempt, RowState.COMPLETED),
            _move(attempt, RowState.ACCEPTED, known),
            _move(attempt, RowState.FAILED, known),
        ]
        asked = await recorder._with_prices([(attempt, other) for other in others])
        assert [found for _, found in asked] == others
        assert network.seen == []


async def test_a_start_stops_at_a_price_that_an_earlier_one_met_only_where_the_job_sets_a_tolerance(
    pay: Pay, network: Any, context_of: Any, cheaper: Callable[[float], Any], tmp_path: Path
) -> None:
    network.rule = cheaper(2)
    finished, _ = await pay(2)
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        connection.execute("UPDATE rows SET state = 'pending' WHERE id = 2")
    for share, is_stopped in ((None, False), ("0.01", True), ("1", False)):
        guards = Guards.model_validate({"stops": {"price_drift": share}})
        async with context_of(finished.run, guards=guards) as context:
            await MoveRecorder(context).check_prices()
            assert (context.control.reason is StopReason.PRICE) is is_stopped


async def test_a_start_stops_at_any_price_that_the_next_row_is_not_planned_with(
    pay: Pay, context_of: Any, tmp_path: Path
) -> None:
    """The first price that was met is the planned one, the second is another."""
    finished, _ = await pay(3)
    guards = Guards.model_validate({"stops": {"price_drift": "0.01"}})
    for price, is_stopped in (("3.71", False), ("7", True)):
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
            connection.execute("UPDATE rows SET state = 'pending' WHERE id = 3")
            connection.execute("UPDATE attempts SET price = ? WHERE row_id = 2", (price,))
        async with context_of(finished.run, guards=guards) as context:
            await MoveRecorder(context).check_prices()
            assert (context.control.reason is StopReason.PRICE) is is_stopped
            assert ("DVS charges 7.00 USD" in context.control.message) is is_stopped
