"""The bodies that the sandbox takes, read strictly: types, lengths and patterns of the reference; touches nothing."""

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

T = TypeVar("T")

#: What `\S` is in JSON Schema (ECMA-262), whose white space is not quite Python's.
VISIBLE = r"(?!\ufeff)[\S\x1c-\x1f\x85]"
#: A character of a URL's path (RFC 3986).
_PATH_CHARACTER = r"[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}"
#: What a callback can be sent to: a URL in ASCII, as every HTTP client takes it.
CALLBACK_URL = (
    r"^https?://([A-Za-z0-9._~-]+|\[::1\])(:[0-9]{1,5})?"
    rf"(/({_PATH_CHARACTER})*)?(\?({_PATH_CHARACTER}|\?)*)?(#({_PATH_CHARACTER}|\?)*)?$"
)
#: The largest 32-bit integer, as ids of products, services and operators are.
MAX_INT32 = 2**31 - 1


def _whole(pattern: str) -> str:
    """Make a pattern mean the whole text: `$` alone would let a line break follow."""
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


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every body shares: fields that are null and fields that are absent are the same, and written as absent."""


class Party(_Body, frozen=True, kw_only=True):
    """An account; the mobile number is checked apart, because a bad one has an error code of its own."""

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
    """The bill that is paid."""

    reference: Text | None = None
    due_date: date | None = None


class Additional(_Body, frozen=True, kw_only=True):
    """What compliance may require."""

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
        """The mobile or account number that is credited, if any."""
        party = self.credit_party_identifier
        return None if party is None else party.mobile_number or party.account_number


class _PagedBody(_Body, frozen=True, kw_only=True):
    """What look-ups share, which take their page from the body (reference: Lookup)."""

    page: Id32 = 1
    per_page: Annotated[int, Meta(ge=1, le=field_limits.PER_PAGE_MAX)] = field_limits.PER_PAGE_DEFAULT


class LookupRequest(_PagedBody, frozen=True, kw_only=True):
    """The body of a mobile number's look-up."""

    mobile_number: MobileNumber


class StatementRequest(_PagedBody, frozen=True, kw_only=True):
    """The body of a statement inquiry."""

    product_id: Id32
    account_number: AccountNumber
    account_qualifier: Text | None = None


class CreditPartyRequest(_PagedBody, frozen=True, kw_only=True):
    """The body of both look-ups of a credit party."""

    service_id: Id32
    credit_party_identifier: Party


def read_body(body: bytes, type_: type[T]) -> T:
    """Read a request's body.

    Raises:
        ErrorResponse: it is not JSON, or not what the reference says (1000400).
    """
    try:
        value: Any = codec.decode(body)
        # Decimal counts as native here, so that a text is no number.
        return msgspec.convert(value, type_, builtin_types=(Decimal,))
    except codec.InvalidJSON as error:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, str(error)) from None
    except ArithmeticError:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "a number is beyond all bounds") from None
    except RecursionError:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "nested too deeply") from None


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
        ErrorResponse: it is not what the reference says (1000400), or a mobile number is not in E.164
            form (its own code).
    """
    request = read_body(body, CreateRequest)
    for group, code in _MOBILE_NUMBERS:
        number = getattr(getattr(request, group), "mobile_number", None)
        if number is not None and not _E164.fullmatch(number):
            raise ErrorResponse(code)
    return request
