"""A client of the DT One DVS API, async and blocking, usable alone; knows nothing of rows, lists or ledgers."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.dvs.blocking import DVS
    from bulk_topup.dvs.client import AsyncDVS, DVSClient
    from bulk_topup.dvs.errors import (
        APIError,
        BadRequestError,
        DVSError,
        ExternalIdAlreadyUsedError,
        InsufficientBalanceError,
        InvalidResponseError,
        NextStep,
        NoResponseError,
        NotFoundError,
        ServerError,
        TooManyRequestsError,
        UnauthorizedError,
        UnreadableBodyError,
        WaitTooLongError,
    )
    from bulk_topup.dvs.request_retries import RetryPolicy
    from bulk_topup.dvs.statuses import ErrorCode, StatusClass
else:
    __getattr__ = lazy_exports(
        __name__,
        blocking=("DVS",),
        client=("AsyncDVS", "DVSClient"),
        errors=(
            "APIError",
            "BadRequestError",
            "DVSError",
            "ExternalIdAlreadyUsedError",
            "InsufficientBalanceError",
            "InvalidResponseError",
            "NextStep",
            "NoResponseError",
            "NotFoundError",
            "ServerError",
            "TooManyRequestsError",
            "UnauthorizedError",
            "UnreadableBodyError",
            "WaitTooLongError",
        ),
        request_retries=("RetryPolicy",),
        statuses=("ErrorCode", "StatusClass"),
    )

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
    "NextStep",
    "NoResponseError",
    "NotFoundError",
    "RetryPolicy",
    "ServerError",
    "StatusClass",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UnreadableBodyError",
    "WaitTooLongError",
]
