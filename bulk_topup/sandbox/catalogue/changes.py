"""Changes of products while the sandbox runs: other prices, other amounts, products that vanish; pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from bulk_topup.domain.money import format_plain
from bulk_topup.dvs.models.base import Price, Range
from bulk_topup.dvs.models.product import FixedProduct, RangedPrice, RangedProduct
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox.catalogue.product_factory import RATE, AnyProduct, Fixed, Ranged, fixed_benefit, round_money

#: More changes, and more products in one, than any trial needs.
MAX_CHANGES = 100
MAX_CHANGED_PRODUCTS = 1000
#: The largest factor, either way.
LARGEST_FACTOR = 1000


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A change of some products, or of all."""

    #: IDs of the products; None for all.
    products: (
        Annotated[list[Annotated[int, Meta(ge=1)]], Meta(min_length=1, max_length=MAX_CHANGED_PRODUCTS)] | None
    ) = None
    #: Transactions that are created with the old products before it takes effect.
    after: Annotated[int, Meta(ge=0)] = 0
    #: What wholesale prices are multiplied by.
    price_factor: Decimal = Decimal(1)
    #: What the amounts of fixed products are multiplied by: the denomination that they deliver.
    amount_factor: Decimal = Decimal(1)
    #: Whether the products are not available any more.
    vanish: bool = False

    def __post_init__(self) -> None:
        factors = (self.price_factor, self.amount_factor)
        if not all(factor.is_finite() and 0 < factor <= LARGEST_FACTOR for factor in factors):
            raise ValueError(f"a factor is more than 0 and at most {LARGEST_FACTOR}")


_decoder = msgspec.json.Decoder(Annotated[list[Change], Meta(max_length=MAX_CHANGES)])


def read_changes(body: bytes) -> Sequence[Change]:
    """Read a list of changes from JSON, or raise ConfigurationError."""
    try:
        changes: Sequence[Change] = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f'The body is not a list of changes: {error}. Write them like [{{"price_factor": 1.1, "after": 100}}].'
        ) from None
    return changes


def changed(product: AnyProduct, change: Change) -> AnyProduct:
    """Return a product after a change."""
    if isinstance(product, RangedProduct):
        return _with_rate(product, change.price_factor)
    if change.amount_factor != 1:
        product = _with_amount(product, change.amount_factor)
    price = product.prices.wholesale
    if price.amount is None:
        return product
    wholesale = price.model_copy(update={"amount": round_money(price.amount * change.price_factor, price.unit)})
    rate = RATE.divide(product.destination.amount, wholesale.amount) if wholesale.amount else product.rates.wholesale
    return product.model_copy(update=_priced(product, wholesale, rate))


def _with_rate(product: Ranged, factor: Decimal) -> Ranged:
    """Return a ranged product whose every price is multiplied by a factor."""
    price, rate = product.prices.wholesale, product.rates.wholesale
    low, high = (price.amount.min, price.amount.max) if price.amount else (None, None)
    bounds = Range(
        min=None if low is None else round_money(low * factor, price.unit),
        max=None if high is None else round_money(high * factor, price.unit),
    )
    wholesale = price.model_copy(update={"amount": bounds})
    rate = rate and RATE.divide(rate, factor)
    return product.model_copy(update=_priced(product, wholesale, rate))


def _priced(
    product: FixedProduct | RangedProduct, wholesale: Price | RangedPrice, rate: Decimal | None
) -> dict[str, object]:
    """Return the fields of a product that a wholesale price and its rate change."""
    return {
        "prices": product.prices.model_copy(update={"wholesale": wholesale}),
        "rates": product.rates.model_copy(update={"wholesale": rate}),
    }


def _with_amount(product: Fixed, factor: Decimal) -> Fixed:
    """Return a fixed product that delivers another amount, at the same price."""
    side = product.destination
    amount = round_money(side.amount * factor, side.unit)
    benefits = [
        fixed_benefit(benefit.type, benefit.unit_type, benefit.unit, format_plain(amount))
        if (benefit.unit, benefit.amount.base) == (side.unit, side.amount)
        else benefit
        for benefit in product.benefits or []
    ]
    return product.model_copy(
        update={"destination": side.model_copy(update={"amount": amount}), "benefits": benefits or None}
    )
