"""One external ID of a row and what is known of it; touches nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from bulk_topup.domain.money import with_fee
from bulk_topup.domain.states import RowState


class Resolution(StrEnum):
    """What a person decided about the transaction that an attempt's external id stands for."""

    #: There is none, so the id is free: a new try of the row goes out under the same one.
    FREE = "free"
    #: It is not the row's, so the id is spent: a new try goes out under the next one.
    TAKEN = "taken"
    #: It is the row's, although it is not what the row asked for.
    ACCEPTED = "accepted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One external id for a row, with the request that it stands for."""

    row_id: int
    #: From 1; grows only when the attempt before it is known to have failed.
    number: int
    external_id: str
    #: The request's JSON body without `external_id`, as it was when the intent was written.
    request: bytes
    #: Whose product it is.
    operator_id: int | None = None
    #: What the row asks for, in `unit`, and what it should cost with its fee, in `cost_unit`; as the plan has it.
    amount: Decimal | None = None
    unit: str | None = None
    cost: Decimal | None = None
    cost_unit: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownAttempt:
    """An attempt with what the ledger knows of its transaction."""

    attempt: Attempt
    run_id: int
    #: The run's name.
    run: str
    line: int
    #: Whether it is its row's latest.
    is_latest: bool
    #: What is known of the attempt: its row's state, failed for an earlier one.
    state: RowState
    #: The row's message.
    message: str
    transaction_id: int | None
    status_message: str | None
    #: Wholesale price and fee, in `price_unit`.
    price: Decimal | None
    fee: Decimal | None
    price_unit: str | None
    resolution: Resolution | None
    #: Whether its run was purged, so that nobody knows whom it credited.
    is_purged: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAttempt:
    """An attempt whose transaction exists and is not final."""

    attempt: Attempt
    transaction_id: int
    creation_date: datetime
    status_message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldAttempt:
    """An attempt whose transaction was created and waits to be confirmed or cancelled."""

    attempt: Attempt
    transaction_id: int
    #: What it costs with its fee, in `price_unit`; None where the provider does not tell.
    charged: Decimal | None
    price_unit: str | None
    #: The list, read since, does not ask for it any more, or for something else.
    is_contradicted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class HintedAttempt:
    """An attempt that a callback spoke of; what is true of it, only the provider's API says."""

    attempt: Attempt
    #: What its row is at present: accepted or completed.
    state: RowState
    transaction_id: int
    #: When the callback came, in UTC.
    received_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the provider says of an attempt's transaction."""

    transaction_id: int
    creation_date: datetime
    status_class: str
    status_message: str
    #: Wholesale price and fee in `price_unit`.
    price: Decimal | None
    fee: Decimal | None
    price_unit: str | None
    operator_reference: str | None
    pin_code: str | None = field(default=None, repr=False)
    pin_serial: str | None = field(default=None, repr=False)
    #: Until when the transaction can be confirmed, in UTC.
    expires_at: datetime | None = None

    @property
    def charged(self) -> Decimal | None:
        """The price with its fee, in `price_unit`; None where the provider does not tell."""
        return with_fee(self.price, self.fee)


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A change of a row's state, for the ledger and its event log."""

    row_id: int
    attempt: int
    before: RowState
    after: RowState
    #: What made us know: an answer, a sweep, a person.
    cause: str
    #: Why a row failed or is in conflict, for people.
    message: str = ""
    facts: Facts | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One entry of the event log."""

    at: datetime
    attempt: int
    #: None for the row's first entry.
    before: RowState | None
    after: RowState
    cause: str
    status_message: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenSecond:
    """The accepted rows of a run for one operator whose transactions were created in one second."""

    #: In UTC, as creation dates begin with it: `2026-11-24T20:05:05`.
    second: str
    operator_id: int | None
    count: int
    #: The first and the last creation date among them.
    oldest: datetime
    newest: datetime
