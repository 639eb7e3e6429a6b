"""A start that a cap or a low balance ends finds out the outcome of what was sent before, and sends nothing."""

import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.resume import resume_run
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.guards import Caps, Guards
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.engine import CircuitPolicy, RunOptions, StopReason
from bulk_topup.errors import BalanceTooLowError, GuardError
from bulk_topup.ledger import LedgerStore
from bulk_topup.report import ReportFormat
from tests.engine.conftest import Network, RecordingWatcher, count_statuses
from tests.engine.test_absence_proof import CREATION
from tests.helpers.hand_clock import SkippingClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]
ROWS = 8
#: Rows of the list at a later start, which are too many for its cap.
MORE = ROWS + 4
IMPATIENT = CircuitPolicy(failures=3, first_pause=0.02, longest_pause=0.05, patience=0.5)


async def _leave_in_flight(pay: Pay, network: Network, fate: str) -> int:
    """Start a run whose requests get no response; return how many rows stay in flight."""
    network.rule = lambda _number, line, _body: fate if line == CREATION else "pass"
    finished, _ = await pay(ROWS, circuit=IMPATIENT)
    assert finished.result.reason is StopReason.CIRCUIT
    network.rule = lambda _number, _line, _body: "pass"
    network.seen.clear()
    in_flight: int = finished.result.counts[RowState.IN_FLIGHT]
    assert in_flight > 0
    return in_flight


def _states(folder: Path) -> Counter[RowState]:
    with LedgerStore(folder / "ledger.db", read_only=True) as ledger:
        return Counter(each.state for each in ledger.outcomes.rows(ledger.runs.all()[0]))


@pytest.mark.parametrize(("fate", "after"), [("hang up", RowState.COMPLETED), ("lose", RowState.PENDING)])
async def test_what_is_in_flight_is_looked_up_before_a_cap_ends_the_start(
    fate: str, after: RowState, pay: Pay, network: Network, books: Books, tmp_path: Path
) -> None:
    in_flight = await _leave_in_flight(pay, network, fate)
    sent = len(books())
    with pytest.raises(GuardError) as raised:
        await pay(MORE, add=True, caps={"rows": ROWS})
    assert f"{in_flight} rows sent before: followed to the end, and in the report." in str(raised.value)
    states = _states(tmp_path)
    assert states[after] >= in_flight
    assert states[RowState.IN_FLIGHT] == states[RowState.ACCEPTED] == 0
    assert not any(line == CREATION for line, _ in network.seen)
    assert len(books()) == sent
    assert (tmp_path / "report").is_dir()
    finished, outcomes = await pay(MORE, add=True)
    assert (finished.result.reason, {each.state for each in outcomes}) == (None, {RowState.COMPLETED})
    assert len(books()) == MORE


def _drained(_number: int, line: str, _body: bytes) -> Any:
    """Answer as if other programs had spent the balance."""
    return _drain if "/balances" in line else "pass"


def _drain(wallets: list[dict[str, Any]]) -> None:
    for wallet in wallets:
        wallet["available"] = 1


async def test_what_is_in_flight_is_looked_up_before_a_low_balance_ends_the_start(
    pay: Pay, network: Network, books: Books, tmp_path: Path
) -> None:
    in_flight = await _leave_in_flight(pay, network, "hang up")
    network.rule = _drained
    with pytest.raises(BalanceTooLowError) as raised:
        await pay(MORE, add=True)
    assert f"{in_flight} rows sent before: followed to the end, and in the report." in str(raised.value)
    assert _states(tmp_path)[RowState.COMPLETED] == len(books()) == in_flight
    assert not any(line == CREATION for line, _ in network.seen)


async def test_what_was_decided_to_be_confirmed_is_not_confirmed_by_a_start_that_a_cap_ends(
    pay: Pay, network: Network, books: Books
) -> None:
    """A confirmation pays, and a cap says that nothing more may be paid."""
    refused = (401, b'{"errors":[{"code":1000401,"message":"Unauthorized"}]}')
    network.rule = lambda _number, line, _body: refused if "/confirm" in line else "pass"
    finished, _ = await pay(2, mode="hold")
    assert finished.result.counts[RowState.ACCEPTED] == 2
    network.rule = lambda *_: "pass"
    with pytest.raises(GuardError, match="\n2 rows sent before: left unconfirmed"):
        await pay(4, mode="hold", add=True, caps={"rows": 2})
    assert count_statuses(books) == {"CREATED": 2}
    finished, outcomes = await pay(4, mode="hold", add=True)
    assert (finished.result.reason, {each.state for each in outcomes}) == (None, {RowState.COMPLETED})


@pytest.mark.parametrize(("cap", "rule", "ends"), [(10, None, GuardError), (1_000, _drained, BalanceTooLowError)])
async def test_a_resume_looks_up_what_is_in_flight_before_a_cap_or_a_low_balance_ends_it(
    cap: int,
    rule: Any,
    ends: type[Exception],
    pay: Pay,
    network: Network,
    books: Books,
    tmp_path: Path,
    credentials: tuple[str, str],
    watcher: RecordingWatcher,
    skipping_clock: SkippingClock,
) -> None:
    creations = 0

    def hang_up(_number: int, line: str, _body: bytes) -> str:
        nonlocal creations
        creations += line == CREATION
        return "hang up" if line == CREATION and creations > 1 else "pass"

    network.rule = hang_up
    await pay(100, circuit=IMPATIENT, retries=RetryPolicy(tries=1))
    network.rule = rule or (lambda *_: "pass")
    network.seen.clear()
    before = _states(tmp_path)
    assert before[RowState.IN_FLIGHT] > 0
    assert before[RowState.PENDING] > 0
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
        connection.execute("UPDATE runs SET guards = ?", (Guards(caps=Caps(rows=cap)).model_dump_json(),))
    async with AsyncDVS(network.address, *credentials, rate=10_000, clock=skipping_clock) as dvs:
        with LedgerStore(tmp_path / "ledger.db", clock=skipping_clock) as ledger:
            with pytest.raises(ends, match="sent before: followed to the end"):
                await resume_run(
                    ledger.runs.all()[0],
                    dvs=dvs,
                    payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
                    ledger=ledger,
                    options=RunOptions(concurrency=4),
                    report=ReportOptions(folder=tmp_path / "report", formats=(ReportFormat.JSONL,)),
                    watcher=watcher,
                    clock=skipping_clock,
                )
    after = _states(tmp_path)
    assert after == {RowState.COMPLETED: len(books()), RowState.PENDING: 100 - len(books())}
    assert not any(line == CREATION for line, _ in network.seen)


async def test_a_start_whose_look_ups_fail_ends_as_resumable_and_forgets_nobody(
    pay: Pay, network: Network, books: Books, tmp_path: Path
) -> None:
    in_flight = await _leave_in_flight(pay, network, "hang up")
    network.rule = lambda _number, line, _body: "lose" if line.startswith("GET /v1/transactions") else "pass"
    finished, _ = await pay(MORE, add=True, caps={"rows": ROWS}, circuit=IMPATIENT)
    assert finished.result.reason is StopReason.CIRCUIT
    assert _states(tmp_path)[RowState.IN_FLIGHT] == in_flight
    assert len(books()) == in_flight


async def test_without_rows_on_their_way_the_start_ends_at_once(pay: Pay, network: Network) -> None:
    with pytest.raises(GuardError) as raised:
        await pay(ROWS, caps={"rows": 1})
    assert "sent before" not in str(raised.value)
    assert not any("transactions" in line for line, _ in network.seen)
