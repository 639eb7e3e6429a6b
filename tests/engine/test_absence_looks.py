"""Single looks at DVS's list while a row waits for proof of absence: when they are made, and what they count as."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.moves import body_of
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import NoResponseError
from bulk_topup.engine import CircuitPolicy, StopReason
from bulk_topup.engine.absence_proof import AbsenceProof
from bulk_topup.engine.move_recorder import MoveRecorder

pytestmark = pytest.mark.anyio

InFlight = Callable[[int], Awaitable[tuple[Run, list[Attempt]]]]


def _looks(network: Any) -> int:
    return sum("external_id=" in line for line, _ in network.seen)


async def _start(proof: AbsenceProof, attempts: list[Attempt]) -> None:
    for attempt in attempts:
        await proof.start(attempt, after=RowState.FAILED, message="DVS did not accept it.")


async def test_looks_are_made_a_minute_after_the_start_and_a_quarter_of_a_minute_after_that(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any
) -> None:
    run, attempts = await in_flight(2)
    async with context_of(run, clock=clock) as context:
        proof = AbsenceProof(context, MoveRecorder(context))
        assert proof.message == ""
        await _start(proof, attempts)
        assert (proof.waiting, proof.message) == (2, "2 rows wait for proof that DVS has no transaction.")
        looks = []
        for seconds in (59.9, 0.2, 14.7, 0.4):
            clock.seconds += seconds
            await proof.look()
            looks.append((_looks(network), proof.waiting))
        assert looks == [(0, 2), (2, 2), (2, 2), (4, 0)]
        assert (proof.message, context.journal.counts[RowState.FAILED]) == ("", 2)
        await _start(proof, attempts[:1])
        assert proof.message == "1 row waits for proof that DVS has no transaction."


async def test_a_wait_of_an_earlier_invocation_goes_on_with_its_own_time(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any
) -> None:
    run, attempts = await in_flight(2)
    async with context_of(run, clock=clock) as context:
        await _start(AbsenceProof(context, MoveRecorder(context)), attempts)
        clock.seconds += 30
    async with context_of(run, clock=clock) as context:
        proof = AbsenceProof(context, MoveRecorder(context))
        assert proof.waiting == 0
        await proof.resume()
        assert proof.waiting == 2
        for seconds, looks in ((29.9, 0), (0.2, 2)):
            clock.seconds += seconds
            await proof.look()
            assert _looks(network) == looks


async def test_a_look_with_a_response_ends_a_series_of_failures_and_one_without_adds_to_it(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any
) -> None:
    run, attempts = await in_flight(1)
    async with context_of(run, clock=clock, circuit=CircuitPolicy(failures=2)) as context:
        proof = AbsenceProof(context, MoveRecorder(context))
        await _start(proof, attempts)
        clock.seconds += 61
        context.control.record_no_response(NoResponseError())
        await proof.look()
        context.control.record_no_response(NoResponseError())
        assert (context.control.is_paused, _looks(network)) == (False, 1)
        network.rule = lambda *_: "lose"
        clock.seconds += 16
        await proof.look()
        assert (context.control.is_paused, proof.waiting) == (True, 1)
        await proof.look()
        assert _looks(network) == 2, "none during a pause"


async def test_a_list_of_other_transactions_is_no_look(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any
) -> None:
    run, attempts = await in_flight(1)
    others = b"""[{"id": 1, "external_id": "another-1", "creation_date": "2026-11-01T20:05:05.883561000Z",
        "status": {"id": 70000, "message": "COMPLETED", "class": {"id": 7, "message": "COMPLETED"}},
        "product": {"id": 6418}}]"""
    network.rule = lambda *_: (200, others)
    async with context_of(run, clock=clock, circuit=CircuitPolicy(failures=1, first_pause=1)) as context:
        proof = AbsenceProof(context, MoveRecorder(context))
        await _start(proof, attempts)
        for _ in range(3):
            clock.seconds += 61
            await proof.look()
            assert (proof.waiting, context.control.is_paused) == (1, True)
        assert context.journal.counts[RowState.IN_FLIGHT] == 1


async def test_after_a_stop_nothing_is_looked_up(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any
) -> None:
    run, attempts = await in_flight(1)
    async with context_of(run, clock=clock) as context:
        proof = AbsenceProof(context, MoveRecorder(context))
        await _start(proof, attempts)
        clock.seconds += 61
        context.control.stop(StopReason.BALANCE, "No balance.")
        await proof.look()
        assert _looks(network) == 1, "a stop that only ends sending"
        clock.seconds += 16
        context.control.stop(StopReason.INTERRUPTED, "Interrupted.")
        await proof.look()
        assert (_looks(network), proof.waiting) == (1, 1)


@pytest.mark.parametrize("after", [RowState.FAILED, RowState.PENDING, RowState.CONFLICT])
async def test_what_is_proved_absent_moves_to_the_state_that_its_wait_began_with(
    in_flight: InFlight, context_of: Any, clock: Any, after: RowState
) -> None:
    run, [attempt] = await in_flight(1)
    async with context_of(run, clock=clock) as context:
        proof = AbsenceProof(context, MoveRecorder(context))
        await proof.start(attempt, after=after, message="Said so.")
        for _ in range(2):
            clock.seconds += 61
            await proof.look()
        assert (context.journal.counts[after], context.journal.counts[RowState.IN_FLIGHT]) == (1, 0)
        event = context.ledger.rows.events(attempt.row_id)[-1]
        assert (
            event.cause
            == {
                RowState.FAILED: "creation refused",
                RowState.PENDING: "not taken: DVS has no transaction",
                RowState.CONFLICT: "DVS has a transaction of it, and lists none",
            }[after]
        )
        [outcome] = context.ledger.outcomes.rows(run)
        assert outcome.message.startswith("Said so.")
        assert ("may still arrive: do not pay it by other means before" in outcome.message) is (
            after is RowState.FAILED
        )


async def test_what_is_found_ends_its_wait_as_what_it_is(
    in_flight: InFlight, context_of: Any, clock: Any, books: Any
) -> None:
    run, attempts = await in_flight(2)
    async with context_of(run, clock=clock) as context:
        proof = AbsenceProof(context, MoveRecorder(context))
        await _start(proof, attempts)
        await context.dvs.transaction_outcomes.create_async(body_of(attempts[0], None))
        for waiting in (1, 0):
            clock.seconds += 61
            await proof.look()
            assert proof.waiting == waiting
        counts = context.journal.counts
        assert counts[RowState.ACCEPTED] + counts[RowState.COMPLETED] == counts[RowState.FAILED] == 1
    assert len(books()) == 1


async def test_a_stop_at_a_look_looks_up_no_further_attempt_and_ends_no_wait(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any
) -> None:
    run, attempts = await in_flight(3)
    async with context_of(run, clock=clock, concurrency=1) as context:

        def rule(*_: Any) -> str:
            context.control.stop(StopReason.INTERRUPTED, "Interrupted.")
            return "pass"

        network.rule = rule
        proof = AbsenceProof(context, MoveRecorder(context))
        await _start(proof, attempts)
        clock.seconds += 61
        await proof.look()
        assert (_looks(network), proof.waiting) == (1, 3)


async def test_what_is_found_without_its_party_is_not_known_to_be_the_rows_own(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any
) -> None:
    def without_party(answer: Any) -> None:
        for each in answer:
            del each["credit_party_identifier"]

    run, [attempt] = await in_flight(1)
    async with context_of(run, clock=clock) as context:
        await context.dvs.transaction_outcomes.create_async(body_of(attempt, None))
        network.rule = lambda *_: without_party
        proof = AbsenceProof(context, MoveRecorder(context))
        await _start(proof, [attempt])
        clock.seconds += 61
        await proof.look()
        assert (proof.waiting, context.journal.counts[RowState.CONFLICT]) == (0, 1)


async def test_after_a_look_that_fails_those_wait_that_were_not_looked_up(
    in_flight: InFlight, network: Any, context_of: Any, clock: Any
) -> None:
    run, attempts = await in_flight(3)
    async with context_of(run, clock=clock, concurrency=1) as context:
        proof = AbsenceProof(context, MoveRecorder(context))
        await _start(proof, attempts)
        clock.seconds += 61
        await proof.look()
        network.rule = lambda *_: "lose" if _looks(network) == len(attempts) + 2 else "pass"
        clock.seconds += 16
        await proof.look()
        assert (_looks(network), proof.waiting, context.journal.counts[RowState.FAILED]) == (5, 2, 1)
