"""Define every status and error code of the reference in one place; shared with the sandbox, imports no HTTP."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulk_topup.dvs.models.transaction import TransactionStatus


class StatusClass(IntEnum):
    """The classes of transaction status, by id (reference: Transaction status)."""

    CREATED = 1
    CONFIRMED = 2
    REJECTED = 3
    CANCELLED = 4
    SUBMITTED = 5
    COMPLETED = 7
    REVERSED = 8
    DECLINED = 9

    @property
    def is_final(self) -> bool:
        """Whether the transaction's status is final (a completed one can still be reversed by DVS)."""
        return self not in {StatusClass.CREATED, StatusClass.CONFIRMED, StatusClass.SUBMITTED}

    @property
    def is_unsuccessful(self) -> bool:
        """Whether this proves that the beneficiary was not paid and will not be by this transaction."""
        return self in {StatusClass.REJECTED, StatusClass.CANCELLED, StatusClass.DECLINED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """A detailed status of the reference (reference: Transaction status): for people; logic follows the class."""

    #: As transactions carry it, e.g. DECLINED-BARRED-CREDIT-PARTY.
    message: str
    class_: StatusClass

    @property
    def is_final(self) -> bool:
        """Whether the transaction's status is final."""
        return self.class_.is_final

    @property
    def is_successful(self) -> bool:
        """Whether the beneficiary was paid and the payment was not reversed."""
        return self.class_ is StatusClass.COMPLETED


_PARTY_REASONS = (
    "INVALID-CREDIT-PARTY",
    "BARRED-CREDIT-PARTY",
    "INELIGIBLE-CREDIT-PARTY",
    "INVALID-DEBIT-PARTY",
    "BARRED-DEBIT-PARTY",
)

#: The details of each class in the order of the reference; every class has its bare status too.
_DETAILS: dict[StatusClass, tuple[str, ...]] = {
    StatusClass.REJECTED: (
        *_PARTY_REASONS,
        "LIMITATIONS-ON-CREDIT-PARTY-AMOUNT",
        "LIMITATIONS-ON-CREDIT-PARTY-QUANTITY",
        "OPERATOR-CURRENTLY-UNAVAILABLE",
        "INSUFFICIENT-BALANCE",
    ),
    StatusClass.DECLINED: (
        *_PARTY_REASONS,
        "LIMITATIONS-ON-OPERATOR-AMOUNT",
        "LIMITATIONS-ON-CREDIT-PARTY-AMOUNT",
        "LIMITATIONS-ON-CUSTOMER-AMOUNT",
        "LIMITATIONS-ON-OPERATOR-QUANTITY",
        "LIMITATIONS-ON-CREDIT-PARTY-QUANTITY",
        "LIMITATIONS-ON-CUSTOMER-QUANTITY",
        "DUPLICATED-TRANSACTION",
        "OPERATOR-CURRENTLY-UNAVAILABLE",
        "EXCEPTION",  # only in the table of sandbox suffixes
    ),
}

#: Every status of the reference by its message (reference: Transaction status).
STATUSES: dict[str, Status] = {
    status.message: status
    for class_ in StatusClass
    for status in [
        Status(message=class_.name, class_=class_),
        *(Status(message=f"{class_.name}-{detail}", class_=class_) for detail in _DETAILS.get(class_, ())),
    ]
}

#: The messages of each class, its bare one first.
DETAILED_STATUSES: dict[StatusClass, tuple[str, ...]] = {
    class_: tuple(status.message for status in STATUSES.values() if status.class_ is class_) for class_ in StatusClass
}


def class_of(status: "TransactionStatus") -> StatusClass | None:
    """Return the class of a transaction's status; None for one that this version does not know (never final).

    The id and the message of the class must agree with the table, or the status counts as unknown.
    """
    try:
        class_ = StatusClass(status.class_.id)
    except ValueError:
        return None
    return class_ if status.class_.message == class_.name else None


class ErrorCode(IntEnum):
    """The error codes of the reference (reference: Errors)."""

    BAD_REQUEST = 1000400
    UNAUTHORIZED = 1000401
    RESOURCE_NOT_FOUND = 1000404
    TOO_MANY_REQUESTS = 1000429
    PRODUCT_NOT_AVAILABLE = 1003001
    AMOUNT_OUT_OF_RANGE = 1003002
    PRODUCT_UNIT_INVALID = 1003003
    BENEFITS_NOT_DEFINED = 1003101
    PROMOTION_NOT_FOUND = 1003201
    CAMPAIGN_NOT_FOUND = 1003301
    CREDIT_PARTY_MOBILE_NUMBER_INVALID = 1005003
    SERVICE_NOT_FOUND = 1005004
    COUNTRY_NOT_FOUND = 1005005
    OPERATOR_NOT_FOUND = 1005006
    SENDER_MOBILE_NUMBER_INVALID = 1005503
    INSUFFICIENT_BALANCE = 1006001
    DEBIT_PARTY_MOBILE_NUMBER_INVALID = 1006003
    BALANCE_NOT_FOUND = 1006009
    BENEFICIARY_MOBILE_NUMBER_INVALID = 1006503
    EXTERNAL_ID_ALREADY_USED = 1007001
    ALREADY_CONFIRMED = 1007002
    CONFIRMATION_NO_LONGER_POSSIBLE = 1007004
    ALREADY_CANCELLED = 1007005
    CANCELLATION_NO_LONGER_POSSIBLE = 1007007
    METHOD_NOT_SUPPORTED_BY_OPERATOR = 1007500
    TRANSACTION_NOT_FOUND = 1008004
    UNEXPECTED_ERROR = 1009001
    SERVICE_UNAVAILABLE = 1009503


#: Each code's HTTP status and message (reference: Errors).
ERROR_TABLE: dict[ErrorCode, tuple[int, str]] = {
    ErrorCode.BAD_REQUEST: (400, "Bad Request"),
    ErrorCode.UNAUTHORIZED: (401, "Unauthorized"),
    ErrorCode.RESOURCE_NOT_FOUND: (404, "Resource not found"),
    ErrorCode.TOO_MANY_REQUESTS: (429, "Too many requests"),
    ErrorCode.PRODUCT_NOT_AVAILABLE: (404, "Product is not available in your account"),
    ErrorCode.AMOUNT_OUT_OF_RANGE: (400, "Requested product amount is out of range"),
    ErrorCode.PRODUCT_UNIT_INVALID: (400, "Requested product unit is invalid"),
    ErrorCode.BENEFITS_NOT_DEFINED: (404, "Benefits not defined for available products"),
    ErrorCode.PROMOTION_NOT_FOUND: (404, "Promotion not found"),
    ErrorCode.CAMPAIGN_NOT_FOUND: (404, "Campaign not found"),
    ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID: (400, "Credit party mobile number is invalid"),
    ErrorCode.SERVICE_NOT_FOUND: (404, "Service not found"),
    ErrorCode.COUNTRY_NOT_FOUND: (404, "Country not found"),
    ErrorCode.OPERATOR_NOT_FOUND: (404, "Operator not found"),
    ErrorCode.SENDER_MOBILE_NUMBER_INVALID: (400, "Sender mobile number is invalid"),
    ErrorCode.INSUFFICIENT_BALANCE: (400, "Insufficient balance"),
    ErrorCode.DEBIT_PARTY_MOBILE_NUMBER_INVALID: (400, "Debit party mobile number is invalid"),
    ErrorCode.BALANCE_NOT_FOUND: (404, "Account balance not found"),
    ErrorCode.BENEFICIARY_MOBILE_NUMBER_INVALID: (400, "Beneficiary mobile number is invalid"),
    ErrorCode.EXTERNAL_ID_ALREADY_USED: (400, "Transaction external ID has already been used"),
    ErrorCode.ALREADY_CONFIRMED: (400, "Transaction has already been confirmed"),
    ErrorCode.CONFIRMATION_NO_LONGER_POSSIBLE: (400, "Transaction can no longer be confirmed"),
    ErrorCode.ALREADY_CANCELLED: (400, "Transaction has already been cancelled"),
    ErrorCode.CANCELLATION_NO_LONGER_POSSIBLE: (400, "Transaction can no longer be cancelled"),
    ErrorCode.METHOD_NOT_SUPPORTED_BY_OPERATOR: (400, "Method not supported by operator"),
    ErrorCode.TRANSACTION_NOT_FOUND: (404, "Transaction not found"),
    ErrorCode.UNEXPECTED_ERROR: (500, "Unexpected error, please contact our support team"),
    ErrorCode.SERVICE_UNAVAILABLE: (503, "Service unavailable, please retry later"),
}
