from decimal import Decimal
from itertools import pairwise

from bulk_topup.domain.attempt import Attempt, Facts, Move
from bulk_topup.domain.states import RowState
from bulk_topup.engine.charges import Charges
from tests.helpers.sample_run import COMPLETED

#: An attempt whose plan is below the price.
PLANNED = Attempt(row_id=1, number=1, external_id="x-1", request=b"{}", cost=Decimal("9.10"), cost_unit="USD")


def _move(before: RowState, after: RowState, price: str | None = "9.30", status_class: str = "CONFIRMED") -> Move:
    assert COMPLETED.creation_date is not None
    facts = Facts(
        transaction_id=1,
        creation_date=COMPLETED.creation_date,
        status_class=status_class,
        status_message="CONFIRMED",
        price=None if price is None else Decimal(price),
        fee=Decimal("0.05"),
        price_unit="USD",
        operator_reference=None,
    )
    return Move(row_id=1, attempt=1, before=before, after=after, cause="test", facts=facts)


def test_a_row_is_charged_once_whatever_states_it_passes() -> None:
    for states in (
        [RowState.IN_FLIGHT, RowState.COMPLETED],
        [RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.ACCEPTED, RowState.COMPLETED],
        [RowState.IN_FLIGHT, RowState.CONFLICT, RowState.COMPLETED],
    ):
        charges = Charges()
        for before, after in pairwise(states):
            charges.record_move(PLANNED, _move(before, after))
        assert (charges.sums, charges.planned) == ({"USD": Decimal("9.35")}, {"USD": Decimal("9.10")})


def test_a_conflict_counts_unless_its_transaction_has_failed() -> None:
    for status_class, sums in (("COMPLETED", {"USD": Decimal("9.35")}), ("DECLINED", {})):
        charges = Charges()
        charges.record_move(PLANNED, _move(RowState.IN_FLIGHT, RowState.CONFLICT, status_class=status_class))
        assert charges.sums == sums
    charges = Charges()
    charges.record_move(PLANNED, _move(RowState.IN_FLIGHT, RowState.ACCEPTED))
    charges.record_move(PLANNED, _move(RowState.ACCEPTED, RowState.CONFLICT, status_class="DECLINED"))
    assert charges.sums == {"USD": 0}


def test_the_cost_of_failed_and_reversed_rows_is_given_back() -> None:
    for states in (
        [RowState.IN_FLIGHT, RowState.FAILED],
        [RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.FAILED],
        [RowState.IN_FLIGHT, RowState.COMPLETED, RowState.REVERSED],
    ):
        charges = Charges()
        for before, after in pairwise(states):
            charges.record_move(PLANNED, _move(before, after))
        assert sum(charges.sums.values()) == sum(charges.planned.values()) == 0


def test_a_row_without_a_price_is_not_counted() -> None:
    charges = Charges()
    charges.record_move(PLANNED, _move(RowState.IN_FLIGHT, RowState.COMPLETED, price=None))
    charges.record_move(
        PLANNED, Move(row_id=1, attempt=1, before=RowState.IN_FLIGHT, after=RowState.COMPLETED, cause="test")
    )
    assert charges.sums == {}
