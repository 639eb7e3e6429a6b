"""Find time zones: by name, this machine's, and whether two show the same time; reads the machine's settings."""

import os
import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Names in the time zone database that are zones; `posix/` and `right/` are copies of it, `localtime` is a setting.
_NAME: Final = re.compile(r"(?!posix/|right/|localtime$|posixrules$)[A-Za-z][A-Za-z0-9_+/-]*")
#: A link into the time zone database.
_LOCAL_TIME: Final = Path("/etc/localtime")
_DATABASE: Final = "zoneinfo/"
#: The zone of a machine without any setting.
_UTC: Final = "Etc/UTC"
#: A day, in seconds.
_STEP: Final = 24 * 60 * 60
#: How long two zones have to show the same time, in seconds: both changes of the clock of several years.
_COMPARED: Final = 3 * 366 * _STEP


def load_zone(name: str) -> ZoneInfo | None:
    """Return the time zone of an IANA name, such as `Asia/Singapore`; None if there is none."""
    if not _NAME.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return None


def machine_zone_name() -> str | None:
    """Return the IANA name of this process's time zone, by TZ or else the machine's setting; None if it has none.

    Real time because the machine's zone is a fact of now.
    """
    set_, linked = os.environ.get("TZ", "").removeprefix(":"), str(_LOCAL_TIME.resolve()).partition(_DATABASE)[2]
    now = datetime.now(UTC)
    for name in filter(None, (set_, linked, _UTC)):
        zone = load_zone(name)
        if zone is not None and is_machine_zone(zone, now):
            return name
    return None


def is_machine_zone(zone: tzinfo, now: datetime) -> bool:
    """Return True if a zone shows the same times as this machine for years to come, whatever its name.

    Args:
        zone: the zone.
        now: the time, in UTC.
    """
    first = int(now.timestamp())
    for moment in range(first, first + _COMPARED, _STEP):
        there, here = datetime.fromtimestamp(moment, zone), datetime.fromtimestamp(moment)  # noqa: DTZ006 - this machine's
        # The days as well: two zones may be 24 hours apart.
        if (there.minute, there.hour, there.day) != (here.minute, here.hour, here.day):
            return False
    return True
