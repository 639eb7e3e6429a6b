from decimal import Decimal
from itertools import pairwise

from bulk_topup.domain.attempt import Facts, Move
from bulk_topup.domain.states import RowState
from bulk_topup.engine.charges import Charges
from tests.helpers.sample_run import COMPLETED


def _move(before: RowState, after: RowState, price: str | None = "9.30") -> Move:
    assert COMPLETED.creation_date is not None
    facts = Facts(
        transaction_id=1,
        creation_date=COMPLETED.creation_date,
        status_class="CONFIRMED",
        status_message="CONFIRMED",
        price=None if price is None else Decimal(price),
        fee=Decimal("0.05"),
        price_unit="USD",
        operator_reference=None,
    )
    return Move(row_id=1, attempt=1, before=before, after=after, cause="test", facts=facts)


def test_a_row_is_taken_once_whatever_way_it_goes_to_its_end() -> None:
    for way in (
        [RowState.IN_FLIGHT, RowState.COMPLETED],
        [RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.ACCEPTED, RowState.COMPLETED],
        [RowState.IN_FLIGHT, RowState.CONFLICT, RowState.COMPLETED],
    ):
        taken = Charges()
        for before, after in pairwise(way):
            taken.moved(_move(before, after))
        assert taken.sums == {"USD": Decimal("9.35")}


def test_what_fails_or_is_reversed_is_given_back() -> None:
    for way in (
        [RowState.IN_FLIGHT, RowState.FAILED],
        [RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.FAILED],
        [RowState.IN_FLIGHT, RowState.COMPLETED, RowState.REVERSED],
    ):
        taken = Charges()
        for before, after in pairwise(way):
            taken.moved(_move(before, after))
        assert sum(taken.sums.values()) == 0


def test_what_has_no_price_is_not_counted() -> None:
    taken = Charges()
    taken.moved(_move(RowState.IN_FLIGHT, RowState.COMPLETED, price=None))
    taken.moved(Move(row_id=1, attempt=1, before=RowState.IN_FLIGHT, after=RowState.COMPLETED, cause="test"))
    assert taken.sums == {}
