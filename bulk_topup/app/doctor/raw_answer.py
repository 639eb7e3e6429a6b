"""Responses of DVS as they come, whatever their status and form; sends single requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bulk_topup.dvs import AsyncDVS, NoResponseError, WaitTooLongError, codec
from bulk_topup.dvs.error_form import error_details
from bulk_topup.dvs.transports.base import HTTPRequest, HTTPResponse

#: Most tries of a request that DVS throttles (HTTP 429), as long as the client's waits last.
THROTTLED_TRIES: Final = 10
_RATE_LIMIT: Final = "rate limit"
_THROTTLED: Final = 429
#: Statuses that anybody on the way may answer with, and that say nothing about the request itself.
_REFUSED: Final = frozenset({401, 403})


@dataclass(frozen=True, kw_only=True, slots=True)
class RawAnswer:
    """A response, decoded as far as possible."""

    #: 0 for no response.
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    #: The JSON of the body; None if it is none.
    value: Any = None
    #: Why it says nothing of what DVS is like; empty if it does.
    silence: str = ""
    #: Whether DVS throttled the request first, so that it took longer.
    was_throttled: bool = False

    @property
    def failure(self) -> str:
        """Why it is no success; empty if it is one."""
        return self.silence or ("" if self.status < 300 else self.named())

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

    def id_of(self, external_id: str) -> int | None:
        """Return the transaction's ID; None if the body is not about the one with that external ID."""
        id_ = self.get("id")
        is_id = isinstance(id_, int) and not isinstance(id_, bool)
        return id_ if is_id and self.get("external_id") == external_id else None


async def ask(
    dvs: AsyncDVS, method: str, path: str, *, params: dict[str, str] | None = None, body: object | None = None
) -> RawAnswer:
    """Send a request, again after HTTP 429 while the client's waits allow it, and return the response."""
    content = None if body is None else codec.encode(body)
    request = HTTPRequest(method=method, path=path, params=params, body=content)
    for number in range(THROTTLED_TRIES):
        try:
            response = await dvs.exchange(request)
        except WaitTooLongError:
            break
        except NoResponseError:
            return RawAnswer(silence="no response", was_throttled=number > 0)
        if response.status_code != _THROTTLED:
            return _decoded(response, was_throttled=number > 0)
    return RawAnswer(status=_THROTTLED, silence=_RATE_LIMIT, was_throttled=True)


def _decoded(response: HTTPResponse, *, was_throttled: bool) -> RawAnswer:
    status = response.status_code
    try:
        value = codec.decode(response.body)
    except codec.InvalidJSON:
        value = None
    silence = ""
    if status in _REFUSED or status >= 500:
        silence = f"HTTP {status}"
    elif value is None or (status >= 300 and not error_details(response.body)):
        silence = f"HTTP {status} and a body that is not in DVS's form"
    return RawAnswer(status=status, headers=response.headers, value=value, silence=silence, was_throttled=was_throttled)
