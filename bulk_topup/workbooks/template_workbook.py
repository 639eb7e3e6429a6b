"""A template as a workbook: cells that are checked as they are typed, drop-downs, help beside them; XlsxWriter only.

The list is one sheet. The others begin with `HELP_SHEET`, so that reading the list passes them by.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from bulk_topup.domain.fields import EXAMPLE
from bulk_topup.domain.money import format_plain
from bulk_topup.intake.files.xlsx_file import HELP_SHEET
from bulk_topup.report.cells import fits_number_cell
from bulk_topup.report.formats.xlsx_sheets import Styles, write_heading, write_row
from bulk_topup.workbooks.countries import COUNTRIES
from bulk_topup.workbooks.template import Column, ColumnKind, Offer, Template

#: Rows below the header whose cells are checked as they are typed; what stands below them is checked by `plan` alone.
CHECKED_ROWS: Final = 10_000

_LIST: Final = "List"
_HELP: Final = f"{HELP_SHEET}help"
_PRODUCTS: Final = f"{HELP_SHEET}products"
_COUNTRIES: Final = f"{HELP_SHEET}countries"

#: Stands for a bound that is not there: to a spreadsheet program a text is larger than any number, and is no step.
_ANY: Final = "any"

_OPTIONS: Final = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
#: What a spreadsheet program takes as the title and the text of a message.
_MESSAGE_CHARACTERS: Final = 255
_WIDTHS: Final = {ColumnKind.REFERENCE: 22, ColumnKind.MOBILE_NUMBER: 26, ColumnKind.TEXT: 24}
_NARROW: Final = 14


def write_workbook(template: Template, path: Path) -> None:
    """Write the list's sheet, and what explains it, to a file."""
    with path.open("wb") as file:
        workbook = Workbook(file, {**_OPTIONS, "in_memory": True})
        styles = Styles(workbook)
        sheet = workbook.add_worksheet(_LIST)
        _write_help(workbook.add_worksheet(_HELP), template, styles)
        if len(template.offers) > 1:
            _write_products(workbook.add_worksheet(_PRODUCTS), template, styles)
            workbook.define_name("products", f"='{_PRODUCTS}'!$A$2:$G${len(template.offers) + 1}")
        if any(column.kind is ColumnKind.COUNTRY for column in template.columns):
            _write_countries(workbook.add_worksheet(_COUNTRIES), styles)
        _write_list(workbook, sheet, template)
        sheet.activate()
        workbook.close()


def _write_list(workbook: Workbook, sheet: Worksheet, template: Template) -> None:
    heading = workbook.add_format({"bold": True, "bg_color": "#DDEBF7", "bottom": 1, "num_format": "@"})
    formats = {kind: {"num_format": "@"} for kind in ColumnKind}
    # Numbers and days are kept as such: a spreadsheet program writes them as its user does.
    formats |= {ColumnKind.AMOUNT: {"num_format": "General"}, ColumnKind.PRODUCT: {"num_format": "0"}}
    formats |= {ColumnKind.DATE: {"num_format": "yyyy-mm-dd"}}
    for place, column in enumerate(template.columns):
        look = formats[column.kind]
        width = max(_WIDTHS.get(column.kind, _NARROW), len(column.name) + 2)
        sheet.set_column(place, place, width, workbook.add_format(look))
        sheet.write_string(0, place, column.name, heading)
        sheet.write_comment(0, place, column.explanation, {"x_scale": 2})
        example = workbook.add_format({**look, "italic": True, "font_color": "#7F7F7F"})
        if column.kind in {ColumnKind.AMOUNT, ColumnKind.PRODUCT} and fits_number_cell(column.example):
            sheet.write_number(1, place, Decimal(column.example), example)
        else:
            sheet.write_string(1, place, column.example, example)
        sheet.data_validation(1, place, CHECKED_ROWS, place, _validation(column, place, template))
    sheet.freeze_panes(1, 0)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_col_to_name(len(template.columns) - 1)}{CHECKED_ROWS + 1}"})


def _validation(column: Column, place: int, template: Template) -> dict[str, Any]:
    """Give what a cell takes, and what is said to whoever is about to write it or wrote something else."""
    cell = f"{xl_col_to_name(place)}2"
    text = column.explanation
    if len(text) > _MESSAGE_CHARACTERS:
        text = text[: _MESSAGE_CHARACTERS - 1] + "…"
    said = {
        "ignore_blank": True,
        "input_title": column.name[:32],
        "input_message": text,
        "error_title": column.name[:32],
        "error_message": text,
    }
    match column.kind:
        case ColumnKind.REFERENCE:
            rows = f"{cell[:-1]}$2:{cell[:-1]}${CHECKED_ROWS + 1}"
            return {**said, "validate": "custom", "value": f"=SUMPRODUCT(--EXACT({rows},{cell}))=1"}
        case ColumnKind.PRODUCT:
            return {**said, "validate": "list", "source": f"='{_PRODUCTS}'!$A$2:$A${len(template.offers) + 1}"}
        case ColumnKind.MOBILE_NUMBER:
            digits = f'SUBSTITUTE(SUBSTITUTE(MID({cell},2,30)," ",""),"-","")'
            value = f'=AND(LEFT({cell},1)="+",ISNUMBER(--{digits}),LEN({digits})>=7,LEN({digits})<=15)'
            return {**said, "validate": "custom", "value": value}
        case ColumnKind.AMOUNT:
            return {**said, "validate": "custom", "value": _amount_formula(cell, template)}
        case ColumnKind.COUNTRY:
            # Whoever knows a code that is not in the list may write it all the same.
            source = f"='{_COUNTRIES}'!$A$2:$A${len(COUNTRIES) + 1}"
            return {**said, "validate": "list", "source": source, "error_type": "warning"}
        case ColumnKind.DATE:
            return {**said, "validate": "custom", "value": f"=AND(ISNUMBER({cell}),{cell}>36526)"}
        case ColumnKind.TEXT:
            if column.longest is None:
                return {**said, "validate": "any"}
            bounds = {"criteria": "between", "minimum": column.shortest or 1, "maximum": column.longest}
            return {**said, "validate": "length", **bounds}


def _amount_formula(cell: str, template: Template) -> str:
    """Give the formula that is true where an amount is within its product's bounds and on one of its steps.

    Differences are rounded, because a spreadsheet program computes with binary fractions; `plan` is exact.
    """
    if len(template.offers) > 1:
        # A formula of a check has at most 255 characters, so that the products' table stands under a short name.
        place = next(place for place, column in enumerate(template.columns) if column.kind is ColumnKind.PRODUCT)
        product = f"${xl_col_to_name(place)}2"
        smallest, largest, step = (f"VLOOKUP({product},products,{number},0)" for number in (4, 5, 6))
    else:
        offer = template.offers[0]
        smallest, largest, step = map(_bound, (offer.smallest or Decimal(0), offer.largest, offer.step))
    steps = f"({cell}-{smallest})/{step}"
    on_step = f"IFERROR(ROUND({steps},6)=ROUND({steps},0),TRUE)"
    return f"=AND(ISNUMBER({cell}),{cell}>={smallest},{cell}<={largest},{on_step})"


def _bound(value: Decimal | None) -> str:
    return f'"{_ANY}"' if value is None else format_plain(value)


def _write_help(sheet: Worksheet, template: Template, styles: Styles) -> None:
    for place, width in enumerate((34, 90, 34)):
        sheet.set_column(place, place, width, styles.text)
    headings = {"Column", "Product"}
    for number, cells in enumerate(_help(template)):
        if cells and cells[0] in headings:
            write_heading(sheet, number, cells, styles)
        else:
            write_row(sheet, number, cells, (), styles)


def _help(template: Template) -> Iterator[Sequence[str]]:
    yield ("How to fill in the list",)
    yield (f'One row for each payment, on the sheet "{_LIST}". Columns of your own may be added; reports keep them.',)
    yield (f"Remove the example row: a list with a cell that ends in {EXAMPLE} is refused at it.",)
    yield (f"Then check the list, which sends nothing: bulk-topup plan LIST.xlsx{template.options}",)
    yield ()
    yield ("Column", "What to write", "Example")
    for column in template.columns:
        yield column.name, column.explanation, column.example.removesuffix(EXAMPLE).rstrip()
    yield ()
    yield ("Product", "What it gives", "Of")
    for offer in template.offers:
        yield f"{offer.id} {offer.name}", offer.amounts, offer.operator
    for offer in template.offers:
        for text in offer.alternatives:
            yield str(offer.id), text


def _write_products(sheet: Worksheet, template: Template, styles: Styles) -> None:
    """Write what the checks look up: the number, and from the fourth column on the bounds."""
    for place, width in enumerate((12, 40, 30, 12, 12, 12, 12)):
        sheet.set_column(place, place, width)
    write_heading(sheet, 0, ("product", "name", "operator", "from", "to", "steps of", "unit"), styles)
    for number, offer in enumerate(template.offers, start=1):
        cells = _product_cells(offer)
        write_row(sheet, number, cells, [place for place in (0, 3, 4, 5) if cells[place] != _ANY], styles)


def _product_cells(offer: Offer) -> tuple[str, ...]:
    bounds = (offer.smallest or Decimal(0), offer.largest, offer.step)
    smallest, largest, step = (_ANY if bound is None else format_plain(bound) for bound in bounds)
    return str(offer.id), offer.name, offer.operator, smallest, largest, step, offer.unit


def _write_countries(sheet: Worksheet, styles: Styles) -> None:
    sheet.set_column(0, 0, 12)
    sheet.set_column(1, 1, 50)
    write_heading(sheet, 0, ("code", "country"), styles)
    for number, cells in enumerate(COUNTRIES.items(), start=1):
        write_row(sheet, number, cells, (), styles)
