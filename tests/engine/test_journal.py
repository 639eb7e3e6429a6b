"""The journal, also when its ledger fails."""

import asyncio
import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.row import StagedRow
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.engine.journal import Journal
from bulk_topup.errors import LedgerError
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.attempts import AttemptQueries
from bulk_topup.system.clock import SystemClock

MOVE = Move(row_id=1, attempt=1, before=RowState.IN_FLIGHT, after=RowState.PENDING, cause="not taken")


@pytest.fixture
def broken(tmp_path: Path) -> tuple[LedgerStore, Run]:
    """A ledger with a run; the tests close it before it is written."""
    ledger = LedgerStore(tmp_path / "ledger.db")
    ledger.staging.clear()
    run = ledger.staging.merge(job="list", run_key="a", environment="sandbox", list_path="a.csv", columns=["phone"])
    return ledger, run


def _with_journal(broken: tuple[LedgerStore, Run], use: Callable[[Journal], Any]) -> list[dict[str, Any]]:
    """Use a journal whose ledger fails before it commits; return what asyncio would have printed."""
    printed: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: printed.append(context))
        ledger, run = broken
        journal = Journal(ledger, run, SystemClock())
        ledger.close()
        await use(journal)
        await journal.close()
        gc.collect()

    asyncio.run(main())
    gc.collect()
    return printed


def test_a_task_that_waits_for_a_failed_commit_gets_its_error(broken: tuple[LedgerStore, Run]) -> None:
    async def use(journal: Journal) -> None:
        with pytest.raises(LedgerError):
            await journal.record(MOVE)

    assert _with_journal(broken, use) == []


def test_a_commit_that_fails_after_every_waiting_task_was_cancelled_prints_no_traceback(
    broken: tuple[LedgerStore, Run],
) -> None:
    async def use(journal: Journal) -> None:
        waiting = asyncio.create_task(journal.record(MOVE))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert _with_journal(broken, use) == []


class CountingAttempts(AttemptQueries):
    """Attempts that count the commits of their moves."""

    commits = 0

    def record(self, moves: Sequence[Move]) -> None:
        CountingAttempts.commits += 1
        super().record(moves)


def test_concurrent_moves_share_one_commit(tmp_path: Path) -> None:
    async def main(ledger: LedgerStore, run: Run) -> None:
        journal = Journal(ledger, run, SystemClock())
        attempts = ledger.attempts.claim(run, 20)
        moves = [replace(MOVE, row_id=attempt.row_id) for attempt in attempts]
        await asyncio.gather(*(journal.record(move) for move in moves))
        assert CountingAttempts.commits == 1
        assert ledger.rows.counts(run)[RowState.PENDING] == 20
        await journal.close()

    with LedgerStore(tmp_path / "ledger.db") as ledger:
        ledger.attempts = CountingAttempts(ledger.file)
        ledger.staging.clear()
        ledger.staging.add(_row(number) for number in range(20))
        run = ledger.staging.merge(job="list", run_key="a", environment="sandbox", list_path="a.csv", columns=["phone"])
        asyncio.run(main(ledger, run))


def _row(number: int) -> StagedRow:
    return StagedRow(
        line=number + 2,
        identity=f"reference:{number}",
        party=None,
        state=RowState.PENDING,
        cells="[]",
        problems="[]",
        product_id=1,
        credit_party=None,
        amount=None,
        unit=None,
        request="{}",
        cost=None,
        cost_unit=None,
        operator_id=None,
    )
