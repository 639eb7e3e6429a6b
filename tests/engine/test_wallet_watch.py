"""Another program spends from the wallet of a run: the run says so, and stops before DVS declines a row."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.reconcile import reconcile
from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import StopReason, wallet_watch
from bulk_topup.ledger import LedgerStore
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.system.clock import Clock
from tests.conftest import API_KEY, API_SECRET
from tests.engine.conftest import RecordingWatcher, count_states
from tests.engine.test_absence_proof import CREATION
from tests.helpers.hand_clock import SkippingClock
from tests.helpers.plain_http import HTTP

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
ROWS = 20
#: What the wallet has: enough for all rows, which cost about 4 USD each, and little more.
BALANCE = Decimal(80)


@pytest.fixture
def sandbox(tmp_path: Path, time_scale: float, sandbox_clock: Clock) -> Iterator[EmbeddedSandbox]:
    config = SandboxConfig(
        time_scale=time_scale,
        rate_limit=0,
        balances={"USD": BALANCE, "EUR": BALANCE},
        api_key=API_KEY,
        api_secret=SecretStr(API_SECRET),
        books=tmp_path / "provider-books.jsonl",
    )
    with EmbeddedSandbox(config, sandbox_clock) as running:
        yield running


class OtherProgram:
    """Another program on the account, which holds money of the wallet, and gives it back."""

    def __init__(self, url: str, credentials: tuple[str, str]) -> None:
        self._url, self._credentials = url, credentials
        self._id = 0

    def spend(self, amount: int) -> None:
        body = {
            "external_id": "other-1",
            "product_id": 6418,
            "calculation_mode": "DESTINATION_AMOUNT",
            "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": amount},
            "credit_party_identifier": {"mobile_number": "+6595000000"},
        }
        answer = HTTP.post(f"{self._url}/async/transactions", json=body, auth=self._credentials)
        self._id = answer.raise_for_status().json()["id"]

    def give_back(self) -> None:
        HTTP.post(f"{self._url}/transactions/{self._id}/cancel", auth=self._credentials).raise_for_status()

    def available(self) -> Decimal:
        answer = HTTP.get(f"{self._url}/balances", auth=self._credentials).raise_for_status().json()
        return sum((Decimal(str(each["available"])) for each in answer if each["unit"] == "USD"), Decimal(0))


@pytest.fixture
def other(sandbox: Any, credentials: tuple[str, str]) -> OtherProgram:
    return OtherProgram(sandbox.base_url, credentials)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for the balances of a low wallet before each row."""
    monkeypatch.setattr(wallet_watch, "ASK_INTERVAL", 0.0)


class Watched:
    """A rule of the network that lets the other program act at some creations, and records what DVS answered."""

    def __init__(self, acts: Mapping[int, Callable[[], None]], watcher: RecordingWatcher) -> None:
        self._acts, self._watcher = acts, watcher
        self.created = 0
        self.declined: list[object] = []
        self.asked = 0
        self.warnings: list[str] = []

    def rule(self, _number: int, line: str, _body: bytes) -> Any:
        self.asked += "/balances" in line
        if line != CREATION:
            return "pass"
        self.created += 1
        assert self._watcher.runner is not None
        self.warnings.append(self._watcher.runner.progress().low_balance)
        if act := self._acts.get(self.created):
            act()
        return self._record

    def _record(self, content: Any) -> None:
        if "errors" in content:
            self.declined.append(content)


@pytest.mark.usefixtures("often")
async def test_sending_stops_before_dvs_declines_a_row_and_a_later_start_pays_the_rest(
    pay: Pay, network: Any, watcher: RecordingWatcher, other: OtherProgram, books: Callable[[], list[Any]]
) -> None:
    watched = Watched({5: partial(other.spend, 60)}, watcher)
    network.rule = watched.rule
    finished, outcomes = await pay(ROWS, rate=4)
    states = count_states(outcomes)
    assert watched.declined == []
    assert finished.result.reason is StopReason.BALANCE
    assert exit_code(finished) is ExitCode.STOPPED_BY_PROVIDER
    assert "Sending stopped before DVS declined a row. Top up the wallet, then resume." in finished.result.message
    assert states == {"completed": watched.created, "pending": ROWS - watched.created}
    # What is left does not pay another row: nothing was held back that the wallet covered.
    cost = outcomes[0].price
    assert cost is not None
    assert 0 <= other.available() < cost
    assert any("USD wallet has about" in each for each in watched.warnings)
    other.give_back()
    finished, outcomes = await pay(ROWS)
    assert finished.result.reason is None
    assert count_states(outcomes) == {"completed": ROWS}
    assert len(books()) == ROWS + 1


@pytest.mark.usefixtures("often")
async def test_money_that_comes_back_in_time_lets_the_run_go_on(
    pay: Pay, network: Any, watcher: RecordingWatcher, other: OtherProgram
) -> None:
    watched = Watched({5: partial(other.spend, 40), 10: other.give_back}, watcher)
    network.rule = watched.rule
    finished, outcomes = await pay(ROWS, rate=4)
    assert (finished.result.reason, finished.result.message) == (None, "")
    assert count_states(outcomes) == {"completed": ROWS}
    assert any(watched.warnings)
    assert watched.warnings[-1] == ""


@pytest.mark.usefixtures("often")
async def test_where_balances_cannot_be_read_dvs_declines_a_row_and_sending_stops(
    pay: Pay, network: Any, watcher: RecordingWatcher, other: OtherProgram
) -> None:
    watched = Watched({5: partial(other.spend, 60)}, watcher)

    def rule(number: int, line: str, body: bytes) -> Any:
        is_later = watched.created and "/balances" in line
        return (500, b"{}") if is_later else watched.rule(number, line, body)

    network.rule = rule
    finished, outcomes = await pay(ROWS, rate=4)
    assert watched.declined
    assert finished.result.reason is StopReason.BALANCE
    assert set(count_states(outcomes)) == {"completed", "pending"}


def split(content: Any) -> None:
    """List the dollars as two wallets, of which the last one has a single dollar."""
    [dollars] = [each for each in content if each["unit"] == "USD"]
    content.append({**dollars, "id": 99, "available": 1})
    dollars["available"] -= 1


@pytest.mark.usefixtures("often")
async def test_several_wallets_of_a_currency_are_one_amount(pay: Pay, network: Any, watcher: RecordingWatcher) -> None:
    watched = Watched({}, watcher)

    def rule(number: int, line: str, body: bytes) -> Any:
        watched.rule(number, line, body)
        return split if "/balances" in line else "pass"

    network.rule = rule
    finished, outcomes = await pay(ROWS, rate=4)
    assert watched.asked > 1
    assert not any(watched.warnings)
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": ROWS})


async def test_several_wallets_of_a_currency_are_reconciled_as_one(
    pay: Pay, network: Any, tmp_path: Path, credentials: tuple[str, str], skipping_clock: SkippingClock
) -> None:
    network.rule = lambda _number, line, _body: split if "/balances" in line else "pass"
    finished, _ = await pay(3)
    payer = PayingAccount(environment=Environment.SANDBOX, account=finished.run.account)
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        async with AsyncDVS(network.address, *credentials) as dvs:
            compare = partial(reconcile, dvs=dvs, payer=payer, ledger=ledger, clock=skipping_clock)
            await compare()
            found = await compare()
    [dollars] = [wallet for wallet in found.wallets if wallet.unit == "USD"]
    assert (dollars.moved, dollars.uncompared, found.agrees) == (Decimal(0), "", True)
    assert dollars.available == BALANCE - finished.report.summary.charged["USD"]


async def test_balances_of_a_low_wallet_are_asked_for_once_a_minute(
    pay: Pay, network: Any, watcher: RecordingWatcher, skipping_clock: SkippingClock
) -> None:
    watched = Watched({}, watcher)
    network.rule = watched.rule
    started = skipping_clock.monotonic()
    await pay(ROWS, rate=0.25)
    assert 2 <= watched.asked <= 1 + (skipping_clock.monotonic() - started) / 60


@pytest.mark.usefixtures("often")
async def test_the_balance_does_not_wait_behind_the_rows_that_depend_on_it(
    pay: Pay, network: Any, watcher: RecordingWatcher
) -> None:
    watched = Watched({}, watcher)
    network.rule = watched.rule
    await pay(ROWS, rate=2)
    # For each row that is sent while others wait for the limiter, and not one for 40 of them.
    assert watched.asked >= ROWS // 2


@pytest.mark.usefixtures("often")
async def test_balances_of_other_wallets_are_not_asked_for_again(
    pay: Pay, network: Any, watcher: RecordingWatcher
) -> None:
    watched = Watched({}, watcher)
    network.rule = watched.rule
    await pay(text="".join(f"1000{row},+6595123{400 + row},1\n" for row in range(6)), rate=1)
    assert watched.created == 6
    assert watched.asked == 1  # for the plan


async def test_a_transaction_that_dvs_rejects_for_lack_of_money_stops_sending(pay: Pay, network: Any) -> None:
    created = 0

    def reject(content: Any) -> None:
        message = "REJECTED-INSUFFICIENT-BALANCE"
        content["status"] = {"id": 30500, "message": message, "class": {"id": 3, "message": "REJECTED"}}

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal created
        created += line == CREATION
        return reject if line == CREATION and created == 3 else "pass"

    network.rule = rule
    finished, outcomes = await pay(ROWS, rate=4)
    assert finished.result.reason is StopReason.BALANCE
    assert "REJECTED-INSUFFICIENT-BALANCE" in finished.result.message
    assert count_states(outcomes)["failed"] == 1
    assert sum(each.state is RowState.PENDING for each in outcomes) >= ROWS - 7


@pytest.mark.usefixtures("often")
async def test_balances_that_cannot_be_read_are_not_asked_for_before_each_row(
    pay: Pay, network: Any, watcher: RecordingWatcher
) -> None:
    watched = Watched({}, watcher)
    answers: list[Any] = [lambda content: content[0].update(available=5)]

    def rule(number: int, line: str, body: bytes) -> Any:
        answer = watched.rule(number, line, body)
        if watched.created and "/balances" in line:
            return answers.pop() if answers else (500, b"{}")
        return answer

    network.rule = rule
    finished, outcomes = await pay(ROWS, rate=4)
    assert finished.result.reason is None
    assert count_states(outcomes) == {"completed": ROWS}
    assert watched.asked < ROWS  # with the repetitions of each question


@pytest.mark.usefixtures("often")
async def test_a_wallet_that_an_answer_leaves_out_stops_no_row(
    pay: Pay, network: Any, watcher: RecordingWatcher
) -> None:
    watched = Watched({}, watcher)
    answers: list[Any] = [list.clear, lambda content: content[0].update(available=5)]

    def rule(number: int, line: str, body: bytes) -> Any:
        answer = watched.rule(number, line, body)
        if watched.created and "/balances" in line:
            return answers.pop() if len(answers) > 1 else answers[0]
        return answer

    network.rule = rule
    finished, outcomes = await pay(ROWS, rate=4)
    assert finished.result.reason is None
    assert count_states(outcomes) == {"completed": ROWS}
