"""Checks a request against its product, and computes prices and amounts; pure."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.dvs.models.base import CalculationMode, RequiredFields
from bulk_topup.dvs.models.product import FixedProduct, RangedAmount, RangedProduct
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue.catalogue import Catalogue
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct, round_money
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.provider.requests import CreateRequest, RequestedAmount

#: The smallest unit of amounts, also for products without steps.
FINEST = Decimal("1E-9")

#: Lists contain few different amounts, so few quotes serve many transactions.
_KEPT_QUOTES = 4096

_GROUPS = (
    "credit_party_identifier",
    "debit_party_identifier",
    "sender",
    "beneficiary",
    "statement_identifier",
    "additional_identifier",
)
#: The groups with the fields of products that say what of them is required.
_REQUIREMENTS = tuple((group, f"required_{group}_fields") for group in _GROUPS)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Quote:
    """The amounts of one purchase. Quotes are compared by identity, which makes them cheap cache keys."""

    product: AnyProduct
    #: The requested amounts; for a ranged product, the other side follows from the base rate.
    source: Decimal
    destination: Decimal
    #: The delivered amount: `destination`, rounded to the smallest unit of its currency.
    delivered: Decimal
    #: Wholesale price and fee, in `unit`.
    price: Decimal
    fee: Decimal
    unit: str
    #: None if the product has no retail price.
    retail: Decimal | None

    @property
    def cost(self) -> Decimal:
        """What the wallet is charged."""
        return self.price + self.fee


class Quotes:
    """Computes the quotes of requests; those with the same product and amount share one.

    Args:
        catalogue: the products.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._quote = lru_cache(maxsize=_KEPT_QUOTES)(self._compute)

    def find(self, request: CreateRequest) -> Quote:
        """Return the quote of a request at the prices of now, or raise ErrorResponse."""
        requested = requested_amount(self._catalogue.product(request.product_id), request)
        return self._quote(request.product_id, requested, self._catalogue.revision)

    def _compute(self, product_id: int, requested: tuple[CalculationMode, Decimal] | None, revision: int) -> Quote:
        del revision  # a product that changed gets another quote
        return quote(self._catalogue.product(product_id), requested)


def check_requirements(product: AnyProduct, request: CreateRequest) -> None:
    """Check that the request has every field that its product requires.

    Raises:
        ErrorResponse: a field is missing (1000400); the message names it.
    """
    for group, name in _REQUIREMENTS:
        alternatives: RequiredFields | None = getattr(product, name)
        if alternatives is None:
            continue
        fields = getattr(request, group)
        if not any(all(getattr(fields, name, None) is not None for name in inner) for inner in alternatives):
            needed = " or ".join(" and ".join(f"{group}.{name}" for name in inner) for inner in alternatives)
            raise ErrorResponse(ErrorCode.BAD_REQUEST, f"product {product.id} requires {needed}")


def requested_amount(product: AnyProduct, request: CreateRequest) -> tuple[CalculationMode, Decimal] | None:
    """Return the requested side and amount of a ranged product; None for a fixed product.

    Raises:
        ErrorResponse: the mode or its side is missing (1000400), or the unit is wrong (1003003).
    """
    if isinstance(product, FixedProduct):
        return None
    mode = request.calculation_mode
    if mode is None:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, f"product {product.id} requires calculation_mode")
    if mode not in (product.accepted_calculation_modes or CalculationMode):
        raise ErrorResponse(ErrorCode.BAD_REQUEST, f"product {product.id} does not accept calculation_mode {mode}")
    requested, side = _side(product, request, mode)
    if requested is None:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, f"calculation_mode {mode} requires {mode.partition('_')[0].lower()}")
    if requested.unit != side.unit:
        raise ErrorResponse(ErrorCode.PRODUCT_UNIT_INVALID)
    return mode, Decimal(requested.amount)


def _side(
    product: RangedProduct, request: CreateRequest, mode: CalculationMode
) -> tuple[RequestedAmount | None, RangedAmount]:
    if mode is CalculationMode.SOURCE_AMOUNT:
        return request.source, product.source
    return request.destination, product.destination


def quote(product: AnyProduct, requested: tuple[CalculationMode, Decimal] | None) -> Quote:
    """Compute the amounts of one purchase.

    A ranged product's wholesale price is its destination divided by the wholesale rate, rounded half up to the smallest
    unit of its currency.

    Args:
        product: the product as it is now.
        requested: what `requested_amount` returned.

    Raises:
        ErrorResponse: the amount is out of range or between its steps (1003002).
    """
    if isinstance(product, FixedProduct):
        fixed, retail = product.prices.wholesale, product.prices.retail
        return Quote(
            product=product,
            source=product.source.amount,
            destination=product.destination.amount,
            delivered=product.destination.amount,
            price=fixed.amount or Decimal(0),
            fee=fixed.fee or Decimal(0),
            unit=fixed.unit or "",
            retail=retail.amount if retail else None,
        )
    mode, number = requested or (CalculationMode.DESTINATION_AMOUNT, Decimal(0))
    rates, wholesale = product.rates, product.prices.wholesale
    base, rate = rates.base or Decimal(1), rates.wholesale or Decimal(1)
    _check_range(product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination, number)
    amount = Decimal(format_plain(number))  # normalised, since equal amounts share a quote
    if mode is CalculationMode.SOURCE_AMOUNT:
        source, destination = amount, PRECISE.multiply(amount, base)
    else:
        source, destination = round_money(PRECISE.divide(amount, base), product.source.unit), amount
    return Quote(
        product=product,
        source=source,
        destination=destination,
        delivered=round_money(destination, product.destination.unit),
        price=round_money(PRECISE.divide(destination, rate), wholesale.unit),
        fee=wholesale.fee or Decimal(0),
        unit=wholesale.unit or "",
        retail=round_money(PRECISE.divide(destination, rates.retail), wholesale.unit) if rates.retail else None,
    )


def _check_range(side: RangedAmount, amount: Decimal) -> None:
    allowed = side.amount
    low, high, step = allowed.min or Decimal(0), allowed.max, allowed.increment
    if amount < low or (high is not None and amount > high):
        raise ErrorResponse(ErrorCode.AMOUNT_OUT_OF_RANGE)
    if PRECISE.remainder(amount, FINEST) or (step and PRECISE.remainder(PRECISE.subtract(amount, low), step)):
        raise ErrorResponse(ErrorCode.AMOUNT_OUT_OF_RANGE)
