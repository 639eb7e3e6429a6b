import json
from collections.abc import Callable
from decimal import Decimal, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import SUM_DIGITS, UNKNOWN_UNIT, summarise


def test_a_run_without_rows_has_every_state_at_zero(run: Run) -> None:
    summary = summarise(run, [])
    assert summary.run == "payroll/2026-11"
    assert summary.rows == 0
    assert summary.counts == dict.fromkeys(RowState, 0)
    assert summary.totals == ()
    assert summary.charged == summary.held == {}


def test_rows_are_grouped_by_state_product_and_both_units(run: Run, outcome: Callable[..., Outcome]) -> None:
    rows = [
        outcome(),
        outcome(amount=Decimal("0.5")),
        outcome(product_id=None),
        outcome(unit="GBP"),
        outcome(price_unit="EUR"),
        outcome(state=RowState.ACCEPTED),
    ]
    totals = summarise(run, [Outcomes.of(rows)]).totals
    assert [(each.state, each.product_id, each.unit, each.price_unit, each.rows) for each in totals] == [
        (RowState.ACCEPTED, 6418, "SGD", "USD", 1),
        (RowState.COMPLETED, None, "SGD", "USD", 1),
        (RowState.COMPLETED, 6418, "GBP", "USD", 1),
        (RowState.COMPLETED, 6418, "SGD", "EUR", 1),
        (RowState.COMPLETED, 6418, "SGD", "USD", 2),
    ]
    assert totals[-1].amount == Decimal("13.00")
    assert totals[-1].price == Decimal("18.60")
    assert totals[-1].fee == Decimal("0.10")


def test_charged_is_price_and_fee_of_completed_rows_and_held_of_accepted_ones(
    run: Run, outcome: Callable[..., Outcome]
) -> None:
    rows = [
        outcome(price=Decimal("1.1"), fee=Decimal("0.2")),
        outcome(price=Decimal("2.2"), fee=None, product_id=1),
        outcome(price=Decimal(3), fee=Decimal(0), price_unit="EUR"),
        outcome(state=RowState.ACCEPTED, price=Decimal(4), fee=Decimal("0.5")),
        outcome(state=RowState.IN_FLIGHT, price=Decimal(100)),
        outcome(state=RowState.FAILED, price=Decimal(100)),
        outcome(state=RowState.REVERSED, price=Decimal(100)),
    ]
    summary = summarise(run, [Outcomes.of(rows)])
    assert summary.charged == {"EUR": Decimal(3), "USD": Decimal("3.5")}
    assert summary.held == {"USD": Decimal("4.5")}
    assert (summary.in_conflict, summary.unknown_charges) == ({}, 0)


def test_what_was_planned_for_completed_rows_is_beside_what_was_charged(
    run: Run, outcome: Callable[..., Outcome]
) -> None:
    rows = [
        outcome(planned_cost=Decimal("1.1"), planned_unit="USD"),
        outcome(planned_cost=Decimal("2.25"), planned_unit="USD", product_id=1),
        outcome(planned_cost=Decimal("0.1"), planned_unit="EUR"),
        outcome(planned_cost=None, planned_unit="EUR"),
        *(
            outcome(state=state, planned_cost=Decimal(100), planned_unit="USD")
            for state in RowState
            if state != "completed"
        ),
    ]
    summary = summarise(run, [Outcomes.of(rows)])
    assert (
        summary.planned
        == summary.money["Planned for completed rows"]
        == {"EUR": Decimal("0.1"), "USD": Decimal("3.35")}
    )
    assert summary.as_json()["planned"] == {"EUR": "0.1", "USD": "3.35"}


def test_conflicts_have_their_own_money_and_completed_rows_without_price_are_counted(
    run: Run, outcome: Callable[..., Outcome]
) -> None:
    rows = [
        outcome(),
        outcome(state=RowState.CONFLICT),
        outcome(state=RowState.CONFLICT, price=None, fee=None, price_unit=None),
        *[outcome(price=None, fee=None, price_unit=None)] * 2,
        outcome(state=RowState.FAILED, price=None, fee=None, price_unit=None),
    ]
    summary = summarise(run, [Outcomes.of(rows)])
    assert (summary.charged, summary.in_conflict) == ({"USD": Decimal("9.35")}, {"USD": Decimal("9.35")})
    assert summary.unknown_charges == 2
    assert summary.as_json()["in_conflict"] == {"USD": "9.35"}
    assert summary.as_json()["unknown_charges"] == 2


def test_a_price_without_currency_is_not_lost(run: Run, outcome: Callable[..., Outcome]) -> None:
    assert summarise(run, [Outcomes.of([outcome(price_unit=None)])]).charged == {UNKNOWN_UNIT: Decimal("9.35")}
    assert summarise(run, [Outcomes.of([outcome(price=None, fee=None, price_unit=None)])]).charged == {}


def test_sums_have_more_digits_than_the_default_context_keeps(run: Run, outcome: Callable[..., Outcome]) -> None:
    tiny, huge = Decimal("0.000000000000000000001"), Decimal(10) ** 20
    with localcontext() as context:
        context.prec = 5
        summary = summarise(run, [Outcomes.of([outcome(amount=tiny), outcome(amount=huge)])])
    assert str(summary.totals[0].amount) == "100000000000000000000.000000000000000000001"


def test_a_sum_is_never_rounded_quietly(run: Run, outcome: Callable[..., Outcome]) -> None:
    rows = [outcome(amount=Decimal(1)), outcome(amount=Decimal(f"1E-{SUM_DIGITS}"))]
    with pytest.raises(Inexact):
        summarise(run, [Outcomes.of(rows)])


def test_as_json_gives_amounts_as_strings_in_plain_notation(run: Run, outcome: Callable[..., Outcome]) -> None:
    summary = summarise(run, [Outcomes.of([outcome(amount=Decimal("1E+3")), outcome(state=RowState.ACCEPTED)])])
    found = json.loads(json.dumps(summary.as_json()))
    assert found["run"] == "payroll/2026-11"
    assert found["rows"] == 2
    assert found["counts"] == {state.value: int(state in {"completed", "accepted"}) for state in RowState}
    assert found["charged"] == found["held"] == {"USD": "9.35"}
    assert found["totals"][1] == {
        "state": "completed",
        "product_id": 6418,
        "amount": "1000",
        "unit": "SGD",
        "price": "9.3",
        "fee": "0.05",
        "price_unit": "USD",
        "rows": 1,
        "nothing_due": 0,
        "duplicates_left_out": 0,
    }


@pytest.mark.parametrize(("due", "name"), [(0, "refused"), (1, "refused (1 nothing due)"), (2, "nothing due")])
def test_totals_name_rows_for_which_nothing_is_due(
    run: Run, outcome: Callable[..., Outcome], due: int, name: str
) -> None:
    idle = (Problem(column="amount", message="Nothing is due.", is_nothing_due=True),)
    wrong = (Problem(column="amount", message="Not an amount."),)
    rows = [outcome(state=RowState.REFUSED, problems=idle if row < due else wrong) for row in range(2)]
    summary = summarise(run, [Outcomes.of([outcome(), *rows])])
    [refused] = [total for total in summary.totals if total.state is RowState.REFUSED]
    assert (refused.rows, refused.nothing_due, refused.name) == (2, due, name)
    assert (summary.counts[RowState.REFUSED], summary.nothing_due) == (2, due)


@pytest.mark.parametrize(
    ("due", "same", "name"),
    [(0, 3, "left out as duplicates"), (1, 2, "refused (1 nothing due, 2 left out as duplicates)")],
)
def test_totals_name_rows_that_are_left_out_as_duplicates(
    run: Run, outcome: Callable[..., Outcome], due: int, same: int, name: str
) -> None:
    idle = (Problem(column="amount", message="Nothing is due.", is_nothing_due=True),)
    twice = (Problem(column="", message="The same as line 2, left out.", is_left_out=True),)
    rows = [outcome(state=RowState.REFUSED, problems=idle if row < due else twice) for row in range(due + same)]
    summary = summarise(run, [Outcomes.of([outcome(), *rows])])
    [refused] = [total for total in summary.totals if total.state is RowState.REFUSED]
    assert (refused.duplicates, refused.as_json()["duplicates_left_out"], refused.name) == (same, same, name)
    assert (summary.nothing_due, summary.duplicates) == (due, same)


_ROWS = st.lists(
    st.tuples(
        st.sampled_from(RowState),
        st.sampled_from([None, 6418, 6215]),
        st.sampled_from([None, "SGD", "GBP"]),
        st.none() | st.decimals(min_value=0, max_value=10**18, places=9),
        st.none() | st.decimals(min_value=0, max_value=10**6, places=4),
    )
)


@given(rows=_ROWS)
def test_totals_and_counts_do_not_depend_on_the_order_of_rows_and_account_for_each(
    run: Run,
    outcome: Callable[..., Outcome],
    rows: list[tuple[RowState, int | None, str | None, Decimal | None, Decimal | None]],
) -> None:
    outcomes = [
        outcome(state=state, product_id=product, unit=unit, amount=amount, price=price, fee=price, price_unit=unit)
        for state, product, unit, amount, price in rows
    ]
    summary = summarise(run, [Outcomes.of(outcomes)])
    assert summarise(run, [Outcomes.of(reversed(outcomes))]) == summary
    assert summary.rows == sum(summary.counts.values()) == sum(total.rows for total in summary.totals) == len(rows)
    with localcontext() as context:
        context.prec = 100
        assert sum(total.amount for total in summary.totals) == sum(row[3] or 0 for row in rows)
        paid = [row[4] or 0 for row in rows if row[0] is RowState.COMPLETED]
        assert sum(summary.charged.values()) == 2 * sum(paid)
