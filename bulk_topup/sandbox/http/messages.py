"""What the endpoints are given and what they give: requests, answers, pages; knows nothing of what they are about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue.languages import Language
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.http.query import Header, Page, Query
from bulk_topup.sandbox.provider.transaction import Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What an endpoint sees of a request."""

    #: The part of the path that names one thing; empty where the path has none.
    name: str
    query_string: bytes
    body: bytes
    headers: Sequence[Header]

    @property
    def query(self) -> Query:
        """The query parameters."""
        return Query(self.query_string)

    def id(self, high: int) -> int:
        """Give the name in the path as an id.

        Raises:
            ErrorResponse: it is none (1000400).
        """
        if not (self.name.isascii() and self.name.isdigit() and len(self.name) <= len(str(high))):
            raise ErrorResponse(ErrorCode.BAD_REQUEST, "the id in the path is not a positive whole number")
        if not 1 <= int(self.name) <= high:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, "the id in the path is out of range")
        return int(self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What goes back."""

    body: bytes
    status: int = 200
    headers: Sequence[Header] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncWait:
    """An answer that goes back once its transaction is final (reference: Synchronous)."""

    transaction: Transaction
    status: int


Handler = Callable[[Request], Answer | SyncWait]


def page_answer(bodies: Sequence[bytes], page: Page, language: Language | None = None) -> Answer:
    """Give one page of all bodies as an answer, with its headers and its language where that is chosen."""
    answer = list_answer(page.of(bodies), page, len(bodies))
    return answer if language is None else replace(answer, headers=[*answer.headers, in_language(language)])


def in_language(language: Language) -> Header:
    """Give the header that tells an answer's language."""
    return (b"content-language", language.value.encode())


def list_answer(bodies: Sequence[bytes], page: Page, total: int) -> Answer:
    """Give the bodies of one page as an answer, with its headers."""
    return Answer(body=b"[" + b",".join(bodies) + b"]", headers=page.headers(total))
