"""Request bodies, read strictly by the types, lengths and patterns of the reference; touches nothing."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from bulk_topup.dvs import codec, field_limits
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.provider.callback_url import CALLBACK_URL

T = TypeVar("T")

#: `\S` of JSON Schema (ECMA-262), whose white space differs from Python's.
VISIBLE = r"(?!\ufeff)[\S\x1c-\x1f\x85]"
#: The largest 32-bit integer, the type of product, service and operator IDs.
MAX_INT32 = 2**31 - 1


def _whole(pattern: str) -> str:
    """Return a pattern that matches the whole text: `$` alone would accept a line break after it."""
    return pattern.removesuffix("$") + r"\Z"


Text = Annotated[str, Meta(pattern=VISIBLE)]
AccountNumber = Annotated[str, Meta(max_length=field_limits.ACCOUNT_NUMBER_MAX_LENGTH, pattern=VISIBLE)]
ExternalId = Annotated[str, Meta(max_length=field_limits.EXTERNAL_ID_MAX_LENGTH, pattern=VISIBLE)]
CountryCode = Annotated[str, Meta(pattern=_whole(field_limits.COUNTRY_ISO_CODE))]
PostalCode = Annotated[str, Meta(pattern=_whole(field_limits.POSTAL_CODE))]
PurchaserId = Annotated[str, Meta(pattern=_whole(field_limits.PURCHASER_ID))]
Url = Annotated[str, Meta(pattern=_whole(CALLBACK_URL))]
Id32 = Annotated[int, Meta(ge=1, le=MAX_INT32)]
MobileNumber = Annotated[str, Meta(pattern=_whole(field_limits.E164))]
PageSize = Annotated[int, Meta(ge=1, le=field_limits.PER_PAGE_MAX)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Base of all bodies: null and absent fields are the same, and are written as absent."""


class Party(_Body, frozen=True, kw_only=True):
    """A credit or debit party; the mobile number is checked separately, since it has its own error code."""

    mobile_number: str | None = None
    account_number: AccountNumber | None = None
    account_qualifier: Text | None = None


class Person(_Body, frozen=True, kw_only=True):
    """A sender or a beneficiary."""

    last_name: Text | None = None
    first_name: Text | None = None
    middle_name: Text | None = None
    nationality_country_iso_code: CountryCode | None = None
    mobile_number: str | None = None
    email: Text | None = None
    address_text: Text | None = None
    address_city: Text | None = None
    address_country_iso_code: CountryCode | None = None
    address_postal_code: PostalCode | None = None


class Statement(_Body, frozen=True, kw_only=True):
    """The bill to pay."""

    reference: Text | None = None
    due_date: date | None = None


class Additional(_Body, frozen=True, kw_only=True):
    """Data that compliance may require."""

    purchaser_id: PurchaserId | None = None


class RequestedAmount(_Body, frozen=True, kw_only=True):
    """An amount on one side of a ranged product."""

    unit_type: Literal["CURRENCY"]
    unit: Text
    amount: int | Decimal


class CreateRequest(_Body, frozen=True, kw_only=True):
    """The body of a transaction's creation (reference: Transactions, create)."""

    external_id: ExternalId
    product_id: Id32
    calculation_mode: CalculationMode | None = None
    source: RequestedAmount | None = None
    destination: RequestedAmount | None = None
    auto_confirm: bool = False
    sender: Person | None = None
    beneficiary: Person | None = None
    debit_party_identifier: Party | None = None
    credit_party_identifier: Party | None = None
    statement_identifier: Statement | None = None
    additional_identifier: Additional | None = None
    callback_url: Url | None = None

    @property
    def credit_party(self) -> str | None:
        """The mobile or account number to credit, if any."""
        party = self.credit_party_identifier
        return None if party is None else party.mobile_number or party.account_number


class _PagedBody(_Body, frozen=True, kw_only=True):
    """Base of look-ups, whose page is in the body (reference: Lookup)."""

    page: Id32 = 1
    per_page: PageSize = field_limits.PER_PAGE_DEFAULT


class LookupRequest(_PagedBody, frozen=True, kw_only=True):
    """The body of a mobile number look-up."""

    mobile_number: MobileNumber


class StatementRequest(_PagedBody, frozen=True, kw_only=True):
    """The body of a statement inquiry."""

    product_id: Id32
    account_number: AccountNumber
    account_qualifier: Text | None = None


class CreditPartyRequest(_Body, frozen=True, kw_only=True):
    """The body of a look-up of a credit party's status, which has no pages."""

    service_id: Id32
    credit_party_identifier: Party


class CreditPartyBenefitsRequest(CreditPartyRequest, frozen=True, kw_only=True):
    """The body of a look-up of a credit party's benefits."""

    page: Id32 = 1
    per_page: PageSize = field_limits.PER_PAGE_DEFAULT


#: The groups of fields of a body, each with one field at least.
_GROUPS = (
    *("sender", "beneficiary", "debit_party_identifier", "credit_party_identifier"),
    *("statement_identifier", "additional_identifier"),
)


def read_body(body: bytes, type_: type[T]) -> T:
    """Read the body of a request.

    Raises:
        ErrorResponse: it is not JSON, or does not match the reference (1000400).
    """
    try:
        value: Any = codec.decode(body)
        # With Decimal as a builtin type, a text is not accepted as a number.
        read = msgspec.convert(value, type_, builtin_types=(Decimal,))
    except codec.InvalidJSON as error:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, str(error)) from None
    except ArithmeticError:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "a number is too large or too small") from None
    except RecursionError:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "nested too deeply") from None
    for name in _GROUPS:
        group = getattr(read, name, None)
        if group is not None and group == type(group)():
            raise ErrorResponse(ErrorCode.BAD_REQUEST, f"{name} requires a field; leave it out if it has none")
    return read


_MOBILE_NUMBERS = (
    ("credit_party_identifier", ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID),
    ("sender", ErrorCode.SENDER_MOBILE_NUMBER_INVALID),
    ("debit_party_identifier", ErrorCode.DEBIT_PARTY_MOBILE_NUMBER_INVALID),
    ("beneficiary", ErrorCode.BENEFICIARY_MOBILE_NUMBER_INVALID),
)
_E164 = re.compile(field_limits.E164)


def read_create_request(body: bytes) -> CreateRequest:
    """Read the body of a transaction's creation.

    Raises:
        ErrorResponse: it does not match the reference (1000400), or a mobile number is not E.164 (its own code).
    """
    request = read_body(body, CreateRequest)
    for group, code in _MOBILE_NUMBERS:
        number = getattr(getattr(request, group), "mobile_number", None)
        if number is not None and not _E164.fullmatch(number):
            raise ErrorResponse(code)
    return request
