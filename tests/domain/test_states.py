"""The table of allowed moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.states import MOVES, RowState, check_move
from bulk_topup.errors import StateError

states = st.sampled_from(RowState)


def test_every_state_names_its_moves() -> None:
    assert set(MOVES) == set(RowState)


@given(states, states)
def test_a_move_is_allowed_exactly_when_the_table_has_it(before: RowState, after: RowState) -> None:
    if after in MOVES[before]:
        check_move(before, after)
    else:
        with pytest.raises(StateError):
            check_move(before, after)


def test_nothing_leads_from_a_payment_to_another_payment() -> None:
    reachable = {RowState.COMPLETED}
    while grown := {after for before in reachable for after in MOVES[before]} - reachable:
        reachable |= grown
    assert reachable == {RowState.COMPLETED, RowState.REVERSED}


def test_only_a_pending_row_is_ever_sent() -> None:
    assert [before for before in RowState if RowState.IN_FLIGHT in MOVES[before]] == [RowState.PENDING]
