"""What DVS states of a transaction is compared with its request by meaning: a matrix of equivalent spellings."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.echo import differences_from, same_mobile_number
from bulk_topup.domain.moves import move_for, request_of
from bulk_topup.domain.purchase_secrets import NO_SECRETS
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.account import Balance
from bulk_topup.dvs.models.base import Amount, Period, Price
from bulk_topup.dvs.models.metadata import EsimQuantity
from bulk_topup.dvs.models.product import Benefit, RangedAmount, RangedPrice
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.dvs.statuses import StatusClass

Make = Callable[..., Transaction]

#: Spellings of the same number, by its E.164 form.
SAME_NUMBERS = {
    "+6595123100": (
        "6595123100", "+65 9512 3100", "+65-9512-3100", "(+65) 9512.3100", "006595123100", "00 65 9512 3100",
        "tel:+6595123100", "TEL:6595123100", "95123100", "9512 3100", "+65 (0) 95123100", "0065-9512-3100",
        "\u202a+6595123100\u202c", "\uff0b\uff16\uff15\uff19\uff15\uff11\uff12\uff13\uff11\uff10\uff10",
        " +6595123100 ", "+65\u00a09512\u20113100", "\u0666\u0665\u0669\u0665\u0661\u0662\u0663\u0661\u0660\u0660",
    ),
    "+447911123456": ("447911123456", "07911123456", "07911 123456", "+44 (0)7911 123456", "00447911123456"),
    "+12025550123": ("12025550123", "2025550123", "(202) 555-0123", "1-202-555-0123", "01112025550123"),
    "+79161234567": ("79161234567", "89161234567", "8 (916) 123-45-67"),
    "+5511987654321": ("5511987654321", "+551187654321", "11987654321", "011987654321"),
    "+525512345678": ("525512345678", "+5215512345678", "5215512345678", "5512345678"),
    "+393331234567": ("393331234567", "3331234567"),
}  # fmt: skip
OTHER_NUMBERS = (
    *("+6595123101", "6595123101", "95123101", "9512310", "+60595123100", "+65951231000"),
    *("0", "", "n/a", "+", "+6595123100 ext. 5", "XXXXX23100"),
)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(ours, theirs) for ours, all_ in SAME_NUMBERS.items() for theirs in (ours, *all_)]
)
def test_a_number_is_the_same_in_every_spelling(ours: str, theirs: str) -> None:
    assert same_mobile_number(ours, theirs)


@pytest.mark.parametrize("theirs", OTHER_NUMBERS)
def test_another_number_is_another_in_every_spelling(theirs: str) -> None:
    assert not same_mobile_number("+6595123100", theirs)


@pytest.mark.parametrize("ours", SAME_NUMBERS)
def test_no_spelling_of_one_number_is_one_of_another(ours: str) -> None:
    for other, spellings in SAME_NUMBERS.items():
        assert other == ours or not any(same_mobile_number(ours, each) for each in (other, *spellings))


@given(st.text(max_size=20), st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z"))
def test_any_text_can_be_compared_with_a_number(text: str, ours: str) -> None:
    assert same_mobile_number(ours, text) in {True, False}
    assert same_mobile_number(ours, ours.removeprefix("+"))


def _request(attempt: Attempt, **fields: Any) -> Attempt:
    return replace(attempt, request=codec.encode({**codec.decode(attempt.request), **fields}))


@pytest.mark.parametrize(
    ("sent", "stated"),
    [
        ({"account_number": "GC 12-A"}, {"account_number": "GC12\u2010A"}),
        ({"account_number": "GC 12-A"}, {"account_number": "GC 12-A", "mobile_number": None}),
        ({"account_number": "GC 12-A"}, {"account_number": "GC 12-A", "mobile_number": "", "account_qualifier": ""}),
        ({"account_number": "1", "account_qualifier": "Home"}, {"account_number": "1", "account_qualifier": "HOME "}),
        ({"mobile_number": "+6595123100"}, {"mobile_number": "6595123100", "account_number": None}),
        ({}, None),
        ({}, {"mobile_number": None}),
    ],
)
@pytest.mark.parametrize("found_by_id", [True, False])
def test_a_credit_party_is_the_same_in_every_spelling(
    attempt: Attempt, transaction: Make, sent: dict[str, Any], stated: dict[str, Any] | None, found_by_id: bool
) -> None:
    ours = _request(attempt, credit_party_identifier=sent)
    found = transaction(credit_party_identifier=stated)
    assert move_for(ours, RowState.IN_FLIGHT, found, "test", found_by_id=found_by_id).after is RowState.ACCEPTED


@pytest.mark.parametrize("stated", [None, {}, {"mobile_number": None}, {"mobile_number": ""}])
def test_a_party_that_is_not_stated_is_no_difference_in_an_answer_and_no_proof_in_a_look_up(
    attempt: Attempt, transaction: Make, stated: object
) -> None:
    found = transaction(credit_party_identifier=stated)
    assert move_for(attempt, RowState.IN_FLIGHT, found, "answer").after is RowState.ACCEPTED
    move = move_for(attempt, RowState.IN_FLIGHT, found, "look-up", found_by_id=True)
    assert move.after is RowState.CONFLICT
    assert "mobile number none instead of +6595123100" in move.message


@pytest.mark.parametrize(
    ("sent", "stated", "difference"),
    [
        ({"account_number": "GC12A"}, {"account_number": "GC12B"}, "account number GC12B instead of GC12A"),
        ({"account_number": "GC12A"}, {"account_number": "gc12a"}, "account number gc12a instead of GC12A"),
        ({"account_number": "1"}, {"account_number": "01"}, "account number 01 instead of 1"),
        (
            {"account_number": "1", "account_qualifier": "Home"},
            {"account_number": "1", "account_qualifier": "Work"},
            "account qualifier Work instead of Home",
        ),
        (
            {"account_number": "1"},
            {"account_number": "1", "account_qualifier": "Work"},
            "account qualifier Work instead of none",
        ),
        (
            {"mobile_number": "+6595123100", "account_number": "1"},
            {"mobile_number": "+6595123100", "account_number": "2"},
            "account number 2 instead of 1",
        ),
    ],
)
@pytest.mark.parametrize("found_by_id", [True, False])
def test_a_transaction_that_credits_another_account_is_a_conflict(
    attempt: Attempt,
    transaction: Make,
    sent: dict[str, Any],
    stated: dict[str, Any],
    difference: str,
    found_by_id: bool,
) -> None:
    ours = _request(attempt, credit_party_identifier=sent)
    found = transaction(StatusClass.COMPLETED, credit_party_identifier=stated)
    move = move_for(ours, RowState.IN_FLIGHT, found, "test", found_by_id=found_by_id)
    assert move.after is RowState.CONFLICT
    assert difference in move.message


@pytest.mark.parametrize(
    ("sent", "stated", "difference"),
    [
        ({"account_number": "1"}, {"account_qualifier": ""}, "account number none instead of 1"),
        (
            {"account_number": "1", "account_qualifier": "Home"},
            {"account_number": "1"},
            "account qualifier none instead of Home",
        ),
    ],
)
def test_an_account_that_is_not_stated_is_no_difference_in_an_answer_and_no_proof_in_a_look_up(
    attempt: Attempt, transaction: Make, sent: dict[str, Any], stated: dict[str, Any], difference: str
) -> None:
    ours, found = _request(attempt, credit_party_identifier=sent), transaction(credit_party_identifier=stated)
    assert move_for(ours, RowState.IN_FLIGHT, found, "answer").after is RowState.ACCEPTED
    move = move_for(ours, RowState.IN_FLIGHT, found, "look-up", found_by_id=True)
    assert move.after is RowState.CONFLICT
    assert difference in move.message


@pytest.mark.parametrize(
    ("sent", "stated", "difference"),
    [
        ({"reference": "INV-1"}, {"reference": "INV-1"}, []),
        ({"reference": "INV-1"}, {"reference": " inv\u20111\u200b"}, []),
        ({"reference": "INV-1"}, {"reference": "INV-2"}, ["bill INV-2 instead of INV-1"]),
        ({"reference": "INV-1"}, {"reference": ""}, []),
        ({"reference": "INV-1"}, {"due_date": "2026-12-31"}, []),
        ({"reference": "INV-1"}, None, []),
        ({"due_date": "2026-12-31"}, {"reference": "INV-2"}, []),
        (None, {"reference": "INV-2"}, []),
        (None, None, []),
    ],
)
@pytest.mark.parametrize("needs_all", [True, False])
def test_a_transaction_that_pays_another_bill_is_another_and_an_unstated_bill_is_no_difference(
    attempt: Attempt,
    transaction: Make,
    sent: dict[str, Any] | None,
    stated: dict[str, Any] | None,
    difference: list[str],
    needs_all: bool,
) -> None:
    ours = request_of(_request(attempt, statement_identifier=sent))
    assert differences_from(ours, transaction(statement_identifier=stated), needs_all=needs_all) == difference


@pytest.mark.parametrize(
    ("stated", "in_answer", "in_look_up"),
    [
        ({"source": {"unit": "USD", "amount": "7.50"}, "destination": {"unit": "SGD", "amount": 10}}, "", ""),
        (
            {"source": {"unit": "USD", "amount": 7.49}},
            "source amount 7.49 USD instead of 7.5 USD",
            "source amount 7.49 USD instead of 7.5 USD",
        ),
        (
            {"source": {"unit": "EUR", "amount": 7.5}},
            "source amount 7.5 EUR instead of 7.5 USD",
            "source amount 7.5 EUR instead of 7.5 USD",
        ),
        ({"destination": {"unit": "USD", "amount": 7.5}}, "", "source amount not stated instead of 7.5 USD"),
        (None, "", "source amount not stated instead of 7.5 USD"),
    ],
)
def test_an_amount_in_the_currency_of_the_wallet_is_compared_too(
    attempt: Attempt, transaction: Make, stated: object, in_answer: str, in_look_up: str
) -> None:
    source = {"unit_type": "CURRENCY", "unit": "USD", "amount": 7.5}
    ours = request_of(_request(attempt, calculation_mode="SOURCE_AMOUNT", source=source, destination=None))
    found = transaction(requested_values=stated)
    assert differences_from(ours, found, needs_all=False) == ([in_answer] if in_answer else [])
    assert differences_from(ours, found, needs_all=True) == ([in_look_up] if in_look_up else [])


@pytest.mark.parametrize("amount", [10, 10.0, "10", "10.00", "1E+1", "010"])
@pytest.mark.parametrize("unit", ["SGD", "sgd", " SGD "])
def test_an_amount_is_the_same_by_value(attempt: Attempt, transaction: Make, amount: object, unit: str) -> None:
    found = transaction(requested_values={"source": None, "destination": {"unit": unit, "amount": amount}})
    assert differences_from(request_of(attempt), found, needs_all=True) == []


#: Spellings of one currency.
SAME_CURRENCIES = ("USD", "usd", "Usd", " USD", "usd ", "\u00a0USD", "\tusd\n")


@pytest.mark.parametrize("unit", SAME_CURRENCIES)
def test_a_price_is_in_the_same_currency_in_every_spelling(attempt: Attempt, transaction: Make, unit: str) -> None:
    found = transaction(prices={"wholesale": {"unit_type": "currency", "unit": unit, "amount": 7.3, "fee": 0.11}})
    move = move_for(replace(attempt, cost_unit="USD"), RowState.IN_FLIGHT, found, "test")
    assert move.facts is not None
    assert (move.after, move.facts.price_unit) == (RowState.ACCEPTED, "USD")


@pytest.mark.parametrize("unit", ["EUR", "US D", "U.S.D", "US", ""])
def test_another_currency_is_another_in_every_spelling(attempt: Attempt, transaction: Make, unit: str) -> None:
    found = transaction(requested_values={"destination": {"unit": unit, "amount": 10}})
    assert len(differences_from(request_of(attempt), found, needs_all=True)) == 1


@pytest.mark.parametrize("unit", SAME_CURRENCIES)
@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Balance, {"id": 1, "available": 1}),
        (Amount, {"amount": 1}),
        (Price, {"amount": 1}),
        (RangedAmount, {"amount": {"min": 1, "max": 2}}),
        (RangedPrice, {"amount": {"min": 1, "max": 2}}),
    ],
)
def test_wallets_prices_and_products_state_one_currency_in_one_spelling(
    unit: str, model: type[BaseModel], fields: dict[str, object]
) -> None:
    read = model.model_validate({**fields, "unit": unit, "unit_type": " currency "})
    assert (read.model_dump()["unit"], read.model_dump()["unit_type"]) == ("USD", "CURRENCY")


def test_units_that_dvs_has_in_capitals_are_the_same_in_every_spelling_and_open_ones_stay_as_they_are() -> None:
    money = {"type": "CREDITS", "unit_type": " currency", "unit": "SGD", "amount": {"base": 5}}
    data = {"type": "DATA", "unit_type": "data", "unit": "Gb", "amount": {"base": 5}}
    benefits = TypeAdapter(list[Benefit]).validate_python([money, data])
    assert [(each.unit_type, each.unit) for each in benefits] == [("CURRENCY", "SGD"), ("DATA", "Gb")]
    assert Period.model_validate({"unit": "day ", "quantity": 7}).unit == "DAY"
    assert EsimQuantity.model_validate({"unit": "gb", "amount": 7}).unit == "GB"


def test_a_conflict_keeps_transaction_price_and_charge_but_no_pin_of_another(
    attempt: Attempt, transaction: Make
) -> None:
    other = {"credit_party_identifier": {"mobile_number": "+6595123101"}, "pin": {"code": "4711", "serial": "S"}}
    facts = move_for(attempt, RowState.IN_FLIGHT, transaction(StatusClass.COMPLETED, **other), "test").facts
    assert facts is not None
    assert (facts.transaction_id, str(facts.charged), facts.price_unit) == (2237512891, "7.41", "USD")
    assert (facts.status_class, facts.secrets) == ("COMPLETED", NO_SECRETS)
    found = transaction(StatusClass.COMPLETED, external_id="another-1")
    assert move_for(attempt, RowState.ACCEPTED, found, "test").facts is None
