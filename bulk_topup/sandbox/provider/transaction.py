"""One transaction and its course: its status is a function of its dates and the time; touches nothing."""

from dataclasses import dataclass
from datetime import datetime

from bulk_topup.dvs.statuses import ErrorCode, StatusClass
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.provider.pricing import Quote
from bulk_topup.sandbox.provider.requests import CreateRequest
from bulk_topup.sandbox.provider.suffix_outcomes import CONFIRMED, CREATED, SUBMITTED, SUBMITTED_AFTER, Outcome, Status


@dataclass(kw_only=True, slots=True, eq=False)
class Transaction:
    """What the provider keeps of a transaction: the request, its price, and the dates that its status follows from."""

    id: int
    request: CreateRequest
    quote: Quote
    #: What becomes of it once it is confirmed.
    outcome: Outcome
    created_at: datetime
    #: Until when it can be confirmed.
    expires_at: datetime
    confirmed_at: datetime | None = None
    #: When it gets, or got, its final status; None while nothing is due.
    final_at: datetime | None = None
    #: The status that it ended with and that its wallet has followed; None before.
    ended_as: Status | None = None
    #: The status whose callback was received or given up.
    notified_as: Status | None = None

    def status(self, now: datetime) -> Status:
        """Give its status at that time."""
        if self.ended_as is not None:
            return self.ended_as
        if self.confirmed_at is None or self.final_at is None:
            return CREATED
        submitted_at = self.confirmed_at + (self.final_at - self.confirmed_at) * SUBMITTED_AFTER
        return SUBMITTED if now >= submitted_at else CONFIRMED

    def check_confirmable(self, now: datetime) -> None:
        """Check that it can be confirmed now.

        Raises:
            ErrorResponse: it was confirmed already (1007002), or it expired or was cancelled (1007004).
        """
        if self.confirmed_at is not None:
            raise ErrorResponse(ErrorCode.ALREADY_CONFIRMED)
        if self.ended_as is not None or now >= self.expires_at:
            raise ErrorResponse(ErrorCode.CONFIRMATION_NO_LONGER_POSSIBLE)

    def check_cancellable(self) -> None:
        """Check that it can be cancelled.

        Raises:
            ErrorResponse: it was cancelled already (1007005), or confirmed (1007007).
        """
        if self.confirmed_at is not None:
            raise ErrorResponse(ErrorCode.CANCELLATION_NO_LONGER_POSSIBLE)
        if self.ended_as is not None:
            raise ErrorResponse(ErrorCode.ALREADY_CANCELLED)

    def check_reversible(self) -> None:
        """Check that it can be reversed.

        Raises:
            ErrorResponse: it is not COMPLETED (1000400).
        """
        if self.ended_as is None or self.ended_as.class_ is not StatusClass.COMPLETED:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, "only a COMPLETED transaction can be reversed")
