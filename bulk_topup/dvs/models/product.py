"""Define the models of products, their prices and benefits (reference: Products)."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag, TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from bulk_topup.dvs.models.base import (
    Amount,
    CalculationMode,
    DVSModel,
    Id,
    Number,
    Period,
    Prices,
    Range,
    RequiredFields,
    Unit,
    problems_of,
)
from bulk_topup.dvs.models.catalogue import Operator, PromotionOfProduct, Region, ServiceOfProduct


class ProductType(StrEnum):
    """The five product types (reference: Products)."""

    FIXED_VALUE_RECHARGE = "FIXED_VALUE_RECHARGE"
    RANGED_VALUE_RECHARGE = "RANGED_VALUE_RECHARGE"
    FIXED_VALUE_PIN_PURCHASE = "FIXED_VALUE_PIN_PURCHASE"
    RANGED_VALUE_PIN_PURCHASE = "RANGED_VALUE_PIN_PURCHASE"
    RANGED_VALUE_PAYMENT = "RANGED_VALUE_PAYMENT"


class RangedAmount(DVSModel):
    """A range of amounts in a unit."""

    unit_type: Unit = "CURRENCY"
    unit: Unit
    amount: Range


class RangedPrice(DVSModel):
    """The prices at both ends of a range, and the fee, in `unit`."""

    unit_type: Unit | None = None
    unit: Unit | None = None
    amount: Range | None = None
    fee: Number | None = None


class RangedPrices(DVSModel):
    """The prices of a purchase over the range."""

    wholesale: RangedPrice
    retail: RangedPrice | None = None


class Rates(DVSModel):
    """Destination divided by source (`base`), by wholesale and by retail price; -1 where that price is zero."""

    base: Number | None = None
    wholesale: Number | None = None
    retail: Number | None = None


class BenefitAmount(DVSModel):
    """The amount of a benefit: numbers for fixed products, ranges for ranged ones; -1 is unlimited."""

    base: Number | Range | None = None
    promotion_bonus: Number | Range | None = None
    total_excluding_tax: Number | Range | None = None
    total_including_tax: Number | Range | None = None


class Benefit(DVSModel):
    """A benefit for the beneficiary: TALKTIME, DATA, SMS, PAYMENT or CREDITS."""

    type: str
    unit_type: Unit
    #: As DVS writes it: an open text.
    unit: str
    amount: BenefitAmount
    additional_information: str | None = None


class PinInformation(DVSModel):
    """Instructions and validity of a PIN."""

    usage_info: list[str] | None = None
    validity: Period | None = None
    terms: str | None = None


class PostingPeriod(Period):
    """How long a payment takes until the biller shows it."""

    #: BUSINESS or CALENDAR: which days and hours count.
    type: str | None = None


class PaymentInformation(DVSModel):
    """The terms of a bill payment: modes, posting period, whether statements can be inquired."""

    modes: list[str] | None = None
    posting_period: PostingPeriod | None = None
    supports_statement_inquiry: bool = False
    required_inquiry_fields: RequiredFields | None = None
    notes: list[str] | None = None


class ProductId(DVSModel):
    """The ID of a product."""

    id: int


class ProductSummary(ProductId):
    """A product as a transaction shows it; only the ID is required, so that no other field can hide an outcome."""

    name: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    service: ServiceOfProduct | None = None
    operator: Operator | None = None
    regions: list[Region] | None = None
    pin: PinInformation | None = None


class ProductOfTransaction(ProductSummary):
    """The product of a transaction."""

    #: A value of `ProductType`, or one that this version does not know; older transactions have none.
    type: str | None = None


class ProductBase(ProductSummary):
    """The fields of all product types (reference: Products).

    `required_*` are lists of alternatives: one inner list suffices, and it needs all of its fields. None or an empty
    list: nothing is required.
    """

    name: str
    service: ServiceOfProduct
    operator: Operator
    validity: Period | None = None
    required_debit_party_identifier_fields: RequiredFields | None = None
    required_credit_party_identifier_fields: RequiredFields | None = None
    required_sender_fields: RequiredFields | None = None
    required_beneficiary_fields: RequiredFields | None = None
    required_statement_identifier_fields: RequiredFields | None = None
    required_additional_identifier_fields: RequiredFields | None = None
    availability_zones: list[str] | None = None
    rates: Rates = Rates()
    benefits: list[Benefit] | None = None
    promotions: list[PromotionOfProduct] | None = None
    #: The language of the texts (`Content-Language`); None if not stated.
    content_language: str | None = None


class FixedProduct(ProductBase):
    """A product with one denomination."""

    source: Amount
    destination: Amount
    prices: Prices


class RangedProduct(ProductBase):
    """A product with a range of amounts; `accepted_calculation_modes` is None if not stated."""

    accepted_calculation_modes: list[CalculationMode] | None = None
    source: RangedAmount
    destination: RangedAmount
    prices: RangedPrices


class FixedValueRecharge(FixedProduct):
    """Fixed denomination recharge."""

    type: Literal[ProductType.FIXED_VALUE_RECHARGE] = ProductType.FIXED_VALUE_RECHARGE


class FixedValuePinPurchase(FixedProduct):
    """Digital voucher of a fixed value."""

    type: Literal[ProductType.FIXED_VALUE_PIN_PURCHASE] = ProductType.FIXED_VALUE_PIN_PURCHASE


class RangedValueRecharge(RangedProduct):
    """Recharge against a range of value."""

    type: Literal[ProductType.RANGED_VALUE_RECHARGE] = ProductType.RANGED_VALUE_RECHARGE


class RangedValuePinPurchase(RangedProduct):
    """Digital voucher with a range of possible values."""

    type: Literal[ProductType.RANGED_VALUE_PIN_PURCHASE] = ProductType.RANGED_VALUE_PIN_PURCHASE


class RangedValuePayment(RangedProduct):
    """Payment of a bill or service."""

    type: Literal[ProductType.RANGED_VALUE_PAYMENT] = ProductType.RANGED_VALUE_PAYMENT
    payment: PaymentInformation | None = None


#: A product that can be used in a payment.
KnownProduct = FixedProduct | RangedProduct


class UnknownProduct(ProductSummary):
    """A product that this version can't read, by its type or its fields: it is listed, but not used in a payment.

    It has those of its fields that can be read.
    """

    id: Id
    type: str | None = None
    #: Which of its fields can't be read, and why; empty for a product of an unknown type.
    problem: str = ""

    @property
    def why(self) -> str:
        """Why it can't be used in a payment, as the rest of a sentence about it."""
        if self.problem:
            return f"can't be read, so this version can't pay it ({self.problem})"
        if self.type is None:
            return "has no type, so this version can't pay it"
        return f'has type "{self.type}", which this version can\'t pay'


def _type_tag(value: Any) -> str:  # noqa: ANN401 - the discriminator sees raw values and models
    type_ = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return type_ if isinstance(type_, str) and type_ in ProductType.__members__ else "unknown"


Product = Annotated[
    Annotated[FixedValueRecharge, Tag("FIXED_VALUE_RECHARGE")]
    | Annotated[RangedValueRecharge, Tag("RANGED_VALUE_RECHARGE")]
    | Annotated[FixedValuePinPurchase, Tag("FIXED_VALUE_PIN_PURCHASE")]
    | Annotated[RangedValuePinPurchase, Tag("RANGED_VALUE_PIN_PURCHASE")]
    | Annotated[RangedValuePayment, Tag("RANGED_VALUE_PAYMENT")]
    | Annotated[UnknownProduct, Tag("unknown")],
    Discriminator(_type_tag),
]


def _read(value: Any, read: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - before it is read, it is anything
    """Return a product, as an UnknownProduct where only its ID can be relied on."""
    try:
        return read(value)
    except ValidationError as error:
        if not isinstance(value, dict):
            raise
        # Without the name of the type, which a message has elsewhere.
        problem = problems_of(error).replace(f"{_type_tag(value)}.", "")
        try:
            return UnknownProduct.model_validate({**value, "problem": problem})
        except ValidationError as other:
            readable = {name: value[name] for name in value.keys() - {each["loc"][0] for each in other.errors()}}
        if "id" not in readable:
            raise
        return UnknownProduct.model_validate({**readable, "problem": problem})


PRODUCT: TypeAdapter[Product] = TypeAdapter(Annotated[Product, WrapValidator(_read)])
