"""Compare what rows of a plan cost with what the same products and amounts cost in an earlier run; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from bulk_topup.domain.money import PRECISE, format_money, format_plain


class PricedItem(NamedTuple):
    """A product with a requested amount, in plain notation."""

    product_id: int
    amount: str
    unit: str


class PlannedPrice(NamedTuple):
    """The expected cost of such an item, in plain notation, with its currency."""

    cost: str
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceChange:
    """A product whose planned cost is another than in an earlier run, by the example of one amount."""

    #: The name of that run.
    run: str
    item: PricedItem
    before: PlannedPrice
    now: PlannedPrice

    def __str__(self) -> str:
        """Return it as a sentence: `Product 6418, 5.00 SGD: 3.71 USD, 1.86 USD in run bonus/may (+99.46 %).`"""
        item, before, now = self.item, self.before, self.now
        text = (
            f"Product {item.product_id}, {format_money(Decimal(item.amount), item.unit)}: "
            f"{format_money(Decimal(now.cost), now.unit)}, {format_money(Decimal(before.cost), before.unit)} in run "
            f"{self.run}"
        )
        if before.unit != now.unit or not Decimal(before.cost):
            return f"{text}."
        share = PRECISE.divide(PRECISE.subtract(Decimal(now.cost), Decimal(before.cost)), Decimal(before.cost))
        return f"{text} ({100 * share:+.2f} %)."

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values; amounts are texts in plain notation."""
        return {
            "run": self.run,
            "product_id": self.item.product_id,
            "amount": format_plain(Decimal(self.item.amount)),
            "unit": self.item.unit,
            "cost_before": format_plain(Decimal(self.before.cost)),
            "cost_unit_before": self.before.unit,
            "cost": format_plain(Decimal(self.now.cost)),
            "cost_unit": self.now.unit,
        }


def price_changes(
    run: str, before: Mapping[PricedItem, PlannedPrice], now: Mapping[PricedItem, PlannedPrice]
) -> tuple[PriceChange, ...]:
    """Return the products whose cost changed, each by the first amount that both have; ordered by product.

    Args:
        run: the name of the earlier run.
        before: what its rows were planned to cost.
        now: what the rows of the plan cost.
    """
    found: dict[int, PriceChange] = {}
    for item, price in now.items():
        earlier = before.get(item)
        if earlier is None or item.product_id in found:
            continue
        if (Decimal(earlier.cost), earlier.unit) != (Decimal(price.cost), price.unit):
            found[item.product_id] = PriceChange(run=run, item=item, before=earlier, now=price)
    return tuple(found[product_id] for product_id in sorted(found))
