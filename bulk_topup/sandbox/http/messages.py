"""The requests and responses of the endpoints, whatever they are about; touches nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue.languages import Language
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.http.query import Header, Page, Query
from bulk_topup.sandbox.provider.transaction import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request as an endpoint receives it."""

    #: The variable segment of the path, e.g. an ID; empty if the path has none.
    name: str
    query_string: bytes
    body: bytes
    headers: Sequence[Header]

    @property
    def query(self) -> Query:
        """The query parameters."""
        return Query(self.query_string)

    def id(self, high: int) -> int:
        """Return the variable segment of the path as an ID.

        Raises:
            ErrorResponse: it is not an ID (1000400).
        """
        if not (self.name.isascii() and self.name.isdigit() and len(self.name) <= len(str(high))):
            raise ErrorResponse(ErrorCode.BAD_REQUEST, "the id in the path is not a positive whole number")
        if not 1 <= int(self.name) <= high:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, "the id in the path is out of range")
        return int(self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """A response."""

    body: bytes
    status: int = 200
    headers: Sequence[Header] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncWait:
    """A response that waits until its transaction is final (reference: Synchronous)."""

    transaction: Transaction
    status: int


Handler = Callable[[Request], Response | SyncWait]


def page_response(bodies: Sequence[bytes], page: Page, language: Language | None = None) -> Response:
    """Return one page of all bodies, with its headers, and the language if there is a choice."""
    response = list_response(page.of(bodies), page, len(bodies))
    return response if language is None else replace(response, headers=[*response.headers, *language_headers(language)])


def language_headers(language: Language) -> Sequence[Header]:
    """Return the headers with the language of a response, and that it depends on the request's."""
    return ((b"content-language", language.value.encode()), (b"vary", b"Accept-Language"))


def list_response(bodies: Sequence[bytes], page: Page, total: int) -> Response:
    """Return the bodies of one page, with its headers."""
    return Response(body=b"[" + b",".join(bodies) + b"]", headers=page.headers(total))
