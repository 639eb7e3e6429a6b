"""A list that changes between two starts: nothing is sent anew that it does not ask for any more."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

#: Its operator declines it after a while.
SLOWLY_UNAVAILABLE = "+6595123204"


def _list(*parties: str, amount: str = "5") -> str:
    return "".join(f"R-{number},{party},{amount}\n" for number, party in enumerate(parties))


def _states(outcomes: list[Any]) -> list[str]:
    return [outcome.state.value for outcome in outcomes]


async def test_no_attempt_pays_what_the_list_does_not_ask_for_any_more(
    pay: Pay, books: Books, network: Any, onlooker: Any
) -> None:
    def rule(_number: int, line: str, _body: bytes) -> str:
        if line.startswith("POST"):
            onlooker.runner.stop()
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


async def test_a_row_put_before_one_that_was_paid_for_the_same_number_is_not_paid_beside_it(
    pay: Pay, books: Books
) -> None:
    await pay(text="R-1,+6595123001,5\n", skip_refused=True)
    _, outcomes = await pay(text="R-0,+6595123001,5\nR-1,+6595123001,5\n", skip_refused=True)
    assert (_states(outcomes), len(books())) == (["refused", "completed"], 1)
    assert "was already sent product 6418 for +6595123001" in outcomes[0].problems[0].message
