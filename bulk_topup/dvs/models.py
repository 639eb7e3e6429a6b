"""The bodies that the DVS API takes and gives, as typed frozen models; shared with the sandbox, imports no HTTP.

Amounts are Decimal in the unit that stands beside them; times are timezone-aware. Unknown fields are ignored, and a
field that is null and one that is absent are the same.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter

RequiredFields = list[list[str]]

#: The largest id that there is: DVS counts in signed 64-bit integers, and so does whoever stores its ids.
MAX_ID: Final = 2**63 - 1
#: No transaction is of a time outside of these: such a one is no time but a mistake in the answer.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def _in_utc(moment: datetime) -> datetime:
    """Take a time without a zone as UTC, which all of DVS's times are in."""
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"not between {EARLIEST.year} and {LATEST.year}")
    return moment


Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]


class DVSModel(BaseModel):
    """What every body shares: frozen, tolerant of fields that the API adds without notice."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class ProductType(StrEnum):
    """The five product types (reference: Products)."""

    FIXED_VALUE_RECHARGE = "FIXED_VALUE_RECHARGE"
    RANGED_VALUE_RECHARGE = "RANGED_VALUE_RECHARGE"
    FIXED_VALUE_PIN_PURCHASE = "FIXED_VALUE_PIN_PURCHASE"
    RANGED_VALUE_PIN_PURCHASE = "RANGED_VALUE_PIN_PURCHASE"
    RANGED_VALUE_PAYMENT = "RANGED_VALUE_PAYMENT"


class CalculationMode(StrEnum):
    """Which side of a ranged product the amount is stated for."""

    #: `amount` is what the sender's side is charged, in the product's source unit.
    SOURCE_AMOUNT = "SOURCE_AMOUNT"
    #: `amount` is what the beneficiary receives, in the product's destination unit.
    DESTINATION_AMOUNT = "DESTINATION_AMOUNT"


class Region(DVSModel):
    """A part of a country."""

    name: str
    code: str


class Country(DVSModel):
    """A country by ISO 3166-1 alpha-3 code (GXX is global, EXX is Europe)."""

    name: str
    iso_code: str
    regions: list[Region] | None = None


class Operator(DVSModel):
    """The provider of a product's service."""

    id: Id
    name: str
    country: Country
    regions: list[Region] | None = None


class LookupOperator(Operator):
    """An operator as a mobile number look-up lists it (reference: Lookup)."""

    #: True for the number's own operator, False for the country's others.
    identified: bool = False


class Subservice(DVSModel):
    """A subdivision of a service."""

    id: int
    name: str


class Service(DVSModel):
    """A kind of products, e.g. Mobile or Utilities (reference: Services)."""

    id: int
    name: str
    subservices: list[Subservice] | None = None


class BenefitType(DVSModel):
    """A kind of benefit: TALKTIME, DATA, SMS, PAYMENT or CREDITS (reference: Benefit types)."""

    name: str


class ServiceOfProduct(DVSModel):
    """The service that a product belongs to."""

    id: int
    name: str
    subservice: Subservice | None = None


class Period(DVSModel):
    """A length of time in units of HOUR, DAY, WEEK or MONTH."""

    unit: str
    quantity: Decimal


class Amount(DVSModel):
    """An exact amount in a unit (for CURRENCY, the ISO 4217 code)."""

    unit_type: str = "CURRENCY"
    unit: str
    amount: Decimal


class Range(DVSModel):
    """The amounts that a ranged product allows; `increment` is the step from `min` where there is one."""

    min: Decimal | None = None
    max: Decimal | None = None
    increment: Decimal | None = None


class RangedAmount(DVSModel):
    """A range of amounts in a unit."""

    unit_type: str = "CURRENCY"
    unit: str
    amount: Range


class Price(DVSModel):
    """A price and its fee, both in `unit`; every part may be unknown for retail prices."""

    unit_type: str | None = None
    unit: str | None = None
    amount: Decimal | None = None
    fee: Decimal | None = None


class RangedPrice(DVSModel):
    """The prices at both ends of a range, and the fee, in `unit`."""

    unit_type: str | None = None
    unit: str | None = None
    amount: Range | None = None
    fee: Decimal | None = None


class WholesalePrices(DVSModel):
    """What the wallet is charged for one purchase."""

    wholesale: Price


class Prices(WholesalePrices):
    """What one purchase costs: wholesale is what the wallet is charged."""

    retail: Price | None = None


class RangedPrices(DVSModel):
    """What a purchase costs over the range."""

    wholesale: RangedPrice
    retail: RangedPrice | None = None


class Rates(DVSModel):
    """Destination divided by source (`base`), by wholesale and by retail price."""

    base: Decimal | None = None
    wholesale: Decimal | None = None
    retail: Decimal | None = None


class BenefitAmount(DVSModel):
    """How much of a benefit is given: numbers for fixed products, ranges for ranged ones."""

    base: Decimal | Range | None = None
    promotion_bonus: Decimal | Range | None = None
    total_excluding_tax: Decimal | Range | None = None
    total_including_tax: Decimal | Range | None = None


class Benefit(DVSModel):
    """What the beneficiary gets: TALKTIME, DATA, SMS, PAYMENT or CREDITS."""

    type: str
    unit_type: str
    unit: str
    amount: BenefitAmount
    additional_information: str | None = None


class PromotionOfProduct(DVSModel):
    """A promotion that runs on a product, from its start to its end date."""

    id: int
    title: str
    description: str | None = None
    terms: str | None = None
    start_date: datetime
    end_date: datetime


class ProductOfPromotion(DVSModel):
    """What a promotion repeats of a product that it runs on."""

    id: int
    name: str
    description: str | None = None
    type: str


class ProductOfCampaign(ProductOfPromotion):
    """What a campaign repeats of a product that it covers."""

    operator: Operator


class Promotion(PromotionOfProduct):
    """An operator's promotion and the products that it runs on (reference: Promotions)."""

    operator: Operator
    products: list[ProductOfPromotion] | None = None
    #: The language of the texts (`Content-Language`), where the answer says.
    content_language: str | None = None


class Campaign(PromotionOfProduct):
    """A campaign over products of any operators (reference: Campaigns)."""

    products: list[ProductOfCampaign] | None = None


class PinInformation(DVSModel):
    """How a PIN is used and how long it is valid."""

    usage_info: list[str] | None = None
    validity: Period | None = None
    terms: str | None = None


class PaymentInformation(DVSModel):
    """How a bill is paid: modes, posting period, whether statements can be inquired."""

    modes: list[str] | None = None
    posting_period: Period | None = None
    supports_statement_inquiry: bool = False
    required_inquiry_fields: RequiredFields | None = None
    notes: list[str] | None = None


class ProductId(DVSModel):
    """Which product it is."""

    id: int


class ProductSummary(ProductId):
    """What a transaction repeats of its product; only the id is relied on, so that nothing else can hide an outcome."""

    name: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    service: ServiceOfProduct | None = None
    operator: Operator | None = None
    regions: list[Region] | None = None
    pin: PinInformation | None = None


class ProductBase(ProductSummary):
    """What all product types share (reference: Products).

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
    #: The language of the texts (`Content-Language`), where the answer says.
    content_language: str | None = None


class FixedProduct(ProductBase):
    """A product with one denomination."""

    source: Amount
    destination: Amount
    prices: Prices


class RangedProduct(ProductBase):
    """A product with a range of amounts; None for `accepted_calculation_modes` means that the API did not say."""

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


class UnknownProduct(ProductBase):
    """A product of a type that this version does not know: it can be listed, not paid with."""

    type: str


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

PRODUCT: TypeAdapter[Product] = TypeAdapter(Product)


class Person(DVSModel):
    """A sender or a beneficiary; which fields are needed, the product says."""

    last_name: str | None = None
    first_name: str | None = None
    middle_name: str | None = None
    nationality_country_iso_code: str | None = None
    mobile_number: str | None = None
    email: str | None = None
    address_text: str | None = None
    address_city: str | None = None
    address_country_iso_code: str | None = None
    address_postal_code: str | None = None


class Party(DVSModel):
    """The account that is debited or credited: a mobile number in E.164 form, or an account with its qualifier."""

    mobile_number: str | None = None
    account_number: str | None = None
    account_qualifier: str | None = None


class StatementIdentifier(DVSModel):
    """The bill that is paid."""

    reference: str | None = None
    due_date: date | None = None


class AdditionalIdentifier(DVSModel):
    """What compliance may require."""

    purchaser_id: str | None = None


class TransactionRequest(DVSModel):
    """The body of a transaction's creation (reference: Transactions, create); None fields are not sent."""

    external_id: str = Field(min_length=1, max_length=40, pattern=r"\S")
    product_id: int = Field(ge=1)
    calculation_mode: CalculationMode | None = None
    source: Amount | None = None
    destination: Amount | None = None
    auto_confirm: bool = False
    sender: Person | None = None
    beneficiary: Person | None = None
    debit_party_identifier: Party | None = None
    credit_party_identifier: Party | None = None
    statement_identifier: StatementIdentifier | None = None
    additional_identifier: AdditionalIdentifier | None = None
    callback_url: str | None = None


class StatusClassOfTransaction(DVSModel):
    """The class of a status: what program logic follows."""

    id: int
    message: str


class TransactionStatus(DVSModel):
    """A status: the message carries detail for people, the class is for logic."""

    id: int
    message: str
    class_: StatusClassOfTransaction = Field(alias="class")


class Pin(DVSModel):
    """A purchased PIN. Both parts are kept out of `repr`, so that no log or traceback shows them."""

    code: str | None = Field(default=None, repr=False)
    serial: str | None = Field(default=None, repr=False)


class Values(DVSModel):
    """Amounts on both sides of a transaction."""

    source: Amount | None = None
    destination: Amount | None = None


class TransactionOutcome(DVSModel):
    """What decides over a payment, of a transaction: the rest is not looked at, so that it cannot hide an outcome."""

    id: Id
    external_id: str
    creation_date: Moment
    confirmation_expiration_date: Moment | None = None
    status: TransactionStatus
    operator_reference: str | None = None
    pin: Pin | None = None
    product: ProductId
    prices: WholesalePrices | None = None
    requested_values: Values | None = None
    credit_party_identifier: Party | None = None


class Transaction(TransactionOutcome):
    """A transfer of value to a beneficiary (reference: Transactions)."""

    confirmation_date: Moment | None = None
    product: ProductSummary
    prices: Prices | None = None
    rates: Rates | None = None
    benefits: list[Benefit] | None = None
    promotions: list[PromotionOfProduct] | None = None
    adjusted_values: Values | None = None
    sender: Person | None = None
    beneficiary: Person | None = None
    debit_party_identifier: Party | None = None
    statement_identifier: StatementIdentifier | None = None
    additional_identifier: AdditionalIdentifier | None = None
    callback_url: str | None = None


class Balance(DVSModel):
    """A wallet in one unit (reference: Balances): `available` can be spent, `holding` is set aside for open ones."""

    id: int
    unit_type: str = "CURRENCY"
    unit: str
    available: Decimal
    holding: Decimal = Decimal(0)
    credit_limit: Decimal | None = None


class StatementDates(DVSModel):
    """When a bill was issued and when it is due."""

    due: date | None = None
    statement: date | None = None


class Statement(DVSModel):
    """An open bill of an account (reference: Lookup, statement inquiry)."""

    reference: str
    dates: StatementDates | None = None
    #: What is to be paid.
    balance: Amount | None = None


class CreditPartyBenefit(DVSModel):
    """A benefit that a credit party has at present (reference: Lookup, credit party benefits)."""

    type: str
    unit_type: str
    unit: str
    amount: Decimal
    expiration_date: datetime | None = None
    country: Country | None = None


class CreditPartyStatus(DVSModel):
    """When a credit party's eSIM was installed and activated; None for not yet (reference: Lookup)."""

    installation_date: datetime | None = None
    activation_date: datetime | None = None
