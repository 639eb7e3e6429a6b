"""Define the errors of the DVS API, by HTTP status and DVS code (reference: Errors); pure, imports no HTTP.

Two decisions follow an error, and each exception answers both. What is known of a creation: `outcome_unknown` (may the
provider have accepted the request nevertheless?) and `after_unknown` (is the outcome of an earlier try of the same
request unknown, so that this response alone proves nothing?). What the client's user does next: `next_step`. Refused
credentials stop it and a rate limit makes it wait, also in the answer of a gateway; what is known comes from DVS alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.errors import BulkTopupError
from bulk_topup.security.redaction import redact_secrets

NOT_FOUND = 404

#: Most characters of an unexpected body that an error quotes.
QUOTED_CHARACTERS = 200


class NextStep(StrEnum):
    """What follows an error for the requests after it, whatever it says about its own."""

    #: DVS answers; other requests may be sent.
    CONTINUE = "continue"
    #: DVS does not answer, or asks to wait; others would probably fail, too.
    WAIT = "wait"
    #: The credentials were refused; nothing else may be sent.
    STOP = "stop"


class DVSError(BulkTopupError):
    """The DVS API did not carry out the request."""

    #: What follows for other requests.
    next_step: ClassVar[NextStep] = NextStep.CONTINUE

    def __init__(self, message: str | None = None, *, outcome_unknown: bool = False) -> None:
        super().__init__(message and redact_secrets(message))
        #: Whether the provider may have accepted the request in spite of this error.
        self.outcome_unknown = outcome_unknown
        #: Whether the outcome of an earlier try of the same request is unknown.
        self.after_unknown = False


class NoResponseError(DVSError):
    """No response arrived. The outcome of the request is unknown."""

    next_step = NextStep.WAIT

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, outcome_unknown=True)


class InvalidResponseError(DVSError):
    """The response is not one of the DVS API. The outcome of the request is unknown."""

    next_step = NextStep.WAIT

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, outcome_unknown=True)


class UnreadableBodyError(InvalidResponseError):
    """The response is JSON, but not what this version expects. The outcome of the request is unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorDetail:
    """One entry of an error body."""

    #: The DVS code, e.g. 1007001.
    code: int
    message: str


class APIError(DVSError):
    """DVS, or something on the way that answers with the same status, answered with an error (reference: Errors).

    Args:
        status_code: HTTP status of the response.
        details: the entries of the error body; empty if it is not an error body of DVS.
        retry_after: seconds of the response's `Retry-After`; None if it has none.
        foreign: what came instead of an error body of DVS.
        outcome_unknown: whether a transaction may exist although the body is one of DVS.
    """

    def __init__(
        self,
        status_code: int,
        details: tuple[ErrorDetail, ...],
        retry_after: float | None = None,
        *,
        foreign: str = "",
        outcome_unknown: bool = False,
    ) -> None:
        reasons = "; ".join(f"{detail.message} ({detail.code})" for detail in details)
        super().__init__(
            f"DVS answered HTTP {status_code}: {reasons}" if details else foreign_message(status_code, foreign),
            outcome_unknown=outcome_unknown or not details,
        )
        self.status_code = status_code
        self.details = details
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

    next_step = NextStep.STOP


class NotFoundError(APIError):
    """There is no such entry, or not in this account (HTTP 404)."""


class TooManyRequestsError(APIError):
    """The rate limit was reached (HTTP 429); in DVS's form, the request was not processed."""

    next_step = NextStep.WAIT


class WaitTooLongError(DVSError):
    """The request was not sent, as DVS throttles the account (HTTP 429) for longer than the client may wait."""

    next_step = NextStep.WAIT


class ServerError(APIError):
    """The provider or a proxy failed. The outcome of the request is unknown (HTTP 5xx)."""

    next_step = NextStep.WAIT


#: 4xx responses that a proxy may give after it passed the request on.
_AMBIGUOUS_CLIENT_ERRORS = frozenset({408, 425, 499})

#: Codes that count whatever the status is.
_BY_CODE: dict[int, type[BadRequestError]] = {
    ErrorCode.EXTERNAL_ID_ALREADY_USED: ExternalIdAlreadyUsedError,
    ErrorCode.INSUFFICIENT_BALANCE: InsufficientBalanceError,
}

#: Statuses that decide what is sent next, whatever their body is.
_BY_STATUS: dict[int, type[APIError]] = {
    401: UnauthorizedError,
    403: UnauthorizedError,
    429: TooManyRequestsError,
}


def error_for(
    status_code: int, details: tuple[ErrorDetail, ...], retry_after: float | None = None, *, foreign: str = ""
) -> APIError | InvalidResponseError:
    """Return the exception for an HTTP status of 400 or more (reference: Errors).

    Args:
        status_code: the status.
        details: the entries of its body; empty if that is not in DVS's form, which is no answer of DVS.
        retry_after: seconds of its `Retry-After`; None if it has none.
        foreign: what came instead of an error body of DVS.
    """
    is_ambiguous = status_code >= 500 or status_code in _AMBIGUOUS_CLIENT_ERRORS
    codes = {detail.code for detail in details}
    kind = _BY_STATUS.get(status_code) or next((_BY_CODE[code] for code in codes if code in _BY_CODE), None)
    if kind is None and is_ambiguous:
        kind = ServerError
    if kind is None and not details:
        return InvalidResponseError(foreign_message(status_code, foreign))
    if kind is None:
        kind = NotFoundError if status_code == NOT_FOUND else BadRequestError
    # A used external ID says that there is a transaction, so a status beside it is no proof of none.
    is_used = ErrorCode.EXTERNAL_ID_ALREADY_USED in codes
    return kind(
        status_code,
        details,
        retry_after,
        foreign=foreign,
        outcome_unknown=is_ambiguous or (is_used and kind is not ExternalIdAlreadyUsedError),
    )


def foreign_message(status_code: int, foreign: str) -> str:
    """Return the message about an error response that is not in DVS's form.

    Args:
        status_code: its HTTP status.
        foreign: what came.
    """
    return f"DVS answered HTTP {status_code} with {foreign or 'an empty body'}, which is not its error form"
