"""The progress of a run agrees with what it did."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.app.execute import FinishedRun
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.states import RowState

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[tuple[FinishedRun, list[Outcome]]]]


async def test_the_charges_of_the_progress_are_those_of_the_report(pay: Pay, watcher: Any) -> None:
    declined = "".join(f"1000{row},+6595123{200 + row},5\n" for row in range(100, 104))
    text = "".join(f"1000{row},+6595123{400 + row},5.5\n" for row in range(5)) + declined
    finished, rows = await pay(text=text)
    progress = watcher.runner.progress()
    assert {row.state for row in rows} == {RowState.COMPLETED, RowState.FAILED}
    assert progress.taken == finished.report.summary.charged
    assert progress.taken["USD"] > 0
    assert progress.counts == finished.result.counts
    assert progress.responses == progress.requests > 0
    assert (progress.amounts, progress.costs) == ({}, {})  # without caps


async def test_with_caps_the_progress_has_what_they_count(pay: Pay, watcher: Any) -> None:
    finished, _ = await pay(4, caps={"amounts": {"SGD": 1000}, "costs": {"USD": 1000}})
    progress = watcher.runner.progress()
    assert progress.amounts == {"SGD": Decimal(20)}
    assert progress.costs == finished.report.summary.charged == progress.taken


async def test_a_pause_after_throttling_is_shown_with_its_reason(pay: Pay, watcher: Any) -> None:
    await pay(1)
    limiter = watcher.runner._context.dvs.limiter
    assert watcher.runner.progress().message == ""
    limiter.throttled(120.0, None, limiter.sent())
    assert watcher.runner.progress().message in {
        f"Throttled by DVS (HTTP 429); sending resumes in {seconds} s, as DVS asks to (Retry-After). "
        "Other programs may use this account's rate limit."
        for seconds in (119, 120)
    }
