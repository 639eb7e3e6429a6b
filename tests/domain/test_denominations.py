"""A fixed product is paid as it was planned; what a transaction delivers is read from all that it states."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.delivery import NO_DELIVERY, Delivery
from bulk_topup.domain.denominations import delivery_of
from bulk_topup.domain.moves import facts_of, move_for, move_out_of_conflict
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import StatusClass, codec
from bulk_topup.dvs.models.product import Rates
from bulk_topup.dvs.models.transaction import Transaction, TransactionOutcome
from tests.helpers.dvs_values import attempt, transaction

__all__ = ["attempt", "transaction"]

Make = Callable[..., Transaction]
#: A product of 3 USD that costs 3.60 USD, as DVS describes one.
PRICES = {"wholesale": {"unit_type": "CURRENCY", "unit": "USD", "amount": 3.6, "fee": 0}}
RATES = {"base": 0.833333333333333, "wholesale": 0.833333333333333, "retail": 0.75}


def amount(number: float, unit: str = "USD") -> dict[str, object]:
    return {"unit_type": "CURRENCY", "unit": unit, "amount": number}


def benefit(base: Any, unit: str = "USD", bonus: Any = 0, unit_type: str = "CURRENCY") -> dict[str, object]:
    return {
        "type": "CREDITS",
        "unit_type": unit_type,
        "unit": unit,
        "amount": {"base": base, "promotion_bonus": bonus, "total_excluding_tax": base},
    }


@pytest.fixture
def fixed(attempt: Attempt) -> Attempt:
    """An attempt for a fixed product of 3 USD."""
    request = {**codec.decode(attempt.request), "calculation_mode": None, "destination": None}
    return replace(
        attempt,
        request=codec.encode({name: value for name, value in request.items() if value is not None}),
        amount=Decimal(3),
        unit="USD",
        cost=Decimal("3.6"),
        cost_unit="USD",
    )


@pytest.mark.parametrize("class_", [StatusClass.CONFIRMED, StatusClass.COMPLETED])
@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ({"requested_values": {"destination": amount(5)}}, "5"),
        ({"requested_values": {"destination": amount(3)}, "adjusted_values": {"destination": amount(2.9)}}, None),
        ({"requested_values": {"source": amount(3), "destination": amount(60, "MXN")}}, None),
        ({"requested_values": {"destination": amount(60, "MXN")}}, None),
        ({"adjusted_values": {"destination": amount(2)}}, "2"),
        ({"benefits": [benefit(3)], "rates": RATES}, None),
        ({"benefits": [benefit(5)], "rates": {"base": 5 / 3.6, "wholesale": 1.38888888888889}}, "5"),
        # Taxes are taken from the benefit, and the product is the planned one.
        ({"benefits": [benefit(2.45)], "rates": RATES}, None),
        ({"benefits": [benefit(5)], "rates": {"base": 1.2, "wholesale": 1}}, "5"),
        ({"benefits": [benefit(5)]}, None),
        ({"benefits": [benefit(5)], "rates": {"base": 1, "wholesale": -1}}, None),
        ({"benefits": [benefit(5), benefit(3)], "rates": {"base": 2, "wholesale": 2}}, None),
        ({"benefits": [benefit(5, "MXN"), benefit(5, "MB", 0, "DATA")], "rates": {"base": 2, "wholesale": 2}}, None),
        ({"rates": {"base": 2, "wholesale": 2}}, None),
    ],
)
def test_a_fixed_product_whose_amount_changed_is_a_conflict_and_no_success_with_the_old_amount(
    fixed: Attempt, transaction: Make, stated: dict[str, Any], found: str | None, class_: StatusClass
) -> None:
    move = move_for(
        fixed, RowState.IN_FLIGHT, transaction(class_, **{"prices": PRICES, **_values_of(stated)}), "answer"
    )
    if found is None:
        assert move.after is (RowState.COMPLETED if class_ is StatusClass.COMPLETED else RowState.ACCEPTED)
        return
    assert move.after is RowState.CONFLICT
    assert f"DVS sold a product of {found} USD instead of 3 USD for {fixed.external_id}." in move.message
    assert move.facts is not None
    assert (move.facts.price, move.facts.delivery.delivered) == (Decimal("3.6"), Decimal(found))
    # It stays one, whatever is read later, until a person decides.
    known = facts_of(transaction(class_, prices=PRICES))
    assert known.price == Decimal("3.6")


def test_a_price_that_is_rounded_to_a_coarse_unit_proves_no_other_amount(fixed: Attempt, transaction: Make) -> None:
    # 33.6 JPY are charged as 34, and taxes are taken from the benefit.
    prices = {"wholesale": {"unit_type": "CURRENCY", "unit": "JPY", "amount": 34, "fee": 0}}
    attempt = replace(fixed, cost=Decimal(34), cost_unit="JPY")
    for rate, state in ((3 / 33.6, RowState.COMPLETED), (5 / 33.6, RowState.CONFLICT)):
        stated = {"benefits": [benefit(2.45)], "rates": Rates(wholesale=Decimal(str(round(rate, 12))))}
        answer = transaction(StatusClass.COMPLETED, **{"prices": prices, **_values_of(stated)})
        assert move_for(attempt, RowState.IN_FLIGHT, answer, "answer").after is state


def _values_of(stated: dict[str, Any]) -> dict[str, Any]:
    return {"requested_values": None, **stated}


def test_an_amount_that_is_the_price_of_the_product_is_compared_with_that(fixed: Attempt, transaction: Make) -> None:
    # A job whose amounts are for the source has the price, while the benefit is what the beneficiary receives.
    source = replace(fixed, amount=Decimal("3.6"))
    usual = transaction(prices=PRICES, requested_values=None, benefits=[benefit(3)], rates=RATES)
    assert move_for(source, RowState.IN_FLIGHT, usual, "answer").after is RowState.ACCEPTED
    other = usual.model_copy(update={"rates": Rates(base=Decimal("0.5"), wholesale=Decimal("0.833333333333333"))})
    assert move_for(source, RowState.IN_FLIGHT, other, "answer").after is RowState.CONFLICT


def test_a_conflict_about_the_amount_is_not_ended_by_the_same_transaction(fixed: Attempt, transaction: Make) -> None:
    from bulk_topup.domain.attempt import PricedAttempt

    dear = transaction(StatusClass.COMPLETED, prices=PRICES, requested_values={"destination": amount(5)})
    known = PricedAttempt(attempt=fixed, price=Decimal("3.6"), fee=None, price_unit="USD")
    assert move_out_of_conflict(known, dear, "look-up") is None
    right = dear.model_copy(update={"requested_values": None})
    assert move_out_of_conflict(known, right, "look-up") is not None


def test_a_payment_that_was_not_made_is_no_conflict(fixed: Attempt, transaction: Make) -> None:
    declined = transaction(StatusClass.DECLINED, prices=PRICES, requested_values={"destination": amount(5)})
    assert move_for(fixed, RowState.IN_FLIGHT, declined, "answer").after is RowState.FAILED


@pytest.mark.parametrize(
    ("stated", "delivery"),
    [
        ({"requested_values": None}, NO_DELIVERY),
        (
            {
                "requested_values": {"destination": amount(10, "SGD")},
                "adjusted_values": {"source": amount(7), "destination": amount(9.99, "SGD")},
            },
            Delivery(delivered=Decimal("9.99"), delivered_unit="SGD"),
        ),
        (
            {"requested_values": {"source": amount(7), "destination": amount(10, "SGD")}},
            Delivery(delivered=Decimal(10), delivered_unit="SGD"),
        ),
        (
            {"requested_values": None, "benefits": [benefit(3, bonus=1.5), benefit(500, "MB", 250, "DATA")]},
            Delivery(delivered=Decimal(3), delivered_unit="USD", bonus="1.5 USD, 250 MB"),
        ),
        (
            {"requested_values": None, "benefits": [benefit({"min": 3, "max": 3}, bonus={"min": 0, "max": 0})]},
            Delivery(delivered=Decimal(3), delivered_unit="USD"),
        ),
        (
            {"requested_values": None, "benefits": [benefit(3, bonus=-1), benefit(4)]},
            Delivery(bonus="unlimited USD"),
        ),
        (
            {"requested_values": None, "prices": {**PRICES, "retail": {**amount(4), "fee": 0}}},
            Delivery(retail_price=Decimal(4), retail_unit="USD"),
        ),
        ({"requested_values": None, "prices": {**PRICES, "retail": {"unit": "USD"}}}, NO_DELIVERY),
    ],
)
def test_what_a_transaction_states_of_its_delivery_is_recorded(
    transaction: Make, stated: dict[str, Any], delivery: Delivery
) -> None:
    assert delivery_of(transaction(**{"prices": PRICES, **stated})) == delivery
    assert facts_of(transaction(**{"prices": PRICES, **stated})).delivery == delivery


@pytest.mark.parametrize("name", ["adjusted_values", "rates", "benefits"])
def test_what_can_not_be_read_hides_no_outcome(transaction: Make, name: str) -> None:
    values = transaction(StatusClass.COMPLETED).model_dump(mode="json", by_alias=True)
    read = TransactionOutcome.model_validate({**values, name: "odd", "prices": {**PRICES, "retail": "odd"}})
    assert getattr(read, name) is None
    assert read.prices is not None
    assert (read.prices.wholesale.amount, read.prices.retail) == (Decimal("3.6"), None)
