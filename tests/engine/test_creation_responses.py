"""What single responses to creations lead to: look-ups, when these are made, and what counts as a failure of DVS."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.moves import body_of
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import NoResponseError
from bulk_topup.dvs.errors import ErrorDetail, error_for
from bulk_topup.engine import CircuitPolicy
from bulk_topup.engine.absence_proof import AbsenceProof
from bulk_topup.engine.creation_responses import Creation, CreationResponses
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext

pytestmark = pytest.mark.anyio

InFlight = Callable[[int], Awaitable[tuple[Run, list[Attempt]]]]

USED = error_for(400, (ErrorDetail(code=1007001, message="External ID already used"),))


def _parts(context: RunContext) -> tuple[CreationResponses, AbsenceProof]:
    recorder = MoveRecorder(context)
    proof = AbsenceProof(context, recorder)
    return CreationResponses(context, recorder, proof), proof


def _record_looks(network: Any, clock: Any, answer: Any) -> list[float]:
    """Return a list that the times of look-ups are added to, which all have the same answer."""
    looks: list[float] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        assert "external_id=" in line
        looks.append(clock.seconds)
        return answer

    network.rule = rule
    return looks


@pytest.mark.parametrize(("answer", "is_failure"), [((200, b"[]"), False), ("lose", True)])
async def test_an_attempt_answered_with_another_transaction_is_looked_up_which_may_fail_as_well(
    in_flight: InFlight,
    network: Any,
    context_of: Any,
    clock: Any,
    transaction: Callable[..., Any],
    answer: Any,
    is_failure: bool,
) -> None:
    run, [attempt] = await in_flight(1)
    looks = _record_looks(network, clock, answer)
    async with context_of(run, clock=clock, circuit=CircuitPolicy(failures=2)) as context:
        responses, _ = _parts(context)
        await responses.record(Creation(attempt=attempt, maybe_sent=False), transaction())
        assert (len(looks), context.control.is_paused) == (1, is_failure)
        context.control.record_no_response(NoResponseError())
        assert context.control.is_paused, "that the list can be read makes up for no wrong answer"
        assert context.journal.counts[RowState.IN_FLIGHT] == 1


async def test_during_the_pause_that_a_wrong_answer_causes_nothing_is_looked_up(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any, transaction: Callable[..., Any]
) -> None:
    run, [attempt] = await in_flight(1)
    looks = _record_looks(network, clock, (200, b"[]"))
    async with context_of(run, clock=clock, circuit=CircuitPolicy(failures=1, first_pause=40)) as context:
        before = clock.seconds
        responses, _ = _parts(context)
        await responses.record(Creation(attempt=attempt, maybe_sent=False), transaction())
        assert [round(at - before) for at in looks] == [40]


async def test_a_used_id_is_looked_up_at_once_and_one_two_and_four_seconds_later_and_then_awaited(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any
) -> None:
    run, [attempt] = await in_flight(1)
    looks = _record_looks(network, clock, (200, b"[]"))
    async with context_of(run, clock=clock) as context:
        responses, proof = _parts(context)
        before = clock.seconds
        await responses.record(Creation(attempt=attempt, maybe_sent=False), USED)
        assert [round(at - before, 1) for at in looks] == [0, 1, 3, 7]
        assert (proof.waiting, context.journal.counts[RowState.IN_FLIGHT]) == (1, 1)


@pytest.mark.parametrize(
    ("status", "code", "why"), [(429, 1000429, "rate limit"), (401, 1000401, "the credentials were refused")]
)
@pytest.mark.parametrize("maybe_sent", [False, True])
async def test_a_row_that_was_throttled_or_unauthorized_is_pending_for_that_reason_unless_it_may_have_been_sent(
    in_flight: InFlight, context_of: Any, status: int, code: int, why: str, maybe_sent: bool
) -> None:
    run, [attempt] = await in_flight(1)
    async with context_of(run) as context:
        responses, proof = _parts(context)
        error = error_for(status, (ErrorDetail(code=code, message="Not now"),))
        await responses.record(Creation(attempt=attempt, maybe_sent=maybe_sent), error)
        assert context.journal.counts[RowState.PENDING] == (not maybe_sent)
        assert proof.waiting == 0
        event = context.ledger.rows.events(attempt.row_id)[-1]
        assert (event.cause == f"not taken: {why}") is not maybe_sent


async def test_a_list_that_can_be_read_ends_a_series_of_failures(in_flight: InFlight, context_of: Any) -> None:
    run, [attempt] = await in_flight(1)
    async with context_of(run, circuit=CircuitPolicy(failures=2)) as context:
        responses, _ = _parts(context)
        context.control.record_no_response(NoResponseError())
        assert await responses.may_send(Creation(attempt=attempt, maybe_sent=True)), "the list lacks it"
        context.control.record_no_response(NoResponseError())
        assert not context.control.is_paused


@pytest.mark.parametrize(
    ("is_closed", "when"), [(True, "after the run was closed"), (False, "before a start that sends nothing")]
)
async def test_what_a_start_that_sends_nothing_finds_is_recorded_with_the_reason_for_the_look(
    in_flight: InFlight, context_of: Any, is_closed: bool, when: str
) -> None:
    run, [attempt] = await in_flight(1)
    async with context_of(run) as context:
        await context.dvs.transaction_outcomes.create_async(body_of(attempt, None))
        responses, proof = _parts(context)
        await responses.look_up(attempt, is_closed=is_closed)
        assert (context.journal.counts[RowState.IN_FLIGHT], proof.waiting) == (0, 0)
        assert context.ledger.rows.events(attempt.row_id)[-1].cause == f"found in DVS's list {when}"


async def test_a_refusal_is_an_answer_that_ends_a_series_of_failures(in_flight: InFlight, context_of: Any) -> None:
    run, [attempt] = await in_flight(1)
    refused = error_for(400, (ErrorDetail(code=1003001, message="Product is not available in your account"),))
    async with context_of(run, circuit=CircuitPolicy(failures=2)) as context:
        responses, _ = _parts(context)
        context.control.record_no_response(NoResponseError())
        await responses.record(Creation(attempt=attempt, maybe_sent=False), refused)
        assert context.journal.counts[RowState.FAILED] == 1
        context.control.record_no_response(NoResponseError())
        assert not context.control.is_paused
