"""A template from its making to its payment."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from bulk_topup.dvs.models.product import RangedProduct
from bulk_topup.sandbox.catalogue.products import PRODUCTS

#: What somebody writes into each column, in the row of that number.
FILLED: dict[str, Callable[[int], str]] = {
    "reference": lambda row: f"E-{row}",
    "phone": lambda row: f"+6595{row:03}100",
    "account number": lambda row: f"00123456{row}",
    "account qualifier": lambda _: "01",
    "debit_party_identifier.mobile_number": lambda row: f"+6595{row:03}100",
    "sender last name": lambda _: "Tan",
    "sender first name": lambda _: "Mei",
    "sender nationality": lambda _: "SGP",
    "beneficiary last name": lambda _: "Lim",
    "beneficiary first name": lambda _: "Wei",
    "bill reference": lambda row: f"INV-{row}",
    "purchaser id": lambda row: f"PURCHASER-{row}",
}


def _fill_in(path: Path, amounts: dict[int, str], products: list[int]) -> None:
    """Fill in an XLSX or a CSV template: one row a product."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file))
    else:
        book = load_workbook(path)
        header = [str(cell.value) for cell in book["List"][1]]
    rows: list[list[str | float | None]] = []
    for number, product in enumerate(products, start=2):
        values: dict[str, str | float | None] = {name: fill(number) for name, fill in FILLED.items()}
        amount = float(amounts[product]) if product in amounts else None
        rows.append([{**values, "product": product, "amount": amount}[name] for name in header])
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return
    for number, row in enumerate(rows, start=2):
        for place, value in enumerate(row, start=1):
            book["List"].cell(number, place).value = value
    book.save(path)


#: What the smallest payment with each product is.
AMOUNTS = {
    product.id: str(product.destination.amount.min) for product in PRODUCTS if isinstance(product, RangedProduct)
}


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
@pytest.mark.parametrize("product", [6418, 7350, 6610, 9105, 9550, 8803, 4460])
def test_a_filled_in_template_is_paid_without_further_options(
    here: Callable[..., Any], options: tuple[str, ...], tmp_path: Path, product: int, ending: str
) -> None:
    file = tmp_path / f"list.{ending}"
    here("template", "--product", product, "--output", file, *options)
    _fill_in(file, AMOUNTS, [product, product])
    plan = json.loads(here("plan", file, "--product", product, "--json", *options).stdout)
    assert (plan["rows"], plan["accepted"]) == (2, 2)
    paid = json.loads(here("run", file, "--product", product, "--json", *options).stdout)
    assert paid["counts"]["completed"] == 2


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_template_of_several_products_is_paid_as_its_rows_say(
    here: Callable[..., Any], options: tuple[str, ...], tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"list.{ending}"
    here("template", "--product", 6418, "--product", 4460, "--product", 7350, "--output", file, *options)
    _fill_in(file, AMOUNTS, [6418, 4460, 7350])
    paid = json.loads(here("run", file, "--json", *options).stdout)
    assert paid["counts"]["completed"] == 3


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
@pytest.mark.parametrize("product", [6418, 7350, 8803, 9105])
def test_the_example_row_of_a_template_is_never_paid(
    here: Callable[..., Any],
    options: tuple[str, ...],
    books: Callable[[], Any],
    tmp_path: Path,
    product: int,
    ending: str,
) -> None:
    file = tmp_path / f"list.{ending}"
    here("template", "--product", product, "--output", file, *options)
    answer = here("run", file, "--product", product, "--skip-refused", "--json", *options, code=1)
    assert json.loads(answer.stdout)["counts"]["refused"] == 1
    with next(tmp_path.glob("reports/*/results.csv")).open(encoding="utf-8-sig", newline="") as report:
        [row] = csv.DictReader(report)
    assert "is the template's example; remove the row" in row["result_reason"]
    assert books()["transactions"] == []


def test_an_example_whose_reference_alone_was_overwritten_is_refused_for_its_number(
    here: Callable[..., Any], options: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "list.xlsx"
    here("template", "--product", 6418, "--output", file, *options)
    book = load_workbook(file)
    book["List"]["A2"].value = "E-1"
    book.save(file)
    plan = json.loads(here("plan", file, "--product", 6418, "--json", *options, code=3).stdout)
    [row] = plan["refused_rows"]
    assert [problem["column"] for problem in row["problems"]] == ["phone"]


def test_the_command_says_what_it_wrote_and_what_comes_next(
    here: Callable[..., Any], options: tuple[str, ...], tmp_path: Path
) -> None:
    answer = here("template", "--product", 7350, *options)
    assert "bulk-topup plan template-7350.xlsx --product 7350" in answer.stdout
    assert (tmp_path / "template-7350.xlsx").exists()
    described = json.loads(here("template", "--product", 7350, "--force", "--json", *options).stdout)
    assert described["products"][0]["requires"][0] == "credit_party_identifier.mobile_number"
    assert described["plan_options"] == "--product 7350"
    assert "state --force" in here("template", "--product", 7350, *options, code=3).stderr


def test_a_product_that_the_account_has_not_is_told_with_where_to_look(
    here: Callable[..., Any], options: tuple[str, ...]
) -> None:
    assert "`bulk-topup products` lists those that are" in here("template", "--product", 999, *options, code=3).stderr
