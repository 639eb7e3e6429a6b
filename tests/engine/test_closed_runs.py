"""A closed run sends nothing: rows in flight get their outcome by a look-up, and what is unconfirmed is cancelled."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.close import close_run
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.resume import resume_run
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.engine import RunOptions
from bulk_topup.errors import ClosedRunError
from bulk_topup.ledger import LedgerStore, RetryChoice
from bulk_topup.report import ReportFormat
from tests.helpers.hand_clock import SkippingClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

CREATION = "POST /v1/async/transactions HTTP/1.1"


@pytest.fixture
def time_scale() -> float:
    """Long enough that no transaction expires while the clock hastens."""
    return 0.05


def _interrupt(network: Any, watcher: Any, fate: str, *, after: int = 1) -> None:
    """Make the network treat creations after some first ones by a fate, and stop the run at the second of them."""
    creations = 0

    def rule(_number: int, line: str, _body: bytes) -> str:
        nonlocal creations
        if not line.startswith("POST"):
            return "pass"
        creations += 1
        if creations <= after:
            return "pass"
        if creations > after + 1:
            watcher.runner.stop()
        return fate

    network.rule = rule


@pytest.fixture
def resume(
    network: Any, tmp_path: Path, credentials: tuple[str, str], watcher: Any, skipping_clock: SkippingClock
) -> Callable[..., Awaitable[dict[RowState, int]]]:
    """Return a function that resumes the only run, and returns its row counts."""

    async def run(retry: RetryChoice | None = None) -> dict[RowState, int]:
        policy = RetryPolicy(tries=1, first_wait=0.01)
        clock = skipping_clock
        async with AsyncDVS(network.address, *credentials, rate=10_000, timeout=2, retries=policy, clock=clock) as dvs:
            with LedgerStore(tmp_path / "ledger.db", clock=clock) as ledger:
                [found] = ledger.runs.all()
                finished = await resume_run(
                    found,
                    dvs=dvs,
                    payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
                    ledger=ledger,
                    options=RunOptions(concurrency=4),
                    report=ReportOptions(folder=tmp_path / "report", formats=(ReportFormat.JSONL,)),
                    watcher=watcher,
                    clock=clock,
                    retry=retry,
                )
                return {state: count for state, count in finished.result.counts.items() if count}

    return run


def _close(folder: Path) -> list[Outcome]:
    with LedgerStore(folder / "ledger.db") as ledger:
        [found] = ledger.runs.all()
        closed = close_run(found, ledger=ledger, by="ana", reason="withdrawn").run
        return list(ledger.outcomes.rows(closed))


@pytest.mark.parametrize(("fate", "outcome"), [("hang up", "completed"), ("lose", "failed")])
async def test_a_row_in_flight_of_a_closed_run_gets_its_outcome_and_is_never_sent_again(
    pay: Pay, resume: Any, network: Any, books: Books, watcher: Any, tmp_path: Path, fate: str, outcome: str
) -> None:
    _interrupt(network, watcher, fate)
    stops = {"failed_share": 0.01, "failed_share_after": 1}  # they stop no look-up
    await pay(6, concurrency=1, retries=RetryPolicy(tries=1), stops=stops)
    before = _close(tmp_path)
    unknown = [row.external_id for row in before if row.state is RowState.IN_FLIGHT]
    assert len(unknown) > 1
    assert not [row for row in before if row.state is RowState.PENDING]
    fates = iter([(500, b"")])
    network.rule = lambda _number, line, _body: next(fates, "pass") if "external_id=" in line else "pass"
    network.seen.clear()
    counts = await resume()
    assert [line for line, _ in network.seen if line == CREATION] == []
    created = {each["external_id"] for each in books()}
    assert {external_id in created for external_id in unknown} == {outcome == "completed"}
    assert counts[RowState(outcome)] >= len(unknown)
    assert set(counts) <= {RowState.COMPLETED, RowState.FAILED, RowState.REFUSED}
    assert len(created) == counts.get(RowState.COMPLETED, 0)


async def test_failed_rows_of_a_closed_run_are_retried_by_nobody_and_no_policy(
    pay: Pay, resume: Any, books: Books, tmp_path: Path
) -> None:
    """The job's retry policy acts on every resume, and the last digits make every attempt of the row fail."""
    await pay(text="10001,+6595123102,5\n", retry={"attempts": 1})
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        connection = ledger.file.connection
        connection.execute("UPDATE runs SET guards = json_set(guards, '$.retry.attempts', 5)")
        [found] = ledger.runs.all()
        close_run(found, ledger=ledger, by="ana", reason="withdrawn")
        assert ledger.retries.choose(found, RetryChoice()) == (0, {})
    assert await resume() == {RowState.FAILED: 1}
    with pytest.raises(ClosedRunError, match=r"Closed on .*: withdrawn\..*with another --run-key"):
        await resume(RetryChoice())
    assert len(books()) == 1


async def test_unconfirmed_transactions_of_a_closed_run_are_cancelled(
    pay: Pay, resume: Any, network: Any, books: Books, watcher: Any, tmp_path: Path
) -> None:
    _interrupt(network, watcher, "hang up", after=2)
    await pay(4, mode="hold", retries=RetryPolicy(tries=1))
    _close(tmp_path)
    network.rule = lambda *_: "pass"
    network.seen.clear()
    counts = await resume()
    assert {each["status_class"] for each in books()} == {"CANCELLED"}
    assert len(books()) == counts[RowState.FAILED]
    assert not [line for line, _ in network.seen if line.startswith("POST") and not line.split()[1].endswith("/cancel")]


async def test_a_conflict_that_ends_in_a_closed_run_is_cancelled_although_the_others_were_decided_to_be_confirmed(
    pay: Pay, resume: Any, network: Any, books: Books, watcher: Any, tmp_path: Path
) -> None:
    """Row 0 is in conflict when the others are compared, so that nobody has compared it."""
    kinds: list[str] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line.startswith("POST"):
            kinds.append("create" if line == CREATION else line.split()[1].rpartition("/")[2])
        if line == CREATION and kinds == ["create"]:
            return lambda transaction: transaction.update(product={"id": 1})
        if kinds.count("confirm") == 2 and watcher.runner:
            watcher.runner.stop()
        return "pass"

    network.rule = rule
    await pay(20, mode="hold", rate=100)
    (strange,) = [row for row in _close(tmp_path) if row.state is RowState.CONFLICT]
    network.rule = lambda *_: "pass"
    counts = await resume()
    assert counts == {RowState.COMPLETED: 19, RowState.FAILED: 1}
    assert [each["id"] for each in books() if each["status_class"] == "CANCELLED"] == [strange.transaction_id]


async def test_a_closed_run_claims_nothing_whatever_state_its_rows_are_in(pay: Pay, tmp_path: Path) -> None:
    await pay(2)
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        [found] = ledger.runs.all()
        closed = close_run(found, ledger=ledger, by="ana", reason="withdrawn").run
        ledger.file.connection.execute("UPDATE rows SET state = 'pending'")
        assert ledger.attempts.claim(closed, 10) == []


async def test_a_row_that_would_be_sent_again_once_its_absence_is_proved_fails_in_a_closed_run(
    pay: Pay,
    resume: Any,
    network: Any,
    books: Books,
    watcher: Any,
    tmp_path: Path,
    skipping_clock: SkippingClock,
) -> None:
    """Its request was refused for lack of balance after one of unknown outcome, before the run was closed."""
    _interrupt(network, watcher, "lose", after=0)
    await pay(2, retries=RetryPolicy(tries=1))
    _close(tmp_path)
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        [found] = ledger.runs.all()
        for attempt in ledger.attempts.in_flight(found):
            now = skipping_clock.now()
            ledger.absences.start(attempt, sent_at=now, due_at=now, after=RowState.PENDING, message="")
    network.rule = lambda *_: "pass"
    assert await resume() == {RowState.FAILED: 2}
    assert books() == []
