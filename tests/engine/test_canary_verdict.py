"""The verdict on canaries names those that were sent: not those that are missing, and not other rows."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.domain.states import RowState
from bulk_topup.engine import StopReason
from tests.engine.conftest import count_states

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

BARRED, UNAVAILABLE, UNAVAILABLE_AT_ONCE = "103", "104", "108"
CREATION = "POST /v1/async/transactions HTTP/1.1"
SUBMITTED = {"id": 50000, "message": "SUBMITTED", "class": {"id": 5, "message": "SUBMITTED"}}
#: Retries that no test sees.
LATE = {"attempts": 2, "wait": 10**7}


def _list(*suffixes: str) -> str:
    return "".join(f"1000{number},+65951{number:02}{suffix},5\n" for number, suffix in enumerate(suffixes))


async def test_a_canary_that_waits_for_its_retry_counts(pay: Pay, books: Books) -> None:
    text = _list(BARRED, UNAVAILABLE, *["555"] * 6)
    finished, outcomes = await pay(text=text, stops={"canary": 4, "canary_share": 1}, retry=LATE)
    assert (finished.result.reason, len(books())) == (StopReason.CANARY, 4)
    assert finished.result.message.startswith("Only 2 of the first 4 rows completed")
    assert count_states(outcomes) == {"failed": 1, "pending": 5, "completed": 2}


async def test_rows_that_an_earlier_start_sent_as_well_do_not_count(pay: Pay) -> None:
    text = _list(BARRED, BARRED, UNAVAILABLE, UNAVAILABLE, "555", "555")
    await pay(text=text)
    finished, outcomes = await pay(text=text, stops={"canary": 4, "canary_share": 1}, retry=LATE)
    assert finished.result.reason is StopReason.CANARY
    assert finished.result.message.startswith("Only 2 of the first 4 rows completed")
    assert count_states(outcomes) == {"failed": 2, "pending": 2, "completed": 2}


async def test_canaries_that_a_paused_operator_keeps_back_do_not_count(pay: Pay, books: Books) -> None:
    text = _list(*[UNAVAILABLE_AT_ONCE] * 60)
    operators = {"failures": 1, "pause": 10**6, "patience": 0}
    finished, _ = await pay(text=text, stops={"canary": 50}, operators=operators)
    sent = len(books())
    assert sent < 50
    assert finished.result.reason is StopReason.CANARY
    assert finished.result.message.startswith(f"Only 0 of the first {sent} rows completed")


async def test_canaries_that_complete_after_they_were_counted_have_completed(
    pay: Pay, network: Any, watcher: Any
) -> None:
    """All become final in the second pass, between the moment in which they are counted and the verdict."""
    passes = 0

    def hide(answer: Any) -> None:
        for each in answer if isinstance(answer, list) else [answer]:
            each["status"] = SUBMITTED

    def count_passes(runner: Any) -> None:
        submitter, tracker = runner._submitter, runner._tracker
        work_unknown, record, are_final = submitter._work_unknown, tracker._record, asyncio.Event()

        async def work() -> None:
            nonlocal passes
            await work_unknown()
            passes += 1
            if passes == 2:
                await are_final.wait()

        async def record_and_tell(found: Any) -> int:
            final: int = await record(found)
            if not runner._context.journal.counts[RowState.ACCEPTED]:
                are_final.set()
            return final

        submitter._work_unknown, tracker._record = work, record_and_tell

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line == CREATION and not network.most["POST"]:
            count_passes(watcher.runner)
        return hide if "/transactions" in line and passes < 2 else "pass"

    network.rule = rule
    finished, outcomes = await pay(5, stops={"canary": 3, "canary_share": 1})
    assert (finished.result.reason, count_states(outcomes)) == (None, {"completed": 5})
    assert passes > 2
