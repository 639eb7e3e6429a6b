"""A template from its creation to its payment."""

import csv
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from bulk_topup.dvs.models.product import RangedProduct
from bulk_topup.sandbox.catalogue.products import PRODUCTS

#: What a user fills into each column of the row with that number.
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
    """Fill in an XLSX or a CSV template: one row for each product."""
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
        for index, value in enumerate(row, start=1):
            book["List"].cell(number, index).value = value
    book.save(path)


#: The smallest amount of each product.
AMOUNTS = {
    product.id: str(product.destination.amount.min) for product in PRODUCTS if isinstance(product, RangedProduct)
}


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
@pytest.mark.parametrize("product", [6418, 7350, 6610, 9105, 9550, 8803, 4460])
def test_a_filled_in_template_is_paid_without_further_options(
    invoke: Callable[..., Any], options: tuple[str, ...], tmp_path: Path, product: int, ending: str
) -> None:
    file = tmp_path / f"list.{ending}"
    invoke("template", "--product", product, "--output", file, *options)
    _fill_in(file, AMOUNTS, [product, product])
    plan = json.loads(invoke("plan", file, "--product", product, "--json", *options).stdout)
    assert (plan["rows"], plan["accepted"]) == (2, 2)
    paid = json.loads(invoke("run", file, "--product", product, "--json", *options).stdout)
    assert paid["counts"]["completed"] == 2


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_template_of_several_products_is_paid_as_its_rows_say(
    invoke: Callable[..., Any], options: tuple[str, ...], tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"list.{ending}"
    invoke("template", "--product", 6418, "--product", 4460, "--product", 7350, "--output", file, *options)
    _fill_in(file, AMOUNTS, [6418, 4460, 7350])
    paid = json.loads(invoke("run", file, "--json", *options).stdout)
    assert paid["counts"]["completed"] == 3


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
@pytest.mark.parametrize("product", [6418, 7350, 8803, 9105])
def test_the_example_row_of_a_template_is_never_paid(
    invoke: Callable[..., Any],
    options: tuple[str, ...],
    books: Callable[[], Any],
    tmp_path: Path,
    product: int,
    ending: str,
) -> None:
    file = tmp_path / f"list.{ending}"
    invoke("template", "--product", product, "--output", file, *options)
    result = invoke("run", file, "--product", product, "--skip-refused", "--json", *options, code=1)
    assert json.loads(result.stdout)["counts"]["refused"] == 1
    with next(tmp_path.glob("reports/*/results.csv")).open(encoding="utf-8-sig", newline="") as report:
        [row] = csv.DictReader(report)
    assert "is the template's example. Remove the row" in row["result_reason"]
    assert books()["transactions"] == []


def test_an_example_with_only_its_reference_overwritten_is_refused_for_its_number(
    invoke: Callable[..., Any], options: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "list.xlsx"
    invoke("template", "--product", 6418, "--output", file, *options)
    book = load_workbook(file)
    book["List"]["A2"].value = "E-1"
    book.save(file)
    plan = json.loads(invoke("plan", file, "--product", 6418, "--json", *options, code=3).stdout)
    [row] = plan["refused_rows"]
    assert [problem["column"] for problem in row["problems"]] == ["phone"]


def test_the_command_names_its_file_and_the_next_command(
    invoke: Callable[..., Any], options: tuple[str, ...], tmp_path: Path
) -> None:
    result = invoke("template", "--product", 7350, *options)
    assert "bulk-topup plan template-7350.xlsx --product 7350" in result.stdout
    assert (tmp_path / "template-7350.xlsx").exists()
    described = json.loads(invoke("template", "--product", 7350, "--force", "--json", *options).stdout)
    assert described["products"][0]["requires"][0] == "credit_party_identifier.mobile_number"
    assert described["plan_options"] == "--product 7350"
    assert "add --force" in invoke("template", "--product", 7350, *options, code=3).stderr


def test_an_unavailable_product_is_reported_with_the_command_that_lists_products(
    invoke: Callable[..., Any], options: tuple[str, ...]
) -> None:
    error = invoke("template", "--product", 999, *options, code=3).stderr
    assert f"List its products: `bulk-topup products {shlex.join(options)}`" in error
