"""Pings to a monitor: the URL requested, and failures as texts."""

import pytest

from bulk_topup.monitoring.ping import START, TRIES, ping
from tests.helpers.smtp_and_http_receivers import Hook


@pytest.mark.parametrize(
    ("path", "suffix", "requested"),
    [
        ("/uuid", START, "/uuid/start"),
        ("/uuid", "", "/uuid"),
        ("/uuid/", "75", "/uuid/75"),
        ("/push?token=a&b=c", "1", "/push/1?token=a&b=c"),
    ],
)
def test_the_suffix_is_the_last_part_of_the_path(hook: Hook, path: str, suffix: str, requested: str) -> None:
    assert ping(hook.url + path, suffix) is None
    assert hook.requests == [("GET", requested, b"")]


def test_an_http_error_is_retried_then_returned(hook: Hook) -> None:
    hook.status = 503
    assert ping(f"{hook.url}/uuid", "") == "HTTP 503"
    assert len(hook.requests) == TRIES


def test_a_connection_error_is_returned_without_the_url() -> None:
    assert ping("http://127.0.0.1:9/uuid-secret", "") == "ConnectError"


def test_of_a_response_that_never_ends_only_the_status_is_read(hook: Hook) -> None:
    hook.is_endless = True
    assert ping(f"{hook.url}/uuid", "") is None
    assert hook.sent < 2**25


def test_a_redirect_is_not_followed(hook: Hook) -> None:
    hook.status, hook.location = 302, f"{hook.url}/elsewhere"
    assert ping(f"{hook.url}/uuid", "") == "HTTP 302"
    assert {path for _, path, _ in hook.requests} == {"/uuid"}
