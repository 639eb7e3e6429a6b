"""What rows ask for and should cost, worked out exactly once for each different amount; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

import polars as pl

from bulk_topup.domain import fields
from bulk_topup.domain.money import CENT, PRECISE, format_plain
from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import FixedProduct, Product, RangedProduct
from bulk_topup.plan.guard_checks import row_cap_problem

#: Different amounts that are remembered of one product; more are worked out again.
MAX_REMEMBERED: Final = 100_000


class Priced(NamedTuple):
    """What an amount of the list comes to for one product, as texts."""

    #: What the row asks for, in plain notation.
    asked: str | None
    #: The same as a JSON number of a request.
    number: str | None
    cost: str | None
    #: Why it is more than any row may ask for.
    excess: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Units:
    """What one product's amounts are in."""

    amount: str | None
    cost: str | None


class Prices:
    """The amounts of one product.

    Args:
        product: the product; None for one that the account does not have.
        mode: the side that the list's amounts are for.
        caps: what one row may ask for, per unit; empty for no cap.
    """

    def __init__(self, product: Product | None, mode: CalculationMode, caps: Mapping[str, Decimal]) -> None:
        self._product = product
        self._mode = mode
        self._caps = caps
        self._known: dict[str | None, Priced] = {}
        unit = None if product is None else amount_and_unit(product, mode, None)[1]
        cost_unit = None if product is None else expected_cost(product, mode, None)[1]
        self.units = Units(amount=unit, cost=cost_unit)

    def added_to(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the columns of `Priced` to rows of the product."""
        if not isinstance(self._product, RangedProduct) or fields.AMOUNT not in frame.columns:
            # Nothing that the list states changes anything.
            constants = self._priced(None)._asdict().items()
            return frame.with_columns(pl.lit(value, dtype=pl.String).alias(name) for name, value in constants)
        stated = frame[fields.AMOUNT].unique()
        table = pl.DataFrame(
            [self._remembered(text) for text in stated], schema=dict.fromkeys(Priced._fields, pl.String), orient="row"
        )
        table = table.with_columns(stated.alias(fields.AMOUNT))
        return frame.join(table, on=fields.AMOUNT, how="left", nulls_equal=True, maintain_order="left")

    def _remembered(self, stated: str | None) -> Priced:
        found = self._known.get(stated)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            found = self._known[stated] = self._priced(stated)
        return found

    def _priced(self, stated: str | None) -> Priced:
        if self._product is None:
            return Priced(asked=None, number=None, cost=None, excess=None)
        amount = None if stated is None else Decimal(stated)
        asked, unit = amount_and_unit(self._product, self._mode, amount)
        cost, _ = expected_cost(self._product, self._mode, amount)
        return Priced(
            asked=None if asked is None else format_plain(asked),
            number=None if asked is None else codec.encode(Decimal(format_plain(asked))).decode(),
            cost=None if cost is None else format_plain(cost),
            excess=None if asked is None or unit is None else row_cap_problem(self._caps, asked, unit),
        )


def amount_and_unit(
    product: Product, mode: CalculationMode, amount: Decimal | None
) -> tuple[Decimal | None, str | None]:
    """Give what a row asks for on the side that the mode names, with its unit."""
    if isinstance(product, FixedProduct):
        side = product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination
        return side.amount, side.unit
    if isinstance(product, RangedProduct):
        return amount, (product.source if mode is CalculationMode.SOURCE_AMOUNT else product.destination).unit
    return None, None


def expected_cost(product: Product, mode: CalculationMode, amount: Decimal | None) -> tuple[Decimal | None, str | None]:
    """Give what a row should cost with its fee, and the unit; (None, unit) when the product does not tell.

    A ranged product's wholesale price is the destination amount divided by the wholesale rate.
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
    if amount is None or not rates.wholesale:
        return None, price.unit
    destination = amount
    if mode is CalculationMode.SOURCE_AMOUNT:
        if not rates.base:
            return None, price.unit
        destination = PRECISE.multiply(amount, rates.base)
    cost = PRECISE.divide(destination, rates.wholesale).quantize(CENT, ROUND_HALF_UP, PRECISE)
    return PRECISE.add(cost, price.fee or Decimal(0)), price.unit
