"""Define what a transaction delivers, beside what was requested: amount, bonuses and retail price; pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What DVS states of one delivery; each is None if it states nothing."""

    #: What the beneficiary receives without bonuses, in `delivered_unit`: adjusted by DVS, else as requested, else the
    #: product's benefit.
    delivered: Decimal | None = None
    delivered_unit: str | None = None
    #: What promotions add, with units, such as `2 USD, 500 MB`.
    bonus: str | None = None
    #: What the beneficiary would pay in a shop, in `retail_unit`.
    retail_price: Decimal | None = None
    retail_unit: str | None = None


#: The fields of a delivery: in rows, in columns of the ledger and of reports.
DELIVERY_FIELDS: Final = tuple(Delivery.__dataclass_fields__)
NO_DELIVERY: Final = Delivery()
