"""Automatic retries: the moment between a failure and its retry, and what is counted then."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.domain.states import RowState
from tests.engine.conftest import count_states

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]

CREATION = "POST /v1/async/transactions HTTP/1.1"
#: A row whose operator is unavailable, and one that is paid.
FAILING, PAID = "10000,+6595100104,5\n", "10001,+6595101555,5\n"


async def test_a_retry_moves_its_row_from_the_failed_to_the_pending_ones(pay: Pay, watcher: Any) -> None:
    retry = {"attempts": 2, "wait": 0}
    finished, outcomes = await pay(text=FAILING + PAID, retry=retry)
    assert count_states(outcomes) == {"failed": 1, "completed": 1}
    assert watcher.runner.progress().counts == finished.result.counts


async def test_a_run_does_not_end_between_a_failure_and_its_retry(pay: Pay, network: Any, watcher: Any) -> None:
    """The failure is on disk, and nothing is open, before the retry is decided."""
    has_failed, was_checked = asyncio.Event(), asyncio.Event()

    def check_before_retry(runner: Any) -> None:
        submitter, recorder = runner._submitter, runner._submitter._recorder
        retry, wait_for_more = recorder.retry, submitter._wait_for_more

        async def retry_when_checked(row_ids: Any = None) -> None:
            if row_ids:
                has_failed.set()
                await was_checked.wait()
            await retry(row_ids)

        async def check() -> bool:
            is_late = has_failed.is_set()
            may_come: bool = await wait_for_more()
            if is_late:
                was_checked.set()
            return may_come

        recorder.retry, submitter._wait_for_more = retry_when_checked, check

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if line == CREATION and not network.most["POST"]:
            check_before_retry(watcher.runner)
        return "pass"

    network.rule = rule
    async with asyncio.timeout(120):
        _, [outcome] = await pay(text=FAILING, retry={"attempts": 2, "wait": 0})
    assert was_checked.is_set()
    assert (outcome.state, outcome.attempt) == (RowState.FAILED, 2)
