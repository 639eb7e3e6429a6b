"""A template as a workbook: cells checked on input, drop-down lists, and help; writes one file.

The list is one sheet. The names of the others start with `HELP_SHEET`, so that reading the list skips them.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from bulk_topup.domain.bills import STATEMENT
from bulk_topup.domain.countries import COUNTRIES
from bulk_topup.domain.fields import EXAMPLE
from bulk_topup.domain.money import format_plain
from bulk_topup.intake.files.xlsx_sheet import HELP_SHEET
from bulk_topup.report.cells import fits_number_cell
from bulk_topup.report.formats.xlsx_sheets import Styles, write_heading, write_row
from bulk_topup.workbooks.template import Template
from bulk_topup.workbooks.template_column import Column, ColumnKind
from bulk_topup.workbooks.template_product import TemplateProduct

#: Rows whose cells are checked on input; rows below them are checked only by `plan`.
CHECKED_ROWS: Final = 10_000

_LIST: Final = "List"
_HELP: Final = f"{HELP_SHEET}help"
_PRODUCTS: Final = f"{HELP_SHEET}products"
_COUNTRIES: Final = f"{HELP_SHEET}countries"

#: Replaces a missing bound: in a spreadsheet, a text is larger than any number, and fails any computation of steps.
_ANY: Final = "any"

_OPTIONS: Final = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
#: Maximum characters of the title and the text of an input message.
_TITLE_CHARACTERS: Final = 32
_MESSAGE_CHARACTERS: Final = 255
_WIDTHS: Final = {ColumnKind.REFERENCE: 22, ColumnKind.MOBILE_NUMBER: 26, ColumnKind.TEXT: 24}
_DEFAULT_WIDTH: Final = 14


def write_workbook(template: Template, path: Path) -> None:
    """Write the list's sheet and the help sheets to a file."""
    with path.open("wb") as file:
        workbook = Workbook(file, {**_OPTIONS, "in_memory": True})
        styles = Styles(workbook)
        sheet = workbook.add_worksheet(_LIST)
        _write_help(workbook.add_worksheet(_HELP), template, styles)
        if len(template.products) > 1:
            _write_products(workbook.add_worksheet(_PRODUCTS), template, styles)
            workbook.define_name("products", f"='{_PRODUCTS}'!$A$2:$G${len(template.products) + 1}")
        if any(column.kind is ColumnKind.COUNTRY for column in template.columns):
            _write_countries(workbook.add_worksheet(_COUNTRIES), styles)
        _write_list(workbook, sheet, template)
        sheet.activate()
        workbook.close()


def _write_list(workbook: Workbook, sheet: Worksheet, template: Template) -> None:
    heading = workbook.add_format({"bold": True, "bg_color": "#DDEBF7", "bottom": 1, "num_format": "@"})
    formats = {kind: {"num_format": "@"} for kind in ColumnKind}
    # Numbers and dates are no text, so that spreadsheet programs display them in their user's format.
    formats |= {ColumnKind.AMOUNT: {"num_format": "General"}, ColumnKind.PRODUCT: {"num_format": "0"}}
    formats |= {ColumnKind.DATE: {"num_format": "yyyy-mm-dd"}}
    for index, column in enumerate(template.columns):
        style = formats[column.kind]
        width = max(_WIDTHS.get(column.kind, _DEFAULT_WIDTH), len(column.name) + 2)
        sheet.set_column(index, index, width, workbook.add_format(style))
        sheet.write_string(0, index, column.name, heading)
        sheet.write_comment(0, index, column.explanation, {"x_scale": 2})
        example = workbook.add_format({**style, "italic": True, "font_color": "#7F7F7F"})
        if column.kind in {ColumnKind.AMOUNT, ColumnKind.PRODUCT} and fits_number_cell(column.example):
            sheet.write_number(1, index, Decimal(column.example), example)
        else:
            sheet.write_string(1, index, column.example, example)
        sheet.data_validation(1, index, CHECKED_ROWS, index, _validation(column, index, template))
    sheet.freeze_panes(1, 0)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_col_to_name(len(template.columns) - 1)}{CHECKED_ROWS + 1}"})


def _validation(column: Column, column_index: int, template: Template) -> dict[str, Any]:
    """Return the check of a cell, with the messages for input and errors."""
    cell = f"{xl_col_to_name(column_index)}2"
    text = column.explanation
    if len(text) > _MESSAGE_CHARACTERS:
        text = text[: _MESSAGE_CHARACTERS - 1] + "…"
    messages = {
        "ignore_blank": True,
        "input_title": column.name[:_TITLE_CHARACTERS],
        "input_message": text,
        "error_title": column.name[:_TITLE_CHARACTERS],
        "error_message": text,
    }
    match column.kind:
        case ColumnKind.REFERENCE:
            rows = f"{cell[:-1]}$2:{cell[:-1]}${CHECKED_ROWS + 1}"
            return {**messages, "validate": "custom", "value": f"=SUMPRODUCT(--EXACT({rows},{cell}))=1"}
        case ColumnKind.PRODUCT:
            return {**messages, "validate": "list", "source": f"='{_PRODUCTS}'!$A$2:$A${len(template.products) + 1}"}
        case ColumnKind.MOBILE_NUMBER:
            digits = f'SUBSTITUTE(SUBSTITUTE(MID({cell},2,30)," ",""),"-","")'
            value = f'=AND(LEFT({cell},1)="+",ISNUMBER(--{digits}),LEN({digits})>=7,LEN({digits})<=15)'
            return {**messages, "validate": "custom", "value": value}
        case ColumnKind.AMOUNT:
            return {**messages, "validate": "custom", "value": _amount_formula(cell, template)}
        case ColumnKind.COUNTRY:
            # A warning only, so that codes that are not in the list can be used.
            source = f"='{_COUNTRIES}'!$A$2:$A${len(COUNTRIES) + 1}"
            return {**messages, "validate": "list", "source": source, "error_type": "warning"}
        case ColumnKind.DATE:
            return {**messages, "validate": "custom", "value": f"=AND(ISNUMBER({cell}),{cell}>36526)"}
        case ColumnKind.TEXT:
            if column.longest is None:
                return {**messages, "validate": "any"}
            bounds = {"criteria": "between", "minimum": column.shortest or 1, "maximum": column.longest}
            return {**messages, "validate": "length", **bounds}


def _amount_formula(cell: str, template: Template) -> str:
    """Return the formula that is true if an amount is within the bounds of its product and on one of its steps.

    Differences are rounded, because spreadsheet programs compute with binary fractions; `plan` is exact.
    """
    if len(template.products) > 1:
        # A check has at most 255 characters, so the table of products has a short name.
        index = next(index for index, column in enumerate(template.columns) if column.kind is ColumnKind.PRODUCT)
        product = f"${xl_col_to_name(index)}2"
        smallest, largest, step = (f"VLOOKUP({product},products,{number},0)" for number in (4, 5, 6))
    else:
        only = template.products[0]
        smallest, largest, step = map(_bound, (only.smallest or Decimal(0), only.largest, only.step))
    steps = f"({cell}-{smallest})/{step}"
    on_step = f"IFERROR(ROUND({steps},6)=ROUND({steps},0),TRUE)"
    is_amount = f"AND(ISNUMBER({cell}),{cell}>={smallest},{cell}<={largest},{on_step})"
    if any(product.takes_statements for product in template.products):
        return f'=OR({cell}="{STATEMENT}",{is_amount})'
    return f"={is_amount}"


def _bound(value: Decimal | None) -> str:
    return f'"{_ANY}"' if value is None else format_plain(value)


def _write_help(sheet: Worksheet, template: Template, styles: Styles) -> None:
    for index, width in enumerate((34, 90, 34)):
        sheet.set_column(index, index, width, styles.text)
    headings = {"Column", "Product"}
    for number, cells in enumerate(_help(template)):
        if cells and cells[0] in headings:
            write_heading(sheet, number, cells, styles)
        else:
            write_row(sheet, number, cells, (), styles)


def _help(template: Template) -> Iterator[Sequence[str]]:
    yield ("How to fill in the list",)
    yield (f'One row per payment, on the sheet "{_LIST}". You can add columns of your own; reports keep them.',)
    yield (f"Remove the example row: a row with a cell that ends in {EXAMPLE} is refused.",)
    yield (f"Then check the list; this sends nothing: bulk-topup plan LIST.xlsx{template.options}",)
    yield ()
    yield ("Column", "What to write", "Example")
    for column in template.columns:
        yield column.name, column.explanation, column.example.removesuffix(EXAMPLE).rstrip()
    yield ()
    yield ("Product", "Amounts", "Operator")
    for product in template.products:
        yield f"{product.id} {product.name}", product.amounts, product.operator
    for product in template.products:
        for text in (*product.payments, *product.alternatives):
            yield str(product.id), text


def _write_products(sheet: Worksheet, template: Template, styles: Styles) -> None:
    """Write the table that the checks look up: product ID first, bounds from the fourth column."""
    for index, width in enumerate((12, 40, 30, 12, 12, 12, 12)):
        sheet.set_column(index, index, width)
    write_heading(sheet, 0, ("product", "name", "operator", "from", "to", "steps of", "unit"), styles)
    for number, product in enumerate(template.products, start=1):
        cells = _product_cells(product)
        write_row(sheet, number, cells, [index for index in (0, 3, 4, 5) if cells[index] != _ANY], styles)


def _product_cells(product: TemplateProduct) -> tuple[str, ...]:
    bounds = (product.smallest or Decimal(0), product.largest, product.step)
    smallest, largest, step = (_ANY if bound is None else format_plain(bound) for bound in bounds)
    return str(product.id), product.name, product.operator, smallest, largest, step, product.unit


def _write_countries(sheet: Worksheet, styles: Styles) -> None:
    sheet.set_column(0, 0, 12)
    sheet.set_column(1, 1, 50)
    write_heading(sheet, 0, ("code", "country"), styles)
    for number, country in enumerate(COUNTRIES, start=1):
        write_row(sheet, number, (country.alpha_3, country.name), (), styles)
