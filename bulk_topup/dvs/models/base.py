"""Define what the models of DVS bodies share; shared with the sandbox, imports no HTTP.

Amounts are Decimal in the unit beside them; times are timezone-aware. Unknown fields are ignored, and a field that is
null equals one that is absent.
"""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from bulk_topup.dvs.codec import MAX_EXPONENT, MAX_NUMBER_LENGTH

RequiredFields = list[list[str]]

#: The largest ID: DVS and SQLite use signed 64-bit integers.
MAX_ID: Final = 2**63 - 1
#: The bounds of a transaction's times; a time outside is an error in the response.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def _in_utc(moment: datetime) -> datetime:
    """Return the time in UTC if it has no zone, since all times of DVS are in UTC."""
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"not between {EARLIEST.year} and {LATEST.year}")
    return moment


def _bounded(number: Decimal) -> Decimal:
    """Return a number that is within the bounds of JSON numbers too where it was written as a text."""
    # To count its digits takes far longer than to write it, and a text has as many characters at least.
    is_long = len(str(number)) > MAX_NUMBER_LENGTH and len(number.as_tuple().digits) > MAX_NUMBER_LENGTH
    if is_long or abs(number.adjusted()) > MAX_EXPONENT:
        raise ValueError("a number beyond all bounds")
    return number


Number = Annotated[Decimal, AfterValidator(_bounded)]
Id = Annotated[int, Field(ge=1, le=MAX_ID)]
#: A currency (ISO 4217), or one of DVS's own units and unit types: in capitals and without spaces around it, so that
#: `usd` and `USD` are one currency in every comparison and sum.
Unit = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]


class DVSModel(BaseModel):
    """The base of all bodies: frozen, and tolerant of fields that the API adds without notice."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


def problems_of(error: ValidationError) -> str:
    """Return which fields of a body are not as a model describes them, and why, without their values."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    )


class CalculationMode(StrEnum):
    """The side of a ranged product that the amount is for (reference: Transactions, create)."""

    #: `amount` is charged on the sender's side, in the product's source unit.
    SOURCE_AMOUNT = "SOURCE_AMOUNT"
    #: `amount` is what the beneficiary receives, in the product's destination unit.
    DESTINATION_AMOUNT = "DESTINATION_AMOUNT"


#: Instead of an amount or a number of days: without a limit, or for ever.
UNLIMITED: Final = Decimal(-1)


class Period(DVSModel):
    """A length of time in units of HOUR, DAY, WEEK or MONTH."""

    unit: Unit
    #: `UNLIMITED` if it never ends; None if it is unknown.
    quantity: Number | None = None


class Amount(DVSModel):
    """An exact amount in a unit (for CURRENCY, the ISO 4217 code)."""

    unit_type: Unit = "CURRENCY"
    unit: Unit
    amount: Number


class Range(DVSModel):
    """The amounts that a ranged product allows; `increment` is the step from `min`, if there is one."""

    min: Number | None = None
    max: Number | None = None
    increment: Number | None = None


class Price(DVSModel):
    """A price and its fee, both in `unit`; every part may be unknown for retail prices."""

    unit_type: Unit | None = None
    unit: Unit | None = None
    amount: Number | None = None
    fee: Number | None = None


def read_or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - any field's value
    """Return a value as its field has it, or None if it can't be read: what decides no outcome hides none."""
    try:
        return read(value)
    except ValidationError:
        return None


class WholesalePrices(DVSModel):
    """The price that the wallet is charged for one purchase, beside the one in shops where that can be read."""

    wholesale: Price
    retail: Annotated[Price | None, WrapValidator(read_or_none)] = None


class Prices(WholesalePrices):
    """The prices of one purchase; the wallet is charged the wholesale price."""

    retail: Price | None = None
