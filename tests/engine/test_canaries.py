"""Canaries over several invocations: they are sent first, and are final before other rows are sent."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.engine import StopReason

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

UNAUTHORIZED = b'{"errors":[{"code":1000401,"message":"Unauthorized"}]}'
BARRED = "+6595123103"
UNAVAILABLE = "+6595123104"


def _list(*parties: str) -> str:
    return "".join(f"1000{number},{party},5\n" for number, party in enumerate(parties))


def _states(outcomes: list[Any]) -> list[str]:
    return [outcome.state.value for outcome in outcomes]


async def test_canaries_are_sent_first_also_after_an_invocation_that_sent_nothing(
    pay: Pay, books: Books, network: Any
) -> None:
    text = _list(BARRED, *(f"+6595123{400 + number}" for number in range(9)))
    network.rule = lambda _number, line, _body: (401, UNAUTHORIZED) if line.startswith("POST") else "pass"
    finished, outcomes = await pay(text=text)
    assert (finished.result.reason, set(_states(outcomes))) == (StopReason.UNAUTHORIZED, {"pending"})
    network.rule = lambda *_: "pass"
    finished, outcomes = await pay(text=text, stops={"canary": 1, "canary_share": 1})
    assert (finished.result.reason, len(books())) == (StopReason.CANARY, 1)


async def test_a_run_waits_for_canaries_that_may_not_be_sent_yet(pay: Pay, books: Books) -> None:
    text = _list(BARRED, *(f"+6595123{400 + number}" for number in range(3)))
    await pay(text=text)
    stops = {"canary": 1, "canary_share": 1}
    finished, _ = await pay(text=text.replace(",5\n", ",6\n"), run_key="again", stops=stops, spacing=2)
    assert (finished.result.reason, len(books())) == (StopReason.CANARY, 4 + 1)


async def test_a_run_waits_for_a_canary_that_is_retried(pay: Pay, books: Books) -> None:
    text = _list(UNAVAILABLE, *(f"+6595123{400 + number}" for number in range(3)))
    stops = {"canary": 2, "canary_share": "0.5"}
    finished, outcomes = await pay(text=text, stops=stops, retry={"attempts": 2, "wait": 2.5})
    assert (finished.result.reason, _states(outcomes)) == (None, ["failed", *["completed"] * 3])
    ids = [each["external_id"] for each in books()]
    assert ids.index(outcomes[0].external_id) == 2


async def test_while_failed_canaries_are_retried_no_other_row_is_sent(pay: Pay, books: Books) -> None:
    text = _list(*(f"+65951{number:02}104" for number in range(8)))
    retry = {"attempts": 2, "wait": 2}
    finished, outcomes = await pay(text=text, stops={"canary": 2, "canary_share": 1}, retry=retry)
    assert (finished.result.reason, len(books())) == (StopReason.CANARY, 2 * 2)
    assert "Only 0 of the first 2 rows completed, below the required 100 %; 6 rows not sent." in finished.result.message
    assert _states(outcomes).count("pending") == 6


async def test_a_list_with_fewer_rows_than_canaries_is_sent_and_has_no_verdict(pay: Pay, books: Books) -> None:
    text = _list(BARRED, "+6595123400")
    for _ in range(2):
        finished, outcomes = await pay(text=text, stops={"canary": 5, "canary_share": 1})
        assert (finished.result.reason, _states(outcomes), len(books())) == (None, ["failed", "completed"], 2)


async def test_exactly_the_required_share_of_canaries_is_enough(pay: Pay, books: Books) -> None:
    text = _list(BARRED, "+6595123400", *(f"+6595124{400 + number}" for number in range(3)))
    finished, _ = await pay(text=text, stops={"canary": 2, "canary_share": "0.5"})
    assert (finished.result.reason, len(books())) == (None, 5)
