"""The sandbox's time: that of a clock that may be set back, without going back or standing still."""

from datetime import datetime, timedelta

from bulk_topup.system.clock import Clock


class ForwardTime:
    """Tells the time of a clock; while that was set back, time passes as on its monotonic side."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: When the time was asked for last, by the monotonic clock.
        self._asked_at = clock.monotonic()

    def now_after(self, latest: datetime) -> datetime:
        """Return the time, in UTC.

        Args:
            latest: the latest time that was told or recorded, in UTC.
        """
        now, asked_at = self._clock.now(), self._clock.monotonic()
        passed, self._asked_at = timedelta(seconds=asked_at - self._asked_at), asked_at
        return latest + passed if now < latest else now
