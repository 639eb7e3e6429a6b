"""Schemas of what an account can find: services, countries, operators, products, promotions, campaigns; plain data."""

from bulk_topup.dvs import field_limits
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.models.product import ProductType
from bulk_topup.sandbox.catalogue.entries import BENEFIT_TYPES
from bulk_topup.sandbox.openapi.vocabulary import (
    Schema,
    many,
    moment,
    nulls,
    number,
    one_of,
    or_null,
    ref,
    text,
    thing,
    whole,
)

_RANGED = {
    ProductType.RANGED_VALUE_RECHARGE,
    ProductType.RANGED_VALUE_PIN_PURCHASE,
    ProductType.RANGED_VALUE_PAYMENT,
}
_DESCRIPTIONS = {
    ProductType.FIXED_VALUE_RECHARGE: "A recharge of one denomination.",
    ProductType.RANGED_VALUE_RECHARGE: "A recharge of any amount within a range.",
    ProductType.FIXED_VALUE_PIN_PURCHASE: "A voucher of one value.",
    ProductType.RANGED_VALUE_PIN_PURCHASE: "A voucher of any value within a range.",
    ProductType.RANGED_VALUE_PAYMENT: "The payment of a bill or a service.",
}

_TIME_UNIT = one_of("HOUR", "DAY", "WEEK", "MONTH")
_QUANTITY = {"type": ["integer", "null"], "minimum": -1}
_ALTERNATIVES = many(
    many(text()), "Alternatives, each a list of fields: all fields of one list are required. None: nothing is required."
)
_REQUIRED_FIELDS = or_null(_ALTERNATIVES)


def schema_name(type_: ProductType) -> str:
    """Return the schema name of a product type."""
    return "".join(word.capitalize() for word in type_.split("_"))


def _promotion(description: str, required: dict[str, Schema] | None = None) -> Schema:
    return thing(
        description,
        {
            "id": whole(),
            "title": text(),
            "description": text(),
            "terms": or_null(text()),
            "start_date": moment(),
            "end_date": moment(),
            **(required or {}),
        },
    )


def _priced(amount: Schema) -> Schema:
    """Describe prices with a schema of their amounts."""
    wholesale = thing(
        "What the wallet is charged, without the fee.",
        {"unit_type": ref("UnitType"), "unit": text(), "amount": amount, "fee": number()},
    )
    retail = thing(
        "The suggested retail price.",
        nulls({"unit_type": ref("UnitType"), "unit": text(), "amount": amount, "fee": number()}),
    )
    return thing("Prices and fees.", {"wholesale": wholesale, "retail": or_null(retail)})


def _benefit(amount: Schema) -> Schema:
    """Describe a benefit with a schema of its amounts, in which -1 is unlimited."""
    parts = ("base", "promotion_bonus", "total_excluding_tax", "total_including_tax")
    return thing(
        "What the beneficiary receives.",
        {
            "type": ref("BenefitTypeName"),
            "unit_type": one_of("TIME", "DATA", "QUANTITY", "CURRENCY"),
            "unit": text("For example MINUTE, GB, SMS or a currency."),
            "amount": thing("The amount of the benefit; -1 is unlimited.", dict.fromkeys(parts, amount)),
            "additional_information": or_null(text()),
        },
    )


_SUMMARY: dict[str, Schema] = {
    "id": ref("ProductId"),
    "name": text(),
    "service": ref("ServiceOfProduct"),
    "operator": ref("Operator"),
    "description": text(),
    "tags": or_null(many(ref("ProductTag"), minItems=1, maxItems=1)),
    "regions": or_null(many(ref("Region"))),
}


def _product(type_: ProductType) -> Schema:
    ranged = type_ in _RANGED
    prefix = "Ranged" if ranged else "Fixed"
    required = {
        **_SUMMARY,
        "type": {"type": "string", "const": type_.value},
        "source": ref("RangedAmount" if ranged else "Amount"),
        "destination": ref("RangedAmount" if ranged else "Amount"),
        "prices": ref(f"{prefix}Prices"),
        "rates": ref("Rates"),
        "validity": or_null(ref("Period"), "How long the product is valid after delivery."),
        **{
            f"required_{group}_fields": _REQUIRED_FIELDS
            for group in (
                "debit_party_identifier",
                "credit_party_identifier",
                "sender",
                "beneficiary",
                "statement_identifier",
                "additional_identifier",
            )
        },
        "availability_zones": many(one_of("DOMESTIC", "INTERNATIONAL")),
        "benefits": or_null(many(ref(f"{prefix}Benefit"))),
        "promotions": or_null(many(ref("PromotionOfProduct"))),
    }
    if ranged:
        required["accepted_calculation_modes"] = many(ref("CalculationMode"))
    if type_ in {ProductType.FIXED_VALUE_PIN_PURCHASE, ProductType.RANGED_VALUE_PIN_PURCHASE}:
        required["pin"] = ref("PinInformation")
    else:
        required["required_credit_party_identifier_fields"] = _ALTERNATIVES
    if type_ is ProductType.RANGED_VALUE_PAYMENT:
        required["payment"] = ref("PaymentInformation")
    return thing(_DESCRIPTIONS[type_], required)


_PRODUCTS = {schema_name(type_): _product(type_) for type_ in ProductType}
_RANGE = ref("Range")

SCHEMAS: dict[str, Schema] = {
    "ServiceId": whole("Service: 1 is Mobile, 3 Utilities, 4 Gift Cards, 7 Insurance, 10 Finance, and so on."),
    "SubserviceId": whole("Subdivision of a service, for example 11 for airtime."),
    "OperatorId": whole("Operator."),
    "ProductId": whole("Product."),
    "PromotionId": whole("Promotion."),
    "CampaignId": whole("Campaign."),
    "CountryCode": text(
        "ISO 3166-1 alpha-3 code; GXX is all countries and EXX is Europe.",
        pattern=field_limits.COUNTRY_ISO_CODE,
    ),
    "RegionCode": text("Country or region of one, by ISO 3166-2.", pattern=field_limits.REGION_CODE),
    "ProductTag": text("Label of a product.", minLength=4, maxLength=16, pattern=field_limits.PRODUCT_TAG),
    "ProductSort": text(
        "Keys of an order: id, name, amount (of the destination). A leading minus reverses one.",
        pattern=field_limits.PRODUCT_SORT,
    ),
    "ProductType": one_of(*ProductType, description="Type of the product; each has its own schema."),
    "BenefitTypeName": one_of(*BENEFIT_TYPES, description="Kind of benefit."),
    "CalculationMode": one_of(*CalculationMode, description="The side of a ranged product that the amount refers to."),
    "UnitType": one_of("CURRENCY"),
    "Period": thing(
        "A length of time; a quantity of -1 never ends, and one of null is unknown.",
        {"unit": _TIME_UNIT, "quantity": _QUANTITY},
    ),
    "PostingPeriod": thing(
        "How long it takes until the biller shows a payment, in time of business or of the calendar.",
        {"unit": _TIME_UNIT, "quantity": _QUANTITY, "type": one_of("BUSINESS", "CALENDAR")},
    ),
    "Amount": thing("An amount in a unit.", {"unit_type": ref("UnitType"), "unit": text(), "amount": number()}),
    "Range": thing(
        "The allowed amounts: from `min` to `max`, in steps of `increment`, if given.",
        {},
        {"min": number(), "max": number(), "increment": number()},
    ),
    "RangedAmount": thing(
        "A range of amounts in a unit.", {"unit_type": ref("UnitType"), "unit": text(), "amount": _RANGE}
    ),
    "Rates": thing(
        "Destination divided by source, by wholesale price and by retail price: -1 where that is zero.",
        {"base": number(), "wholesale": number(), "retail": or_null(number())},
    ),
    "FixedPrices": _priced(number()),
    "RangedPrices": _priced(_RANGE),
    "FixedBenefit": _benefit(number()),
    "RangedBenefit": _benefit(thing("From the least to the most.", {"min": number(), "max": number()})),
    "Region": thing("A country or a region of one.", {"name": text(), "code": ref("RegionCode")}),
    "Country": thing(
        "A country.",
        {"name": text(), "iso_code": ref("CountryCode"), "regions": or_null(many(ref("Region")))},
    ),
    "Operator": thing(
        "The company behind the service of a product.",
        {
            "id": ref("OperatorId"),
            "name": text(),
            "country": ref("Country"),
            "regions": or_null(many(ref("Region"))),
        },
    ),
    "OperatorOfPromotion": thing(
        "The operator of a promotion.",
        {
            "id": ref("OperatorId"),
            "name": text(),
            "country": thing("Its country.", {"name": text(), "iso_code": ref("CountryCode")}),
        },
    ),
    "Subservice": thing("A subdivision of a service.", {"id": ref("SubserviceId"), "name": text()}),
    "Service": thing(
        "A kind of products.",
        {
            "id": ref("ServiceId"),
            "name": text(),
            "subservices": or_null(many(ref("Subservice"), "Null if there are none.", minItems=1)),
        },
    ),
    "ServiceOfProduct": thing(
        "The service and subservice of a product.",
        {"id": ref("ServiceId"), "name": text()},
        {"subservice": or_null(ref("Subservice"))},
    ),
    "BenefitType": thing("A kind of benefit.", {"name": ref("BenefitTypeName")}),
    "PinInformation": thing(
        "How a PIN is used, and how long it is valid.",
        {
            "usage_info": or_null(many(text())),
            "validity": or_null(ref("Period")),
            "terms": or_null(text()),
        },
    ),
    "PaymentInformation": thing(
        "How a bill is paid.",
        {
            "modes": or_null(many(one_of("PARTIAL", "EXACT", "EXCESS", "PAST_DUE"))),
            "posting_period": or_null(ref("PostingPeriod")),
            "supports_statement_inquiry": {"type": "boolean"},
        },
        {
            "required_inquiry_fields": _REQUIRED_FIELDS,
            "notes": or_null(many(text())),
        },
    ),
    "PromotionOfProduct": _promotion("A current promotion of a product."),
    **_PRODUCTS,
    "Product": {
        "oneOf": [ref(name) for name in _PRODUCTS],
        "discriminator": {
            "propertyName": "type",
            "mapping": {type_.value: ref(schema_name(type_))["$ref"] for type_ in ProductType},
        },
        "description": "A product of one of the five types.",
    },
    "ProductOfTransaction": thing(
        "The product of a transaction.",
        {**_SUMMARY, "type": ref("ProductType")},
        {"pin": ref("PinInformation")},
    ),
    "ProductOfPromotion": thing(
        "A product of a promotion.",
        {"id": ref("ProductId"), "name": text(), "description": text(), "type": ref("ProductType")},
    ),
    "ProductOfCampaign": thing(
        "A product of a campaign.",
        {
            "id": ref("ProductId"),
            "name": text(),
            "description": text(),
            "type": ref("ProductType"),
            "operator": ref("Operator"),
        },
    ),
    "Promotion": _promotion(
        "A promotion of an operator.",
        {"operator": ref("OperatorOfPromotion"), "products": many(ref("ProductOfPromotion"))},
    ),
    "Campaign": _promotion("A campaign for products.", {"products": many(ref("ProductOfCampaign"))}),
}
