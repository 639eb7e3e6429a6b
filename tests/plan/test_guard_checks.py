"""Caps and control totals: comparisons, messages, and currencies without a cap or total."""

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


def _failures(checks: list[GuardCheck]) -> list[str]:
    return [check.message for check in checks if not check.is_kept]


def test_a_run_within_its_caps_passes() -> None:
    caps = Caps(rows=3, amounts={"SGD": Decimal(30)}, costs={"USD": Decimal("22.26")})
    checks = check_caps(caps, _total())
    assert [(check.guard, format_plain(check.figure), format_plain(check.excess)) for check in checks] == [
        ("caps.rows", "3", "0"),
        ("caps.amounts", "30", "0"),
        ("caps.costs", "22.26", "0"),
    ]
    assert not _failures(checks)


@pytest.mark.parametrize(
    ("caps", "expected"),
    [
        (Caps(rows=2), "would pay 3 rows, 1 above its cap of 2."),
        (Caps(amounts={"SGD": Decimal("29.99")}), "requests 30.00 SGD, 0.01 SGD above its cap of 29.99 SGD."),
        (Caps(costs={"USD": Decimal(20)}), "costs 22.26 USD, 2.26 USD above its cap of 20.00 USD."),
        (Caps(amounts={"EUR": Decimal(1000)}), "requests 30.00 SGD, but there is no cap in SGD."),
        (Caps(costs={"EUR": Decimal(1000)}), "costs 22.26 USD, but there is no cap in USD."),
    ],
)
def test_an_exceeded_cap_is_named_with_figure_and_excess(caps: Caps, expected: str) -> None:
    [message] = _failures(check_caps(caps, _total()))
    assert expected in message


def test_rows_without_a_known_cost_fail_a_cap_on_costs() -> None:
    _, check = check_caps(Caps(costs={"USD": Decimal(1000)}), _total(unpriced=2))
    assert check.message.startswith("The cost of 2 rows is unknown")
    assert (check.limit, check.figure, check.excess) == (Decimal(0), Decimal(2), Decimal(2))


def test_a_check_in_json_has_amounts_as_texts_and_no_limit_where_there_is_none() -> None:
    kept, exceeded = check_caps(Caps(amounts={"EUR": Decimal(7), "SGD": Decimal("29.50")}), _total())
    assert exceeded.as_json() == {
        "guard": "caps.amounts",
        "unit": "SGD",
        "limit": "29.5",
        "figure": "30",
        "excess": "0.5",
        "is_kept": False,
        "message": exceeded.message,
    }
    assert (kept.as_json()["excess"], kept.as_json()["is_kept"]) == ("-7", True)
    [unlimited] = check_caps(Caps(rows=9, costs={"USD": Decimal(30)}), _total(costs={"GBP": Decimal(3)}))[1:2]
    assert (unlimited.as_json()["limit"], unlimited.as_json()["excess"]) == (None, "3")


@given(AMOUNTS, AMOUNTS)
def test_a_cap_is_kept_exactly_when_the_sum_does_not_exceed_it(cap: Decimal, sum_: Decimal) -> None:
    [check] = check_caps(Caps(amounts={"SGD": cap}), _total(amounts={"SGD": sum_}))
    assert check.is_kept == (sum_ <= cap)


def test_a_list_as_declared_passes() -> None:
    expected = Expected(rows=3, totals={"SGD": Decimal(30)})
    assert not _failures(check_expected(expected, rows=3, amounts={"SGD": Decimal("30.00")}, unreadable=0))


@pytest.mark.parametrize(
    ("expected", "texts"),
    [
        (Expected(rows=4), ["has 3 rows, 1 fewer than the declared 4."]),
        (Expected(rows=1), ["has 3 rows, 2 more than the declared 1."]),
        (Expected(rows=2), ["has 3 rows, 1 more than the declared 2."]),
        (Expected(totals={"SGD": Decimal(29)}), ["requests 30.00 SGD, 1.00 SGD more than the declared 29.00 SGD"]),
        (Expected(totals={"SGD": Decimal("30.5")}), ["requests 30.00 SGD, 0.50 SGD less than the declared 30.50 SGD"]),
        (
            Expected(totals={"EUR": Decimal(5)}),
            ["requests 0.00 EUR, 5.00 EUR less than the declared 5.00 EUR", "there is no declared total in SGD"],
        ),
    ],
)
def test_the_message_for_a_different_list_has_the_difference(expected: Expected, texts: list[str]) -> None:
    messages = _failures(check_expected(expected, rows=3, amounts={"SGD": Decimal(30)}, unreadable=1))
    assert len(messages) == len(texts)
    assert all(text in message for text, message in zip(texts, messages, strict=True))
    assert all("The sum lacks 1 row without a readable amount." in message for message in messages if "SGD" in message)


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
    assert problem.message.startswith("20.01 SGD is above the cap of 20.00 SGD for one row.")
    assert high.request is None
    assert high.cost is None


def test_a_row_in_a_currency_without_a_row_cap_is_refused(
    check: Callable[..., list[CheckedRow]], fixed: Callable[..., Product]
) -> None:
    options = PlanOptions(row_amounts={"EUR": Decimal(20)})
    [row] = check(fixed(), {"credit_party_identifier.mobile_number": "+6595123100"}, options=options)
    assert "No cap for one row in SGD." in row.problems[0].message
