"""Read what a transaction delivers, and whether a fixed product still has the amount that was planned; pure."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from bulk_topup.domain.attempt import Attempt
from bulk_topup.domain.delivery import Delivery
from bulk_topup.domain.money import PRECISE, format_plain, smallest_unit
from bulk_topup.domain.sameness import folded_without_case
from bulk_topup.dvs.models.base import Amount, Price, Range
from bulk_topup.dvs.models.transaction import TransactionOutcome, TransactionRequest, Values

#: The unit type of money, beside those of data, minutes and messages.
MONEY: Final = "CURRENCY"
#: The share by which an amount that is computed from a rate may differ: DVS writes rates with 15 digits.
ROUNDING: Final = Decimal("0.0001")


def delivery_of(transaction: TransactionOutcome) -> Delivery:
    """Return what a transaction states of its delivery (reference: Transactions)."""
    delivered, prices = _delivered(transaction), transaction.prices
    retail = (None if prices is None else prices.retail) or Price()
    return Delivery(
        delivered=None if delivered is None else delivered.amount,
        delivered_unit=None if delivered is None else delivered.unit,
        bonus=", ".join(_bonuses(transaction)) or None,
        retail_price=retail.amount,
        retail_unit=None if retail.amount is None else retail.unit,
    )


def changed_denomination(attempt: Attempt, request: TransactionRequest, transaction: TransactionOutcome) -> str | None:
    """Return how a fixed product's amount differs from the planned one; None if it does not, or if nothing says so.

    A request for a fixed product names no amount, so that DVS sells what the product is by then. What the values of the
    transaction state is proof. A benefit alone is none, as taxes may be taken from it: the rates have to agree, of
    which the wholesale one is the product's amount by its price.

    Args:
        attempt: the row's attempt, with its planned amount.
        request: its request.
        transaction: the provider's record.
    """
    planned, unit = attempt.amount, attempt.unit
    if request.source is not None or request.destination is not None or planned is None or unit is None:
        return None
    for values in (transaction.requested_values, transaction.adjusted_values):
        if stated := [side.amount for side in _sides(values) if _is_same(side.unit, unit)]:
            return None if planned in stated else _difference(stated[0], planned, unit)
    benefits = [base for base, stated_unit in _benefits(transaction) if _is_same(stated_unit, unit)]
    if not benefits or planned in benefits:
        return None
    by_rate = [*_amounts_by_rate(transaction, is_source=_is_price(planned, attempt, transaction))]
    if not by_rate or any(_is_near(amount, planned, rounding) for amount, rounding in by_rate):
        return None
    return _difference(benefits[0], planned, unit)


def _delivered(transaction: TransactionOutcome) -> Amount | None:
    for values in (transaction.adjusted_values, transaction.requested_values):
        if values is not None and values.destination is not None:
            return values.destination
    benefits = [*_benefits(transaction)]
    return Amount(unit=benefits[0][1], amount=benefits[0][0]) if len(benefits) == 1 else None


def _sides(values: Values | None) -> Iterator[Amount]:
    if values is not None:
        yield from filter(None, (values.source, values.destination))


def _benefits(transaction: TransactionOutcome) -> Iterator[tuple[Decimal, str]]:
    """Yield each benefit of money, with its unit."""
    for benefit in transaction.benefits or ():
        base = _number(benefit.amount.base)
        if benefit.unit_type == MONEY and base is not None and base > 0:
            yield base, benefit.unit


def _bonuses(transaction: TransactionOutcome) -> Iterator[str]:
    for benefit in transaction.benefits or ():
        bonus = _number(benefit.amount.promotion_bonus)
        if bonus:
            yield f"{'unlimited' if bonus < 0 else format_plain(bonus)} {benefit.unit}"


def _number(amount: Decimal | Range | None) -> Decimal | None:
    """Return an amount; None for a range that leaves it open."""
    if isinstance(amount, Range):
        return amount.min if amount.min == amount.max else None
    return amount


def _is_price(planned: Decimal, attempt: Attempt, transaction: TransactionOutcome) -> bool:
    """Return True if a planned amount may be one of the source, which is the price of a fixed product."""
    fee = (None if transaction.prices is None else transaction.prices.wholesale.fee) or Decimal(0)
    return attempt.cost is not None and _is_near(PRECISE.subtract(attempt.cost, fee), planned)


def _amounts_by_rate(transaction: TransactionOutcome, *, is_source: bool) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield the product's amount for the beneficiary, computed from its price and rates, and that of the source.

    Beside each is what the smallest unit of the wallet's currency is of it, to which the price may be rounded.
    """
    wholesale = Price() if transaction.prices is None else transaction.prices.wholesale
    price, rates = wholesale.amount, transaction.rates
    if price is None or rates is None or rates.wholesale is None or min(price, rates.wholesale) <= 0:
        return
    destination = PRECISE.multiply(price, rates.wholesale)
    rounding = PRECISE.multiply(smallest_unit(wholesale.unit or ""), rates.wholesale)
    yield destination, rounding
    if is_source and rates.base is not None and rates.base > 0:
        yield PRECISE.divide(destination, rates.base), PRECISE.divide(rounding, rates.base)


def _is_near(amount: Decimal, planned: Decimal, rounding: Decimal = Decimal(0)) -> bool:
    return abs(PRECISE.subtract(amount, planned)) <= max(PRECISE.multiply(ROUNDING, planned), rounding)


def _is_same(unit: str, other: str) -> bool:
    return folded_without_case(unit) == folded_without_case(other)


def _difference(found: Decimal, planned: Decimal, unit: str) -> str:
    return f"a product of {format_plain(found)} {unit} instead of {format_plain(planned)} {unit}"
