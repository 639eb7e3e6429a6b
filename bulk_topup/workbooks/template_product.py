"""The products of a template: the amounts they accept and the fields they require; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bulk_topup.domain import fields
from bulk_topup.domain.money import format_amount, format_money
from bulk_topup.domain.product_texts import benefits_text, payment_texts, takes_statements
from bulk_topup.dvs.models.base import CalculationMode, Range
from bulk_topup.dvs.models.product import FixedProduct, Product, RangedProduct
from bulk_topup.errors import InvalidInputError
from bulk_topup.workbooks.column_names import column_name


class TemplateError(InvalidInputError):
    """The template cannot be created."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateProduct:
    """A product of a template, and what a list needs for it."""

    id: int
    name: str
    operator: str
    #: Bounds of the amounts, in `unit`; equal for a product of one amount, None for no bound.
    smallest: Decimal | None
    largest: Decimal | None
    #: Increment from the smallest amount; None if any amount between the bounds is accepted.
    step: Decimal | None
    unit: str
    #: What it gives besides money and for how long; empty for money alone.
    benefits: str
    #: Whether every row needs an amount.
    is_ranged: bool
    #: Whether the amount is what the beneficiary receives or what is charged.
    mode: CalculationMode
    #: Fields that it requires in addition to reference, product and amount.
    needs: tuple[str, ...]
    #: Which columns can replace some of these, or be added, as sentences.
    alternatives: tuple[str, ...]
    #: What it takes against bills, as sentences; empty if it pays no bills.
    payments: tuple[str, ...] = ()
    #: Whether DVS can be asked what is due.
    takes_statements: bool = False

    @property
    def amounts(self) -> str:
        """The amounts that it accepts, and what it gives besides, as sentences."""
        benefits = f" {self.benefits[0].upper()}{self.benefits[1:]}." if self.benefits else ""
        if not self.is_ranged and self.smallest is not None:
            return f"Always {format_money(self.smallest, self.unit)}.{benefits}"
        step = f" in steps of {format_amount(self.step, self.unit)}" if self.step else ""
        side = "received" if self.mode is CalculationMode.DESTINATION_AMOUNT else "charged"
        return f"{self._bounds} {self.unit}{step}; this amount is {side}.{benefits}"

    @property
    def _bounds(self) -> str:
        smallest, largest = (
            None if bound is None else format_amount(bound, self.unit) for bound in (self.smallest, self.largest)
        )
        if smallest is None:
            return "Any amount in" if largest is None else f"Up to {largest}"
        return f"At least {smallest}" if largest is None else f"From {smallest} to {largest}"


def product_of_template(product: Product) -> TemplateProduct:
    """Return what a list needs to pay with a product.

    Raises:
        TemplateError: this version cannot pay with it.
    """
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
        raise TemplateError(f"Product {product.id} {product.why}.")
    choices = list(_choices(product))
    return TemplateProduct(
        id=product.id,
        name=product.name,
        operator=product.operator.name,
        smallest=allowed.min,
        largest=allowed.max,
        step=allowed.increment,
        unit=unit,
        benefits=benefits_text(product),
        is_ranged=isinstance(product, RangedProduct),
        mode=mode,
        needs=tuple(field for first, _ in choices for field in first),
        alternatives=tuple(_alternatives_text(first, others) for first, others in choices if others),
        payments=payment_texts(product),
        takes_statements=takes_statements(product),
    )


def _choices(product: Product) -> Iterator[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]]:
    """Yield for each group of fields the first alternative that this version can send, and the others."""
    for group in fields.GROUPS:
        required = getattr(product, f"required_{group}_fields") or []
        named = [tuple(f"{group}.{field}" for field in inner) for inner in required]
        possible = [inner for inner in named if all(field in fields.DVS_FIELDS for field in inner)]
        if not all(named):  # one alternative needs nothing
            yield (), tuple(inner for inner in possible if inner)
        elif possible:
            yield possible[0], tuple(possible[1:])
        elif named:
            raise TemplateError(
                f"Product {product.id} needs {' and '.join(named[0])}, which this version cannot send. "
                "Choose another product with `bulk-topup products`."
            )


def _alternatives_text(first: Sequence[str], others: Sequence[Sequence[str]]) -> str:
    choices = " or ".join(" with ".join(f'"{column_name(field)}"' for field in inner) for inner in others)
    if not first:
        return (
            f"The list can have {choices}, but needs neither." if len(others) > 1 else f"The list can have {choices}."
        )
    required = " and ".join(f'"{column_name(field)}"' for field in first)
    return f"Instead of {required}, the list can have {choices}."
