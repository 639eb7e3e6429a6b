"""One transaction, whose status follows from its dates and the time; touches nothing."""

from dataclasses import dataclass
from datetime import datetime

from bulk_topup.dvs.models.product import FixedValuePinPurchase
from bulk_topup.dvs.statuses import ErrorCode, StatusClass
from bulk_topup.sandbox.catalogue.entries import is_esim
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.provider.pricing import Quote
from bulk_topup.sandbox.provider.requests import CreateRequest
from bulk_topup.sandbox.provider.suffix_outcomes import (
    CONFIRMED,
    CREATED,
    SUBMITTED,
    SUBMITTED_AFTER,
    Status,
    SuffixOutcome,
)


@dataclass(kw_only=True, slots=True, eq=False)
class Transaction:
    """A transaction: the request, its price, and the dates that its status follows from."""

    id: int
    request: CreateRequest
    quote: Quote
    #: How it ends once it is confirmed.
    suffix_outcome: SuffixOutcome
    created_at: datetime
    #: Until when it can be confirmed.
    expires_at: datetime
    confirmed_at: datetime | None = None
    #: When it becomes, or became, final; None before it is confirmed.
    final_at: datetime | None = None
    #: The final status, which the wallet already reflects; None before.
    final_status: Status | None = None
    #: The status whose callback was received or abandoned.
    notified_status: Status | None = None

    @property
    def sells_esim(self) -> bool:
        """Whether it sells a new eSIM: an ICCID as account number makes it a recharge of that eSIM."""
        product, party = self.quote.product, self.request.credit_party_identifier
        is_sold = isinstance(product, FixedValuePinPurchase) and is_esim(product)
        return is_sold and (party is None or party.account_number is None)

    @property
    def yields_pin(self) -> bool:
        """Whether it yields a PIN, or a new eSIM, once it is completed."""
        product = self.quote.product
        has_pin = product.pin is not None and (self.sells_esim or not is_esim(product))
        return has_pin or self.suffix_outcome.with_pin

    def status(self, now: datetime) -> Status:
        """Return the status as of `now`."""
        if self.final_status is not None:
            return self.final_status
        if self.confirmed_at is None or self.final_at is None:
            return CREATED
        submitted_at = self.confirmed_at + (self.final_at - self.confirmed_at) * SUBMITTED_AFTER
        return SUBMITTED if now >= submitted_at else CONFIRMED

    def check_confirmable(self, now: datetime) -> None:
        """Check that it can be confirmed now.

        Raises:
            ErrorResponse: it was already confirmed (1007002), or it has expired or was cancelled (1007004).
        """
        if self.confirmed_at is not None:
            raise ErrorResponse(ErrorCode.ALREADY_CONFIRMED)
        if self.final_status is not None or now >= self.expires_at:
            raise ErrorResponse(ErrorCode.CONFIRMATION_NO_LONGER_POSSIBLE)

    def check_cancellable(self) -> None:
        """Check that it can be cancelled.

        Raises:
            ErrorResponse: it was already cancelled (1007005), or confirmed (1007007).
        """
        if self.confirmed_at is not None:
            raise ErrorResponse(ErrorCode.CANCELLATION_NO_LONGER_POSSIBLE)
        if self.final_status is not None:
            raise ErrorResponse(ErrorCode.ALREADY_CANCELLED)

    def check_reversible(self) -> None:
        """Check that it can be reversed.

        Raises:
            ErrorResponse: it is not COMPLETED (1000400).
        """
        if self.final_status is None or self.final_status.class_ is not StatusClass.COMPLETED:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, "only a COMPLETED transaction can be reversed")
