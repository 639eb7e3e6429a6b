"""Creates the sandbox's products from few values each: prices, rates, benefits and requirements; pure."""

from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from typing import TypeVar

from bulk_topup.domain.money import PRECISE, smallest_unit
from bulk_topup.dvs.models.base import UNLIMITED, Amount, CalculationMode, Period, Price, Prices, Range, RequiredFields
from bulk_topup.dvs.models.catalogue import Operator, ServiceOfProduct
from bulk_topup.dvs.models.product import (
    Benefit,
    BenefitAmount,
    FixedProduct,
    FixedValuePinPurchase,
    FixedValueRecharge,
    PaymentInformation,
    PinInformation,
    PostingPeriod,
    RangedAmount,
    RangedPrice,
    RangedPrices,
    RangedProduct,
    RangedValuePayment,
    RangedValuePinPurchase,
    RangedValueRecharge,
    Rates,
)
from bulk_topup.sandbox.catalogue.operators import EUROPE, SERVICES, WORLD

#: Rates have as many digits as those of DVS.
RATE = Context(prec=15, rounding=ROUND_HALF_UP)

MOBILE: RequiredFields = [["mobile_number"]]
BOTH_MODES = [CalculationMode.SOURCE_AMOUNT, CalculationMode.DESTINATION_AMOUNT]
_PIN = PinInformation(
    usage_info=["Give the code at the till, or type it in at the checkout."],
    validity=Period(unit="MONTH", quantity=Decimal(12)),
    terms="Not exchangeable for cash.",
)
#: Tag, regions and days of validity of the products that have them, by ID.
_TAGS = {
    **dict.fromkeys((5021, 7725), "DATA_BUNDLE"),
    **dict.fromkeys((8803, 8810), "GIFT"),
    **dict.fromkeys((9550, 9560, 9565), "TRAVEL"),
}
_REGIONS = {8810: EUROPE, 9550: WORLD, 9560: WORLD, 9565: WORLD}
_VALIDITY: dict[int, int | Decimal] = {5021: 7, 7725: 30, 8810: UNLIMITED, 9550: 30, 9560: 30, 9565: 7}
#: The fields that a statement inquiry needs, for the payment products that have statements.
_INQUIRY_FIELDS: dict[int, RequiredFields] = {9105: [["account_number", "account_qualifier"]]}

AnyProduct = (
    FixedValueRecharge | FixedValuePinPurchase | RangedValueRecharge | RangedValuePinPurchase | RangedValuePayment
)
Fixed = TypeVar("Fixed", bound=FixedProduct)
Ranged = TypeVar("Ranged", bound=RangedProduct)


def round_money(amount: Decimal, unit: str | None) -> Decimal:
    """Round an amount half up to the smallest unit of its currency."""
    return amount.quantize(smallest_unit(unit or ""), ROUND_HALF_UP, PRECISE)


def fixed_benefit(type_: str, unit_type: str, unit: str, amount: str) -> Benefit:
    """Create a benefit of a fixed product, without bonus and tax."""
    value = Decimal(amount)
    return Benefit(
        type=type_,
        unit_type=unit_type,
        unit=unit,
        amount=BenefitAmount(
            base=value, promotion_bonus=Decimal(0), total_excluding_tax=value, total_including_tax=value
        ),
    )


def fixed_product(
    model: type[Fixed],
    id_: int,
    name: str,
    *,
    operator: Operator,
    service: tuple[int, int | None],
    destination: str,
    source: str,
    wholesale: str,
    fee: str = "0",
    retail: str | None = None,
    benefits: list[Benefit] | None = None,
    **requirements: RequiredFields | None,
) -> Fixed:
    """Create a fixed product; amounts are written as `3.6 USD`, and the fee is in the unit of the wholesale price."""
    destination_, source_, price = _currency(destination), _currency(source), _currency(wholesale)
    retail_ = None if retail is None else _currency(retail)
    return model.model_validate(
        {
            **_shared_fields(model, id_, name, operator, service),
            "description": f"{name}, delivered at once.",
            "source": source_,
            "destination": destination_,
            "prices": Prices(
                wholesale=Price(unit_type="CURRENCY", unit=price.unit, amount=price.amount, fee=Decimal(fee)),
                retail=retail_
                and Price(unit_type="CURRENCY", unit=retail_.unit, amount=retail_.amount, fee=Decimal(0)),
            ),
            "rates": Rates(
                base=RATE.divide(destination_.amount, source_.amount),
                wholesale=RATE.divide(destination_.amount, price.amount),
                retail=retail_ and _retail_rate(destination_.amount, retail_.amount),
            ),
            "benefits": benefits or [fixed_benefit("CREDITS", "CURRENCY", destination_.unit, str(destination_.amount))],
            **requirements,
        }
    )


def ranged_product(
    model: type[Ranged],
    id_: int,
    name: str,
    *,
    operator: Operator,
    service: tuple[int, int | None],
    unit: str,
    limits: tuple[str, str, str],
    cost_unit: str = "USD",
    base: str,
    wholesale: str,
    retail: str | None = None,
    fee: str = "0",
    modes: list[CalculationMode] = BOTH_MODES,
    benefit_type: str = "CREDITS",
    **requirements: RequiredFields | None,
) -> Ranged:
    """Create a ranged product.

    Args:
        model: the model of its type.
        id_: its ID.
        name: its name.
        operator: its operator.
        service: IDs of its service and subservice.
        unit: currency of the destination.
        limits: smallest amount, largest amount and step of the destination.
        cost_unit: currency of source, prices and fee.
        base: destination per unit of source.
        wholesale: destination per unit of wholesale price.
        retail: destination per unit of retail price.
        fee: fee of each purchase.
        modes: the calculation modes that it accepts.
        benefit_type: the type of its benefit.
        requirements: the `required_..._fields`.
    """
    low, high, step = (Decimal(limit) for limit in limits)
    amounts = Range(min=low, max=high)
    retail_rate = None if retail is None else Decimal(retail)
    return model.model_validate(
        {
            **_shared_fields(model, id_, name, operator, service),
            "description": f"{name}, any amount from {low} to {high} {unit}.",
            "accepted_calculation_modes": modes,
            "source": RangedAmount(unit=cost_unit, amount=_divided(low, high, Decimal(base), cost_unit)),
            "destination": RangedAmount(unit=unit, amount=Range(min=low, max=high, increment=step)),
            "prices": RangedPrices(
                wholesale=_ranged_price(cost_unit, _divided(low, high, Decimal(wholesale), cost_unit), fee),
                retail=retail_rate and _ranged_price(cost_unit, _divided(low, high, retail_rate, cost_unit), "0"),
            ),
            "rates": Rates(base=Decimal(base), wholesale=Decimal(wholesale), retail=retail_rate),
            "benefits": [_ranged_benefit(benefit_type, unit, amounts)],
            **requirements,
        }
    )


def _retail_rate(destination: Decimal, retail: Decimal) -> Decimal:
    return RATE.divide(destination, retail) if retail else UNLIMITED


def _currency(text: str) -> Amount:
    amount, unit = text.split()
    return Amount(unit=unit, amount=Decimal(amount))


def _divided(low: Decimal, high: Decimal, rate: Decimal, unit: str) -> Range:
    return Range(min=round_money(low / rate, unit), max=round_money(high / rate, unit))


def _ranged_price(unit: str, amount: Range, fee: str) -> RangedPrice:
    return RangedPrice(unit_type="CURRENCY", unit=unit, amount=amount, fee=Decimal(fee))


def _ranged_benefit(type_: str, unit: str, amounts: Range) -> Benefit:
    nothing = Range(min=Decimal(0), max=Decimal(0))
    return Benefit(
        type=type_,
        unit_type="CURRENCY",
        unit=unit,
        amount=BenefitAmount(
            base=amounts, promotion_bonus=nothing, total_excluding_tax=amounts, total_including_tax=amounts
        ),
    )


def _shared_fields(
    model: type[FixedProduct | RangedProduct], id_: int, name: str, operator: Operator, service: tuple[int, int | None]
) -> dict[str, object]:
    """Return the fields that do not depend on amounts, with those that only some types or products have."""
    fields: dict[str, object] = {
        "id": id_,
        "name": name,
        "service": service_of(*service),
        "operator": operator,
        "availability_zones": ["INTERNATIONAL"],
    }
    if model in {FixedValuePinPurchase, RangedValuePinPurchase}:
        fields |= {"pin": _PIN, "validity": _PIN.validity}
    if model is RangedValuePayment:
        fields["payment"] = PaymentInformation(
            modes=["PARTIAL", "EXACT", "PAST_DUE"],
            posting_period=PostingPeriod(unit="DAY", quantity=Decimal(1), type="BUSINESS"),
            supports_statement_inquiry=id_ in _INQUIRY_FIELDS,
            required_inquiry_fields=_INQUIRY_FIELDS.get(id_),
        )
    if id_ in _TAGS:
        fields["tags"] = [_TAGS[id_]]
    if id_ in _REGIONS:
        fields["regions"] = _REGIONS[id_]
    if id_ in _VALIDITY:
        fields["validity"] = Period(unit="DAY", quantity=Decimal(_VALIDITY[id_]))
    return fields


@cache
def service_of(service_id: int, subservice_id: int | None) -> ServiceOfProduct:
    """Return a service, with a subservice if there is one, as products have it."""
    service = SERVICES[service_id]
    subservice = next((sub for sub in service.subservices or [] if sub.id == subservice_id), None)
    return ServiceOfProduct(id=service.id, name=service.name, subservice=subservice)
