"""While the rate limit is idle, the state of open rows is never old, and polls use a small part of the rate."""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine.poll_pace import IDLE_SHARE, MOST_WHEN_IDLE, MOST_WHILE_SENDING, PollPace
from bulk_topup.engine.poll_policy import PollPolicy
from bulk_topup.engine.polling import PollSchedule
from tests.helpers.hand_clock import RingingClock, SkippingClock
from tests.helpers.plain_http import HTTP

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
#: Rows that are open at once: more than a page of the list shows.
ROWS = 120
RATE = 20.0
#: The shortest wait of `pay`.
SHORTEST = 0.2


@pytest.fixture
def time_scale() -> float:
    """Rows with the suffix 300 are final 12 s after their creation."""
    return 0.04


@pytest.fixture
def polled(network: Any, skipping_clock: SkippingClock) -> list[tuple[float, bool]]:
    """Record when each request for a transaction's status or creation came, and whether it was a creation."""
    seen: list[tuple[float, bool]] = []

    def rule(_number: int, line: str, _body: bytes) -> str:
        if "transactions" in line:
            seen.append((skipping_clock.monotonic(), line.startswith("POST")))
        return "pass"

    network.rule = rule
    return seen


async def test_when_all_rows_are_sent_an_ending_is_seen_soon_within_a_tenth_of_the_rate(
    pay: Pay, polled: list[tuple[float, bool]]
) -> None:
    lines = "".join(f"1000{row},+659{row:04}300,5\n" for row in range(ROWS))
    _, outcomes = await pay(text=lines, timeout=10, rate=RATE)
    assert {each.state for each in outcomes} == {RowState.COMPLETED}
    sent = [at for at, is_creation in polled if is_creation]
    polls = [at for at, is_creation in polled if not is_creation and at > sent[-1]]
    assert len(polls) <= IDLE_SHARE * RATE * (polls[-1] - sent[-1]) + 2
    # All rows are open for twelve seconds after the last creation, and none of them is worth a poll.
    before = [at for at in polls if at < sent[-1] + 11]
    gaps = sorted(later - earlier for earlier, later in pairwise(before))
    assert gaps[len(gaps) * 3 // 4] <= 1.2
    late = [(each.final_at - each.creation_date).total_seconds() - 12 for each in outcomes]
    assert max(late) <= 2


async def test_polls_use_what_a_slow_provider_leaves_of_the_rate(
    pay: Pay, polled: list[tuple[float, bool]], sandbox: Any, credentials: tuple[str, str]
) -> None:
    faults = sandbox.base_url.removesuffix("/v1") + "/sandbox/faults"
    slow = {"kind": "latency", "method": "POST", "path": "/async/transactions", "seconds": 2.0}
    HTTP.put(faults, json=[slow], auth=credentials).raise_for_status()
    lines = "".join(f"1000{row},+659{row:04}300,5\n" for row in range(60))  # four at a time, in two seconds
    _, outcomes = await pay(text=lines, timeout=10, rate=RATE)
    assert {each.state for each in outcomes} == {RowState.COMPLETED}
    last = max(at for at, is_creation in polled if is_creation)
    known = 6.0  # seconds until it is known how transactions begin
    polls = [at for at, is_creation in polled if not is_creation and last - 2 * 7.5 + known < at < last]
    gaps = sorted(later - earlier for earlier, later in pairwise(polls))
    assert gaps[len(gaps) // 4] <= 4 * SHORTEST  # and not five times the shortest wait
    assert len(polls) <= MOST_WHILE_SENDING * (polls[-1] - polls[0]) + 2


def _pace(clock: RingingClock, rate: float) -> tuple[PollPace, AsyncDVS]:
    dvs = AsyncDVS("http://127.0.0.1:9/v1", "key", "secret", rate=rate, clock=clock)
    return PollPace(dvs, PollSchedule(policy=PollPolicy(), patience=720), clock), dvs


@pytest.mark.parametrize(
    ("rate", "sent", "is_over", "spare"),
    [
        (20.0, 200, False, 0.0),  # all of the rate is used
        (20.0, 181, False, 0.0),  # less than a tenth of it is left
        (20.0, 170, False, 1.5 * 5),  # half of what is left
        (20.0, 10, False, MOST_WHILE_SENDING * 5),
        (20.0, 10, True, 2.0 * 5),
        (2.0, 0, True, 1.0),  # one request at least
        (2_000.0, 0, False, MOST_WHILE_SENDING * 5),
        (2_000.0, 0, True, MOST_WHEN_IDLE * 5),
    ],
)
async def test_polls_may_use_what_sending_leaves(rate: float, sent: int, is_over: bool, spare: float) -> None:
    clock = RingingClock()
    pace, dvs = _pace(clock, rate)
    await clock.sleep(10)
    dvs.traffic.requests += sent
    assert pace.measure(is_over=is_over) == pytest.approx(spare)


async def test_requests_of_polls_are_not_taken_for_sending() -> None:
    clock = RingingClock()
    pace, dvs = _pace(clock, RATE)
    for _ in range(100):
        pace.record_request()
    await clock.sleep(10)
    dvs.traffic.requests += 200
    assert pace.measure(is_over=False) == MOST_WHILE_SENDING * 5


async def test_after_many_requests_the_next_poll_waits_until_the_idle_part_has_paid_for_them() -> None:
    clock = RingingClock()
    pace, _ = _pace(clock, RATE)
    pace.measure(is_over=True)
    assert pace.wait(2.0, open_rows=10) == 2.0
    for _ in range(30):
        pace.record_request()
    assert pace.wait(2.0, open_rows=10) == 15.0
    for _ in range(10_000):
        pace.record_request()
    assert pace.wait(2.0, open_rows=10) == PollPolicy().longest
