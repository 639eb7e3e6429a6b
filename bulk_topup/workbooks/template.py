"""What a list for a product needs: its columns, what goes into them, and an example row that is never paid; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Final

from bulk_topup.domain import fields
from bulk_topup.domain.money import format_plain
from bulk_topup.dvs import field_limits
from bulk_topup.dvs.models.base import CalculationMode, Range
from bulk_topup.dvs.models.product import FixedProduct, Product, RangedProduct
from bulk_topup.errors import InvalidInputError


class TemplateError(InvalidInputError):
    """The template cannot be made."""


class ColumnKind(Enum):
    """What the cells of a column hold."""

    #: The row's own name, different in each row.
    REFERENCE = auto()
    #: One of the products.
    PRODUCT = auto()
    MOBILE_NUMBER = auto()
    #: A number, in the product's unit.
    AMOUNT = auto()
    #: ISO 3166-1 alpha-3.
    COUNTRY = auto()
    DATE = auto()
    TEXT = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a template."""

    #: What a list is mapped by without being told.
    name: str
    field: str
    kind: ColumnKind
    #: What to write into it, in whole sentences.
    explanation: str
    #: The cell of the example row.
    example: str
    #: Characters that a text needs and may have; None where nothing bounds them.
    shortest: int | None = None
    longest: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A product of a template, and what it gives."""

    id: int
    name: str
    operator: str
    #: The amounts that it takes, in `unit`; both are the same for a product of one amount, None for no bound.
    smallest: Decimal | None
    largest: Decimal | None
    #: From the smallest amount; None where any amount between the bounds will do.
    step: Decimal | None
    unit: str
    #: Whether every row has to state an amount.
    is_ranged: bool
    #: Whether the amount is what the beneficiary receives or what the sender's side is charged.
    mode: CalculationMode
    #: The columns that it needs beside reference, product and amount.
    needs: tuple[str, ...]
    #: What it would take instead of some of them, as sentences.
    alternatives: tuple[str, ...]

    @property
    def amounts(self) -> str:
        """The amounts that it takes, as a sentence."""
        if not self.is_ranged and self.smallest is not None:
            return f"Always {format_plain(self.smallest)} {self.unit}."
        lower = "" if self.smallest is None else f" from {format_plain(self.smallest)}"
        upper = "" if self.largest is None else f" {'to' if lower else 'up to'} {format_plain(self.largest)}"
        step = f", in steps of {format_plain(self.step)}" if self.step else ""
        what = "received" if self.mode is CalculationMode.DESTINATION_AMOUNT else "charged"
        return f"Any amount{lower}{upper} {self.unit}{step}; it is what is {what}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """What a list has to look like."""

    offers: tuple[Offer, ...]
    columns: tuple[Column, ...]

    @property
    def mode(self) -> CalculationMode:
        """How the list's amounts are meant."""
        return self.offers[0].mode

    @property
    def options(self) -> str:
        """What a command line states beside the list."""
        product = f" --product {self.offers[0].id}" if len(self.offers) == 1 else ""
        mode = "" if self.mode is CalculationMode.DESTINATION_AMOUNT else f" --calculation-mode {self.mode}"
        return product + mode


#: A number that the provider's own test environment pays (reference: Sandbox).
_NUMBER: Final = "+6595123100"

#: What to write into a field, and what an example has there; by the last part of the field's name.
_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "mobile_number": ("With + and the country code, digits only.", _NUMBER),
    "account_number": ("The account, meter or customer number, with its leading zeros.", "0012345678"),
    "account_qualifier": ("What goes with the account number, as the operator names it.", "01"),
    "last_name": ("As in the person's papers.", "Doe"),
    "first_name": ("As in the person's papers.", "Alex"),
    "middle_name": ("As in the person's papers.", "Sam"),
    "nationality_country_iso_code": ("The country's code of three capital letters, from the list.", "SGP"),
    "email": ("An address that reaches the person.", "alex@example.com"),
    "address_text": ("Street and number.", "1 Example Street"),
    "address_city": ("Town or city.", "Singapore"),
    "address_country_iso_code": ("The country's code of three capital letters, from the list.", "SGP"),
    "address_postal_code": ("Capital letters, digits, blanks and dashes.", "018956"),
    "reference": ("The reference that stands on the bill.", "INV-1"),
    "due_date": ("The day until which the bill is to be paid.", "2026-12-31"),
    "purchaser_id": ("Who buys: 8 to 36 letters, digits and dashes.", "PURCHASER-1"),
}

#: Columns that are called otherwise than their fields.
_NAMES: Final[dict[str, str]] = {
    fields.REFERENCE: "reference",
    fields.PRODUCT_ID: "product",
    fields.AMOUNT: "amount",
    fields.CREDIT_MOBILE: "phone",
    fields.CREDIT_ACCOUNT: "account number",
    fields.CREDIT_QUALIFIER: "account qualifier",
    "statement_identifier.reference": "bill reference",
    "statement_identifier.due_date": "due date",
    "additional_identifier.purchaser_id": "purchaser id",
    **{
        f"{group}.{last}": f"{group} {name}"
        for group in ("sender", "beneficiary")
        for last, name in (
            ("nationality_country_iso_code", "nationality"),
            ("address_country_iso_code", "address country"),
        )
    },
}

_LENGTHS: Final = {
    **{
        name: (None, field_limits.ACCOUNT_NUMBER_MAX_LENGTH)
        for name in fields.DVS_FIELDS
        if name.endswith("account_number")
    },
    "additional_identifier.purchaser_id": (8, 36),
}


def name_of(field: str) -> str:
    """Give the name that a column of a field has in a template: reading a list maps it without being told."""
    group, _, last = field.partition(".")
    if field in _NAMES:
        return _NAMES[field]
    return f"{group} {last.replace('_', ' ')}" if group in {"sender", "beneficiary"} else field


def template_for(products: Sequence[Product]) -> Template:
    """Say what a list needs that pays with one of these products in each row.

    Raises:
        TemplateError: this version cannot pay with one of them, or their amounts are meant differently.
    """
    offers = tuple(map(_offer, products))
    if len({offer.mode for offer in offers if offer.is_ranged}) > 1:
        modes = ", ".join(f"{offer.id} {offer.mode}" for offer in offers if offer.is_ranged)
        raise TemplateError(f"Amounts of these products are meant differently ({modes}); make a template for each.")
    # Products of one amount take any mode, so that those of a range decide.
    offers = tuple(sorted(offers, key=lambda offer: not offer.is_ranged))
    needed = {need for offer in offers for need in offer.needs}
    columns = [_reference()]
    if len(offers) > 1:
        columns.append(_product(offers))
    for field in fields.DVS_FIELDS:
        if field in needed:
            columns.append(_column(field, offers))
        if field == fields.CREDIT_QUALIFIER and any(offer.is_ranged for offer in offers):
            columns.append(_amount(offers))
    return Template(offers=offers, columns=tuple(columns))


def _offer(product: Product) -> Offer:
    mode = CalculationMode.DESTINATION_AMOUNT
    if isinstance(product, FixedProduct):
        unit = product.destination.unit
        allowed = Range(min=product.destination.amount, max=product.destination.amount)
    elif isinstance(product, RangedProduct):
        accepted = product.accepted_calculation_modes
        if accepted and mode not in accepted:
            mode = CalculationMode.SOURCE_AMOUNT
        side = product.destination if mode is CalculationMode.DESTINATION_AMOUNT else product.source
        unit, allowed = side.unit, side.amount
    else:
        raise TemplateError(f'Product {product.id} is of type "{product.type}", which this version cannot pay with.')
    groups = list(_choices(product))
    return Offer(
        id=product.id,
        name=product.name,
        operator=product.operator.name,
        smallest=allowed.min,
        largest=allowed.max,
        step=allowed.increment,
        unit=unit,
        is_ranged=isinstance(product, RangedProduct),
        mode=mode,
        needs=tuple(field for first, _ in groups for field in first),
        alternatives=tuple(_instead(first, others) for first, others in groups if others),
    )


def _choices(product: Product) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Give for each group what the columns are for, the first alternative that can be sent, and the other ones."""
    for group in fields.GROUPS:
        stated = getattr(product, f"required_{group}_fields") or []
        named = [[f"{group}.{field}" for field in inner] for inner in stated]
        if not all(named):  # one alternative needs nothing
            continue
        possible = [inner for inner in named if all(field in fields.DVS_FIELDS for field in inner)]
        if possible:
            yield possible[0], possible[1:]
        elif named:
            raise TemplateError(
                f"Product {product.id} needs {' and '.join(named[0])}, which this version cannot send; "
                "choose another product with `bulk-topup products`."
            )


def _instead(first: Sequence[str], others: Sequence[Sequence[str]]) -> str:
    written = " or ".join(" with ".join(f'"{name_of(field)}"' for field in inner) for inner in others)
    return f"Instead of {_listed(first)} a list may have the columns {written}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(f'"{name_of(field)}"' for field in names)


def _reference() -> Column:
    return Column(
        name=name_of(fields.REFERENCE),
        field=fields.REFERENCE,
        kind=ColumnKind.REFERENCE,
        explanation="Your own name for the row, different in each: nobody is paid twice for one reference.",
        example=f"R-001 {fields.EXAMPLE}",
    )


def _product(offers: Sequence[Offer]) -> Column:
    return Column(
        name=name_of(fields.PRODUCT_ID),
        field=fields.PRODUCT_ID,
        kind=ColumnKind.PRODUCT,
        explanation="What the row is paid with: a product's number, from the list.",
        example=str(offers[0].id),
    )


def _amount(offers: Sequence[Offer]) -> Column:
    told = offers[0].amounts
    if len(offers) > 1:
        told = "An amount that the row's product takes; blank where the product has only one."
    ranged = next(offer for offer in offers if offer.is_ranged)
    return Column(
        name=name_of(fields.AMOUNT),
        field=fields.AMOUNT,
        kind=ColumnKind.AMOUNT,
        explanation=told,
        example=format_plain(ranged.smallest or ranged.step or ranged.largest or Decimal(1)),
    )


def _column(field: str, offers: Sequence[Offer]) -> Column:
    last = field.rpartition(".")[2]
    told, example = _TEXTS[last]
    of = [str(offer.id) for offer in offers if field in offer.needs]
    if len(of) < len(offers):
        told += f" For product {' and '.join(of)} only."
    kind = ColumnKind.TEXT
    if last.endswith("country_iso_code"):
        kind = ColumnKind.COUNTRY
    elif last == "due_date":
        kind = ColumnKind.DATE
    elif last == "mobile_number":
        kind = ColumnKind.MOBILE_NUMBER
    shortest, longest = _LENGTHS.get(field, (None, None))
    return Column(
        name=name_of(field),
        field=field,
        kind=kind,
        explanation=told,
        example=example if kind in {ColumnKind.COUNTRY, ColumnKind.DATE} else f"{example} {fields.EXAMPLE}",
        shortest=shortest,
        longest=longest,
    )
