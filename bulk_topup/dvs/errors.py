"""Define the errors of the DVS API, by HTTP status and DVS code (reference: Errors); pure, imports no HTTP.

Two questions decide what follows an error of a creation, and each exception answers both: `outcome_unknown` (may the
provider have accepted the request nevertheless?) and `after_unknown` (is the outcome of an earlier try of the same
request unknown, so that this response alone proves nothing?).
"""

from dataclasses import dataclass
from typing import ClassVar

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.errors import BulkTopupError
from bulk_topup.security.redaction import redact_secrets

#: Most characters of an unexpected body that an error quotes.
QUOTED_CHARACTERS = 200


class DVSError(BulkTopupError):
    """The DVS API did not carry out the request."""

    #: Whether the provider may have accepted the request in spite of this error.
    outcome_unknown: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message and redact_secrets(message))
        #: Whether the outcome of an earlier try of the same request is unknown.
        self.after_unknown = False


class NoResponseError(DVSError):
    """No response arrived. The outcome of the request is unknown."""

    outcome_unknown = True


class InvalidResponseError(DVSError):
    """The response is not one of the DVS API. The outcome of the request is unknown."""

    outcome_unknown = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorDetail:
    """One entry of an error body."""

    #: The DVS code, e.g. 1007001.
    code: int
    message: str


class APIError(DVSError):
    """The DVS API answered with an error (reference: Errors)."""

    def __init__(self, status_code: int, details: tuple[ErrorDetail, ...], retry_after: float | None = None) -> None:
        reasons = "; ".join(f"{detail.message} ({detail.code})" for detail in details) or "no reason given"
        super().__init__(f"DVS answered HTTP {status_code}: {reasons}")
        #: HTTP status of the response.
        self.status_code = status_code
        #: The entries of the error body; empty if it is not an error body of DVS.
        self.details = details
        #: Seconds of the response's `Retry-After`; None if it has none.
        self.retry_after = retry_after

    def has_code(self, code: ErrorCode) -> bool:
        """Return True if the error body has that code."""
        return any(detail.code == code for detail in self.details)


class BadRequestError(APIError):
    """The request was refused as malformed or not allowed (HTTP 400 and other 4xx)."""


class ExternalIdAlreadyUsedError(BadRequestError):
    """A transaction with this external ID exists already (1007001)."""


class InsufficientBalanceError(BadRequestError):
    """The wallet's balance is too low for this transaction (1006001)."""


class UnauthorizedError(APIError):
    """The credentials are missing or not valid (HTTP 401 or 403)."""


class NotFoundError(APIError):
    """There is no such entry, or not in this account (HTTP 404)."""


class TooManyRequestsError(APIError):
    """The rate limit was reached; the request was not processed (HTTP 429)."""


class ServerError(APIError):
    """The provider or a proxy failed. The outcome of the request is unknown (HTTP 5xx)."""

    outcome_unknown = True


#: 4xx responses that a proxy may give after it passed the request on.
_AMBIGUOUS_CLIENT_ERRORS = frozenset({408, 425, 499})

_BY_CODE: dict[int, type[BadRequestError]] = {
    ErrorCode.EXTERNAL_ID_ALREADY_USED: ExternalIdAlreadyUsedError,
    ErrorCode.INSUFFICIENT_BALANCE: InsufficientBalanceError,
}

_BY_STATUS: dict[int, type[APIError]] = {
    401: UnauthorizedError,
    403: UnauthorizedError,
    404: NotFoundError,
    429: TooManyRequestsError,
}


def error_for(status_code: int, details: tuple[ErrorDetail, ...], retry_after: float | None = None) -> APIError:
    """Return the exception for an HTTP status of 400 or more and the entries of its body (reference: Errors)."""
    if status_code >= 500 or status_code in _AMBIGUOUS_CLIENT_ERRORS:
        return ServerError(status_code, details, retry_after)
    for detail in details:
        if status_code == 400 and detail.code in _BY_CODE:
            return _BY_CODE[detail.code](status_code, details, retry_after)
    return _BY_STATUS.get(status_code, BadRequestError)(status_code, details, retry_after)
