"""The API's resources as methods: each names its section of the reference; HTTP is the client's business."""

from typing import Protocol, TypeVar

from pydantic import TypeAdapter

from bulk_topup.dvs.field_limits import PER_PAGE_MAX
from bulk_topup.dvs.pagination import Pages
from bulk_topup.dvs.request_retries import RetryPolicy
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.dvs.transports.base import Params

T = TypeVar("T")


class Caller(Protocol):
    """What a resource needs of the client."""

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
        timeout: float | None = None,  # noqa: ASYNC109 - of one answer, whatever its tries take
        admitted: bool = False,
    ) -> T:
        """Make one call and give its body as a model."""
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
        """Give a paginated list."""
        ...


def _query(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _body(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
