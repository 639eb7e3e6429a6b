"""Responses of DVS as they come, whatever their status and form; sends single requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bulk_topup.dvs import AsyncDVS, codec
from bulk_topup.dvs.transports.base import HTTPRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class RawAnswer:
    """A response, decoded as far as possible."""

    status: int
    headers: Mapping[str, str]
    #: The JSON of the body; None if it is none.
    value: Any

    @property
    def codes(self) -> list[int]:
        """The codes of an error body; empty if it is not in DVS's form."""
        errors = self.value.get("errors") if isinstance(self.value, dict) else None
        return [each["code"] for each in errors or () if isinstance(each, dict) and isinstance(each.get("code"), int)]

    def named(self) -> str:
        """Return status and codes for a report."""
        codes = ", ".join(map(str, self.codes)) or "no error code"
        return f"HTTP {self.status}" + ("" if self.status < 300 else f", {codes}")

    def get(self, *path: str) -> Any:  # noqa: ANN401 - JSON can be anything
        """Return what the body has below some names; None if it has nothing there."""
        value = self.value
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value


async def ask(
    dvs: AsyncDVS, method: str, path: str, *, params: dict[str, str] | None = None, body: object | None = None
) -> RawAnswer:
    """Send a request once, and return the response.

    Raises:
        NoResponseError: there was none.
    """
    content = None if body is None else codec.encode(body)
    response = await dvs.exchange(HTTPRequest(method=method, path=path, params=params, body=content))
    try:
        value = codec.decode(response.body)
    except codec.InvalidJSON:
        value = None
    return RawAnswer(status=response.status_code, headers=response.headers, value=value)
