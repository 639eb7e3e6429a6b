"""Define the models of transactions, their requests and parties (reference: Transactions)."""

from datetime import date
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, WrapValidator, field_validator

from bulk_topup.dvs.models.base import (
    Amount,
    CalculationMode,
    DVSModel,
    Id,
    Moment,
    Prices,
    WholesalePrices,
    read_or_none,
)
from bulk_topup.dvs.models.catalogue import PromotionOfProduct
from bulk_topup.dvs.models.metadata import (
    EsimMetadataOutcome,
    EsimProfile,
    Metadata,
    MetadataOutcome,
    UnknownMetadata,
)
from bulk_topup.dvs.models.product import Benefit, ProductId, ProductOfTransaction, Rates


class Person(DVSModel):
    """A sender or a beneficiary; the product states which fields are required."""

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


class BillReference(DVSModel):
    """The reference of a bill."""

    reference: str | None = None


class StatementIdentifier(BillReference):
    """The bill to pay."""

    due_date: date | None = None


class AdditionalIdentifier(DVSModel):
    """Data that compliance may require."""

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
    #: Its path may end with a token; it is kept out of `repr`.
    callback_url: str | None = Field(default=None, repr=False)


class StatusClassOfTransaction(DVSModel):
    """The class of a status, which program logic follows."""

    id: int
    message: str


class TransactionStatus(DVSModel):
    """A status: the message has details for people, the class is for logic (reference: Transaction status)."""

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
    """The fields of a transaction that decide the outcome; others are not read, so that they can't hide it."""

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
    adjusted_values: Annotated[Values | None, WrapValidator(read_or_none)] = None
    rates: Annotated[Rates | None, WrapValidator(read_or_none)] = None
    benefits: Annotated[list[Benefit] | None, WrapValidator(read_or_none)] = None
    credit_party_identifier: Party | None = None
    statement_identifier: BillReference | None = None
    #: What the other fields can't hold: the profile of an eSIM, or what this version does not know.
    metadata: MetadataOutcome = None

    @field_validator("prices", mode="before")
    @classmethod
    def _without_empty_prices(cls, value: Any) -> Any:  # noqa: ANN401 - before it is read, it is anything
        """Return None for prices of which none is charged: what is not stated hides no outcome."""
        is_empty = isinstance(value, dict) and value.get("wholesale") is None
        return None if is_empty else value

    @property
    def esim(self) -> EsimProfile | None:
        """The new eSIM; None if it sold none."""
        return self.metadata.profile if isinstance(self.metadata, EsimMetadataOutcome) else None

    @property
    def has_secrets(self) -> bool:
        """Whether it has a PIN, or metadata that may hold secrets."""
        return self.pin is not None or self.esim is not None or isinstance(self.metadata, UnknownMetadata)

    def masked(self, mask: str) -> Self:
        """Return the same with a mask in place of each secret."""
        pin = None if self.pin is None else Pin(code=mask, serial=mask)
        metadata = None if self.metadata is None else self.metadata.masked(mask)
        return self.model_copy(update={"pin": pin, "metadata": metadata})


class Transaction(TransactionOutcome):
    """A transfer of value to a beneficiary (reference: Transactions)."""

    confirmation_date: Moment | None = None
    product: ProductOfTransaction
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
    #: Who knows its path can post callbacks; it is kept out of `repr`.
    callback_url: str | None = Field(default=None, repr=False)
    metadata: Metadata = None

    def masked(self, mask: str) -> Self:
        """Return the same with a mask in place of each secret."""
        return super().masked(mask).with_masked_callback(mask)

    def with_masked_callback(self, mask: str) -> Self:
        """Return the same with only the host of the callback URL, and a mask in place of user, path and query."""
        if self.callback_url is None:
            return self
        try:
            parts = urlsplit(self.callback_url)
        except ValueError:  # not a URL
            return self.model_copy(update={"callback_url": mask})
        host = parts.netloc.rpartition("@")[2]
        return self.model_copy(update={"callback_url": f"{parts.scheme}://{host}/{mask}" if host else mask})
