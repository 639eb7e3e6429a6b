"""Time zones: known names alone, this machine's by any of its settings, and zones that show the same times."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bulk_topup.system.time_zones import is_machine_zone, load_zone, machine_zone_name

NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return a function that sets the time zone of this process."""

    def put(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "name",
    ["", "Europa/Berlin", "../etc/passwd", "/etc/localtime", "posix/UTC", "right/UTC", "localtime", "a b", "x" * 999],
)
def test_other_texts_are_no_time_zones(name: str) -> None:
    assert load_zone(name) is None


def test_the_machines_time_zone_has_a_name_whatever_sets_it(machine: Callable[[str], None]) -> None:
    for setting, name in (("Asia/Singapore", "Asia/Singapore"), (":Europe/Berlin", "Europe/Berlin"), ("UTC", "UTC")):
        machine(setting)
        assert machine_zone_name() == name


def test_a_setting_without_a_name_gives_none(machine: Callable[[str], None]) -> None:
    machine("XYZ-3:17")
    assert machine_zone_name() is None


def test_zones_are_the_same_if_their_clocks_are(machine: Callable[[str], None]) -> None:
    machine("Europe/Berlin")
    assert is_machine_zone(ZoneInfo("Europe/Paris"), NOW)
    assert not is_machine_zone(ZoneInfo("Europe/London"), NOW)
    assert not is_machine_zone(ZoneInfo("Africa/Lagos"), NOW)  # the same in winter alone


def test_zones_that_are_a_day_apart_are_not_the_same(machine: Callable[[str], None]) -> None:
    machine("Pacific/Apia")
    assert is_machine_zone(ZoneInfo("Pacific/Apia"), NOW)
    assert not is_machine_zone(ZoneInfo("Pacific/Pago_Pago"), NOW)
