"""The rate limit: so many requests in each second of the clock; touches only the clock."""

from bulk_topup.clock import Clock


class RateWindow:
    """Counts the requests of one key pair in fixed windows of a second.

    Args:
        clock: where time comes from.
        limit: requests a second; 0 is no limit.
    """

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self.limit = limit
        self._second = -1
        self._used = 0

    def take(self) -> int | None:
        """Take a place for one request and give how many are left; None where none was."""
        second = int(self._clock.monotonic())
        if second != self._second:
            self._second, self._used = second, 0
        if self._used >= self.limit:
            return None
        self._used += 1
        return self.limit - self._used
