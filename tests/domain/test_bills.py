"""Which open bill a row pays: never another amount than what is due, in the product's unit, by its payment modes."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.domain.bills import BillPolicy, ChosenBill, NoBill, OpenBill, Terms, choose_bill

TODAY = date(2026, 11, 30)
JANUARY, FEBRUARY = date(2026, 12, 20), date(2027, 1, 20)


def bill(
    reference: str = "INV-1", amount: str | None = "70.50", due: date | None = JANUARY, unit: str | None = "KES"
) -> OpenBill:
    return OpenBill(reference=reference, amount=None if amount is None else Decimal(amount), due=due, unit=unit)


def choose(
    *bills: OpenBill, modes: tuple[str, ...] = (), policy: BillPolicy = BillPolicy.ONLY, wanted: str | None = None
) -> Any:
    terms = Terms(product_id=9105, unit="KES", modes=modes)
    return choose_bill(bills, terms, policy, wanted=wanted, today=TODAY)


def test_the_only_open_bill_is_paid_exactly() -> None:
    assert choose(bill()) == ChosenBill(amount="70.5", reference="INV-1", due=JANUARY)
    assert choose(bill("INV-0", "0"), bill(), bill("INV-2", "-3")) == choose(bill())


@pytest.mark.parametrize("bills", [(), (bill(amount="0"),), (bill(amount="-5"),)])
def test_nothing_is_due_where_no_bill_has_an_amount_above_zero(bills: tuple[OpenBill, ...]) -> None:
    assert choose(*bills).is_nothing_due
    assert choose(*bills, policy=BillPolicy.OLDEST).is_nothing_due


def test_the_bill_that_the_list_names_is_paid_in_any_spelling() -> None:
    bills = (bill("INV-1"), bill("INV-2", "9"))
    assert choose(*bills, wanted="inv -2").reference == "INV-2"
    settled = choose(*bills, bill("INV-3", "0"), wanted="INV-3")
    assert settled.is_nothing_due
    assert 'for the bill "INV-3"' in settled.reason
    assert choose(wanted="INV-3").is_nothing_due


def test_a_reference_that_is_none_of_what_the_account_owes_may_be_a_mistake() -> None:
    unknown = choose(bill("INV-1"), bill("INV-2", "9"), wanted="INV-3")
    assert not unknown.is_nothing_due
    assert "has 2 open bills: INV-1" in unknown.reason
    assert 'None of them has the reference "INV-3". Correct it' in unknown.reason
    assert "has 1 open bill: INV-1" in choose(bill("INV-1"), wanted="INV1").reason


def test_several_bills_are_refused_or_the_first_or_last_is_paid() -> None:
    bills = (bill("INV-1"), bill("INV-2", due=FEBRUARY))
    refused = choose(*bills)
    assert not refused.is_nothing_due
    assert "has 2 open bills: INV-1 due 2026-12-20 (70.50 KES), INV-2" in refused.reason
    assert choose(*bills, policy=BillPolicy.OLDEST).reference == "INV-1"
    assert choose(*bills, policy=BillPolicy.NEWEST).reference == "INV-2"


@pytest.mark.parametrize("other", [bill("INV-2", due=None), bill("INV-2")])
@pytest.mark.parametrize("policy", [BillPolicy.OLDEST, BillPolicy.NEWEST])
def test_bills_that_their_days_do_not_tell_apart_are_refused(other: OpenBill, policy: BillPolicy) -> None:
    assert isinstance(choose(bill(), other, policy=policy), NoBill)


@pytest.mark.parametrize(
    ("found", "modes", "words"),
    [
        (bill(""), (), "states no reference"),
        (bill(" "), (), "states no reference"),
        (bill("INV-1\0\n"), (), "states no reference"),
        (bill(amount=None), (), "does not state how much"),
        (bill(unit=None), (), "does not state how much"),
        (bill(unit="USD"), (), "is in USD, but the amounts of product 9105 are in KES"),
        (bill(amount="0.1234567891"), (), "more digits"),
        (bill(), ("PARTIAL", "EXCESS"), "takes PARTIAL and EXCESS payments, not the exact amount"),
        (bill(due=date(2026, 11, 29)), ("EXACT",), "no bills that are past due"),
    ],
)
def test_a_bill_that_cannot_be_paid_as_it_is_is_refused_and_not_without_debt(
    found: OpenBill, modes: tuple[str, ...], words: str
) -> None:
    answer = choose(found, modes=modes)
    assert words in answer.reason
    assert not answer.is_nothing_due


@pytest.mark.parametrize(
    ("due", "modes"),
    [(TODAY, ("EXACT",)), (date(2026, 11, 29), ("EXACT", "PAST_DUE")), (date(2026, 11, 29), ()), (None, ("EXACT",))],
)
def test_a_bill_within_the_modes_of_its_product_is_paid(due: date | None, modes: tuple[str, ...]) -> None:
    assert isinstance(choose(bill(due=due), modes=modes), ChosenBill)


def test_a_reason_names_few_of_many_bills() -> None:
    assert "and 7 more" in choose(*(bill(f"INV-{number}") for number in range(10))).reason
