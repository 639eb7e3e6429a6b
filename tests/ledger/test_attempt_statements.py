"""Exact conditions of the statements that choose attempts: times to the second, other rows, other runs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.row_mapping import utc_text
from tests.helpers.checked_rows import CheckedRow

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]


@pytest.mark.parametrize(("seconds", "is_sent"), [(59, True), (60, True), (61, False)])
def test_an_amount_that_was_asked_for_is_sent_up_to_the_end_of_its_time(
    ledger: LedgerStore, row: MakeRow, start: Start, clock: Any, seconds: int, is_sent: bool
) -> None:
    until = utc_text(clock.now() + timedelta(seconds=60))
    run = start(ledger, [row(1, amount_until=until), row(2)])
    clock.seconds += seconds
    claimed = [attempt.row_id for attempt in ledger.attempts.claim(run, 9)]
    assert (claimed, ledger.attempts.outdated(run)) == ([1, 2] if is_sent else [2], int(not is_sent))


def test_a_claim_leaves_other_pending_rows_as_they_are(ledger: LedgerStore, row: MakeRow, start: Start) -> None:
    run, other = start(ledger, [row(1), row(2)]), start(ledger, [row(3)], run_key="other")
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 1)] == [1]
    counts = ledger.rows.counts(run)
    assert (counts[RowState.IN_FLIGHT], counts[RowState.PENDING]) == (1, 1)
    assert ledger.rows.counts(other)[RowState.PENDING] == 1
    assert [len(ledger.rows.events(row_id)) for row_id in (1, 2, 3)] == [2, 1, 1]


def test_a_party_to_which_a_payment_is_in_flight_gets_no_other_one_of_the_run(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    rows = [row(1), row(1, line=9, identity="party:1#2"), row(2)]
    run = start(ledger, rows)
    claimed = ledger.attempts.claim(run, 9)
    assert [attempt.row_id for attempt in claimed] == [1, 2]
    assert ledger.attempts.claim(run, 9) == []
    ledger.attempts.record([move(claimed[0], RowState.IN_FLIGHT, RowState.ACCEPTED)])
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 9)] == [3]


def test_rows_of_paused_operators_wait_and_rows_without_an_operator_do_not(
    ledger: LedgerStore, row: MakeRow, start: Start
) -> None:
    run = start(ledger, [row(1, operator_id=3), row(2, operator_id=4), row(3, operator_id=None)])
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 9, paused_operators=[3])] == [2, 3]
    assert [attempt.row_id for attempt in ledger.attempts.claim(run, 9)] == [1]


def test_canaries_come_from_all_operators_in_turn_and_those_of_an_earlier_start_first(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    run = start(ledger, [row(who, operator_id=operator) for who, operator in enumerate((3, 3, 3, 4, 4, 5))])
    first = ledger.attempts.claim(run, 3, canaries=True)
    assert [attempt.row_id for attempt in first] == [1, 4, 6]
    ledger.attempts.record([move(first[1], RowState.IN_FLIGHT, RowState.PENDING)])
    assert [each.row_id for each in ledger.attempts.claim(run, 9, canaries=True, include_unsent=False)] == [4]
    ledger.attempts.record([move(first[2], RowState.IN_FLIGHT, RowState.PENDING)])
    assert [each.row_id for each in ledger.attempts.claim(run, 2, canaries=True)] == [6, 2]
