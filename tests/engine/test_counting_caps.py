"""What each outcome of a row counts for in the caps, in the same start and in the next one."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Caps, Guards
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine.move_recorder import MoveRecorder
from bulk_topup.engine.run_context import RunContext
from bulk_topup.engine.run_options import RunOptions
from bulk_topup.ledger import LedgerStore
from tests.conftest import HandClock
from tests.ledger.conftest import facts, move, row, start

__all__ = ["facts", "move", "row", "start"]

pytestmark = pytest.mark.anyio

#: Far more than the rows of these tests cost, so that everything is counted.
CAPS = Caps(rows=1_000, costs={"USD": Decimal(1_000)})
NOWHERE = "http://127.0.0.1:1/v1"


@pytest.fixture
async def sent(
    tmp_path: Path, row: Callable[..., Any], start: Callable[..., Any]
) -> AsyncIterator[tuple[RunContext, list[Attempt]]]:
    """A run of two rows in flight, each planned to cost 5 USD, with its budget."""
    clock = HandClock()
    with LedgerStore(tmp_path / "ledger.db", clock=clock) as ledger:
        run = start(ledger, [row(1), row(2)])
        async with AsyncDVS(NOWHERE, "key", "secret") as dvs:
            context = RunContext.create(
                run=run, dvs=dvs, ledger=ledger, options=RunOptions(guards=Guards(caps=CAPS)), clock=clock
            )
            attempts = await context.journal.call(ledger.attempts.claim, run, 2)
            assert [context.budget.excess(each) for each in attempts] == [None, None]
            yield context, attempts
            await context.journal.close()


@pytest.mark.parametrize(
    ("states", "rows", "cost"),
    [
        ([RowState.ACCEPTED], 2, "12.46"),
        ([RowState.COMPLETED], 2, "12.46"),
        ([RowState.ACCEPTED, RowState.COMPLETED], 2, "12.46"),
        ([RowState.CONFLICT], 2, "12.46"),
        ([RowState.ACCEPTED, RowState.CONFLICT], 2, "12.46"),
        ([RowState.COMPLETED, RowState.REVERSED], 1, "5"),
        ([RowState.ACCEPTED, RowState.FAILED], 1, "5"),
        ([RowState.FAILED], 1, "5"),
        ([RowState.PENDING], 1, "5"),
    ],
)
async def test_a_conflict_counts_and_a_reversal_frees_its_money_now_and_in_the_next_start(
    sent: tuple[RunContext, list[Attempt]],
    move: Callable[..., Move],
    facts: Callable[..., Any],
    states: list[RowState],
    rows: int,
    cost: str,
) -> None:
    context, [attempt, _] = sent
    recorder, before = MoveRecorder(context), RowState.IN_FLIGHT
    for after in states:
        known = None if after in {RowState.PENDING, RowState.FAILED} else facts(status_class=after.name)
        await recorder.record((attempt, move(attempt, before, after, facts=known)))
        before = after
    budget = context.budget
    assert (budget._rows, budget.amounts, budget.costs) == (rows, {"SGD": Decimal(10 * rows)}, {"USD": Decimal(cost)})
    spent = await context.journal.call(context.ledger.spending.spent, context.run)
    assert (spent.rows, spent.amounts, spent.costs) == (rows, budget.amounts, budget.costs)
