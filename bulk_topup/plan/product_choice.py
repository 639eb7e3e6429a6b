"""Which of an operator's products a row gets, or why none; pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final, TypeGuard

from bulk_topup.domain.auto_product import CHEAPEST, FIXED, RANGED, AmountMatch, AutoProduct, Subservice
from bulk_topup.domain.money import PRECISE, format_money, format_plain
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.catalogue import Operator
from bulk_topup.dvs.models.product import FixedProduct, KnownProduct, Product, ProductType, RangedProduct
from bulk_topup.plan.prices import expected_cost

#: Products that give a PIN, which the beneficiary does not receive.
_PIN_TYPES: Final = frozenset({ProductType.FIXED_VALUE_PIN_PURCHASE, ProductType.RANGED_VALUE_PIN_PURCHASE})
#: Offers that a message names.
_NEAREST: Final = 2
_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a row asks for."""

    mode: CalculationMode
    #: In `currency`, on the side of the mode.
    amount: Decimal
    #: None if the list has none.
    currency: str | None

    def __str__(self) -> str:
        """Return the amount for messages."""
        return format_money(self.amount, self.currency) if self.currency else format_plain(self.amount)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """An amount of a product, with its expected cost."""

    product: KnownProduct
    mode: CalculationMode
    #: In `unit`, on the side of the mode.
    amount: Decimal
    unit: str

    @property
    def cost(self) -> Decimal | None:
        """The expected cost with the fee, in `cost_unit`; None if the product does not determine it."""
        return expected_cost(self.product, self.mode, self.amount)[0]

    @property
    def cost_unit(self) -> str | None:
        """The currency of the price."""
        return self.product.prices.wholesale.unit

    def __str__(self) -> str:
        """Return the offer for messages."""
        cost, unit = expected_cost(self.product, self.mode, self.amount)
        price = f" for {format_money(cost, unit)}" if cost is not None and unit else ""
        return f"{format_money(self.amount, self.unit)}{price} (product {self.product.id}, {self.product.name})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The product of a row."""

    offer: Offer
    #: Whether the job names it for the operator.
    is_named: bool = False
    #: The preference that left it alone of several; empty for the only one.
    preference: str = ""
    #: The first of the others that would have given the amount.
    other: Offer | None = None


def choose(operator: Operator, products: Sequence[Product], policy: AutoProduct, wish: Wish) -> Choice | str:
    """Return the product that gives the row's amount, or why it gets none.

    Args:
        operator: the number's operator.
        products: what it sells.
        policy: which products may be chosen, and which of several is.
        wish: the row's amount.
    """
    named = policy.product_of(operator.id, operator.name)
    allowed = [product for product in products if _is_allowed(product, policy, named)]
    if not allowed:
        return _without_product(operator, products, policy, named, wish)
    offers = _giving(allowed, policy.amounts, wish)
    if not offers:
        return _without_amount(operator, allowed, policy, wish)
    # The same number of another currency is another amount: no preference decides between them.
    if len({offer.unit for offer in offers}) > 1:
        return f"{_several(operator, policy, wish, offers)} Add a currency."
    others = offers
    for preference in policy.prefer:
        if len(offers) == 1:
            break
        others, offers = offers, _preferred(offers, preference)
        if len(offers) == 1:
            other = next(offer for offer in others if offer is not offers[0])
            return Choice(offer=offers[0], preference=preference, other=other)
    if len(offers) > 1:
        return f"{_several(operator, policy, wish, offers)} Add prefer or products to [auto_product]."
    return Choice(offer=offers[0], is_named=named is not None)


def candidates(
    operator: Operator, products: Sequence[Product], policy: AutoProduct, wish: Wish | None
) -> Sequence[Offer | KnownProduct]:
    """Return what `choose` decides between: the offers of the row's amount; without one, all products that it may give.

    Args:
        operator: the number's operator.
        products: what it sells.
        policy: which products may be chosen.
        wish: the row's amount; None for none.
    """
    named = policy.product_of(operator.id, operator.name)
    allowed = [product for product in products if _is_allowed(product, policy, named)]
    return allowed if wish is None else _giving(allowed, policy.amounts, wish)


def _is_allowed(product: Product, policy: AutoProduct, named: int | None) -> TypeGuard[KnownProduct]:
    """Return True if a product may be chosen at all, whatever its amounts are."""
    if not isinstance(product, KnownProduct) or product.service.id != policy.service_id:
        return False
    # A PIN would be delivered to the payer: the beneficiary receives nothing. Recharges may give one, too.
    gives_pin = product.type in _PIN_TYPES or product.pin is not None
    if policy.type not in {None, product.type} or (gives_pin and policy.type not in _PIN_TYPES):
        return False
    if named is not None:
        return product.id == named
    subservice, wanted = product.service.subservice, policy.subservice_ids
    return wanted is None or (subservice is not None and subservice.id in wanted)


def _giving(products: Iterable[KnownProduct], match: AmountMatch, wish: Wish) -> Sequence[Offer]:
    """Return the offers of the row's amount, or else of the largest one below it if that is enough."""
    below = [
        offer
        for product in products
        for offer in _around(product, wish)
        if _is_in(offer, wish) and offer.amount <= wish.amount
    ]
    exact = [offer for offer in below if offer.amount == wish.amount]
    if exact or match is AmountMatch.EXACT or not below:
        return exact
    if len({offer.unit for offer in below}) > 1:
        return below
    largest = max(offer.amount for offer in below)
    return [offer for offer in below if offer.amount == largest]


def _is_in(offer: Offer, wish: Wish) -> bool:
    return wish.currency in {None, offer.unit}


def _around(product: KnownProduct, wish: Wish) -> Iterator[Offer]:
    """Yield a product's offers next to an amount: the largest at or below it, and the smallest above it."""
    side = product.source if wish.mode is CalculationMode.SOURCE_AMOUNT else product.destination
    if isinstance(product, FixedProduct):
        amounts = {product.source.amount if side is product.source else product.destination.amount}
    else:
        accepted = product.accepted_calculation_modes
        if accepted and wish.mode not in accepted:
            return
        bounds = product.source.amount if side is product.source else product.destination.amount
        amounts = set(_possible(bounds.min, bounds.max, bounds.increment, wish.amount))
    for amount in sorted(each for each in amounts if each > 0):
        yield Offer(product=product, mode=wish.mode, amount=amount, unit=side.unit)


def _possible(low: Decimal | None, high: Decimal | None, step: Decimal | None, amount: Decimal) -> Iterator[Decimal]:
    """Yield the possible amounts of a range next to an amount: one if it is possible itself or outside, else two."""
    start = low or Decimal(0)
    if amount <= start and low is not None:
        yield low
        return
    is_above = high is not None and amount > high
    nearest = high if is_above and high is not None else amount
    if not step:
        yield nearest
        return
    steps = PRECISE.divide(PRECISE.subtract(nearest, start), step).to_integral_value(ROUND_FLOOR)
    below = PRECISE.fma(steps, step, start)
    yield below
    above = PRECISE.add(below, step)
    if below != nearest and (high is None or above <= high):
        yield above


def _preferred(offers: Sequence[Offer], preference: str) -> Sequence[Offer]:
    """Return the offers that a preference leaves; all if it does not tell them apart."""
    if preference in {RANGED, FIXED}:
        kind = RangedProduct if preference == RANGED else FixedProduct
        left = [offer for offer in offers if isinstance(offer.product, kind)]
    elif preference == CHEAPEST:
        costs = [offer.cost for offer in offers if offer.cost is not None]
        # Prices of different currencies, or unknown ones, are not compared.
        if len(costs) < len(offers) or len({offer.cost_unit for offer in offers}) > 1:
            return offers
        left = [offer for offer in offers if offer.cost == min(costs)]
    else:
        left = [offer for offer in offers if offer.cost_unit == preference]
    return left or offers


def _without_product(
    operator: Operator, products: Sequence[Product], policy: AutoProduct, named: int | None, wish: Wish
) -> str:
    if named is not None:
        return (
            f"[auto_product] names product {named} for {operator.name}, which does not offer it as such. "
            "Correct its products."
        )
    start = f"{operator.name} has no {policy.wording}"
    everything = policy.model_copy(update={"subservices": tuple(Subservice)})
    others = [product for product in products if _is_allowed(product, everything, None)]
    if others and (nearest := _nearest(others, wish)):
        return f"{start}. It has {nearest}. To allow that, set subservices in [auto_product]."
    return f"{start}. Widen [auto_product], or pay the row by a list with products."


def _without_amount(operator: Operator, allowed: Sequence[KnownProduct], policy: AutoProduct, wish: Wish) -> str:
    at_most = "" if policy.amounts is AmountMatch.EXACT else "at most "
    nearest = _nearest(allowed, wish)
    text = f"{operator.name} has no {policy.wording} of {at_most}{wish}."
    return f"{text} {f'Nearest: {nearest}. ' if nearest else ''}Correct the amount, or widen [auto_product]."


def _nearest(products: Sequence[KnownProduct], wish: Wish) -> str:
    """Return the offers nearest to the amount, in the row's currency if there are such; empty for none."""
    offers = [offer for product in products for offer in _around(product, wish)]
    comparable = [offer for offer in offers if _is_in(offer, wish)]
    nearest = sorted(
        comparable or offers, key=lambda offer: (abs(offer.amount - wish.amount) if comparable else 0, offer.product.id)
    )
    return " or ".join(str(offer) for offer in nearest[:_NEAREST])


def _several(operator: Operator, policy: AutoProduct, wish: Wish, offers: Sequence[Offer]) -> str:
    named = ", ".join(str(offer) for offer in offers[:_NAMED])
    more = f" and {len(offers) - _NAMED} more" if len(offers) > _NAMED else ""
    return f"{operator.name} has several {policy.wording}s of {wish}: {named}{more}."
