"""What is due is asked for again before the first row is sent if it is too old, and never paid otherwise than shown."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import run_list
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import RunOptions, StopReason
from bulk_topup.errors import StatementsChangedError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("skipped_waits")]


class LateClock(SystemClock):
    """A clock that may be set later."""

    def __init__(self) -> None:
        super().__init__()
        self.later = timedelta()

    def now(self) -> datetime:
        return super().now() + self.later


class Waiting:
    """A watcher that does something at the prompt, or once the run is created."""

    def __init__(self, *, at_prompt: Callable[[], object] = bool, at_start: Callable[[], object] = bool) -> None:
        self._at_prompt, self._at_start = at_prompt, at_start

    def prepared(self, *_: object) -> None:
        """Show nothing."""

    def confirm(self, *_: object) -> None:
        self._at_prompt()

    def running(self, *_: object) -> Any:
        self._at_start()
        return nullcontext()


@pytest.fixture
def late() -> LateClock:
    return LateClock()


@pytest.fixture
def run(sandbox: Any, tmp_path: Path, credentials: tuple[str, str], late: LateClock) -> Callable[..., Any]:
    """Return a function that runs a list of two accounts with a watcher."""
    (tmp_path / "bills.csv").write_text("account_number,account_qualifier\n30294429610,PREPAID\n30294429611,PREPAID\n")

    async def start(watcher: Waiting) -> FinishedRun:
        job = Job(list="bills.csv", product=9105, amount="statement", bill="oldest").at(late.now(), tmp_path)
        async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
            with LedgerStore(tmp_path / "ledger.db", clock=late) as ledger:
                return await run_list(
                    job,
                    dvs=dvs,
                    payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
                    ledger=ledger,
                    options=RunOptions(),
                    report=ReportOptions(folder=tmp_path / "report"),
                    watcher=watcher,
                    clock=late,
                )

    return start


@pytest.fixture
def change(sandbox: Any, credentials: tuple[str, str]) -> Callable[[], None]:
    """Return a function that doubles what accounts owe."""

    def put() -> None:
        body = b'[{"products": [9105], "amount_factor": 2}]'
        httpx2.put(f"{sandbox.address}/sandbox/changes", content=body, auth=credentials).raise_for_status()

    return put


@pytest.fixture
def paid(sandbox: Any, credentials: tuple[str, str]) -> Callable[[], int]:
    """Return a function that counts the provider's transactions."""
    return lambda: len(httpx2.get(sandbox.books_url, auth=credentials).json()["transactions"])


async def test_what_changed_while_a_prompt_waited_is_not_paid(
    run: Callable[..., Any], late: LateClock, change: Callable[[], None], paid: Callable[[], int]
) -> None:
    def wait() -> None:
        late.later += timedelta(hours=2)
        change()

    with pytest.raises(
        StatementsChangedError, match=r"changed for 2 rows after the plan was made, the first in line 2"
    ):
        await run(Waiting(at_prompt=wait))
    assert paid() == 0
    assert (await run(Waiting())).result.counts[RowState.COMPLETED] == 2


async def test_what_is_the_same_after_a_long_prompt_is_paid(
    run: Callable[..., Any], late: LateClock, paid: Callable[[], int]
) -> None:
    def wait() -> None:
        late.later += timedelta(hours=2)

    finished = await run(Waiting(at_prompt=wait))
    assert finished.result.counts[RowState.COMPLETED] == 2
    assert paid() == 2


async def test_what_is_recent_is_not_asked_for_again(
    run: Callable[..., Any], change: Callable[[], None], paid: Callable[[], int]
) -> None:
    assert (await run(Waiting(at_prompt=change))).result.counts[RowState.COMPLETED] == 2
    assert paid() == 2


async def test_rows_whose_amounts_became_too_old_wait_for_the_next_start(
    run: Callable[..., Any], late: LateClock, change: Callable[[], None], paid: Callable[[], int]
) -> None:
    def wait() -> None:
        late.later += timedelta(hours=2)

    finished = await run(Waiting(at_start=wait))
    assert finished.result.reason is StopReason.OUTDATED
    assert finished.result.counts[RowState.PENDING] == 2
    assert "Run the list again to ask for them." in finished.result.message
    assert paid() == 0
    change()
    assert (await run(Waiting())).result.counts[RowState.COMPLETED] == 2
    assert paid() == 2
