"""Answers of DVS, and of anybody else on the way: what is known of the request, and what is sent next."""

import json
from datetime import UTC, datetime

import pytest

from bulk_topup.dvs.error_form import describe_foreign, error_details
from bulk_topup.dvs.errors import (
    APIError,
    BadRequestError,
    DVSError,
    ExternalIdAlreadyUsedError,
    InsufficientBalanceError,
    InvalidResponseError,
    NextStep,
    NotFoundError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
)
from bulk_topup.dvs.responses import raise_for_error
from bulk_topup.dvs.transports.base import HTTPResponse

#: What gateways, proxies and firewalls write.
FOREIGN = [
    b"",
    b" ",
    b"<html><head><title>404 Not Found</title></head></html>",
    b"upstream request timeout",
    b"{}",
    b"[]",
    b"null",
    b'"error"',
    b'{"message":"Missing Authentication Token"}',
    b'{"errors":[]}',
    b'{"errors":"none"}',
    b'{"errors":{"code":1003001,"message":"Product not found"}}',
    b'{"errors":[{"code":"1003001","message":"Product not found"}]}',
    b'{"errors":[{"code":true,"message":"Product not found"}]}',
    b'{"errors":[{"code":1003001.0,"message":"Product not found"}]}',
    b'{"errors":[{"code":1003001}]}',
    b'{"errors":[{"message":"Product not found"}]}',
    b'{"errors":[{"code":1003001,"message":"Product not found"},"and more"]}',
    b'{"errors":[{"code":1003001,"message":"Product not fou',
]


NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _raised(status: int, body: bytes, kind: str = "text/html; charset=utf-8") -> DVSError:
    with pytest.raises(DVSError) as caught:
        raise_for_error(HTTPResponse(status_code=status, headers={"content-type": kind}, body=body), NOW)
    return caught.value


def _own(code: int) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": "Something"}]}).encode()


@pytest.mark.parametrize("body", FOREIGN)
@pytest.mark.parametrize("status", [400, 402, 404, 405, 406, 407, 409, 410, 413, 414, 415, 422, 431, 451])
def test_what_is_not_in_the_form_of_dvs_is_no_answer_whatever_its_status(status: int, body: bytes) -> None:
    error = _raised(status, body)
    assert isinstance(error, InvalidResponseError)
    assert (error.outcome_unknown, error.next_step) == (True, NextStep.WAIT)


@pytest.mark.parametrize("body", FOREIGN)
@pytest.mark.parametrize(
    ("status", "kind", "step"),
    [
        (401, UnauthorizedError, NextStep.STOP),
        (403, UnauthorizedError, NextStep.STOP),
        (429, TooManyRequestsError, NextStep.WAIT),
        (503, ServerError, NextStep.WAIT),
    ],
)
def test_in_a_foreign_form_some_statuses_decide_what_is_sent_next_but_nothing_of_the_request(
    status: int, kind: type[APIError], step: NextStep, body: bytes
) -> None:
    error = _raised(status, body)
    assert (type(error), error.next_step, error.outcome_unknown) == (kind, step, True)


@pytest.mark.parametrize(
    ("status", "code", "kind", "is_unknown"),
    [
        (400, 1003002, BadRequestError, False),
        (409, 1003002, BadRequestError, False),
        (404, 1003001, NotFoundError, False),
        (401, 1000401, UnauthorizedError, False),
        (403, 1000401, UnauthorizedError, False),
        (429, 1000429, TooManyRequestsError, False),
        (500, 1003002, ServerError, True),
        (408, 1003002, ServerError, True),
        *((status, 1007001, ExternalIdAlreadyUsedError, False) for status in (400, 404, 409, 422)),
        (500, 1007001, ExternalIdAlreadyUsedError, True),
        (401, 1007001, UnauthorizedError, True),
        (429, 1007001, TooManyRequestsError, True),
        *((status, 1006001, InsufficientBalanceError, False) for status in (400, 402, 409, 422)),
        (503, 1006001, InsufficientBalanceError, True),
    ],
)
def test_in_the_form_of_dvs_the_code_counts_whatever_the_status(
    status: int, code: int, kind: type[APIError], is_unknown: bool
) -> None:
    error = _raised(status, _own(code), "application/json")
    assert (type(error), error.outcome_unknown) == (kind, is_unknown)


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"", "text/html", "with an empty body"),
        (
            b"<html>\r\n <b>Not\tfound</b>",
            "text/html; charset=x",
            'with text/html of 25 bytes, "<html> <b>Not found</b>"',
        ),
        (b"x", "", 'with a body without a type of 1 byte, "x"'),
        (b'\x1b[31m\xff"y"', "text/plain\x1b", "with text/plain\ufffd of 9 bytes, \"\ufffd[31m\ufffd'y'\""),
        (b"a" * 60, "text/plain", f'with text/plain of 60 bytes, "{"a" * 60}"'),
        (b"a" * 61, "text/plain", f'with text/plain of 61 bytes, "{"a" * 60}…"'),
        (b"a" * 2_000, "text/plain", f'with text/plain of 2,000 bytes, "{"a" * 60}…"'),
    ],
)
def test_a_message_says_what_came_escaped(body: bytes, kind: str, text: str) -> None:
    assert text in str(_raised(404, body, kind))
    assert text in str(_raised(403, body, kind))


@pytest.mark.parametrize(("status", "is_quoted"), [(200, False), (201, False), (299, False), (300, True), (302, True)])
def test_a_success_alone_that_can_not_be_read_is_not_quoted(status: int, is_quoted: bool) -> None:
    described = describe_foreign(HTTPResponse(status_code=status, headers={}, body=b"PIN 1234"))
    assert described == "a body without a type of 8 bytes" + (', "PIN 1234"' if is_quoted else "")


def test_unknown_keys_of_an_error_body_and_further_codes_are_no_obstacle() -> None:
    body = b'{"errors":[{"code":7,"message":"New\\u001b","field":"x"}],"trace":"1"}'
    assert [(each.code, each.message) for each in error_details(body)] == [(7, "New\ufffd")]


def test_the_first_400_bytes_are_searched_for_words() -> None:
    response = HTTPResponse(status_code=502, headers={}, body=b" " * 390 + b"abcdefghij" + b"klm")
    assert describe_foreign(response) == 'a body without a type of 403 bytes, "abcdefghij"'


def test_a_long_media_type_is_cut() -> None:
    response = HTTPResponse(status_code=502, headers={"content-type": "a" * 61}, body=b"x")
    assert describe_foreign(response) == f'{"a" * 60} of 1 byte, "x"'
