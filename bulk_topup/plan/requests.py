"""The request body and the expected cost of a row that passed the checks; pure."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from bulk_topup import fields
from bulk_topup.dvs import codec
from bulk_topup.dvs.models import CalculationMode, FixedProduct, Product, RangedProduct
from bulk_topup.money import CENT, PRECISE, plain

#: The fields of each group with the names that a row has them under, written once and not for every row.
_NAMES = {group: [(name, f"{group}.{name}") for name in names] for group, names in fields.GROUPS.items()}


def request_body(
    product: Product,
    mode: CalculationMode,
    values: Mapping[str, str | None],
    amount: Decimal | None,
    *,
    auto_confirm: bool = True,
) -> bytes:
    """Write the JSON body of a row's transaction, all but the external id (reference: Transactions, create).

    The same row always gives the same bytes: equal bodies mean an unchanged row.
    """
    body: dict[str, object] = {"product_id": product.id, "auto_confirm": auto_confirm}
    if isinstance(product, RangedProduct) and amount is not None:
        source = mode is CalculationMode.SOURCE_AMOUNT
        side = product.source if source else product.destination
        exact = Decimal(plain(amount))
        body["calculation_mode"] = mode
        body["source" if source else "destination"] = {"unit_type": side.unit_type, "unit": side.unit, "amount": exact}
    for group, names in _NAMES.items():
        filled = {name: value for name, full in names if (value := values.get(full)) is not None}
        if filled:
            body[group] = filled
    return codec.encode(body)


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
