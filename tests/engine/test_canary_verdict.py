"""The verdict on canaries names those that were sent: not those that are missing, and not other rows."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.engine import StopReason
from tests.engine.conftest import count_states
from tests.helpers.hand_clock import HastyClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

BARRED, UNAVAILABLE, UNAVAILABLE_AT_ONCE = "103", "104", "108"
#: Retries that no test sees.
LATE = {"attempts": 2, "wait": 10**7}


def _list(*suffixes: str) -> str:
    return "".join(f"1000{number},+65951{number:02}{suffix},5\n" for number, suffix in enumerate(suffixes))


async def test_a_canary_that_waits_for_its_retry_counts(pay: Pay, books: Books) -> None:
    text = _list(BARRED, UNAVAILABLE, *["555"] * 6)
    finished, outcomes = await pay(text=text, stops={"canary": 4, "canary_share": 1}, retry=LATE, clock=HastyClock())
    assert (finished.result.reason, len(books())) == (StopReason.CANARY, 4)
    assert finished.result.message.startswith("Only 2 of the first 4 rows completed")
    assert count_states(outcomes) == {"failed": 1, "pending": 5, "completed": 2}


async def test_rows_that_an_earlier_start_sent_as_well_do_not_count(pay: Pay) -> None:
    text = _list(BARRED, BARRED, UNAVAILABLE, UNAVAILABLE, "555", "555")
    await pay(text=text, clock=HastyClock())
    finished, outcomes = await pay(text=text, stops={"canary": 4, "canary_share": 1}, retry=LATE, clock=HastyClock())
    assert finished.result.reason is StopReason.CANARY
    assert finished.result.message.startswith("Only 2 of the first 4 rows completed")
    assert count_states(outcomes) == {"failed": 2, "pending": 2, "completed": 2}


async def test_canaries_that_a_paused_operator_keeps_back_do_not_count(pay: Pay, books: Books) -> None:
    text = _list(*[UNAVAILABLE_AT_ONCE] * 60)
    operators = {"failures": 1, "pause": 10**6, "patience": 0}
    finished, _ = await pay(text=text, stops={"canary": 50}, operators=operators, clock=HastyClock())
    sent = len(books())
    assert sent < 50
    assert finished.result.reason is StopReason.CANARY
    assert finished.result.message.startswith(f"Only 0 of the first {sent} rows completed")


async def test_a_retry_moves_its_row_from_the_failed_to_the_pending_ones(pay: Pay, watcher: Any) -> None:
    retry = {"attempts": 2, "wait": 0}
    finished, outcomes = await pay(text=_list(UNAVAILABLE, "555"), retry=retry, clock=HastyClock())
    assert count_states(outcomes) == {"failed": 1, "completed": 1}
    assert watcher.runner.progress().counts == finished.result.counts
