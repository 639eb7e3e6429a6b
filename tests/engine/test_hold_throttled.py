"""Hold mode: a confirmation that DVS throttles until its tries are used up."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.dvs import RetryPolicy
from bulk_topup.engine import StopReason
from tests.engine.conftest import count_states, count_statuses, decision_in

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

CREATION = "POST /v1/async/transactions HTTP/1.1"
THROTTLED = (429, b'{"errors":[{"code":1000429,"message":"Too many requests"}]}')


@pytest.fixture
def time_scale() -> float:
    """Transactions can be confirmed for 180 s."""
    return 0.05


async def test_a_throttled_confirmation_leaves_the_row_open_and_the_next_start_confirms_it(
    pay: Pay, books: Books, network: Any, watcher: Any, tmp_path: Path
) -> None:
    """Nothing else is asked about the transaction, whose status 429 says nothing of."""

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if "/confirm" not in line:
            return "pass"
        watcher.runner.stop()  # else it would be sent again
        return THROTTLED

    network.rule = rule
    one_try = RetryPolicy(tries=1, throttled_tries=1)
    finished, outcomes = await pay(2, mode="hold", retries=one_try)
    assert finished.result.reason is StopReason.INTERRUPTED
    assert (count_states(outcomes), decision_in(tmp_path)) == ({"accepted": 2}, "confirm")
    assert count_statuses(books) == {"CREATED": 2}
    assert not [line for line, _ in network.seen if "/transactions/" in line and "/confirm" not in line]

    network.rule = lambda *_: "pass"
    finished, outcomes = await pay(2, mode="hold")
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 2})
    assert (count_statuses(books), decision_in(tmp_path)) == ({"COMPLETED": 2}, None)
    assert [line for line, _ in network.seen].count(CREATION) == 2
