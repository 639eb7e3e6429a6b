"""A list that changes between two invocations: nothing is sent again that it no longer has."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

#: The operator declines it after a while.
SLOWLY_UNAVAILABLE = "+6595123204"


def _list(*parties: str, amount: str = "5") -> str:
    return "".join(f"1000{number},{party},{amount}\n" for number, party in enumerate(parties))


def _states(outcomes: list[Any]) -> list[str]:
    return [outcome.state.value for outcome in outcomes]


async def test_no_attempt_pays_what_is_no_longer_in_the_list(
    pay: Pay, books: Books, network: Any, watcher: Any
) -> None:
    def rule(_number: int, line: str, _body: bytes) -> str:
        if line.startswith("POST"):
            watcher.runner.stop()
        return "pass"

    network.rule = rule
    retry = {"attempts": 2, "wait": 0.05}
    _, outcomes = await pay(text=_list(SLOWLY_UNAVAILABLE), retry=retry)
    assert _states(outcomes) == ["accepted"]
    network.rule = lambda *_: "pass"
    _, outcomes = await pay(text=_list(SLOWLY_UNAVAILABLE, amount="8"), retry=retry)
    assert (_states(outcomes), outcomes[0].attempt, len(books())) == (["failed"], 1, 1)
    assert "the list now says 8 SGD" in outcomes[0].note
    _, outcomes = await pay(text=_list(SLOWLY_UNAVAILABLE, amount="8"), retry=retry)
    assert (_states(outcomes), outcomes[0].attempt, len(books())) == (["failed"], 2, 2)


async def test_a_row_inserted_before_a_paid_one_for_the_same_number_is_not_paid_too(pay: Pay, books: Books) -> None:
    await pay(text="10001,+6595123001,5\n", skip_refused=True)
    _, outcomes = await pay(text="10000,+6595123001,5\n10001,+6595123001,5\n", skip_refused=True)
    assert (_states(outcomes), len(books())) == (["refused", "completed"], 1)
    assert "was already sent product 6418 for +6595123001" in outcomes[0].problems[0].message
