"""An async client of the DT One DVS API, usable alone; knows nothing of rows, lists or ledgers."""

from bulk_topup.dvs.client import DVSClient
from bulk_topup.dvs.errors import (
    APIError,
    BadRequestError,
    DVSError,
    ExternalIdAlreadyUsedError,
    InsufficientBalanceError,
    InvalidResponseError,
    NoResponseError,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
)
from bulk_topup.dvs.retries import RetryPolicy
from bulk_topup.dvs.statuses import ErrorCode, StatusClass

__all__ = [
    "APIError",
    "BadRequestError",
    "DVSClient",
    "DVSError",
    "ErrorCode",
    "ExternalIdAlreadyUsedError",
    "InsufficientBalanceError",
    "InvalidResponseError",
    "NoResponseError",
    "NotFoundError",
    "RetryPolicy",
    "ServerError",
    "StatusClass",
    "TooManyRequestsError",
    "UnauthorizedError",
]
