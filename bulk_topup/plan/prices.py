"""Requested amounts and expected costs, calculated exactly, once for each different amount; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.money import PRECISE, format_plain, smallest_unit
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import FixedProduct, KnownProduct, Product, RangedProduct
from bulk_topup.plan.guard_checks import row_cap_problem

#: Different amounts of a product that are cached.
MAX_REMEMBERED: Final = 100_000


class Priced(NamedTuple):
    """The request and the cost of one amount of a product, as texts."""

    #: The requested amount, in plain notation.
    requested: str | None
    #: The same as a JSON number, for the request.
    number: str | None
    cost: str | None
    #: The problem if it is above the cap for one row.
    excess: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Units:
    """The units of one product's amounts and costs."""

    amount: str | None
    cost: str | None


class Prices:
    """The amounts of one product.

    Args:
        product: the product; None for one that the account does not have.
        mode: the side that the list's amounts are for: source or destination.
        caps: cap on the requested amount of a row, per unit; empty for no cap.
    """

    def __init__(self, product: Product | None, mode: CalculationMode, caps: Mapping[str, Decimal]) -> None:
        self._product = product
        self._mode = mode
        self._caps = caps
        self._known: dict[str | None, Priced] = {}
        unit = None if product is None else amount_and_unit(product, mode, None)[1]
        cost_unit = None if product is None else expected_cost(product, mode, None)[1]
        self.units = Units(amount=unit, cost=cost_unit)

    def add_to(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return rows of the product with the columns of `Priced`."""
        if not isinstance(self._product, RangedProduct) or fields.AMOUNT not in frame.columns:
            # The list's amounts do not matter.
            constants = self._price(None)._asdict().items()
            return frame.with_columns(pl.lit(value, dtype=pl.String).alias(name) for name, value in constants)
        amounts = frame[fields.AMOUNT].unique()
        table = pl.DataFrame(
            [self._cached(text) for text in amounts], schema=dict.fromkeys(Priced._fields, pl.String), orient="row"
        )
        table = table.with_columns(amounts.alias(fields.AMOUNT))
        return frame.join(table, on=fields.AMOUNT, how="left", nulls_equal=True, maintain_order="left")

    def _cached(self, amount: str | None) -> Priced:
        found = self._known.get(amount)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            found = self._known[amount] = self._price(amount)
        return found

    def _price(self, text: str | None) -> Priced:
        if self._product is None:
            return Priced(requested=None, number=None, cost=None, excess=None)
        amount = None if text is None else Decimal(text)
        requested, unit = amount_and_unit(self._product, self._mode, amount)
        cost, _ = expected_cost(self._product, self._mode, amount)
        return Priced(
            requested=None if requested is None else format_plain(requested),
            number=None if requested is None else codec.encode(Decimal(format_plain(requested))).decode(),
            cost=None if cost is None else format_plain(cost),
            excess=None if requested is None or unit is None else row_cap_problem(self._caps, requested, unit),
        )


def amount_and_unit(
    product: Product, mode: CalculationMode, amount: Decimal | None
) -> tuple[Decimal | None, str | None]:
    """Return the requested amount of a row on the side of the mode, and its unit."""
    if isinstance(product, FixedProduct):
        side = product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination
        return side.amount, side.unit
    if isinstance(product, RangedProduct):
        return amount, (product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination).unit
    return None, None


def expected_cost(
    product: Product | KnownProduct, mode: CalculationMode, amount: Decimal | None
) -> tuple[Decimal | None, str | None]:
    """Return the expected cost of a row with its fee, and the unit; (None, unit) when it is unknown.

    A ranged product's wholesale price is the destination amount divided by the wholesale rate (reference: Products),
    rounded half up to the smallest unit of the wallet's currency.

    Args:
        product: the product.
        mode: the side of the amount.
        amount: the requested amount in the unit of that side; None for a fixed product.
    """
    if isinstance(product, FixedProduct):
        wholesale = product.prices.wholesale
        if wholesale.amount is None:
            return None, wholesale.unit
        return PRECISE.add(wholesale.amount, wholesale.fee or Decimal(0)), wholesale.unit
    if not isinstance(product, RangedProduct):
        return None, None
    price = product.prices.wholesale
    rates = product.rates
    # DVS writes -1 for a rate without an end, which is no rate to divide by.
    if amount is None or rates.wholesale is None or rates.wholesale <= 0:
        return None, price.unit
    destination = amount
    if mode is CalculationMode.SOURCE_AMOUNT:
        if rates.base is None or rates.base <= 0:
            return None, price.unit
        destination = PRECISE.multiply(amount, rates.base)
    exact = PRECISE.divide(destination, rates.wholesale)
    cost = exact.quantize(smallest_unit(price.unit or ""), ROUND_HALF_UP, PRECISE)
    return PRECISE.add(cost, price.fee or Decimal(0)), price.unit


def is_rounded(product: Product | None, amount: str | None, cost: str | None) -> bool:
    """Return True if the cost of an amount is rounded, which DVS may do either way.

    Args:
        product: the product.
        amount: the requested amount on either side, in plain notation.
        cost: the expected cost with its fee.
    """
    if not isinstance(product, RangedProduct) or amount is None or cost is None or product.rates.wholesale is None:
        return False
    price = PRECISE.subtract(Decimal(cost), product.prices.wholesale.fee or Decimal(0))
    exact = PRECISE.multiply(price, product.rates.wholesale)
    return exact not in {Decimal(amount), PRECISE.multiply(Decimal(amount), product.rates.base or Decimal(0))}
