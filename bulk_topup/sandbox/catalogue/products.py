"""The products that the sandbox's account can buy: every type, and every kind of requirement; plain data."""

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TypeVar

from bulk_topup.domain.money import CENT
from bulk_topup.dvs.models.base import Amount, CalculationMode, Period, Price, Prices, Range, RequiredFields
from bulk_topup.dvs.models.catalogue import ServiceOfProduct
from bulk_topup.dvs.models.product import (
    Benefit,
    BenefitAmount,
    FixedValuePinPurchase,
    FixedValueRecharge,
    PaymentInformation,
    PinInformation,
    RangedAmount,
    RangedPrice,
    RangedPrices,
    RangedValuePayment,
    RangedValuePinPurchase,
    RangedValueRecharge,
    Rates,
)
from bulk_topup.sandbox.catalogue.operators import EUROPE, OPERATORS, SERVICES, WORLD

#: Rates have as many digits as the provider's own.
RATE = Context(prec=15, rounding=ROUND_HALF_UP)

MOBILE: RequiredFields = [["mobile_number"]]
BOTH_MODES = [CalculationMode.SOURCE_AMOUNT, CalculationMode.DESTINATION_AMOUNT]
_PIN = PinInformation(
    usage_info=["Give the code at the till, or type it in at the checkout."],
    validity=Period(unit="MONTH", quantity=Decimal(12)),
    terms="Not exchangeable for cash.",
)


AnyProduct = (
    FixedValueRecharge | FixedValuePinPurchase | RangedValueRecharge | RangedValuePinPurchase | RangedValuePayment
)
Fixed = TypeVar("Fixed", FixedValueRecharge, FixedValuePinPurchase)
Ranged = TypeVar("Ranged", RangedValueRecharge, RangedValuePinPurchase, RangedValuePayment)


def _service(service_id: int, subservice_id: int | None) -> ServiceOfProduct:
    service = SERVICES[service_id]
    subservice = next((sub for sub in service.subservices or [] if sub.id == subservice_id), None)
    return ServiceOfProduct(id=service.id, name=service.name, subservice=subservice)


def _fixed_benefit(type_: str, unit_type: str, unit: str, amount: str) -> Benefit:
    value = Decimal(amount)
    return Benefit(
        type=type_,
        unit_type=unit_type,
        unit=unit,
        amount=BenefitAmount(
            base=value, promotion_bonus=Decimal(0), total_excluding_tax=value, total_including_tax=value
        ),
    )


def _currency(amount: str) -> Amount:
    number, unit = amount.split()
    return Amount(unit=unit, amount=Decimal(number))


def _fixed(
    kind: type[Fixed],
    id_: int,
    name: str,
    *,
    operator: int,
    service: tuple[int, int | None],
    destination: str,
    source: str,
    wholesale: str,
    fee: str = "0",
    retail: str | None = None,
    benefits: list[Benefit] | None = None,
    **requirements: RequiredFields | None,
) -> Fixed:
    """Make a fixed product; amounts are written as `3.6 USD`, the fee is in the wholesale price's unit."""
    to, of, price = _currency(destination), _currency(source), _currency(wholesale)
    asked = None if retail is None else _currency(retail)
    return kind.model_validate(
        {
            "id": id_,
            "name": name,
            "description": f"{name}, delivered at once.",
            "service": _service(*service),
            "operator": OPERATORS[operator],
            "availability_zones": ["INTERNATIONAL"],
            "source": of,
            "destination": to,
            "prices": Prices(
                wholesale=Price(unit_type="CURRENCY", unit=price.unit, amount=price.amount, fee=Decimal(fee)),
                retail=asked and Price(unit_type="CURRENCY", unit=asked.unit, amount=asked.amount, fee=Decimal(0)),
            ),
            "rates": Rates(
                base=RATE.divide(to.amount, of.amount),
                wholesale=RATE.divide(to.amount, price.amount),
                retail=asked and RATE.divide(to.amount, asked.amount),
            ),
            "benefits": benefits or [_fixed_benefit("CREDITS", "CURRENCY", to.unit, str(to.amount))],
            **requirements,
            **_extras(kind, id_),
        }
    )


def _ranged(
    kind: type[Ranged],
    id_: int,
    name: str,
    *,
    operator: int,
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
    """Make a ranged product.

    Args:
        kind: the model of its type.
        id_: its id.
        name: its name.
        operator: id of its operator.
        service: ids of its service and subservice.
        unit: currency of the destination.
        limits: smallest amount, largest amount and step of the destination.
        cost_unit: currency of source, prices and fee.
        base: destination for one unit of source.
        wholesale: destination for one unit of wholesale price.
        retail: destination for one unit of retail price.
        fee: what each purchase costs besides.
        modes: the calculation modes that it takes.
        benefit_type: what the beneficiary gets.
        requirements: the `required_..._fields`.
    """
    low, high, increment = (Decimal(limit) for limit in limits)
    total = Range(min=low, max=high)
    nothing = Range(min=Decimal(0), max=Decimal(0))

    def at(rate: str) -> Range:
        return Range(
            min=(low / Decimal(rate)).quantize(CENT, ROUND_HALF_UP),
            max=(high / Decimal(rate)).quantize(CENT, ROUND_HALF_UP),
        )

    return kind.model_validate(
        {
            "id": id_,
            "name": name,
            "description": f"{name}, any amount from {low} to {high} {unit}.",
            "service": _service(*service),
            "operator": OPERATORS[operator],
            "availability_zones": ["INTERNATIONAL"],
            "accepted_calculation_modes": modes,
            "source": RangedAmount(unit=cost_unit, amount=at(base)),
            "destination": RangedAmount(unit=unit, amount=Range(min=low, max=high, increment=increment)),
            "prices": RangedPrices(
                wholesale=RangedPrice(unit_type="CURRENCY", unit=cost_unit, amount=at(wholesale), fee=Decimal(fee)),
                retail=None
                if retail is None
                else RangedPrice(unit_type="CURRENCY", unit=cost_unit, amount=at(retail), fee=Decimal(0)),
            ),
            "rates": Rates(
                base=Decimal(base), wholesale=Decimal(wholesale), retail=None if retail is None else Decimal(retail)
            ),
            "benefits": [
                Benefit(
                    type=benefit_type,
                    unit_type="CURRENCY",
                    unit=unit,
                    amount=BenefitAmount(
                        base=total, promotion_bonus=nothing, total_excluding_tax=total, total_including_tax=total
                    ),
                )
            ],
            **requirements,
            **_extras(kind, id_),
        }
    )


def _extras(kind: type[AnyProduct], id_: int) -> dict[str, object]:
    """Give the fields that only some types or products have."""
    extras: dict[str, object] = {}
    if kind in {FixedValuePinPurchase, RangedValuePinPurchase}:
        extras |= {"pin": _PIN, "validity": _PIN.validity}
    if kind is RangedValuePayment:
        extras["payment"] = PaymentInformation(
            modes=["PARTIAL", "EXACT"],
            posting_period=Period(unit="DAY", quantity=Decimal(1)),
            supports_statement_inquiry=id_ in _INQUIRY_FIELDS,
            required_inquiry_fields=_INQUIRY_FIELDS.get(id_),
        )
    if id_ in _TAGS:
        extras["tags"] = [_TAGS[id_]]
    if id_ in _COVERAGE:
        extras["regions"] = _COVERAGE[id_]
    if id_ in _VALIDITY:
        extras["validity"] = Period(unit="DAY", quantity=Decimal(_VALIDITY[id_]))
    return extras


_TAGS = {5021: "DATA_BUNDLE", 7725: "DATA_BUNDLE", 9550: "TRAVEL", 8803: "GIFT", 8810: "GIFT"}
_COVERAGE = {8810: EUROPE, 9550: WORLD}
#: What the payment products that have statements need for an inquiry.
_INQUIRY_FIELDS: dict[int, RequiredFields] = {9105: [["account_number", "account_qualifier"]]}
_VALIDITY = {5021: 7, 7725: 30, 9550: 30}

PRODUCTS: tuple[AnyProduct, ...] = (
    _fixed(
        FixedValueRecharge,
        3411,
        "Cóndor Móvil 3 USD",
        operator=1401,
        service=(1, 11),
        destination="3 USD",
        source="3.6 USD",
        wholesale="3.6 USD",
        retail="4 USD",
        required_credit_party_identifier_fields=MOBILE,
    ),
    _ranged(
        RangedValueRecharge,
        4455,
        "Thistle Mobile airtime",
        operator=1205,
        service=(1, 11),
        unit="GBP",
        limits=("5", "100", "5"),
        base="0.74",
        wholesale="0.766",
        retail="0.71",
        required_credit_party_identifier_fields=MOBILE,
    ),
    _fixed(
        FixedValueRecharge,
        4460,
        "Hexagone Mobile 10 EUR",
        operator=1208,
        service=(1, 11),
        destination="10 EUR",
        source="10 EUR",
        wholesale="9.6 EUR",
        retail="10.5 EUR",
        required_credit_party_identifier_fields=MOBILE,
    ),
    _ranged(
        RangedValueRecharge,
        4470,
        "Bluebonnet Wireless airtime",
        operator=1810,
        service=(1, 11),
        unit="USD",
        limits=("5", "200", "0.01"),
        base="1",
        wholesale="1.0625",
        retail="0.95",
        required_credit_party_identifier_fields=MOBILE,
    ),
    _fixed(
        FixedValueRecharge,
        5021,
        "Bayani Telecom 2 GB and 100 texts",
        operator=1450,
        service=(1, 12),
        destination="99 PHP",
        source="2.1 USD",
        wholesale="1.95 USD",
        fee="0.05",
        retail="2.5 USD",
        benefits=[_fixed_benefit("DATA", "DATA", "GB", "2"), _fixed_benefit("SMS", "QUANTITY", "SMS", "100")],
        required_credit_party_identifier_fields=MOBILE,
    ),
    _ranged(
        RangedValueRecharge,
        6418,
        "Lionwave airtime",
        operator=1310,
        service=(1, 11),
        unit="SGD",
        limits=("1", "100", "0.5"),
        base="1.2815",
        wholesale="1.3477",
        retail="1.21",
        required_credit_party_identifier_fields=MOBILE,
    ),
    _fixed(
        FixedValueRecharge,
        6430,
        "Straits Mobile 60 minutes",
        operator=1311,
        service=(1, 12),
        destination="8 SGD",
        source="6.4 USD",
        wholesale="5.85 USD",
        benefits=[_fixed_benefit("TALKTIME", "TIME", "MINUTE", "60")],
        required_credit_party_identifier_fields=MOBILE,
    ),
    _ranged(
        RangedValueRecharge,
        6610,
        "Peepal Cellular airtime",
        operator=1700,
        service=(1, 11),
        unit="INR",
        limits=("10", "1000", "1"),
        base="84.1",
        wholesale="88.235",
        required_credit_party_identifier_fields=MOBILE,
        required_debit_party_identifier_fields=MOBILE,
        required_additional_identifier_fields=[["purchaser_id"]],
    ),
    _ranged(
        RangedValueRecharge,
        7350,
        "Harmattan Mobile airtime",
        operator=1620,
        service=(1, 11),
        unit="NGN",
        limits=("100", "50000", "1"),
        base="1480",
        wholesale="1531.7",
        retail="1400",
        fee="0.1",
        required_credit_party_identifier_fields=MOBILE,
        required_sender_fields=[["last_name", "first_name", "nationality_country_iso_code"]],
        required_beneficiary_fields=[["last_name", "first_name"]],
    ),
    _ranged(
        RangedValueRecharge,
        7712,
        "Águila Celular airtime",
        operator=1596,
        service=(1, 11),
        unit="MXN",
        limits=("10", "500", "10"),
        base="18.2",
        wholesale="19.05",
        modes=[CalculationMode.DESTINATION_AMOUNT],
        required_credit_party_identifier_fields=MOBILE,
    ),
    _fixed(
        FixedValueRecharge,
        7725,
        "Nopal Móvil 5 GB",
        operator=1597,
        service=(1, 13),
        destination="150 MXN",
        source="8.4 USD",
        wholesale="7.9 USD",
        benefits=[_fixed_benefit("DATA", "DATA", "GB", "5")],
        required_credit_party_identifier_fields=MOBILE,
    ),
    _fixed(
        FixedValuePinPurchase,
        8803,
        "Larkspur gift card 25 USD",
        operator=2210,
        service=(4, 41),
        destination="25 USD",
        source="25 USD",
        wholesale="23.75 USD",
        retail="25 USD",
    ),
    _ranged(
        RangedValuePinPurchase,
        8810,
        "Panorama gift card",
        operator=2310,
        service=(4, 41),
        unit="EUR",
        limits=("10", "150", "5"),
        cost_unit="EUR",
        base="1",
        wholesale="1.0526",
        retail="1",
    ),
    _ranged(
        RangedValuePayment,
        9105,
        "Savanna Power electricity bill",
        operator=3105,
        service=(3, 31),
        unit="KES",
        limits=("50", "100000", "0.01"),
        base="126.5",
        wholesale="128.9",
        fee="0.25",
        benefit_type="PAYMENT",
        required_credit_party_identifier_fields=[["account_number", "account_qualifier"]],
        required_statement_identifier_fields=[["reference"]],
    ),
    _ranged(
        RangedValuePayment,
        9240,
        "Aguas del Valle water bill",
        operator=3240,
        service=(3, 32),
        unit="COP",
        limits=("1000", "2000000", "1"),
        benefit_type="PAYMENT",
        base="3950",
        wholesale="4021.6",
        required_credit_party_identifier_fields=[["account_number"]],
    ),
    _fixed(
        FixedValueRecharge,
        9550,
        "Orbit eSIM 10 GB",
        operator=4550,
        service=(13, None),
        destination="25 USD",
        source="25 USD",
        wholesale="21.5 USD",
        retail="29 USD",
        benefits=[_fixed_benefit("DATA", "DATA", "GB", "10")],
        required_credit_party_identifier_fields=[["mobile_number"], ["account_number", "account_qualifier"]],
    ),
)
