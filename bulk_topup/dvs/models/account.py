"""Define the models of balances, statements and looked-up accounts."""

from datetime import date, datetime
from decimal import Decimal

from bulk_topup.dvs.models.base import DVSModel, Number, Unit
from bulk_topup.dvs.models.catalogue import Country


class Balance(DVSModel):
    """A wallet in one unit (reference: Balances): `available` can be spent, `holding` is on hold for accepted ones."""

    id: int
    unit_type: Unit = "CURRENCY"
    unit: Unit
    available: Number
    holding: Number = Decimal(0)
    credit_limit: Number | None = None


class StatementDates(DVSModel):
    """When a bill was issued and when it is due."""

    due: date | None = None
    statement: date | None = None


class StatementBalance(DVSModel):
    """What is due of a bill; DVS need not state any of it."""

    unit_type: Unit | None = None
    unit: Unit | None = None
    amount: Number | None = None


class Statement(DVSModel):
    """An open bill of an account (reference: Lookup, statement inquiry)."""

    reference: str
    dates: StatementDates | None = None
    #: The amount due.
    balance: StatementBalance | None = None


class CreditPartyBenefit(DVSModel):
    """A benefit that a credit party has at present (reference: Lookup, credit party benefits)."""

    type: str
    unit_type: Unit
    #: As DVS writes it: an open text.
    unit: str
    #: What remains; `UNLIMITED` if it has no limit.
    amount: Number
    #: None for never, and before it is activated.
    expiration_date: datetime | None = None
    country: Country | None = None


class CreditPartyStatus(DVSModel):
    """When a credit party's eSIM was installed and activated; None for not yet (reference: Lookup)."""

    installation_date: datetime | None = None
    activation_date: datetime | None = None
