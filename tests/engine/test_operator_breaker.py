"""Operators that are paused while their rows keep failing, and the one row that probes them."""

from dataclasses import replace
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.guards import Operators
from bulk_topup.domain.moves import move_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.engine.operator_breaker import OperatorBreaker


@pytest.fixture
def row(attempt: Attempt) -> Attempt:
    return replace(attempt, operator_id=3)


@pytest.fixture
def unavailable(attempt: Attempt, transaction: Any) -> Move:
    found = transaction(StatusClass.DECLINED, "DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE")
    return move_for(attempt, RowState.IN_FLIGHT, found, "a test")


def test_a_probe_that_ends_in_a_conflict_proves_nothing_and_another_row_probes(
    clock: Any, row: Attempt, unavailable: Move
) -> None:
    breaker = OperatorBreaker(Operators(failures=1, pause=0), clock)
    breaker.record_move(row, unavailable)
    assert breaker.probed == [3]
    breaker.record_claim([row])
    assert breaker.paused == [3]
    breaker.record_move(row, replace(unavailable, after=RowState.CONFLICT, facts=None))
    assert breaker.probed == [3]


def test_an_operator_may_fail_any_number_of_times(clock: Any, row: Attempt, unavailable: Move) -> None:
    breaker = OperatorBreaker(Operators(failures=1, pause=0), clock)
    for _ in range(2000):
        breaker.record_move(row, unavailable)
        breaker.record_claim([row])
    breaker.record_move(row, unavailable)
    assert breaker.probed == [3]
