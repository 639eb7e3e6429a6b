"""The rate limit: a number of requests in each second of the clock; touches only the clock."""

from typing import Any

from bulk_topup.dvs import codec
from bulk_topup.errors import ConfigurationError
from bulk_topup.system.clock import Clock


class RateWindow:
    """Counts the requests of the account in fixed windows of a second.

    Args:
        clock: the source of time.
        limit: requests per second; 0 for no limit.
    """

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self.limit = limit
        self._second = -1
        self._used = 0

    def take(self) -> int | None:
        """Count one request, and return how many are left in this second; None if the limit was reached."""
        second = int(self._clock.monotonic())
        if second != self._second:
            self._second, self._used = second, 0
        if self._used >= self.limit:
            return None
        self._used += 1
        return self.limit - self._used

    def report(self) -> dict[str, int]:
        """Return the limit as `/sandbox/rate-limit` shows it."""
        return {"limit": self.limit}

    def set(self, body: bytes) -> None:
        """Set the limit, which also applies to the current second.

        Args:
            body: what `report` returns, as JSON.

        Raises:
            ConfigurationError: the body is anything else.
        """
        try:
            settings: Any = codec.decode(body)
        except codec.InvalidJSON:
            settings = None
        limit = settings.get("limit") if isinstance(settings, dict) else None
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
            raise ConfigurationError('Set the rate limit with a body like {"limit": 50}; 0 for no limit.')
        self.limit = limit
