"""Define what resources need of the client, and create their parameters and bodies; pure."""

from typing import Protocol, TypeVar

from pydantic import TypeAdapter

from bulk_topup.dvs.field_limits import PER_PAGE_MAX
from bulk_topup.dvs.pagination import Pages
from bulk_topup.dvs.request_retries import RetryPolicy
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.dvs.transports.base import Params

T = TypeVar("T")


class Caller(Protocol):
    """The interface of the client for its resources."""

    async def request(
        self,
        method: str,
        path: str,
        model: TypeAdapter[T],
        *,
        params: Params | None = None,
        body: object | None = None,
        language: str | None = None,
        retries: RetryPolicy | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - of one response, not of all tries
        admitted: bool = False,
    ) -> T:
        """Send one request and return the body of its response as a model."""
        ...

    def pages(
        self,
        path: str,
        item: TypeAdapter[T],
        *,
        params: Params | None = None,
        body: dict[str, object] | None = None,
        language: str | None = None,
        empty_code: ErrorCode | None,
        per_page: int = PER_PAGE_MAX,
    ) -> Pages[T]:
        """Return a paginated list."""
        ...


def query_params(**values: object) -> dict[str, str]:
    """Return query parameters as texts, without those that are None."""
    return {name: str(value) for name, value in values.items() if value is not None}


def json_body(**values: object) -> dict[str, object]:
    """Return the fields of a body, without those that are None."""
    return {name: value for name, value in values.items() if value is not None}
