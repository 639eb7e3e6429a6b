"""The caps while rows are sent: what counts, what counts no more, and what a cap leaves over."""

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
    def make(number: int, cost: str = "3", **changes: Any) -> Attempt:
        values = {"amount": Decimal(5), "unit": "SGD", "cost": Decimal(cost), "cost_unit": "USD", **changes}
        return replace(attempt, row_id=number, **values)

    return make


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
    ("caps", "told"),
    [
        ({"rows": 2}, "The run has sent 2 rows, and its cap is 2."),
        ({"amounts": {"SGD": "14.99"}}, "With the next row 15 SGD would be asked for, and the cap is 14.99 SGD."),
        ({"costs": {"USD": "8"}}, "With the next row 9 USD would be cost, and the cap is 8 USD."),
    ],
)
def test_the_row_that_would_exceed_a_cap_is_not_counted(row: Any, caps: dict[str, Any], told: str) -> None:
    budget = Budget(Caps.model_validate(caps), NOTHING)
    assert [budget.excess(row(number)) for number in (1, 2)] == [None, None]
    assert budget.excess(row(3)) == told
    assert budget.excess(row(3)) == told


def test_one_row_may_not_ask_for_more_than_its_cap(row: Any) -> None:
    budget = Budget(Caps(row_amounts={"SGD": Decimal(4)}), NOTHING)
    assert "would be asked for by one row" in str(budget.excess(row(1)))


def test_a_unit_that_the_caps_do_not_name_may_not_occur(row: Any) -> None:
    assert Budget(Caps(amounts={"GBP": Decimal(100)}), NOTHING).excess(row(1)) is not None


def test_what_earlier_starts_sent_counts(row: Any) -> None:
    spent = SpendingTotals(rows=9, amounts={"SGD": Decimal(45)}, costs={"USD": Decimal(27)})
    assert Budget(Caps(rows=9), spent).excess(row(1)) is not None
    assert Budget(Caps(costs={"USD": Decimal(30)}), spent).excess(row(1)) is None
    assert Budget(Caps(costs={"USD": Decimal("29.99")}), spent).excess(row(1)) is not None


def test_the_price_with_its_fee_takes_the_place_of_the_expected_cost(row: Any) -> None:
    budget = Budget(Caps(costs={"USD": Decimal(7)}), NOTHING)
    first = row(1)
    assert budget.excess(first) is None
    budget.charged(first, facts("4", "0.5"))
    budget.charged(first, facts("4", "0.5"))
    assert budget.excess(row(2)) is not None
    budget.charged(first, facts("4"))
    assert budget.excess(row(2)) is None


def test_a_row_that_completed_counts_on_although_nothing_is_remembered_of_it(row: Any) -> None:
    budget = Budget(Caps(costs={"USD": Decimal(7)}), NOTHING)
    first = row(1)
    assert budget.excess(first) is None
    budget.charged(first, facts("4"))
    budget.charged(first, facts("4.5", status="COMPLETED"))
    assert budget._counted == {}
    assert "7.5 USD" in str(budget.excess(row(2)))
    budget.unpaid(first, facts("4.5", status="REVERSED"))
    assert budget.excess(row(2, "7")) is None
    assert budget.excess(row(3, "0.01")) is not None


def test_without_caps_nothing_is_remembered_of_any_row(row: Any) -> None:
    budget = Budget(Caps(), NOTHING)
    for number in range(9):
        assert budget.excess(row(number)) is None
        budget.charged(row(number), facts("4"))
    budget.unpaid(row(1), facts("4"))
    assert budget._counted == {}
    assert budget.excess_held() is None


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["send", "charge", "fail", "release"])), max_size=30))
def test_what_is_not_paid_leaves_the_budget_as_it_was(steps: list[tuple[int, str]]) -> None:
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
            budget.charged(one, facts("4.56", "0.01"))
        elif step != "charge" and number in sent:
            budget.unpaid(sent.pop(number), facts("4.56", "0.01") if step == "fail" else None)
    for one in sent.values():
        budget.unpaid(one)
    # Nothing is left counted: the whole cap may be spent again, and not a cent more.
    limit = replace(base, row_id=9, amount=Decimal(1), unit="SGD", cost=Decimal(1000), cost_unit="USD")
    assert budget.excess(limit) is None
    assert budget.excess(replace(limit, row_id=10, cost=Decimal("0.01"))) is not None
