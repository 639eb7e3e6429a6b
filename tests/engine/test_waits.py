"""A run that DVS throttles for longer than it may wait: it stops and says so, and a later invocation continues."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.states import RowState
from bulk_topup.engine import StopReason
from tests.engine.test_absence_proof import CREATION

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
THROTTLED = (429, b'{"errors":[{"code":1000429,"message":"Too many requests"}]}')


async def test_a_run_stops_when_its_waits_exceed_their_bound_and_nobody_is_paid_twice(
    pay: Pay, network: Any, books: Callable[[], list[dict[str, Any]]]
) -> None:
    created = 0

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal created
        created += line == CREATION
        return THROTTLED if line == CREATION and created > 3 else "pass"

    network.rule = rule
    finished, outcomes = await pay(10, max_wait=0)
    assert finished.result.reason is StopReason.CIRCUIT
    assert "Its waits exceed 0 s. Resume later, or allow more with --max-wait." in finished.result.message
    assert exit_code(finished) is ExitCode.STOPPED_BY_PROVIDER
    assert sum(each.state is RowState.PENDING for each in outcomes) >= 3
    network.rule = lambda _number, _line, _body: "pass"
    finished, outcomes = await pay(10)
    assert {each.state for each in outcomes} == {RowState.COMPLETED}
    assert len(books()) == len({each["external_id"] for each in books()}) == 10


async def test_each_response_of_a_run_starts_the_sum_of_its_waits_again(pay: Pay, network: Any) -> None:
    """One 429 before each of many responses: each pause of a second is within the bound, and all of them are not."""
    requests = 0

    def rule(_number: int, line: str, _body: bytes) -> Any:
        nonlocal requests
        requests += line == CREATION
        return THROTTLED if line == CREATION and requests in {2, 4, 6} else "pass"

    network.rule = rule
    finished, outcomes = await pay(4, max_wait=1.5)
    assert finished.result.reason is None
    assert {each.state for each in outcomes} == {RowState.COMPLETED}
