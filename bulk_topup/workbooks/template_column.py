"""The columns of a template: name, kind of cells, what to write, and an example that is never paid; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Final

from bulk_topup.domain import fields
from bulk_topup.domain.bills import STATEMENT
from bulk_topup.domain.money import format_plain
from bulk_topup.dvs import field_limits
from bulk_topup.workbooks.column_names import column_name
from bulk_topup.workbooks.template_product import TemplateProduct


class ColumnKind(Enum):
    """The kind of cells of a column."""

    #: Reference of the row, different in each row.
    REFERENCE = auto()
    #: ID of one of the products.
    PRODUCT = auto()
    MOBILE_NUMBER = auto()
    #: Number, in the unit of the product.
    AMOUNT = auto()
    #: Country code, ISO 3166-1 alpha-3.
    COUNTRY = auto()
    DATE = auto()
    TEXT = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a template."""

    #: Name that lists are mapped by without --map.
    name: str
    #: DVS field.
    field: str
    kind: ColumnKind
    #: What to write, in sentences.
    explanation: str
    #: Cell of the example row.
    example: str
    #: Minimum and maximum characters of a text; None for no limit.
    shortest: int | None = None
    longest: int | None = None


#: A number that DVS's own test environment pays (reference: Sandbox).
_NUMBER: Final = "+6595123100"

#: What to write into a field, and an example, by the last part of the field name.
_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "mobile_number": ("With + and the country code, digits only.", _NUMBER),
    "account_number": ("The account, meter or customer number, with its leading zeros.", "0012345678"),
    "account_qualifier": ("The qualifier of the account number, as the operator calls it.", "01"),
    "last_name": ("As in the person's identity document.", "Doe"),
    "first_name": ("As in the person's identity document.", "Alex"),
    "middle_name": ("As in the person's identity document.", "Sam"),
    "nationality_country_iso_code": ("The country code of three capital letters, from the list.", "SGP"),
    "email": ("The person's email address.", "alex@example.com"),
    "address_text": ("Street and number.", "1 Example Street"),
    "address_city": ("Town or city.", "Singapore"),
    "address_country_iso_code": ("The country code of three capital letters, from the list.", "SGP"),
    "address_postal_code": ("Capital letters, digits, spaces and hyphens.", "018956"),
    "reference": ("The reference on the bill.", "INV-1"),
    "due_date": ("The due date of the bill.", "2026-12-31"),
    "purchaser_id": ("The ID of the purchaser: 8 to 36 letters, digits and hyphens.", "PURCHASER-1"),
}

_LENGTHS: Final = {
    **{
        name: (None, field_limits.ACCOUNT_NUMBER_MAX_LENGTH)
        for name in fields.DVS_FIELDS
        if name.endswith("account_number")
    },
    "additional_identifier.purchaser_id": (8, 36),
}


def reference_column() -> Column:
    """Return the column of the references."""
    return Column(
        name=column_name(fields.REFERENCE),
        field=fields.REFERENCE,
        kind=ColumnKind.REFERENCE,
        explanation="Your own ID for the row, different in each row: a reference is never paid twice.",
        example=f"R-001 {fields.EXAMPLE}",
    )


def product_column(products: Sequence[TemplateProduct]) -> Column:
    """Return the column of the product IDs."""
    return Column(
        name=column_name(fields.PRODUCT_ID),
        field=fields.PRODUCT_ID,
        kind=ColumnKind.PRODUCT,
        explanation="The product ID, from the list.",
        example=str(products[0].id),
    )


def amount_column(products: Sequence[TemplateProduct]) -> Column:
    """Return the column of the amounts, for products of which at least one is ranged."""
    explanation = products[0].amounts
    if len(products) > 1:
        explanation = "An amount that the product of the row accepts; empty if the product has only one amount."
    if any(product.takes_statements for product in products):
        explanation += f' "{STATEMENT}" pays what is due.'
    ranged = next(product for product in products if product.is_ranged)
    return Column(
        name=column_name(fields.AMOUNT),
        field=fields.AMOUNT,
        kind=ColumnKind.AMOUNT,
        explanation=explanation,
        example=format_plain(ranged.smallest or ranged.step or ranged.largest or Decimal(1)),
    )


def field_column(field: str, products: Sequence[TemplateProduct]) -> Column:
    """Return the column of a DVS field that some of the products require."""
    last = field.rpartition(".")[2]
    explanation, example = _TEXTS[last]
    requiring = [str(product.id) for product in products if field in product.needs]
    if len(requiring) < len(products):
        explanation += f" Only for {'product' if len(requiring) == 1 else 'products'} {' and '.join(requiring)}."
    kind = ColumnKind.TEXT
    if last.endswith("country_iso_code"):
        kind = ColumnKind.COUNTRY
    elif last == "due_date":
        kind = ColumnKind.DATE
    elif last == "mobile_number":
        kind = ColumnKind.MOBILE_NUMBER
    shortest, longest = _LENGTHS.get(field, (None, None))
    return Column(
        name=column_name(field),
        field=field,
        kind=kind,
        explanation=explanation,
        example=example if kind in {ColumnKind.COUNTRY, ColumnKind.DATE} else f"{example} {fields.EXAMPLE}",
        shortest=shortest,
        longest=longest,
    )
