"""Read the provider's clock from the `Date` of its responses; touches only the local clock, and no wall clock of it."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from bulk_topup.dvs.models.base import EARLIEST, LATEST
from bulk_topup.system.clock import Clock

#: A `Date` has whole seconds, so that the time may be later by this much.
_WHOLE_SECONDS: Final = timedelta(seconds=1)


def parse_date(text: str) -> datetime | None:
    """Return the time of a `Date` header in UTC; None if it is none, or absurd."""
    try:
        date = parsedate_to_datetime(text)
        # One without a zone, as the older forms are, is in UTC and not in this machine's time.
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return date if EARLIEST <= date <= LATEST else None


class ProviderClock:
    """The provider's time, as its last response stated it.

    Args:
        clock: measures the time since then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._text = ""
        self._date: datetime | None = None
        self._read_at = 0.0

    def record(self, text: str) -> None:
        """Record the `Date` of a response; one that is no time is ignored."""
        # The first response of a second is the nearest to its start.
        if text != self._text and (date := parse_date(text)) is not None:
            self._text, self._date, self._read_at = text, date, self._clock.monotonic()

    def now(self) -> datetime | None:
        """Return the latest time that it may be at the provider, in UTC; None if no response has stated one."""
        if self._date is None:
            return None
        return self._date + _WHOLE_SECONDS + timedelta(seconds=self._clock.monotonic() - self._read_at)
