"""Pings to a monitor: what is asked for, and that no answer is a reason and nothing more."""

import pytest

from bulk_topup.monitoring.ping import START, TRIES, ping
from tests.helpers.smtp_and_http_receivers import Hook


@pytest.mark.parametrize(
    ("path", "ending", "asked"),
    [
        ("/uuid", START, "/uuid/start"),
        ("/uuid", "", "/uuid"),
        ("/uuid/", "75", "/uuid/75"),
        ("/push?token=a&b=c", "1", "/push/1?token=a&b=c"),
    ],
)
def test_the_ending_goes_on_the_path(hook: Hook, path: str, ending: str, asked: str) -> None:
    assert ping(hook.url + path, ending) is None
    assert hook.asked == [("GET", asked, b"")]


def test_an_error_is_tried_again_and_told_then(hook: Hook) -> None:
    hook.status = 503
    assert ping(f"{hook.url}/uuid", "") == "it answered HTTP 503"
    assert len(hook.asked) == TRIES


def test_nobody_there_is_told_by_its_kind_alone() -> None:
    assert ping("http://127.0.0.1:9/uuid-secret", "") == "ConnectError"
