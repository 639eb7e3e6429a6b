"""What a run tells whoever looks on, as far as it agrees with what it did."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.app.run import FinishedRun
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.states import RowState

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[tuple[FinishedRun, list[Outcome]]]]


async def test_what_was_taken_is_what_the_report_says_was_charged(pay: Pay, onlooker: Any) -> None:
    declined = "".join(f"R-{row},+6595123{200 + row},5\n" for row in range(100, 104))
    text = "".join(f"R-{row},+6595123{400 + row},5.5\n" for row in range(5)) + declined
    finished, rows = await pay(text=text)
    look = onlooker.runner.progress()
    assert {row.state for row in rows} == {RowState.COMPLETED, RowState.FAILED}
    assert look.taken == finished.report.summary.charged
    assert look.taken["USD"] > 0
    assert look.counts == finished.result.counts
    assert (look.amounts, look.costs) == ({}, {})  # nobody asked for caps


async def test_what_caps_count_is_told_where_there_are_caps(pay: Pay, onlooker: Any) -> None:
    finished, _ = await pay(4, caps={"amounts": {"SGD": 1000}, "costs": {"USD": 1000}})
    look = onlooker.runner.progress()
    assert look.amounts == {"SGD": Decimal(20)}
    assert look.costs == finished.report.summary.charged == look.taken


async def test_a_pause_that_the_provider_asks_for_is_told_with_its_reason(pay: Pay, onlooker: Any) -> None:
    await pay(1)
    limiter = onlooker.runner._dvs.limiter
    assert onlooker.runner.progress().message == ""
    limiter.throttled(120.0, None, limiter.sent())
    assert onlooker.runner.progress().message in {
        f"The provider asked for a pause (HTTP 429); {seconds} s are left of it." for seconds in (119, 120)
    }
