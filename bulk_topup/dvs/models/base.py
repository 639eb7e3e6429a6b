"""The bodies that the DVS API takes and gives, as typed frozen models; shared with the sandbox, imports no HTTP.

Amounts are Decimal in the unit that stands beside them; times are timezone-aware. Unknown fields are ignored, and a
field that is null and one that is absent are the same.
"""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


class CalculationMode(StrEnum):
    """Which side of a ranged product the amount is stated for."""

    #: `amount` is what the sender's side is charged, in the product's source unit.
    SOURCE_AMOUNT = "SOURCE_AMOUNT"
    #: `amount` is what the beneficiary receives, in the product's destination unit.
    DESTINATION_AMOUNT = "DESTINATION_AMOUNT"


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


class Price(DVSModel):
    """A price and its fee, both in `unit`; every part may be unknown for retail prices."""

    unit_type: str | None = None
    unit: str | None = None
    amount: Decimal | None = None
    fee: Decimal | None = None


class WholesalePrices(DVSModel):
    """What the wallet is charged for one purchase."""

    wholesale: Price


class Prices(WholesalePrices):
    """What one purchase costs: wholesale is what the wallet is charged."""

    retail: Price | None = None
