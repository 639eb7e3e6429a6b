"""The rate limit: so many requests in each second of the clock; touches only the clock."""

from typing import Any

from bulk_topup.dvs import codec
from bulk_topup.errors import ConfigurationError
from bulk_topup.system.clock import Clock


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

    def report(self) -> dict[str, int]:
        """Give the limit as `/sandbox/rate-limit` shows it."""
        return {"limit": self.limit}

    def set(self, body: bytes) -> None:
        """Take another limit from now on, also for the second that is on.

        Args:
            body: as `report` gives it, in JSON.

        Raises:
            ConfigurationError: it is something else.
        """
        try:
            stated: Any = codec.decode(body)
        except codec.InvalidJSON:
            stated = None
        limit = stated.get("limit") if isinstance(stated, dict) else None
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
            raise ConfigurationError('The rate limit is written like {"limit": 50}; 0 is none.')
        self.limit = limit
