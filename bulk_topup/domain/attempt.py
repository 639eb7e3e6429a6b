"""Define attempts, the external IDs of a row, and what is known of each; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bulk_topup.domain.delivery import NO_DELIVERY, Delivery
from bulk_topup.domain.money import PRECISE, with_fee
from bulk_topup.domain.purchase_secrets import NO_SECRETS, PurchaseSecrets
from bulk_topup.domain.states import RowState

#: Hours after the last send in which a request may still arrive whose transaction DVS does not list.
MAY_ARRIVE_HOURS: Final = 24
MAY_ARRIVE: Final = timedelta(hours=MAY_ARRIVE_HOURS)

#: Causes in the event log of moves that a rebuild and a comparison make. A conflict of theirs is about more than one
#: record, such as a payment under two IDs, so that no single transaction ends it.
REBUILT: Final = "rebuilt from the provider"  # language: a cause that ledgers contain
RECONCILED: Final = "reconciled with the provider"  # language: a cause that ledgers contain


class Resolution(StrEnum):
    """What a person decided about the transaction under an attempt's external ID."""

    #: There is no such transaction, so the ID is free: a retry of the row uses it again.
    FREE = "free"
    #: The transaction is not the row's, so the ID is used up: a retry uses the next one.
    TAKEN = "taken"
    #: The transaction is the row's, although it differs from what the row requested.
    ACCEPTED = "accepted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One external ID for a row, with its request."""

    row_id: int
    #: From 1; the next number needs proof that the attempt before it failed.
    number: int
    external_id: str
    #: The request's JSON body without `external_id`, as written with the intent.
    request: bytes
    #: The product's operator.
    operator_id: int | None = None
    #: The requested amount, in `unit`.
    amount: Decimal | None = None
    unit: str | None = None
    #: The planned cost with its fee, in `cost_unit`.
    cost: Decimal | None = None
    cost_unit: str | None = None
    #: Whether only its transaction tells the amount, as DVS was asked for it and the ledger is lost or old.
    is_amount_open: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PricedAttempt:
    """An attempt with the price that DVS states for its transaction."""

    attempt: Attempt
    #: Wholesale price and fee, in `price_unit`.
    price: Decimal | None
    fee: Decimal | None
    price_unit: str | None

    @property
    def charged(self) -> Decimal | None:
        """The price with its fee, in `price_unit`; None if DVS states none."""
        return with_fee(self.price, self.fee)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownAttempt(PricedAttempt):
    """An attempt with what the ledger has of its transaction."""

    run_id: int
    #: The run's name.
    run: str
    line: int
    #: Whether it is the latest attempt of its row.
    is_latest: bool
    #: The state of its row; failed for an earlier attempt.
    state: RowState
    #: The row's message.
    message: str
    transaction_id: int | None
    status_message: str | None
    resolution: Resolution | None
    #: Whether its run was purged, so that the credited beneficiary is unknown.
    is_purged: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAttempt:
    """An attempt whose transaction is not final."""

    attempt: Attempt
    transaction_id: int
    creation_date: datetime
    status_message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """An attempt that DVS refused after a request of unknown outcome, and that waits for proof of its absence."""

    attempt: Attempt
    #: When its last request was sent, in UTC.
    sent_at: datetime
    #: How often DVS's list did not show it so far.
    looks: int
    #: The row's state once its absence is proved: failed, pending where the same request is sent again, or conflict
    #: where DVS has said that there is a transaction.
    after: RowState
    #: Its message then.
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MetPrice(PricedAttempt):
    """What a sent row was charged, beside what the first pending row of its product is planned to cost."""

    #: The pending row's amount, in the unit of the sent one, and its expected cost with its currency.
    next_amount: Decimal | None
    next_cost: Decimal | None
    next_unit: str | None

    @property
    def charged_next(self) -> Decimal | None:
        """What the pending row would be charged by the same price; None if that is not known."""
        if self.charged is None or self.next_amount is None or not self.attempt.amount:
            return None
        return PRECISE.divide(PRECISE.multiply(self.charged, self.next_amount), self.attempt.amount)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldAttempt(PricedAttempt):
    """An attempt of hold mode whose transaction is created and unconfirmed."""

    transaction_id: int
    #: Whether the list, as last read, lacks the row or requests something else.
    is_contradicted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownTransaction(PricedAttempt):
    """An attempt whose row is in conflict, with the transaction that the ledger has for it."""

    #: None if the ledger has none.
    transaction_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class HintedAttempt:
    """An attempt that a callback named; only the provider's API says what is true of it."""

    attempt: Attempt
    #: The present state of its row: accepted or completed.
    state: RowState
    transaction_id: int
    #: When the callback was received, in UTC.
    received_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the provider states about an attempt's transaction (reference: Transactions)."""

    transaction_id: int
    creation_date: datetime
    status_class: str
    status_message: str
    #: Wholesale price and fee in `price_unit`.
    price: Decimal | None
    fee: Decimal | None
    price_unit: str | None
    operator_reference: str | None
    secrets: PurchaseSecrets = NO_SECRETS
    delivery: Delivery = NO_DELIVERY
    #: The last time at which the transaction can be confirmed, in UTC.
    expires_at: datetime | None = None

    @property
    def charged(self) -> Decimal | None:
        """The price with its fee, in `price_unit`; None if DVS states none."""
        return with_fee(self.price, self.fee)


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A change of a row's state, as the ledger and its event log record it."""

    row_id: int
    attempt: int
    before: RowState
    after: RowState
    #: The source of the knowledge: a response, a sweep, a person.
    cause: str
    #: Why the row failed or is in conflict, as a sentence.
    message: str = ""
    facts: Facts | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One entry of the event log."""

    at: datetime
    attempt: int
    #: None for the first entry of the row.
    before: RowState | None
    after: RowState
    cause: str
    status_message: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenSecond:
    """The accepted rows of a run and one operator whose transactions were created in the same second."""

    #: In UTC, as the start of a creation date: `2026-11-24T20:05:05`.
    second: str
    operator_id: int | None
    count: int
    #: The earliest and the latest creation date among them.
    oldest: datetime
    newest: datetime
