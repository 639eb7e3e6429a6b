"""The sums of a plan, and whether wallets cover them."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.domain.price_changes import PlannedPrice, PricedItem
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.totals import ValidRows
from bulk_topup.dvs.models.account import Balance
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import Product
from bulk_topup.plan import Plan, PlanOptions, check_balances
from bulk_topup.plan import plan as summary_module
from tests.helpers.checked_rows import CheckedRow, frame_of

MakeProduct = Callable[..., Product]
Check = Callable[..., list[CheckedRow]]

SOURCE, DESTINATION = CalculationMode.SOURCE_AMOUNT, CalculationMode.DESTINATION_AMOUNT
LARGEST = Decimal("999999999999999999.999999999")


def wallet(available: str, unit: str = "USD", credit_limit: str | None = None) -> Balance:
    return Balance(
        id=1, unit=unit, available=Decimal(available), credit_limit=Decimal(credit_limit) if credit_limit else None
    )


def row(cost: Decimal | None, *, line: int = 2, problems: tuple[Problem, ...] = ()) -> CheckedRow:
    return CheckedRow(
        line=line,
        identity=str(line),
        cells="[]",
        problems=problems,
        product_id=4520,
        credit_party="+6595123100",
        amount=cost,
        unit="SGD",
        request=None if problems else b"{}",
        cost=None if problems else cost,
        cost_unit="USD",
    )


def add(plan: Plan, rows: Iterable[CheckedRow], products: Mapping[int, Product | None]) -> None:
    plan.add(frame_of(rows), products)


def test_a_plan_counts_rows_amounts_and_costs_by_product(check: Check, fixed: MakeProduct, ranged: MakeProduct) -> None:
    numbers = [f"+659512310{number}" for number in range(3)]
    plan = Plan()
    products = {4520: fixed(), 6418: ranged(rates={})}
    add(plan, check(fixed(), *({fields.CREDIT_MOBILE: number} for number in numbers)), products)
    rows = [{fields.CREDIT_MOBILE: number, fields.AMOUNT: "20.5"} for number in numbers]
    add(plan, check(ranged(rates={}), *rows[:2], {**rows[2], fields.AMOUNT: None}), products)
    assert (plan.rows, plan.accepted, plan.refused) == (6, 5, 1)
    assert [refused.line for refused in plan.refused_rows] == [4]
    values = plan.as_json()
    assert values["products"] == [
        {
            "product_id": 4520,
            "name": "Invented product",
            "benefits": "",
            "rows": 3,
            "amount": "15",
            "unit": "SGD",
            "expected_cost": "11.1",
            "cost_unit": "USD",
            "rounding": "0",
            "rows_without_known_cost": 0,
        },
        {
            "product_id": 6418,
            "name": "Invented product",
            "benefits": "",
            "rows": 2,
            "amount": "41",
            "unit": "SGD",
            "expected_cost": "0",
            "cost_unit": "USD",
            "rounding": "0",
            "rows_without_known_cost": 2,
        },
    ]
    assert plan.valid_rows().costs == {"USD": Decimal("11.1")}


@pytest.mark.parametrize(
    ("unit", "mode", "amount", "cost", "rounding"),
    [
        ("USD", DESTINATION, "10", "7.69", "0.02"),  # 7.6923
        ("USD", DESTINATION, "13", "10", "0"),
        ("USD", SOURCE, "8", "7.69", "0.02"),
        ("USD", SOURCE, "10.4", "10", "0"),
        ("KWD", DESTINATION, "10", "7.692", "0.002"),
        ("JPY", DESTINATION, "10", "8", "2"),
        ("JPY", DESTINATION, "13", "10", "0"),
    ],
)
def test_costs_are_rounded_by_the_currency_and_a_plan_says_by_how_much_dvs_may_round_otherwise(
    check: Check, ranged: MakeProduct, unit: str, mode: CalculationMode, amount: str, cost: str, rounding: str
) -> None:
    product = ranged(prices={"wholesale": {"unit": unit}}, accepted_calculation_modes=None)
    options = PlanOptions(calculation_mode=mode)
    rows = [{fields.CREDIT_MOBILE: f"+659512310{number}", fields.AMOUNT: amount} for number in range(2)]
    plan = Plan()
    add(plan, check(product, *rows, options=options), {product.id: product})
    [total] = plan.products.values()
    assert plan.refused == 0
    assert (total.cost, total.rounding) == (2 * Decimal(cost), Decimal(rounding))
    assert plan.prices == {PricedItem(product.id, amount, str(total.unit)): PlannedPrice(cost, unit)}


def test_a_plan_lists_a_bounded_number_of_refused_rows_and_counts_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary_module, "MAX_REFUSED_KEPT", 2)
    plan = Plan()
    add(plan, [row(None, line=line, problems=(Problem(column="", message="No."),)) for line in range(2, 7)], {})
    assert plan.refused == 5
    problem = {"column": "", "message": "No.", "kind": "other", "instead": None}
    assert plan.as_json()["refused_rows"] == [{"line": line, "problems": [problem]} for line in (2, 3)]
    [group] = plan.problem_groups()
    assert (group.rows, group.lines) == (2, (2, 3))
    assert plan.as_json()["refused_rows_not_listed"] == 3


def test_costs_are_summed_per_wallet_unit(fixed: MakeProduct) -> None:
    products = {
        number: fixed(id=number, prices={"wholesale": {"unit": unit, "amount": "1"}})
        for number, unit in ((1, "USD"), (2, "EUR"), (3, "USD"))
    }
    plan = Plan()
    for number, product in products.items():
        add(
            plan,
            [
                CheckedRow(
                    line=number,
                    identity=str(number),
                    cells="[]",
                    problems=(),
                    product_id=number,
                    credit_party=None,
                    amount=None,
                    unit=None,
                    request=b"{}",
                    cost=Decimal("1.10"),
                    cost_unit=product.prices.wholesale.unit,  # type: ignore[union-attr]
                )
            ],
            products,
        )
    assert plan.valid_rows().costs == {"USD": Decimal("2.20"), "EUR": Decimal("1.10")}


def test_a_currency_without_any_known_cost_has_no_sum(fixed: MakeProduct) -> None:
    plan = Plan()
    add(plan, [row(None, line=2), row(None, line=3)], {4520: fixed()})
    assert plan.valid_rows() == ValidRows(rows=2, costs={})


def test_sums_of_the_largest_amounts_are_exact(fixed: MakeProduct) -> None:
    plan = Plan()
    add(plan, [row(LARGEST, line=line) for line in range(2, 1002)], {4520: fixed()})
    exact = Decimal("999999999999999999999.999999000")
    assert plan.valid_rows().costs == {"USD": exact}
    assert plan.products[4520].amount == exact


@settings(max_examples=60, deadline=None)
@given(costs=st.lists(st.decimals(min_value=0, max_value=LARGEST, places=9), max_size=20))
def test_a_sum_is_the_sum_of_its_parts_in_the_smallest_unit(fixed: MakeProduct, costs: list[Decimal]) -> None:
    plan = Plan()
    add(plan, [row(cost, line=line) for line, cost in enumerate(costs, start=2)], {4520: fixed()})
    in_billionths = sum(int(cost.scaleb(9)) for cost in costs)
    found = plan.valid_rows().costs.get("USD", Decimal(0))
    assert int(f"{found:.9f}".replace(".", "")) == in_billionths


@pytest.mark.parametrize(
    ("available", "credit_limit", "cost", "is_enough"),
    [
        ("10", None, "10", True),
        ("10", None, "10.000000001", False),
        ("10", "5", "15", True),
        ("10", "5", "15.01", False),
        ("-5", "20", "15", True),
        ("-5", "20", "15.01", False),
        ("-5", None, "0", True),
    ],
)
def test_a_wallet_covers_its_balance_and_its_credit_limit(
    available: str, credit_limit: str | None, cost: str, is_enough: bool
) -> None:
    [check] = check_balances({"USD": Decimal(cost)}, [wallet(available, credit_limit=credit_limit)])
    assert check.is_enough is is_enough
    assert check.available == Decimal(available)
    assert check.credit_limit == (None if credit_limit is None else Decimal(credit_limit))
    assert check.after == Decimal(available) - Decimal(cost)


def test_a_wallet_of_another_unit_covers_nothing() -> None:
    checks = check_balances({"USD": Decimal(1), "EUR": Decimal(2)}, [wallet("100", "EUR")])
    assert [(check.unit, check.available, check.after, check.is_enough) for check in checks] == [
        ("EUR", Decimal(100), Decimal(98), True),
        ("USD", None, None, False),
    ]


def test_wallets_of_one_unit_cover_what_they_have_together() -> None:
    wallets = [wallet("7", credit_limit="2"), wallet("100", "EUR"), wallet("0.5"), wallet("-1", credit_limit="3")]
    [check] = check_balances({"USD": Decimal("11.5")}, wallets)
    assert (check.available, check.credit_limit, check.is_enough) == (Decimal("6.5"), Decimal(5), True)
    [check] = check_balances({"USD": Decimal(1)}, [wallet("1"), wallet("0")])
    assert (check.available, check.credit_limit) == (Decimal(1), None)


def test_nothing_to_pay_needs_no_wallet() -> None:
    [check] = check_balances({"USD": Decimal(0)}, [])
    assert check.is_enough
    assert check_balances({}, [wallet("1")]) == []
