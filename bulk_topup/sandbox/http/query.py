"""Query parameters, read strictly, and the pages of lists; touches nothing."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qs

from bulk_topup.dvs import field_limits
from bulk_topup.dvs.field_limits import PER_PAGE_DEFAULT, PER_PAGE_MAX
from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.provider.requests import MAX_INT32, VISIBLE

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

Header = tuple[bytes, bytes]

_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_INTEGER = re.compile(r"[0-9]{1,10}")
#: More parameters than any endpoint has.
_MAX_PARAMETERS = 50


class Query:
    """The parameters of one request; an absent one is None, and an invalid one raises ErrorResponse (1000400).

    Args:
        text: the query string.

    Raises:
        ErrorResponse: the query string cannot be read, or a method finds an invalid parameter (1000400).
    """

    def __init__(self, text: bytes) -> None:
        try:
            self._values = parse_qs(
                text.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_MAX_PARAMETERS,
            )
        except ValueError:
            raise ErrorResponse(ErrorCode.BAD_REQUEST, "the query string cannot be read") from None

    def text(self, name: str) -> str | None:
        """Return a parameter that is any text with a visible character."""
        value = self._values.get(name, (None,))[0]
        if value is not None and not re.search(VISIBLE, value):
            raise _invalid(name)
        return value

    def matching(self, name: str, pattern: str) -> str | None:
        """Return a parameter that matches a pattern as a whole."""
        value = self.text(name)
        if value is not None and not re.fullmatch(pattern, value):
            raise _invalid(name)
        return value

    def integer(self, name: str, *, low: int = 1, high: int = MAX_INT32) -> int | None:
        """Return a parameter that is an integer from `low` to `high`."""
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value) or not low <= int(value) <= high:
            raise _invalid(name)
        return int(value)

    def one_of(self, name: str, kind: type[E]) -> E | None:
        """Return a parameter that is a member of an enumeration."""
        value = self.text(name)
        try:
            return None if value is None else kind(value)
        except ValueError:
            raise _invalid(name) from None

    def several(self, name: str, pattern: str) -> list[str]:
        """Return a list without duplicates whose items match a pattern, by commas or in parameters of the same name."""
        items = [item for value in self._values.get(name, ()) for item in value.split(",")]
        if len(set(items)) < len(items) or not all(re.fullmatch(pattern, item) for item in items):
            raise _invalid(name)
        return items

    def sort(self, name: str, allowed: Collection[str]) -> list[tuple[str, bool]]:
        """Return the keys of an order, the first one first, each with whether it is reversed."""
        text = self.matching(name, field_limits.PRODUCT_SORT)
        keys = [] if text is None else [key.strip() for key in text.split(",")]
        if not {key.removeprefix("-") for key in keys} <= set(allowed):
            raise ErrorResponse(ErrorCode.BAD_REQUEST, f"query parameter {name} requires {' or '.join(allowed)}")
        return [(key.removeprefix("-"), key.startswith("-")) for key in keys]

    def moment(self, name: str) -> datetime | None:
        """Return a time with offset (RFC 3339), to the microsecond."""
        value = self.text(name)
        if value is None:
            return None
        if not _DATE_TIME.fullmatch(value):
            raise _invalid(name)
        try:
            return datetime.fromisoformat(value.upper())
        except ValueError:
            raise _invalid(name) from None

    def page(self) -> "Page":
        """Return the requested page (reference: Pagination)."""
        return Page(
            number=self.integer("page") or 1,
            size=self.integer("per_page", high=PER_PAGE_MAX) or PER_PAGE_DEFAULT,
        )


def _invalid(name: str) -> ErrorResponse:
    return ErrorResponse(ErrorCode.BAD_REQUEST, f"query parameter {name} is not valid")


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page of a list, numbered from 1."""

    number: int
    size: int

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """Return the items on this page."""
        return items[(self.number - 1) * self.size : self.number * self.size]

    def headers(self, total: int) -> list[Header]:
        """Return the headers for a list of `total` items (reference: Pagination)."""
        pages = -(-total // self.size)
        values = [("x-total", total), ("x-total-pages", pages), ("x-per-page", self.size), ("x-page", self.number)]
        if self.number < pages:
            values.append(("x-next-page", self.number + 1))
        if 1 < self.number <= pages + 1:
            values.append(("x-prev-page", self.number - 1))
        return [(name.encode(), str(value).encode()) for name, value in values]
