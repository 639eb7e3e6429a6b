"""What can go wrong between us and the DVS API, by HTTP status and DVS code; pure, imports no HTTP.

Two questions decide everything that follows an error of a creation, and each exception answers both:
`outcome_unknown` (may the provider have taken the request all the same?) and `after_unknown` (was an earlier try of
the same call left without an answer, so that this answer alone proves nothing?).
"""

from dataclasses import dataclass
from typing import ClassVar

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.errors import BulkTopupError
from bulk_topup.security.redaction import redact_secrets

#: How much of an unexpected body is quoted in an error.
QUOTED_CHARACTERS = 200


class DVSError(BulkTopupError):
    """The DVS API did not do what was asked."""

    #: The provider may have acted on the request although this error came back.
    outcome_unknown: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message and redact_secrets(message))
        #: An earlier try of the same call ended without a definite answer.
        self.after_unknown = False


class NoResponseError(DVSError):
    """No answer arrived, so nobody knows whether the request was taken."""

    outcome_unknown = True


class InvalidResponseError(DVSError):
    """The answer is not one that the DVS API gives, so nobody knows whether the request was taken."""

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
        #: HTTP status of the answer.
        self.status_code = status_code
        #: The entries of the error body; empty when it was not a DVS error body.
        self.details = details
        #: Seconds that the answer asks to wait, when it says.
        self.retry_after = retry_after

    def has_code(self, code: ErrorCode) -> bool:
        """Tell whether the error body names that code."""
        return any(detail.code == code for detail in self.details)


class BadRequestError(APIError):
    """The request was refused as malformed or not allowed (HTTP 400 and other 4xx)."""


class ExternalIdAlreadyUsedError(BadRequestError):
    """A transaction with this external id exists already (1007001)."""


class InsufficientBalanceError(BadRequestError):
    """The wallet does not hold enough for this transaction (1006001)."""


class UnauthorizedError(APIError):
    """The credentials are missing or not valid (HTTP 401 or 403)."""


class NotFoundError(APIError):
    """There is no such thing, or not in this account (HTTP 404)."""


class TooManyRequestsError(APIError):
    """The rate limit was reached; the request was not looked at (HTTP 429)."""


class ServerError(APIError):
    """The provider or something before it failed, so nobody knows whether the request was taken (HTTP 5xx)."""

    outcome_unknown = True


#: 4xx answers that a proxy gives for a request which may have been passed on.
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
    """Give the exception for an HTTP status of 400 and above and the entries of its body."""
    if status_code >= 500 or status_code in _AMBIGUOUS_CLIENT_ERRORS:
        return ServerError(status_code, details, retry_after)
    for detail in details:
        if status_code == 400 and detail.code in _BY_CODE:
            return _BY_CODE[detail.code](status_code, details, retry_after)
    return _BY_STATUS.get(status_code, BadRequestError)(status_code, details, retry_after)
