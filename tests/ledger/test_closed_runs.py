"""Closed runs take no rows and give none, and the merge itself keeps a new run from starting beside an open one."""

from collections.abc import Callable
from typing import Any

import pytest

from bulk_topup.domain.run import LeftOpen, Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import ClosedRunError, EarlierRunOpenError
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow

Start = Callable[..., Run]
Row = Callable[..., CheckedRow]

LEAVE = LeftOpen(runs=(), by="ana", reason="the bank")


def test_of_two_starts_that_both_passed_the_plan_the_second_is_stopped_by_the_merge(
    ledger: LedgerStore, start: Start, row: Row
) -> None:
    first = start(ledger, [row(1)], check_earlier=True)
    with pytest.raises(EarlierRunOpenError, match="payroll/2026-11 of this job is open"):
        start(ledger, [row(2)], run_key="2026-12", check_earlier=True)
    assert ledger.runs.all() == [first]
    start(ledger, [row(1), row(2)], check_earlier=True)  # the run itself goes on
    left = start(
        ledger,
        [row(3)],
        run_key="2026-12",
        check_earlier=True,
        leave_open=LEAVE,
    )
    assert left.left_open == LeftOpen(runs=("payroll/2026-11",), by="ana", reason="the bank")


def test_nothing_is_kept_of_runs_that_would_have_stopped_nothing(
    ledger: LedgerStore, start: Start, row: Row, bring: Callable[..., Any]
) -> None:
    bring(start(ledger, [row(1)]), RowState.COMPLETED)
    left = start(
        ledger,
        [row(2)],
        run_key="2026-12",
        check_earlier=True,
        leave_open=LEAVE,
    )
    assert left.left_open is None


def test_a_pending_row_that_left_the_list_stops_no_run(ledger: LedgerStore, start: Start, row: Row) -> None:
    """It went back to pending after the list was read again, and is never sent."""
    start(ledger, [row(1)])
    ledger.file.connection.execute("UPDATE rows SET in_list = 0")
    start(ledger, [row(2)], run_key="2026-12", check_earlier=True)


def test_a_closed_run_takes_no_list_and_keeps_its_events(ledger: LedgerStore, start: Start, row: Row) -> None:
    run, refused = ledger.closed_runs.close(start(ledger, [row(1), row(2)]), by="ana", reason="withdrawn")
    assert refused == 2
    assert ledger.runs.all() == [run]
    with pytest.raises(ClosedRunError):
        start(ledger, [row(1), row(3)])
    with pytest.raises(ClosedRunError, match="closed already"):
        ledger.closed_runs.close(run, by="ben", reason="again")
    events = ledger.rows.events(1)
    assert [(each.before, each.after, each.cause) for each in events[1:]] == [
        (RowState.PENDING, RowState.REFUSED, "run closed")
    ]
