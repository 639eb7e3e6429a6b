"""Caps and control totals: what is compared, what a breach says, and that nothing undeclared slips through."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.guards import Caps, Expected
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.totals import Total
from bulk_topup.dvs.models.product import Product
from bulk_topup.plan import GuardCheck, PlanOptions, check_caps, check_expected
from tests.helpers.checked_rows import CheckedRow

AMOUNTS = st.decimals(min_value=0, max_value=10**15, places=9)


def _total(**changes: object) -> Total:
    values: dict[str, object] = {"rows": 3, "amounts": {"SGD": Decimal(30)}, "costs": {"USD": Decimal("22.26")}}
    return Total(**{**values, **changes})  # type: ignore[arg-type]


def _broken(checks: list[GuardCheck]) -> list[str]:
    return [check.message for check in checks if not check.is_kept]


def test_a_run_within_its_caps_is_told_beside_them() -> None:
    caps = Caps(rows=3, amounts={"SGD": Decimal(30)}, costs={"USD": Decimal("22.26")})
    checks = check_caps(caps, _total())
    assert [(check.guard, format_plain(check.figure), format_plain(check.excess)) for check in checks] == [
        ("caps.rows", "3", "0"),
        ("caps.amounts", "30", "0"),
        ("caps.costs", "22.26", "0"),
    ]
    assert not _broken(checks)


@pytest.mark.parametrize(
    ("caps", "says"),
    [
        (Caps(rows=2), "would pay 3 rows, 1 more than the 2 that its cap allows"),
        (Caps(amounts={"SGD": Decimal("29.99")}), "ask for 30 SGD, 0.01 SGD more than the 29.99 SGD"),
        (Caps(costs={"USD": Decimal(20)}), "costs 22.26 USD, 2.26 USD more than the 20 USD"),
        (Caps(amounts={"EUR": Decimal(1000)}), "ask for 30 SGD, and no cap is stated for SGD"),
        (Caps(costs={"EUR": Decimal(1000)}), "costs 22.26 USD, and no cap is stated for USD"),
    ],
)
def test_a_broken_cap_is_named_with_the_figure_and_the_excess(caps: Caps, says: str) -> None:
    [message] = _broken(check_caps(caps, _total()))
    assert says in message


def test_rows_without_a_known_cost_break_a_cap_on_costs() -> None:
    [message] = _broken(check_caps(Caps(costs={"USD": Decimal(1000)}), _total(unpriced=2)))
    assert message.startswith("2 rows have no known cost")


@given(AMOUNTS, AMOUNTS)
def test_a_cap_is_kept_exactly_when_the_sum_does_not_exceed_it(cap: Decimal, sum_: Decimal) -> None:
    [check] = check_caps(Caps(amounts={"SGD": cap}), _total(amounts={"SGD": sum_}))
    assert check.is_kept == (sum_ <= cap)


def test_a_list_as_declared_is_kept() -> None:
    expected = Expected(rows=3, totals={"SGD": Decimal(30)})
    assert not _broken(check_expected(expected, rows=3, amounts={"SGD": Decimal("30.00")}, unreadable=0))


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (Expected(rows=4), ["has 3 rows, 1 fewer than the 4"]),
        (Expected(rows=1), ["has 3 rows, 2 more than the 1"]),
        (Expected(totals={"SGD": Decimal("30.5")}), ["asks for 30 SGD, 0.5 SGD less than the declared 30.5 SGD"]),
        (
            Expected(totals={"EUR": Decimal(5)}),
            ["asks for 0 EUR, 5 EUR less than the declared 5 EUR", "no total is declared for SGD"],
        ),
    ],
)
def test_a_list_that_differs_says_by_how_much(expected: Expected, says: list[str]) -> None:
    messages = _broken(check_expected(expected, rows=3, amounts={"SGD": Decimal(30)}, unreadable=1))
    assert len(messages) == len(says)
    assert all(text in message for text, message in zip(says, messages, strict=True))
    assert all("1 rows have no readable amount" in message for message in messages if "SGD" in message)


def test_a_row_above_its_cap_is_refused_at_the_column_of_the_amount(
    check: Callable[..., list[CheckedRow]], ranged: Callable[..., Product]
) -> None:
    options = PlanOptions(row_amounts={"SGD": Decimal(20)})
    phone = "credit_party_identifier.mobile_number"
    fine, high = check(
        ranged(),
        {phone: "+6595123100", "amount": "20"},
        {phone: "+6595123101", "amount": "20.01"},
        options=options,
    )
    assert not fine.problems
    [problem] = high.problems
    assert problem.column == "its amount"
    assert problem.message.startswith("20.01 SGD is more than the 20 SGD that one row may ask for")
    assert high.request is None
    assert high.cost is None


def test_a_row_in_a_currency_that_row_caps_do_not_name_is_refused(
    check: Callable[..., list[CheckedRow]], fixed: Callable[..., Product]
) -> None:
    options = PlanOptions(row_amounts={"EUR": Decimal(20)})
    [row] = check(fixed(), {"credit_party_identifier.mobile_number": "+6595123100"}, options=options)
    assert "does not name SGD" in row.problems[0].message
