"""Templates as files, read as a spreadsheet program reads them."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from bulk_topup.dvs.models.product import PRODUCT
from bulk_topup.intake import ListSource, open_table
from bulk_topup.sandbox.catalogue.products import PRODUCTS
from bulk_topup.workbooks.template import template_for
from bulk_topup.workbooks.template_product import TemplateError
from bulk_topup.workbooks.write_template import write_template

BY_ID = {product.id: product for product in PRODUCTS}


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Workbook]:
    """Return a function that writes the template of some products and opens it."""

    def write(*ids: int, **changes: Any) -> Workbook:
        products = [PRODUCT.validate_python({**BY_ID[id_].model_dump(), **changes}) for id_ in ids]
        write_template(template_for(products), tmp_path / "list.xlsx")
        return load_workbook(tmp_path / "list.xlsx")

    return write


def checks(workbook: Workbook) -> dict[str, DataValidation]:
    """Return the check of each column of the list, by column name."""
    sheet = workbook["List"]
    found = {}
    for validation in sheet.data_validations.dataValidation:
        [area] = validation.sqref.ranges
        assert (area.min_row, area.max_row) == (2, 10_001)
        found[str(sheet.cell(1, area.min_col).value)] = validation
    return found


def test_every_column_of_the_list_is_checked_explained_and_wide_enough(workbook: Callable[..., Workbook]) -> None:
    book = workbook(7350, 9105, 6610)
    sheet = book["List"]
    found = checks(book)
    for place, cell in enumerate(sheet[1], start=1):
        assert cell.comment is not None
        assert found[str(cell.value)].prompt == cell.comment.text
        assert sheet.column_dimensions[get_column_letter(place)].width >= len(str(cell.value))
    assert sheet.freeze_panes == "A2"


def test_numbers_other_than_amounts_are_text_to_keep_zeros_and_plus_signs(
    workbook: Callable[..., Workbook],
) -> None:
    sheet = workbook(7350, 9105)["List"]
    formats = {str(head.value): cell.number_format for head, cell in zip(sheet[1], sheet[2], strict=True)}
    assert formats.pop("amount") == "General"
    assert formats.pop("product") == "0"
    assert set(formats.values()) == {"@"}


def test_countries_and_products_are_chosen_from_the_help_sheets(workbook: Callable[..., Workbook]) -> None:
    book = workbook(7350, 4460)
    found = checks(book)
    assert found["sender nationality"].formula1 == "'bulk-topup countries'!$A$2:$A$251"
    assert found["product"].formula1 == "'bulk-topup products'!$A$2:$A$3"
    products = [[cell.value for cell in row] for row in book["bulk-topup products"]["A2:G3"]]
    assert products == [
        [7350, "Harmattan Mobile airtime", "Harmattan Mobile", 100, 50000, 1, "NGN"],
        [4460, "Hexagone Mobile 10 EUR", "Hexagone Mobile", 10, 10, "any", "EUR"],
    ]
    assert book["bulk-topup countries"]["A251"].value == "ZWE"


def test_amounts_are_checked_by_bounds_and_steps_of_the_product(workbook: Callable[..., Workbook]) -> None:
    formula = checks(workbook(6418))["amount"].formula1
    assert formula == "AND(ISNUMBER(C2),C2>=1,C2<=100,IFERROR(ROUND((C2-1)/0.5,6)=ROUND((C2-1)/0.5,0),TRUE))"


def test_amounts_without_bounds_are_checked_as_far_as_possible(workbook: Callable[..., Workbook]) -> None:
    unbound = {"unit": "SGD", "amount": {"min": None, "max": None, "increment": None}}
    formula = checks(workbook(6418, destination=unbound))["amount"].formula1
    assert str(formula).startswith('AND(ISNUMBER(C2),C2>=0,C2<="any"')


def test_no_formula_is_longer_than_a_spreadsheet_program_accepts(workbook: Callable[..., Workbook]) -> None:
    for validation in checks(workbook(*BY_ID)).values():
        assert len(validation.formula1 or "") <= 255
        assert len(validation.prompt or "") <= 255


def test_the_help_explains_each_column_and_how_to_check_the_list(workbook: Callable[..., Workbook]) -> None:
    rows = [[str(cell.value) for cell in row] for row in workbook(9550)["bulk-topup help"].iter_rows()]
    texts = [text for row in rows for text in row]
    assert any(text.endswith("bulk-topup plan LIST.xlsx --product 9550") for text in texts)
    assert any("Remove the example row" in text for text in texts)
    assert ["phone", "With + and the country code, digits only.", "+6595123100"] in rows
    assert ["9550 Orbit eSIM 10 GB", "Always 25.00 USD. 10 GB data, valid for 30 days.", "Orbit eSIM"] in rows
    assert any("Instead of" in text for text in texts)


def test_a_products_name_is_never_a_formula(workbook: Callable[..., Workbook]) -> None:
    book = workbook(6418, 4460, name="=1+1")
    for sheet in ("bulk-topup products", "bulk-topup help"):
        cells = [cell for row in book[sheet].iter_rows() for cell in row if cell.value]
        assert any("=1+1" in str(cell.value) for cell in cells)
        assert all(cell.data_type != "f" for cell in cells)


def test_reading_a_template_finds_its_list_and_skips_the_help(
    workbook: Callable[..., Workbook], tmp_path: Path
) -> None:
    workbook(7350, 4460)
    table = open_table(ListSource(path=tmp_path / "list.xlsx"))
    assert table.header[:3] == ["reference", "product", "phone"]
    assert len(list(table.rows())) == 1


def test_a_csv_template_has_a_header_and_an_example_and_no_formula(tmp_path: Path) -> None:
    write_template(template_for([BY_ID[6418]]), tmp_path / "list.csv")
    text = (tmp_path / "list.csv").read_bytes().decode()
    assert text == "\ufeffreference,phone,amount\r\nR-001 (example),'+6595123100 (example),1\r\n"


def test_a_template_is_private_and_replaces_a_file_only_with_force(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    template = template_for([BY_ID[6418]])
    path.write_text("filled in")
    with pytest.raises(TemplateError, match=r"already exists\. Choose another file with --output, or add --force"):
        write_template(template, path)
    assert path.read_text() == "filled in"
    write_template(template, path, force=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="utf-8-sig").startswith("reference")


@pytest.mark.parametrize(
    ("name", "message"), [("list.ods", "must end in .xlsx or .csv"), ("no/such/list.csv", "Can't write ")]
)
def test_a_template_that_cannot_be_written_is_an_error_with_its_reason(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        write_template(template_for([BY_ID[6418]]), tmp_path / name)
