"""What a transaction of the provider means for a row."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt, HintedAttempt
from bulk_topup.domain.moves import body_of, facts_of, move_for, request_of, reversal_of_forgotten, state_for
from bulk_topup.domain.purchase_secrets import NO_SECRETS, PurchaseSecrets
from bulk_topup.domain.states import MOVES, RowState
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.transaction import Transaction, TransactionOutcome
from bulk_topup.dvs.statuses import STATUSES, StatusClass

Make = Callable[..., Transaction]


@pytest.mark.parametrize(
    ("class_", "state"),
    [
        (StatusClass.CREATED, RowState.ACCEPTED),
        (StatusClass.CONFIRMED, RowState.ACCEPTED),
        (StatusClass.SUBMITTED, RowState.ACCEPTED),
        (StatusClass.COMPLETED, RowState.COMPLETED),
        (StatusClass.REVERSED, RowState.REVERSED),
        (StatusClass.REJECTED, RowState.FAILED),
        (StatusClass.CANCELLED, RowState.FAILED),
        (StatusClass.DECLINED, RowState.FAILED),
    ],
)
def test_the_state_follows_the_class_whatever_the_detail(
    transaction: Make, class_: StatusClass, state: RowState
) -> None:
    known = [status.message for status in STATUSES.values() if status.class_ is class_]
    for message in (*known, f"{class_.name}-SOMETHING-NEW"):
        assert state_for(transaction(class_, message)) is state


@pytest.mark.parametrize(
    "class_", [{"id": 77, "message": "PONDERING"}, {"id": 9, "message": "COMPLETED"}, {"id": 7, "message": "DECLINED"}]
)
def test_an_unknown_class_is_never_final(transaction: Make, class_: dict[str, Any]) -> None:
    status = {"id": 90000, "message": "DECLINED", "class": class_}
    assert state_for(transaction(status=status)) is RowState.ACCEPTED


@pytest.mark.parametrize("class_", StatusClass)
@pytest.mark.parametrize("before", [RowState.IN_FLIGHT, RowState.ACCEPTED])
def test_every_response_causes_an_allowed_move(
    attempt: Attempt, transaction: Make, before: RowState, class_: StatusClass
) -> None:
    move = move_for(attempt, before, transaction(class_), "test")
    assert move.after in MOVES[before]
    assert move.facts == facts_of(transaction(class_))
    assert bool(move.message) == (move.after is RowState.FAILED)


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"external_id": "list-other-1"}, "external ID list-other-1"),
        ({"product": {"id": 3411}}, "product 3411 instead of 6418"),
        ({"credit_party_identifier": {"mobile_number": "+6595123101"}}, "mobile number +6595123101"),
        ({"credit_party_identifier": {"account_number": "+6595123100"}}, "account number +6595123100 instead of none"),
        ({"requested_values": {"destination": {"unit": "SGD", "amount": 10.5}}}, "destination amount 10.5 SGD"),
        ({"requested_values": {"destination": {"unit": "USD", "amount": 10}}}, "destination amount 10 USD"),
    ],
)
@pytest.mark.parametrize("found_by_id", [True, False])
def test_a_transaction_that_differs_from_its_request_is_a_conflict(
    attempt: Attempt, transaction: Make, other: dict[str, Any], difference: str, found_by_id: bool
) -> None:
    found = transaction(StatusClass.COMPLETED, **other)
    move = move_for(attempt, RowState.IN_FLIGHT, found, "test", found_by_id=found_by_id)
    assert move.after is RowState.CONFLICT
    assert difference in move.message
    assert str(found.id) in move.message


@pytest.mark.parametrize(
    ("stated", "difference"),
    [("inv\u20131", ""), (None, ""), ("", ""), ("INV-2", "bill INV-2 instead of INV-1"), ("INV1", "bill INV1")],
)
def test_another_bill_is_a_difference_unless_dvs_states_none(
    attempt: Attempt, transaction: Make, stated: str | None, difference: str
) -> None:
    request = {**codec.decode(attempt.request), "statement_identifier": {"reference": "INV-1"}}
    found = transaction(StatusClass.COMPLETED, statement_identifier=stated if stated is None else {"reference": stated})
    move = move_for(
        replace(attempt, request=codec.encode(request)), RowState.IN_FLIGHT, found, "test", found_by_id=True
    )
    assert move.after is (RowState.CONFLICT if difference else RowState.COMPLETED)
    assert difference in move.message


@pytest.mark.parametrize("requested", [None, {}, {"source": {"unit": "USD", "amount": 7.41}}])
def test_a_missing_amount_is_proof_in_a_response_and_none_in_a_look_up(
    attempt: Attempt, transaction: Make, requested: object
) -> None:
    found = transaction(requested_values=requested)
    assert move_for(attempt, RowState.IN_FLIGHT, found, "answer").after is RowState.ACCEPTED
    move = move_for(attempt, RowState.IN_FLIGHT, found, "look-up", found_by_id=True)
    assert move.after is RowState.CONFLICT
    assert "destination amount not stated instead of 10 SGD" in move.message


def test_an_amount_is_the_same_however_it_is_written(attempt: Attempt, transaction: Make) -> None:
    padded = {"destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": "10.000"}}
    found = transaction(requested_values=padded)
    assert move_for(attempt, RowState.IN_FLIGHT, found, "test", found_by_id=True).after is RowState.ACCEPTED


@pytest.mark.parametrize(
    ("price", "text"),
    [
        ({"amount": -7.41, "unit": "USD"}, "charges -7.41 USD for"),
        ({"amount": 7.41, "fee": -0.01, "unit": "USD"}, "charges 7.41 USD and a fee of -0.01 USD for"),
        ({"amount": 7.41, "unit": "EUR"}, "charges 7.41 EUR for list-abcdefghijklmnopqr-1, but the plan is in USD"),
    ],
)
@pytest.mark.parametrize("class_", [StatusClass.CREATED, StatusClass.SUBMITTED, StatusClass.COMPLETED])
def test_a_price_that_can_not_be_right_is_a_conflict_with_the_price(
    attempt: Attempt, transaction: Make, class_: StatusClass, price: dict[str, Any], text: str
) -> None:
    found = transaction(class_, prices={"wholesale": price}, pin={"code": "4711"})
    move = move_for(replace(attempt, cost_unit="USD"), RowState.IN_FLIGHT, found, "test")
    assert (move.after, move.facts) == (RowState.CONFLICT, facts_of(found))
    assert text in move.message


@pytest.mark.parametrize(
    "price", [None, {}, {"amount": 0, "unit": "USD"}, {"amount": 7.41}, {"unit": "EUR"}, {"amount": 9, "unit": "USD"}]
)
def test_a_price_that_is_missing_or_another_is_no_conflict(
    attempt: Attempt, transaction: Make, price: dict[str, Any] | None
) -> None:
    found = transaction(StatusClass.COMPLETED, prices=price if price is None else {"wholesale": price})
    move = move_for(replace(attempt, cost_unit="USD"), RowState.IN_FLIGHT, found, "test")
    assert move.after is RowState.COMPLETED


@pytest.mark.parametrize(
    ("class_", "after"),
    [
        (StatusClass.DECLINED, RowState.FAILED),
        (StatusClass.CREATED, RowState.CONFLICT),
        (StatusClass.CONFIRMED, RowState.CONFLICT),
    ],
)
@pytest.mark.parametrize("auto_confirm", [True, False])
def test_a_wrong_price_is_judged_in_every_mode_unless_nothing_is_charged(
    attempt: Attempt, transaction: Make, class_: StatusClass, after: RowState, auto_confirm: bool
) -> None:
    wrong = transaction(class_, prices={"wholesale": {"amount": -1, "unit": "USD"}})
    ours = replace(attempt, request=codec.encode({**codec.decode(attempt.request), "auto_confirm": auto_confirm}))
    assert move_for(ours, RowState.ACCEPTED, wrong, "x").after is after


def test_a_response_without_prices_still_counts(attempt: Attempt, transaction: Make) -> None:
    facts = move_for(attempt, RowState.IN_FLIGHT, transaction(StatusClass.REJECTED, prices=None), "test").facts
    assert facts is not None
    assert (facts.price, facts.fee, facts.price_unit) == (None, None, None)


def test_the_request_is_the_stored_body_under_the_attempts_id(attempt: Attempt) -> None:
    request = request_of(attempt)
    assert request.external_id == attempt.external_id
    assert request.auto_confirm
    assert request.destination is not None
    assert str(request.destination.amount) == "10"


def test_a_pin_is_not_shown_by_anything_that_is_printed(attempt: Attempt, transaction: Make) -> None:
    found = transaction(StatusClass.COMPLETED, pin={"code": "4711-0815", "serial": "S-99"})
    move = move_for(attempt, RowState.ACCEPTED, found, "test")
    assert move.facts is not None
    assert move.facts.secrets == PurchaseSecrets(pin_code="4711-0815", pin_serial="S-99")
    for shown in (repr(move), repr(found), str(found)):
        assert "4711" not in shown
        assert "S-99" not in shown


PROFILE = {
    "iccid": "8900012345678901554",
    "activation_code": "LPA:1$esim.example$4711",
    "apple_universal_link": "https://esim.example/apple/4711",
    "android_universal_link": "https://esim.example/android/4711",
    "installation_url": "https://esim.example/install/4711",
}


@pytest.mark.parametrize("pin", [None, {"code": "LPA:1$esim.example$4711", "serial": "8900012345678901554"}])
@pytest.mark.parametrize("model", [Transaction, TransactionOutcome])
def test_the_profile_of_an_esim_is_as_secret_as_a_pin(
    attempt: Attempt, transaction: Make, model: type[TransactionOutcome], pin: dict[str, str] | None
) -> None:
    metadata = {"type": "ESIM", "activation_type": "DATA_PLAN", "profile": PROFILE, "balance": {"size": {"amount": 5}}}
    found = model.model_validate(
        {**transaction(StatusClass.COMPLETED).model_dump(by_alias=True), "metadata": metadata, "pin": pin}
    )
    move = move_for(attempt, RowState.ACCEPTED, found, "test")
    assert move.facts is not None
    assert move.facts.secrets == PurchaseSecrets(
        pin_code=pin["code"] if pin else None,
        pin_serial=PROFILE["iccid"],
        esim_activation_code=PROFILE["activation_code"],
        esim_apple_universal_link=PROFILE["apple_universal_link"],
        esim_android_universal_link=PROFILE["android_universal_link"],
        esim_installation_url=PROFILE["installation_url"],
    )
    for shown in (repr(move), repr(found), str(found), found.masked("*").model_dump_json()):
        assert not [secret for secret in PROFILE.values() if secret in shown]


def _hint(attempt: Attempt, transaction: Transaction, state: RowState = RowState.COMPLETED) -> HintedAttempt:
    return HintedAttempt(
        attempt=attempt, state=state, transaction_id=transaction.id, received_at=transaction.creation_date
    )


def test_a_reversal_in_a_purged_run_is_recorded_and_its_pin_stays_purged(attempt: Attempt, transaction: Make) -> None:
    found = transaction(StatusClass.REVERSED, pin={"code": "4711-0815", "serial": "S-99"})
    move = reversal_of_forgotten(_hint(replace(attempt, request=b"{}"), found), found, "test")
    assert move is not None
    assert (move.before, move.after) == (RowState.COMPLETED, RowState.REVERSED)
    assert move.facts is not None
    assert move.facts.secrets == NO_SECRETS
    assert move.facts.price == facts_of(found).price


def test_nothing_but_the_reversal_of_its_own_transaction_moves_a_row_of_a_purged_run(
    attempt: Attempt, transaction: Make
) -> None:
    taken_back = transaction(StatusClass.REVERSED)
    of_another = taken_back.model_copy(update={"external_id": "list-other-1"})
    with_another_id = taken_back.model_copy(update={"id": taken_back.id + 1})
    paid = transaction(StatusClass.COMPLETED)
    for found in (of_another, with_another_id, paid):
        assert reversal_of_forgotten(_hint(attempt, taken_back), found, "test") is None
    assert reversal_of_forgotten(_hint(attempt, taken_back, RowState.ACCEPTED), taken_back, "test") is None


@pytest.mark.parametrize("callback_url", ["https://example.com/callbacks", None])
def test_a_body_has_the_callback_url_of_a_run_that_has_one(attempt: Attempt, callback_url: str | None) -> None:
    body = body_of(attempt, callback_url)
    assert body.get("callback_url") == callback_url
    assert ("callback_url" in body) is (callback_url is not None)
    assert body["external_id"] == attempt.external_id
