"""A look at DVS's list that fails is no look: it proves nothing, and is made again."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.domain.states import RowState
from bulk_topup.dvs import RetryPolicy
from bulk_topup.engine.absence_proof import ABSENCE_WAIT, BETWEEN_LOOKS, LOOKS
from tests.helpers.hand_clock import RingingClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

CREATION = "POST /v1/async/transactions HTTP/1.1"
REFUSED = (400, b'{"errors":[{"code":1003001,"message":"Product is not available in your account"}]}')
ONE_TRY = RetryPolicy(tries=1)


@pytest.mark.parametrize("failing", range(1, LOOKS + 1))
@pytest.mark.parametrize("answer", [(500, b""), (200, b"<html>"), "lose"])
async def test_a_look_that_fails_is_made_again(
    pay: Pay, network: Any, books: Books, failing: int, answer: str | tuple[int, bytes]
) -> None:
    clock = RingingClock()
    network.clock = clock
    created: list[float] = []
    looked: list[float] = []

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line == CREATION:
            created.append(clock.monotonic())
            return "lose" if len(created) == 1 else REFUSED
        if "external_id=" in line and created:
            looked.append(clock.monotonic())
            return answer if len(looked) == failing else "pass"
        return "pass"

    network.rule = rule
    _, [outcome] = await pay(1, clock=clock, retries=ONE_TRY)
    assert (outcome.state, books()) == (RowState.FAILED, [])
    looks = [at for number, at in enumerate(looked, start=1) if number != failing]
    assert len(looks) == LOOKS
    assert looks[0] - created[-1] >= ABSENCE_WAIT
    assert looks[1] - looks[0] >= BETWEEN_LOOKS
