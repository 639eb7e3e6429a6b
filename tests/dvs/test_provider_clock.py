"""The provider's time by its `Date` headers, whatever this machine's clock shows."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from bulk_topup.dvs.provider_clock import ProviderClock, parse_date


def test_the_time_goes_on_from_the_last_date_and_is_never_too_early(clock: Any) -> None:
    provider = ProviderClock(clock)
    assert provider.now() is None
    provider.record("Tue, 24 Nov 2026 20:05:05 GMT")
    assert provider.now() == datetime(2026, 11, 24, 20, 5, 6, tzinfo=UTC)
    clock.seconds += 4
    provider.record("Tue, 24 Nov 2026 20:05:05 GMT")
    assert provider.now() == datetime(2026, 11, 24, 20, 5, 10, tzinfo=UTC)
    provider.record("Tue, 24 Nov 2026 20:05:20 GMT")
    assert provider.now() == datetime(2026, 11, 24, 20, 5, 21, tzinfo=UTC)


@pytest.mark.parametrize("text", ["Tue Nov 24 20:05:05 2026", "Tue, 24 Nov 2026 20:05:05 -0000"])
def test_a_date_without_a_zone_is_in_utc_wherever_this_machine_is(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Singapore")
    time.tzset()
    try:
        assert parse_date(text) == datetime(2026, 11, 24, 20, 5, 5, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text",
    ["", "now", "Tue, 99 Nov 2026 20:05:05 GMT", "Mon, 01 Jan 1990 00:00:00 GMT", "Fri, 01 Jan 9999 0:0:0 -2359"],
)
def test_an_absurd_date_is_none(clock: Any, text: str) -> None:
    assert parse_date(text) is None
    provider = ProviderClock(clock)
    provider.record("Tue, 24 Nov 2026 20:05:05 GMT")
    provider.record(text)
    assert provider.now() == datetime(2026, 11, 24, 20, 5, 6, tzinfo=UTC)
