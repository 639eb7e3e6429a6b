"""How many rows are claimed at once, and what is counted of claims and responses."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.engine.absence_proof import AbsenceProof
from bulk_topup.engine.conflict_proof import ConflictProof
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.submit import Submitter

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]


async def test_each_claimed_row_and_each_response_is_counted_once(pay: Pay, watcher: Any) -> None:
    await pay(9)
    submitter = watcher.runner._submitter
    assert (submitter._claimed, submitter._returned) == (9, 9)


async def test_as_many_rows_are_claimed_as_responses_came_in_a_tenth_of_a_second_since_the_last_claim(
    pay: Pay, context_of: Any, clock: Any
) -> None:
    finished, _ = await pay(1)
    async with context_of(finished.run, clock=clock, concurrency=10) as context:
        recorder = MoveRecorder(context)
        proof, conflicts = AbsenceProof(context, recorder), ConflictProof(context, recorder)
        submitter = Submitter(context, recorder, proof, conflicts, None)
        sizes = []
        for seconds, responses in ((0.001, 1), (0, 0), (1, 0), (0.001, 0), (2, 1_000), (2, 1_000), (1, 90), (1, 9_000)):
            clock.seconds += seconds
            submitter._returned += responses
            sizes.append(submitter._claim_size())
        assert sizes == [100, 10, 10, 10, 50, 50, 10, 250]
