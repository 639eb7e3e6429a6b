"""The look-ups of credit parties: open statements, and the benefits and dates of an eSIM; touches nothing.

All of it is invented from the account number and the month, so the same look-up has the same result. An account that
ends in 000 has no open statement, one in 010 owes nothing, for one in 113 no amounts are stated, one in 114 has a
statement in another form than DVS's, and those that end as numbers which can't be looked up are refused as these are.
An eSIM whose number ends in 0 is not installed yet, one that ends in 1 is installed and not active, any other is
active; one that ends in 2 has unlimited data.
"""

import hashlib
import re
from datetime import datetime, timedelta
from decimal import Decimal

from bulk_topup.dvs import codec, field_limits
from bulk_topup.dvs.models.account import CreditPartyBenefit, Statement, StatementBalance, StatementDates
from bulk_topup.dvs.models.base import UNLIMITED
from bulk_topup.dvs.models.product import PaymentInformation, RangedAmount, RangedValuePayment
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue.catalogue import LOOKUP_ERRORS, UNIDENTIFIED, Catalogue, service_body
from bulk_topup.sandbox.catalogue.entries import ESIM
from bulk_topup.sandbox.catalogue.model_bodies import encode
from bulk_topup.sandbox.catalogue.operators import COUNTRIES
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.http.bodies import moment
from bulk_topup.sandbox.provider.requests import CreditPartyRequest, Party, StatementRequest

WITHOUT_STATEMENTS = "000"
WITHOUT_DEBT = "010"
IN_NO_FORM = "114"
ENDING_LENGTH = 3
NOT_INSTALLED, NOT_ACTIVE, WITHOUT_LIMIT = "0", "1", "2"

_MOST_STATEMENTS = 3
_BETWEEN_STATEMENTS = timedelta(days=30)
_TIME_TO_PAY = timedelta(days=20)
#: An invented balance is less than this many steps above the smallest payment.
_BALANCE_STEPS = 500_000
#: The data of a new eSIM.
_GIGABYTES = Decimal(10)
_ESIM_VALIDITY = timedelta(days=60)


def statement_bodies(catalogue: Catalogue, lookup: StatementRequest, now: datetime) -> list[bytes]:
    """Write the open statements of an account, newest first (reference: Lookup, statement inquiry).

    Raises:
        ErrorResponse: no such product (1003001), it has no statements (1007500), a field that its inquiry requires
            is missing (1000400), or the account is refused.
    """
    product = catalogue.product(lookup.product_id)
    if (
        not isinstance(product, RangedValuePayment)
        or product.payment is None
        or not product.payment.supports_statement_inquiry
    ):
        raise ErrorResponse(ErrorCode.METHOD_NOT_SUPPORTED_BY_OPERATOR)
    _check_inquiry_fields(product.payment, lookup)
    ending = lookup.account_number[-ENDING_LENGTH:]
    if (code := LOOKUP_ERRORS.get(ending)) is not None:
        raise ErrorResponse(code)
    if ending == WITHOUT_STATEMENTS:
        return []
    if ending == IN_NO_FORM:
        return [codec.encode({"reference": None, "dates": {}, "balance": {}})]
    account = f"{lookup.product_id}/{lookup.account_number}/{lookup.account_qualifier}"
    bodies = []
    for age in range(1 + _number(account) % _MOST_STATEMENTS):
        issued = _month(now) - age * _BETWEEN_STATEMENTS
        number = _number(f"{account}/{issued.date()}")
        statement = Statement(
            reference=f"INV-{number % 10**8:08}",
            dates=StatementDates(due=(issued + _TIME_TO_PAY).date(), statement=issued.date()),
            balance=_balance(product.destination, number, ending, catalogue.amount_factor(lookup.product_id)),
        )
        bodies.append(encode(statement, {"balance": {"unit", "amount"}} if ending == UNIDENTIFIED else None))
    return bodies


def _check_inquiry_fields(payment: PaymentInformation, lookup: StatementRequest) -> None:
    alternatives = payment.required_inquiry_fields or []
    if alternatives and not any(all(getattr(lookup, name, None) for name in inner) for inner in alternatives):
        needed = " or ".join(" and ".join(inner) for inner in alternatives)
        raise ErrorResponse(ErrorCode.BAD_REQUEST, f"an inquiry with product {lookup.product_id} requires {needed}")


def _balance(side: RangedAmount, number: int, ending: str, factor: Decimal) -> StatementBalance:
    low, step = side.amount.min or Decimal(0), side.amount.increment or Decimal(1)
    if ending == WITHOUT_DEBT:
        return StatementBalance(unit_type="CURRENCY", unit=side.unit, amount=Decimal(0))
    return StatementBalance(
        unit_type="CURRENCY", unit=side.unit, amount=low + step * round(factor * (number % _BALANCE_STEPS))
    )


def benefit_bodies(lookup: CreditPartyRequest, now: datetime) -> list[bytes]:
    """Write the benefits that a credit party has left (reference: Lookup, credit party benefits).

    Raises:
        ErrorResponse: see `status_body`.
    """
    account = _esim(lookup)
    _, activated = _dates(account, now)
    if activated is None:
        return []
    left = UNLIMITED if account.endswith(WITHOUT_LIMIT) else _GIGABYTES * (_number(account) % 100 + 1) / 100
    benefit = CreditPartyBenefit(
        type="DATA",
        unit_type="DATA",
        unit="GB",
        amount=left,
        expiration_date=activated + _ESIM_VALIDITY,
        country=COUNTRIES["GXX"],
    )
    return [encode(benefit)]


def status_body(lookup: CreditPartyRequest, now: datetime) -> bytes:
    """Write when a credit party's eSIM was installed and activated (reference: Lookup, credit party status).

    Raises:
        ErrorResponse: no such service (1005004), the service has no such look-up (1007500), or the credit party is
            missing (1000400) or not a mobile number (1005003).
    """
    installed, activated = _dates(_esim(lookup), now)
    return codec.encode(
        {
            "installation_date": None if installed is None else moment(installed),
            "activation_date": None if activated is None else moment(activated),
        }
    )


def _esim(lookup: CreditPartyRequest) -> str:
    service_body(lookup.service_id)
    account = _account(lookup.credit_party_identifier)
    if lookup.service_id != ESIM:
        raise ErrorResponse(ErrorCode.METHOD_NOT_SUPPORTED_BY_OPERATOR)
    return account


def _account(party: Party) -> str:
    if party.mobile_number is not None and not re.fullmatch(field_limits.E164, party.mobile_number):
        raise ErrorResponse(ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID)
    account = party.mobile_number or party.account_number
    if account is None:
        raise ErrorResponse(ErrorCode.BAD_REQUEST, "credit_party_identifier needs a mobile_number or an account_number")
    return account


def _dates(account: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when an eSIM was installed and activated."""
    if account.endswith(NOT_INSTALLED):
        return None, None
    installed = _month(now) - timedelta(days=1 + _number(account) % 20)
    return installed, None if account.endswith(NOT_ACTIVE) else _month(now)


def _month(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _number(text: str) -> int:
    """Return a pseudo-random number that depends on the text alone."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest())
