"""A client of the DT One DVS API, async and blocking, usable alone; knows nothing of rows, lists or ledgers."""

from bulk_topup.dvs.blocking import DVS
from bulk_topup.dvs.client import AsyncDVS
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

#: The async client under another name.
DVSClient = AsyncDVS

__all__ = [
    "DVS",
    "APIError",
    "AsyncDVS",
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
