"""The caps while rows are sent: what counts, what no longer counts, and what a cap leaves over."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.attempt import Attempt, Facts
from bulk_topup.domain.guards import Caps
from bulk_topup.engine.budget import Budget
from bulk_topup.ledger import SpendingTotals

NOTHING = SpendingTotals(rows=0, amounts={}, costs={})


@pytest.fixture
def row(attempt: Attempt) -> Callable[..., Attempt]:
    def make(number: int, cost: str | None = "3", **changes: Any) -> Attempt:
        values = {"amount": Decimal(5), "unit": "SGD", "cost": cost and Decimal(cost), "cost_unit": "USD", **changes}
        return replace(attempt, row_id=number, **values)

    return make


#: The request of another product than the attempt's, whose price is another.
OTHER = b'{"product_id":4455}'


def facts(price: str, fee: str | None = None, status: str = "CONFIRMED") -> Facts:
    return Facts(
        transaction_id=1,
        creation_date=datetime(2026, 11, 1, tzinfo=UTC),
        status_class=status,
        status_message=status,
        price=Decimal(price),
        fee=None if fee is None else Decimal(fee),
        price_unit="USD",
        operator_reference=None,
    )


@pytest.mark.parametrize(
    ("caps", "message"),
    [
        ({"rows": 2}, "The run has sent 2 rows; the cap is 2 rows."),
        ({"amounts": {"SGD": "14.99"}}, "With the next row, 15.00 SGD would be requested; the cap is 14.99 SGD."),
        ({"costs": {"USD": "8"}}, "With the next row, the cost would be 9.00 USD; the cap is 8.00 USD."),
    ],
)
def test_the_row_that_would_exceed_a_cap_is_not_counted(row: Any, caps: dict[str, Any], message: str) -> None:
    budget = Budget(Caps.model_validate(caps), NOTHING)
    assert [budget.excess(row(number)) for number in (1, 2)] == [None, None]
    assert budget.excess(row(3)) == message
    assert budget.excess(row(3)) == message


def test_one_row_may_not_request_more_than_its_cap(row: Any) -> None:
    budget = Budget(Caps(row_amounts={"SGD": Decimal(4)}), NOTHING)
    assert budget.excess(row(1)) == "The next row requests 5.00 SGD; the cap for one row is 4.00 SGD."


def test_a_unit_that_the_caps_do_not_name_may_not_occur(row: Any) -> None:
    assert Budget(Caps(amounts={"GBP": Decimal(100)}), NOTHING).excess(row(1)) is not None


def test_rows_that_earlier_invocations_sent_count(row: Any) -> None:
    spent = SpendingTotals(rows=9, amounts={"SGD": Decimal(45)}, costs={"USD": Decimal(27)})
    assert Budget(Caps(rows=9), spent).excess(row(1)) is not None
    assert Budget(Caps(costs={"USD": Decimal(30)}), spent).excess(row(1)) is None
    assert Budget(Caps(costs={"USD": Decimal("29.99")}), spent).excess(row(1)) is not None


def test_each_unit_has_its_own_sum_and_its_own_cap(row: Any) -> None:
    caps = Caps(amounts={"SGD": Decimal(10), "PHP": Decimal(5)}, costs={"USD": Decimal(6), "EUR": Decimal(3)})
    budget = Budget(caps, NOTHING)
    assert budget.excess(row(1)) is None
    assert budget.excess(row(2, unit="PHP", cost_unit="EUR")) is None
    assert "PHP" in str(budget.excess(row(3, unit="PHP")))
    assert "EUR" in str(budget.excess(row(3, cost_unit="EUR")))
    assert budget.excess(row(3)) is None
    assert (budget.amounts, budget.costs) == (
        {"SGD": Decimal(10), "PHP": Decimal(5)},
        {"USD": Decimal(6), "EUR": Decimal(3)},
    )


def test_the_price_with_its_fee_replaces_the_planned_cost(row: Any) -> None:
    budget = Budget(Caps(costs={"USD": Decimal(7)}), NOTHING)
    first = row(1)
    assert budget.excess(first) is None
    budget.charge(first, facts("4", "0.5"))
    budget.charge(first, facts("4", "0.5"))
    assert budget.excess(row(2, request=OTHER)) is not None
    budget.charge(first, facts("4"))
    assert budget.excess(row(2, request=OTHER)) is None


def test_a_completed_row_still_counts_although_it_is_not_remembered(row: Any) -> None:
    budget = Budget(Caps(costs={"USD": Decimal(7)}), NOTHING)
    first = row(1)
    assert budget.excess(first) is None
    budget.charge(first, facts("4"))
    budget.charge(first, facts("4.5", status="COMPLETED"))
    assert budget._counted == {}
    assert "7.50 USD" in str(budget.excess(row(2, request=OTHER)))
    budget.release(first, facts("4.5", status="REVERSED"))
    assert budget.excess(row(2, "7", request=OTHER)) is None
    assert budget.excess(row(3, "0.01", request=OTHER)) is not None


def test_without_caps_no_row_is_remembered(row: Any) -> None:
    budget = Budget(Caps(), NOTHING)
    for number in range(9):
        assert budget.excess(row(number)) is None
        budget.charge(row(number), facts("4"))
    budget.release(row(1), facts("4"))
    assert (budget._counted, budget._claimed, budget._latest) == ({}, set(), {})
    assert budget.total_excess() is None


@pytest.mark.parametrize(
    ("planned", "charged", "next_planned", "expected"),
    [
        ("3", "3.3", "3", "3.30"),
        ("3", "3.3", "6", "6.60"),
        ("1.86", "3.71", "1.86", "3.71"),
        ("3", "3.1", "1", "1.04"),  # 1.0333 and the rest
        ("3", "3.001", "3", "3.001"),
        ("3", "3", "3.001", "3.001"),  # nothing is rounded where the price is as planned
        ("3", "2", "3", "3.00"),  # a price that fell may rise again
    ],
)
def test_a_row_is_expected_to_cost_what_the_latest_of_its_product_did(
    row: Any, planned: str, charged: str, next_planned: str, expected: str
) -> None:
    limit = Decimal(charged) + Decimal(expected)
    for cap, is_sent in ((limit, True), (limit - Decimal("0.0001"), False)):
        budget = Budget(Caps(costs={"USD": cap}), NOTHING)
        first, second = (row(number, cost, amount=Decimal(cost)) for number, cost in ((1, planned), (2, next_planned)))
        assert budget.excess(first) is None
        budget.charge(first, facts(charged))
        assert (budget.excess(second) is None) is is_sent
        if is_sent:
            assert budget.costs == {"USD": limit}


def test_an_earlier_transaction_that_completes_later_does_not_say_what_the_next_row_costs(row: Any) -> None:
    budget = Budget(Caps(costs={"USD": Decimal("11.99")}), NOTHING)
    before, after = facts("3", status="COMPLETED"), replace(facts("4"), creation_date=datetime(2026, 11, 2, tzinfo=UTC))
    assert [budget.excess(row(number)) for number in (1, 2)] == [None, None]
    budget.charge(row(2), after)
    budget.charge(row(1), before)
    assert budget.excess(row(3)) is None
    assert budget.costs == {"USD": Decimal(11)}


def test_the_last_price_of_a_transaction_says_what_the_next_row_costs(row: Any) -> None:
    budget = Budget(Caps(costs={"USD": Decimal(100)}), NOTHING)
    assert budget.excess(row(1)) is None
    for price, status in (("4", "CONFIRMED"), ("4.5", "COMPLETED")):
        budget.charge(row(1), facts(price, status=status))
    assert budget.excess(row(2)) is None
    assert budget.costs == {"USD": Decimal(9)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"unit": "PHP", "amount": Decimal(1)}),
        ({"amount": None}, {"amount": None}),
        ({"amount": None, "unit": None}, {"amount": None, "unit": None}),
    ],
)
def test_amounts_that_can_not_be_compared_do_not_lower_what_the_next_row_costs(
    row: Any, first: dict[str, Any], second: dict[str, Any]
) -> None:
    budget = Budget(Caps(costs={"USD": Decimal(100)}), NOTHING)
    assert budget.excess(row(1, **first)) is None
    budget.charge(row(1, **first), facts("3.3"))
    assert budget.excess(row(2, **second)) is None
    assert budget.costs == {"USD": Decimal("6.6")}


def test_a_row_of_unknown_outcome_was_counted_as_planned_and_any_other_as_it_was_before(row: Any) -> None:
    spent = SpendingTotals(rows=1, amounts={"SGD": Decimal(5)}, costs={"USD": Decimal(3)})
    for was_unknown, costs in ((True, 4), (False, 3)):
        budget = Budget(Caps(costs={"USD": Decimal(100)}), spent)
        budget.charge(row(1), facts("4"), was_unknown=was_unknown)
        assert budget.costs == {"USD": Decimal(costs)}
    budget = Budget(Caps(costs={"USD": Decimal(100)}), NOTHING)
    assert budget.excess(row(1, "2")) is None
    budget.charge(row(1, "3"), facts("4"), was_unknown=True)  # its plan has changed since it was counted
    assert budget.costs == {"USD": Decimal(4)}


def test_a_price_without_a_currency_counts_for_nothing(row: Any) -> None:
    budget = Budget(Caps(costs={"USD": Decimal(100)}), NOTHING)
    assert budget.excess(row(1)) is None
    budget.charge(row(1), replace(facts("4"), price_unit=None))
    assert budget.costs == {"USD": Decimal(3)}


def test_a_price_in_another_currency_than_the_plan_or_without_a_plan_says_nothing_of_the_next_row(row: Any) -> None:
    budget = Budget(Caps(costs={"USD": Decimal(100), "EUR": Decimal(100)}), NOTHING)
    for number, cost in ((1, {"cost_unit": "EUR"}), (2, {"cost": None, "cost_unit": None}), (3, {"cost": "0"})):
        budget.charge(row(number, **cost), facts("9"))
    assert budget.excess(row(4)) is None
    assert budget.costs == {"USD": Decimal(3)}


def test_a_claimed_row_counts_only_once_it_is_sent_and_frees_nothing_if_it_is_not(row: Any) -> None:
    budget = Budget(Caps(rows=2, amounts={"SGD": Decimal(10)}), NOTHING)
    budget.claim(map(row, (1, 2, 3)))
    assert budget.excess(row(1)) is None
    budget.release(row(3))
    assert (budget._rows, budget.amounts) == (1, {"SGD": Decimal(5)})
    assert budget.excess(row(2)) is None
    budget.release(row(2))
    assert (budget._rows, budget.amounts, budget._claimed) == (1, {"SGD": Decimal(5)}, set())
    budget.claim([row(3)])
    assert budget.excess(row(3)) is None
    assert budget.excess(row(4)) is not None


@pytest.mark.parametrize(
    ("caps", "message"),
    [
        ({"rows": 9}, None),
        ({"rows": 8}, "The run has sent 9 rows; the cap is 8 rows."),
        ({"amounts": {"SGD": "45"}}, None),
        ({"amounts": {"SGD": "44"}}, "The run requests 45.00 SGD; the cap is 44.00 SGD."),
        ({"costs": {"USD": "27"}}, None),
        ({"costs": {"USD": "26.99"}}, "The run costs 27.00 USD; the cap is 26.99 USD."),
        ({"costs": {"EUR": "99"}}, "The run costs 27.00 USD; the cap is 0.00 USD."),
    ],
)
def test_what_was_sent_may_exceed_each_cap(caps: dict[str, Any], message: str | None) -> None:
    spent = SpendingTotals(rows=9, amounts={"SGD": Decimal(45)}, costs={"USD": Decimal(27)})
    assert Budget(Caps.model_validate(caps), spent).total_excess() == message


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["send", "charge", "fail", "release"])), max_size=30))
def test_rows_that_are_not_paid_leave_the_budget_unchanged(steps: list[tuple[int, str]]) -> None:
    budget = Budget(Caps(rows=100, costs={"USD": Decimal(1000)}), NOTHING)
    base = Attempt(row_id=0, number=1, external_id="x-1", request=b"{}")
    values: dict[str, Any] = {"amount": Decimal(5), "unit": "SGD", "cost": Decimal("3.21"), "cost_unit": "USD"}
    sent: dict[int, Attempt] = {}
    for number, step in steps:
        one = replace(base, row_id=number, **values)
        if step == "send" and number not in sent:
            assert budget.excess(one) is None
            sent[number] = one
        elif step == "charge" and number in sent:
            budget.charge(one, facts("4.56", "0.01"))
        elif step != "charge" and number in sent:
            budget.release(sent.pop(number), facts("4.56", "0.01") if step == "fail" else None)
    for one in sent.values():
        budget.release(one)
    # No row is counted any more: the whole cap may be spent again, but not a cent more.
    limit = replace(base, row_id=9, request=OTHER, amount=Decimal(1), unit="SGD", cost=Decimal(1000), cost_unit="USD")
    assert budget.excess(limit) is None
    assert budget.excess(replace(limit, row_id=10, cost=Decimal("0.01"))) is not None


@pytest.mark.parametrize(("planned", "amount"), [("4.5", "5"), ("9", "10"), ("6", "10")])
def test_a_row_that_was_planned_with_the_new_price_is_not_expected_to_cost_still_more(
    row: Any, planned: str, amount: str
) -> None:
    cost = Decimal(amount) * Decimal("0.9")  # as charged, also for a row that was planned with the old price
    for cap, is_sent in ((cost, True), (cost - Decimal("0.01"), False)):
        budget = Budget(Caps(costs={"USD": cap}), NOTHING)
        budget.charge(row(1, "3"), facts("4.5"))  # of an earlier invocation, whose plan had the old price
        assert (budget.excess(row(2, planned, amount=Decimal(amount))) is None) is is_sent
