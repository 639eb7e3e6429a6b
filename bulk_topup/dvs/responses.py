"""Read the responses of DVS: JSON as models, and errors as exceptions; pure, knows nothing of how they were fetched."""

from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from bulk_topup.dvs import codec
from bulk_topup.dvs.error_form import describe_foreign, error_details
from bulk_topup.dvs.errors import QUOTED_CHARACTERS, InvalidResponseError, UnreadableBodyError, error_for
from bulk_topup.dvs.models.base import problems_of
from bulk_topup.dvs.pagination import Page, header_number
from bulk_topup.dvs.retry_after import retry_after
from bulk_topup.dvs.transports.base import HTTPResponse
from bulk_topup.dvs.unreadable import UnreadableEntry, unreadable_entry

T = TypeVar("T")


def read_model(response: HTTPResponse, model: TypeAdapter[T]) -> T:
    """Return the body of a response as a model.

    Raises:
        InvalidResponseError: the body is not JSON.
        UnreadableBodyError: it is not what the model describes.
    """
    value = _add_language(response, _decode(response))
    try:
        return model.validate_python(value)
    except ValidationError as error:
        problems = problems_of(error)[:QUOTED_CHARACTERS]
        # Without its cause, which can quote the body.
        raise UnreadableBodyError(
            f"DVS answered HTTP {response.status_code} with an unexpected body: {problems}"
        ) from None


def read_page(response: HTTPResponse, item: TypeAdapter[T], *, path: str, number: int, per_page: int) -> Page[T]:
    """Return the body of a response as a page of a list (reference: Pagination).

    Args:
        response: the response.
        item: the model of each entry.
        path: the list's path.
        number: the requested page, from 1.
        per_page: the requested entries per page.

    Raises:
        InvalidResponseError: the body is not a list, or the headers name another page.
    """
    named = header_number(response.headers, "x-page")
    if named not in {None, number}:
        raise InvalidResponseError(f"DVS answered with page {named} of a list when page {number} was requested.")
    values = _decode(response)
    if not isinstance(values, list):
        raise InvalidResponseError(f"DVS answered HTTP {response.status_code} with something other than a list.")
    items: list[T] = []
    unreadable: list[UnreadableEntry] = []
    for value in values:
        try:
            items.append(item.validate_python(_add_language(response, value)))
        except ValidationError as error:
            unreadable.append(unreadable_entry(path, value, problems_of(error)))
    return Page(
        items=tuple(items),
        unreadable=tuple(unreadable),
        number=number,
        per_page=min(header_number(response.headers, "x-per-page") or per_page, per_page),
        total=header_number(response.headers, "x-total"),
        total_pages=header_number(response.headers, "x-total-pages"),
        content_language=response.headers.get("content-language"),
    )


def raise_for_error(response: HTTPResponse, now: datetime) -> None:
    """Raise the exception of a response that is not a success (reference: Errors).

    Args:
        response: the response.
        now: when it came.

    Raises:
        InvalidResponseError: it is a redirect, which is never followed, or its body is not in DVS's form.
        APIError: DVS answered with an error, or the status alone decides what is sent next.
    """
    if 200 <= response.status_code < 300:
        return
    if response.status_code < 400:
        raise InvalidResponseError(f"DVS answered HTTP {response.status_code}, a redirect, which is never followed.")
    details = error_details(response.body)
    foreign = "" if details else describe_foreign(response)
    raise error_for(response.status_code, details, retry_after(response.headers, now), foreign=foreign)


def _decode(response: HTTPResponse) -> Any:  # noqa: ANN401 - JSON can be anything
    try:
        return codec.decode(response.body)
    except codec.InvalidJSON:
        # Without its cause, as below: that text can quote the body, which can contain a PIN.
        raise InvalidResponseError(
            f"DVS answered HTTP {response.status_code} with {describe_foreign(response)}, which is not JSON."
        ) from None


def _add_language(response: HTTPResponse, value: Any) -> Any:  # noqa: ANN401
    """Return the value with the language of its texts, for the models that keep it."""
    language = response.headers.get("content-language")
    return {**value, "content_language": language} if language and isinstance(value, dict) else value
