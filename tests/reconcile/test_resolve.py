"""How conflicts are resolved: by DVS's record if there is one, otherwise by a person's decision."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, KnownAttempt, Resolution
from bulk_topup.domain.states import MOVES, RowState
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.reconcile.apply import proved_move
from bulk_topup.reconcile.resolve import RESOLVED_STATES, ManualResolution, ResolutionError, decide

Make = Callable[..., Transaction]
MakeKnown = Callable[..., KnownAttempt]

OTHER_AMOUNT = {"requested_values": {"destination": {"unit": "SGD", "amount": 9}}}
OTHER_PERSON = {"credit_party_identifier": {"mobile_number": "+6595123999"}}


@pytest.fixture
def known(attempt: Attempt) -> MakeKnown:
    """Return a function that makes the row's latest attempt, by default in conflict."""

    def make(state: RowState = RowState.CONFLICT, **changes: Any) -> KnownAttempt:
        values: dict[str, Any] = {
            "attempt": attempt,
            "run_id": 1,
            "run": "list/pay",
            "line": 2,
            "is_latest": True,
            "state": state,
            "message": "It vanished.",
            "transaction_id": None,
            "status_message": None,
            "price": Decimal(1),
            "fee": None,
            "price_unit": "USD",
            "resolution": None,
        }
        return KnownAttempt(**{**values, **changes})

    return make


def _decision(state: RowState) -> ManualResolution:
    return ManualResolution(state=state, who="ada", reason="ticket 4711")


@pytest.mark.parametrize("state", RESOLVED_STATES)
def test_the_record_of_dvs_overrules_a_persons_decision(known: MakeKnown, transaction: Make, state: RowState) -> None:
    if state is not RowState.COMPLETED:
        with pytest.raises(ResolutionError, match="Resolve it as completed"):
            decide(known(), _decision(state), transaction(StatusClass.COMPLETED))
        return
    move, resolution = decide(known(), _decision(state), transaction(StatusClass.COMPLETED))
    assert (move.after, resolution) == (RowState.COMPLETED, None)
    assert move.facts is not None
    assert move.cause == "resolved as completed by ada: ticket 4711"


@pytest.mark.parametrize(("transaction_id", "resolution"), [(5, Resolution.FREE), (None, Resolution.TAKEN)])
def test_without_a_record_a_person_decides_on_a_failure_and_the_id_is_free_or_spent(
    known: MakeKnown, transaction_id: int | None, resolution: Resolution
) -> None:
    move, found = decide(known(transaction_id=transaction_id), _decision(RowState.FAILED), None)
    assert (move.after, move.facts, found) == (RowState.FAILED, None, resolution)
    assert move.message == "It vanished. Resolved as failed by ada: ticket 4711."


def test_a_transaction_that_dvs_does_not_have_cannot_be_accepted(known: MakeKnown) -> None:
    with pytest.raises(ResolutionError, match="that could be tracked"):
        decide(known(), _decision(RowState.ACCEPTED), None)


@pytest.mark.parametrize("class_", [StatusClass.COMPLETED, StatusClass.SUBMITTED, StatusClass.REVERSED])
@pytest.mark.parametrize("other", [OTHER_AMOUNT, {"product": {"id": 1}}, {"external_id": "another-1"}])
def test_a_row_whose_beneficiary_was_credited_under_its_id_cannot_be_resolved_as_failed(
    known: MakeKnown, transaction: Make, class_: StatusClass, other: dict[str, Any]
) -> None:
    with pytest.raises(ResolutionError, match="credits the same beneficiary"):
        decide(known(), _decision(RowState.FAILED), transaction(class_, **other))


@pytest.mark.parametrize(
    ("class_", "other"), [(StatusClass.DECLINED, OTHER_AMOUNT), (StatusClass.COMPLETED, OTHER_PERSON)]
)
def test_an_id_that_another_payment_used_is_spent(
    known: MakeKnown, transaction: Make, class_: StatusClass, other: dict[str, Any]
) -> None:
    move, resolution = decide(known(), _decision(RowState.FAILED), transaction(class_, **other))
    assert (move.after, move.facts, resolution) == (RowState.FAILED, None, Resolution.TAKEN)


def test_another_amount_that_was_paid_is_accepted_with_its_price_when_a_person_decides_so(
    known: MakeKnown, transaction: Make
) -> None:
    move, resolution = decide(
        known(), _decision(RowState.COMPLETED), transaction(StatusClass.COMPLETED, **OTHER_AMOUNT)
    )
    assert (move.after, resolution) == (RowState.COMPLETED, Resolution.ACCEPTED)
    assert move.facts is not None
    assert move.facts.price == Decimal("7.41")


def test_a_conflict_ends_only_by_a_transaction_that_states_who_is_paid(known: MakeKnown, transaction: Make) -> None:
    nobody = transaction(StatusClass.COMPLETED, credit_party_identifier=None)
    conflict = known(RowState.CONFLICT, transaction_id=nobody.id)
    assert proved_move(conflict, nobody) is None
    own = proved_move(conflict, transaction(StatusClass.COMPLETED))
    assert own is not None
    assert own.after is RowState.COMPLETED
    accepted = proved_move(known(RowState.ACCEPTED, transaction_id=nobody.id), nobody)
    assert accepted is not None
    assert accepted.after is RowState.COMPLETED


@pytest.mark.parametrize("before", [state for state in RowState if state not in {RowState.REFUSED, RowState.PENDING}])
@pytest.mark.parametrize("class_", StatusClass)
@pytest.mark.parametrize("other", [{}, OTHER_AMOUNT])
def test_a_transaction_moves_a_row_only_as_the_table_of_states_allows(
    known: MakeKnown, transaction: Make, before: RowState, class_: StatusClass, other: dict[str, Any]
) -> None:
    move = proved_move(known(before), transaction(class_, **other))
    assert move is None or move.after in MOVES[before]
    assert proved_move(known(before, is_latest=False), transaction(class_, **other)) is None


@pytest.mark.parametrize("left_out", [{"credit_party_identifier": None}, {"requested_values": None}])
def test_what_a_transaction_leaves_out_ends_no_conflict_but_the_known_one_is_never_resolved_as_failed(
    known: MakeKnown, transaction: Make, left_out: dict[str, Any]
) -> None:
    record = transaction(StatusClass.COMPLETED, **left_out)
    row = known(transaction_id=record.id)
    assert proved_move(row, record) is None
    with pytest.raises(ResolutionError, match="Resolve it as completed"):
        decide(row, _decision(RowState.FAILED), record)


def test_a_known_transaction_whose_price_can_not_be_right_is_not_resolved_as_failed_without_its_party(
    known: MakeKnown, transaction: Make
) -> None:
    wrong = {"wholesale": {"unit_type": "CURRENCY", "unit": "USD", "amount": -1}}
    record = transaction(StatusClass.COMPLETED, prices=wrong, credit_party_identifier=None)
    with pytest.raises(ResolutionError, match="credits the same beneficiary"):
        decide(known(transaction_id=record.id), _decision(RowState.FAILED), record)


@pytest.mark.parametrize("price", [{"price": Decimal(-1)}, {"fee": Decimal(-1)}])
def test_a_missing_price_ends_no_conflict_about_a_price(
    known: MakeKnown, transaction: Make, price: dict[str, Any]
) -> None:
    record = transaction(StatusClass.COMPLETED, prices=None)
    assert proved_move(known(transaction_id=record.id, **price), record) is None
    assert proved_move(known(transaction_id=record.id), record) is not None
