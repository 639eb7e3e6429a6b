"""A conflict that a look-up and a sweep of the list prove to be wrong at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine.conflict_proof import ConflictProof
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext
from bulk_topup.engine.run_options import RunOptions
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]


@pytest.mark.parametrize("listed", [1, 2])
async def test_a_conflict_that_is_proved_twice_at_the_same_time_ends_once(
    pay: Pay, network: Any, tmp_path: Path, credentials: tuple[str, str], listed: int
) -> None:
    """The list is seen before the look-up is answered; or twice, at the same time."""

    def contradict(answer: Any) -> None:
        for each in answer if isinstance(answer, list) else [answer]:
            each["product"] = {"id": 1}

    network.rule = lambda _number, line, _body: contradict if "/transactions" in line else "pass"
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
