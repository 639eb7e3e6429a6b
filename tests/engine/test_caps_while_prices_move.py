"""Caps hold when each row leaves, whatever was claimed before prices rose: at most what is on the wire may follow."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.guards import Caps, Guards
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.engine import PollPolicy, Runner, RunOptions, RunResult, StopReason
from bulk_topup.engine.absence_proof import ABSENCE_WAIT, BETWEEN_LOOKS
from bulk_topup.ledger import LedgerStore
from tests.engine.conftest import count_states
from tests.helpers.hand_clock import SkippingClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

CREATION = "POST /v1/async/transactions"
#: Requests on their way at once in these tests.
ON_THE_WIRE = 4
#: What a row of 5 SGD costs before prices rise.
PRICE = Decimal("3.71")


@dataclass
class Rise:
    """A rule of a network by which transactions cost a multiple from a certain number of creations on."""

    #: Creations at the old price.
    after: int
    factor: int = 2
    #: The external IDs, in the order of their requests.
    created: list[str] = field(default_factory=list)

    def __call__(self, number: int, line: str, body: bytes) -> Any:
        """Return what changes the response to a request."""
        del number
        if line.startswith(CREATION) and (external_id := json.loads(body)["external_id"]) not in self.created:
            self.created.append(external_id)
        return self._raise_prices if "transactions" in line else "pass"

    def price(self, external_id: str) -> Decimal:
        """Return what a transaction costs."""
        return PRICE * (self.factor if self.created.index(external_id) >= self.after else 1)

    @property
    def charged(self) -> Decimal:
        """What all transactions cost."""
        return sum(map(self.price, self.created), Decimal(0))

    def _raise_prices(self, body: Any) -> None:
        for transaction in body if isinstance(body, list) else [body]:
            if transaction.get("external_id") in self.created[self.after :]:
                transaction["prices"]["wholesale"]["amount"] *= self.factor


@pytest.mark.parametrize("after", [0, 8, 20])
async def test_a_cap_on_costs_stops_the_rows_that_were_claimed_before_prices_rose(
    pay: Pay, books: Books, network: Any, after: int
) -> None:
    network.rule = rise = Rise(after=after)
    cap = 40 * PRICE
    finished, outcomes = await pay(40, caps={"costs": {"USD": str(cap)}})
    assert (finished.result.reason, exit_code(finished)) == (StopReason.CAP, 75)
    assert f"the cap is {cap} USD. To send the remaining rows, run again with a higher cap." in finished.result.message
    states = count_states(outcomes)
    assert states["completed"] == len(books()) == len(rise.created)
    assert states["pending"] == 40 - states["completed"]
    assert cap - 2 * PRICE < rise.charged <= cap  # prices rose long before the cap, so that it holds exactly
    # What is pending was never sent, and nobody is paid twice once there is a higher cap.
    finished, outcomes = await pay(40, caps={"costs": {"USD": str(3 * cap)}})
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 40})
    assert len(books()) == len(set(rise.created)) == 40


async def test_if_prices_rise_near_the_cap_at_most_what_is_on_the_wire_exceeds_it(pay: Pay, network: Any) -> None:
    network.rule = rise = Rise(after=20, factor=10)
    finished, _ = await pay(40, caps={"costs": {"USD": str(40 * PRICE)}})
    assert finished.result.reason is StopReason.CAP
    # Two rows at the new price reach the cap; those that left before its first answer follow, and no other.
    assert 20 < len(rise.created) <= 20 + 2 + ON_THE_WIRE


@pytest.fixture
async def stopped(pay: Pay, watcher: Any, books: Books) -> None:
    """A run of 12 rows of 5 SGD, none of which was sent."""

    @contextmanager
    def stopping(run: Run, runner: Runner) -> Iterator[None]:
        del run
        runner.stop()
        yield

    watcher.running = stopping
    _, outcomes = await pay(12)
    assert (count_states(outcomes), books()) == ({"pending": 12}, [])


Execute = Callable[..., Awaitable[RunResult]]


@pytest.fixture
def execute(network: Any, credentials: tuple[str, str], tmp_path: Path, skipping_clock: SkippingClock) -> Execute:
    """Return a function that executes the run with caps that its plan was not compared with."""

    async def start(caps: dict[str, Any]) -> RunResult:
        clock = skipping_clock
        guards = Guards(caps=Caps.model_validate(caps))
        options = RunOptions(concurrency=ON_THE_WIRE, polling=PollPolicy(shortest=0.02), guards=guards)
        async with AsyncDVS(network.address, *credentials, clock=clock) as dvs:
            with LedgerStore(tmp_path / "ledger.db", clock=clock) as ledger:
                [run] = ledger.runs.all()
                return await Runner(dvs=dvs, ledger=ledger, run=run, options=options, clock=clock).execute()

    return start


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize(
    ("caps", "sent", "message"),
    [
        ({"rows": 7}, 7, "The run has sent 7 rows; the cap is 7 rows."),
        ({"amounts": {"SGD": "37"}}, 7, "With the next row, 40.00 SGD would be requested; the cap is 37.00 SGD."),
        ({"row_amounts": {"SGD": "4.99"}}, 0, "The next row requests 5.00 SGD; the cap for one row is 4.99 SGD."),
        # Three at the old price and two at the new one are 25.97 USD, and a third one would make 33.39 USD.
        ({"costs": {"USD": "30"}}, None, "the cap is 30.00 USD."),
    ],
)
async def test_each_cap_holds_to_the_row_while_prices_move(
    books: Books,
    network: Any,
    execute: Execute,
    caps: dict[str, Any],
    sent: int | None,
    message: str,
) -> None:
    network.rule = rise = Rise(after=3)
    result = await execute(caps)
    assert result.reason is StopReason.CAP
    assert message in result.message
    assert result.counts[RowState.COMPLETED] == len(books()) == (len(rise.created) if sent is None else sent)
    if sent is None:
        # Of those on the wire when the first new price came, each counted at the old one.
        assert 30 - 2 * PRICE < rise.charged <= 30 + ON_THE_WIRE * PRICE


async def test_what_one_beneficiary_gets_is_limited_to_the_row_while_prices_move(
    pay: Pay, books: Books, network: Any
) -> None:
    network.rule = Rise(after=2)
    # Three rows each, of 5, 4 and 3 SGD.
    text = "".join(f"1000{row},+6595123{400 + row % 4},{5 - row // 4}\n" for row in range(12))
    limit = {"days": 1, "amounts": {"SGD": "10"}}
    finished, outcomes = await pay(text=text, velocity=limit, skip_refused=True, allow_duplicates=True)
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 8, "refused": 4})
    paid = Counter(outcome.credit_party for outcome in outcomes if outcome.state is RowState.COMPLETED)
    assert ([*paid.values()], len(books())) == ([2, 2, 2, 2], 8)


async def test_a_row_of_unknown_outcome_that_no_longer_fits_is_not_sent_again_and_is_pending_after_a_proof(
    pay: Pay, books: Books, network: Any, execute: Execute, skipping_clock: SkippingClock
) -> None:
    rise = Rise(after=0, factor=3)
    lost: set[str] = set()

    def losing(number: int, line: str, body: bytes) -> Any:
        external_id = json.loads(body)["external_id"] if line.startswith(CREATION) else None
        if external_id and (external_id in lost or len(lost) < 2):
            lost.add(external_id)
            return "lose"
        return rise(number, line, body)

    network.rule = losing
    caps = {"costs": {"USD": str(8 * PRICE)}}
    finished, outcomes = await pay(8, caps=caps, retries=RetryPolicy(tries=1, first_wait=0.01))
    assert (finished.result.reason, count_states(outcomes)["in_flight"]) == (StopReason.CAP, 2)
    paid = len(books())
    # The next start can't know whether DVS has them, and the cap is used up.
    network.rule = rise
    started = skipping_clock.monotonic()
    result = await execute({"costs": {"USD": str(3 * PRICE * paid + 2 * PRICE - Decimal("0.01"))}})
    assert result.reason is StopReason.CAP
    assert skipping_clock.monotonic() - started >= ABSENCE_WAIT + BETWEEN_LOOKS
    assert {state: count for state, count in result.counts.items() if count} == {
        RowState.COMPLETED: paid,
        RowState.PENDING: 8 - paid,
    }
    assert len(books()) == paid
    assert not lost.intersection(rise.created)
    finished, outcomes = await pay(8, caps={"costs": {"USD": "1000"}})
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 8})
    assert lost <= {transaction["external_id"] for transaction in books()}
    assert len(books()) == 8
