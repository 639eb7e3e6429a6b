"""What a run counts of the moves that it records: reasons of failures, conflicts in a row, prices."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Guards, Mode
from bulk_topup.domain.moves import facts_of
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.engine import StopReason
from bulk_topup.engine.move_recorder import CONFLICTS_IN_A_ROW, MoveRecorder

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]

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
        assert context.control.reason is None
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
