"""The checker as a whole: order and products, and no problem is lost."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from bulk_topup.domain import fields
from bulk_topup.dvs.models.product import Product
from bulk_topup.plan import PlanOptions
from tests.helpers.checked_rows import CheckedRow, RowChecker

MakeProduct = Callable[..., Product]
MakeFrame = Callable[..., pl.DataFrame]
Check = Callable[..., list[CheckedRow]]

COLUMNS = {fields.PRODUCT_ID: "product", fields.CREDIT_MOBILE: "phone", fields.AMOUNT: "amount"}


def rows_of(count: int, **values: str | None) -> list[dict[str, str | None]]:
    return [{fields.CREDIT_MOBILE: f"+6595123{number:03}", **values} for number in range(count)]


def test_rows_of_several_products_keep_the_order_of_the_list(
    fixed: MakeProduct, ranged: MakeProduct, frame: MakeFrame
) -> None:
    products = {4520: fixed(), 6418: ranged(), 99: None}
    ids = ["6418", "4520", None, "99", "4520", "6418", "4520"]
    rows = [
        {**row, fields.PRODUCT_ID: product_id, fields.AMOUNT: "5"}
        for row, product_id in zip(rows_of(7), ids, strict=True)
    ]
    checked = RowChecker(products, COLUMNS, PlanOptions()).check(frame(*rows))
    assert [row.line for row in checked] == [2, 3, 4, 5, 6, 7, 8]
    assert [row.product_id for row in checked] == [6418, 4520, None, 99, 4520, 6418, 4520]
    assert [row.credit_party for row in checked] == [row[fields.CREDIT_MOBILE] for row in rows]
    assert [bool(row.problems) for row in checked] == [False, False, True, True, False, False, False]


def test_a_row_has_every_problem_not_only_the_first(check: Check, ranged: MakeProduct) -> None:
    product = ranged(required_sender_fields=[["last_name"]])
    rows = [
        {
            fields.REFERENCE: "E-1",
            fields.CREDIT_MOBILE: "+6595123100",
            fields.AMOUNT: "5000",
            fields.CURRENCY: "USD",
            "sender.address_postal_code": "-",
        }
    ] * 2
    [_, refused] = check(product, *rows)
    text = " ".join(problem.message for problem in refused.problems)
    for part in (
        "postal code",
        "requires sender.last_name",
        "has SGD",
        "must be 1.00 to 100.00 SGD",
        "already the reference of",
    ):
        assert part in text
    assert "Duplicate of line 2." in text
    assert len(refused.problems) == 6


def test_problems_of_intake_come_first(fixed: MakeProduct, frame: MakeFrame) -> None:
    found = [[{"column": "phone", "message": "It is no number."}], []]
    rows = [
        {fields.PRODUCT_ID: "4520", fields.CREDIT_MOBILE: None, fields.AMOUNT: "7"},
        {fields.PRODUCT_ID: "4520", fields.CREDIT_MOBILE: "+6595123100", fields.AMOUNT: "5"},
    ]
    [refused, accepted] = RowChecker({4520: fixed()}, COLUMNS, PlanOptions()).check(frame(*rows, problems=found))
    # A cell that was refused is not missing besides.
    assert [problem.column for problem in refused.problems] == ["phone", "amount"]
    assert refused.problems[0].message == "It is no number."
    assert accepted.problems == ()


def test_a_null_list_of_problems_does_not_let_a_bad_row_pass(fixed: MakeProduct, frame: MakeFrame) -> None:
    rows = [
        {fields.PRODUCT_ID: None, fields.CREDIT_MOBILE: "+6595123100", fields.AMOUNT: "5"},
        {fields.PRODUCT_ID: "4520", fields.CREDIT_MOBILE: None, fields.AMOUNT: "7"},
        {fields.PRODUCT_ID: "4520", fields.CREDIT_MOBILE: "+6595123100", fields.AMOUNT: "5"},
    ]
    nulls: list[Any] = [None, None, None]
    checked = RowChecker({4520: fixed()}, COLUMNS, PlanOptions()).check(frame(*rows, problems=nulls))
    assert [bool(row.problems) for row in checked] == [True, True, False]


def test_a_row_without_a_product_is_refused_once(frame: MakeFrame) -> None:
    found = [[{"column": "product", "message": '"x" is not a product ID.'}], []]
    rows = [{**row, fields.PRODUCT_ID: None} for row in rows_of(2)]
    [unreadable, blank] = RowChecker({}, COLUMNS, PlanOptions()).check(frame(*rows, problems=found))
    assert [problem.message for problem in unreadable.problems] == ['"x" is not a product ID.']
    assert [problem.message for problem in blank.problems] == [
        "No product. Add --product ID, or fill in the column that is mapped to product_id."
    ]


def test_a_list_without_any_product_column_is_refused_row_by_row(frame: MakeFrame) -> None:
    checked = RowChecker({}, {fields.CREDIT_MOBILE: "phone"}, PlanOptions()).check(frame(*rows_of(3)))
    assert ["No product." in row.problems[0].message for row in checked] == [True, True, True]
    assert len({row.identity for row in checked}) == 3


def test_a_product_that_is_not_in_the_account_is_refused(check: Check) -> None:
    [row] = check(None, *rows_of(1))
    assert "Product 4520 is not available in this account" in row.problems[0].message
    assert (row.request, row.cost, row.amount) == (None, None, None)


def test_a_product_of_an_unknown_type_is_never_paid(check: Check, fixed: MakeProduct) -> None:
    [row] = check(fixed(type="SOMETHING_NEW"), *rows_of(1))
    assert row.problems[0].message == (
        'Product 4520 has type "SOMETHING_NEW", which this version can\'t pay. Choose another product.'
    )
    assert row.request is None


def test_a_product_of_an_unknown_shape_is_never_paid(check: Check, fixed: MakeProduct) -> None:
    [row] = check(fixed(prices={"wholesale": "cheap"}), *rows_of(1))
    assert row.problems[0].message.startswith("Product 4520 can't be read, so this version can't pay it (prices")
    assert row.problems[0].message.endswith("Choose another product.")
    assert row.request is None


@pytest.mark.parametrize("change", [{"type": "SOMETHING_NEW"}, {"operator": "Lionwave"}, {"operator": None}])
def test_of_a_product_that_can_not_be_paid_nothing_else_is_taken(
    check: Check, fixed: MakeProduct, change: dict[str, object]
) -> None:
    [row] = check(fixed(**change), *rows_of(1))
    assert "Choose another product." in row.problems[0].message
    assert (row.operator_id, row.amount, row.unit, row.request, row.cost, row.cost_unit) == (None,) * 6


def test_an_empty_batch_gives_no_rows(frame: MakeFrame) -> None:
    assert RowChecker({}, {}, PlanOptions()).check(frame()) == []


def test_a_valid_row_has_all_that_the_ledger_needs(check: Check, fixed: MakeProduct) -> None:
    [row] = check(fixed(), {fields.CREDIT_MOBILE: "+6595123100"})
    assert row.line == 2
    assert row.cells == '["4520", "+6595123100"]'
    assert (row.product_id, row.credit_party) == (4520, "+6595123100")
    assert (row.amount, row.unit) == (Decimal(5), "SGD")
    assert (row.cost, row.cost_unit) == (Decimal("3.7"), "USD")
    assert row.request is not None


def test_a_refused_row_has_no_request_and_no_cost(check: Check, ranged: MakeProduct) -> None:
    [row] = check(ranged(), {fields.CREDIT_MOBILE: "+6595123100", fields.AMOUNT: "5000"})
    assert (row.request, row.cost, row.cost_unit) == (None, None, None)
    assert (row.amount, row.unit) == (Decimal(5000), "SGD")
