"""Learn the rate for a provider that states no limit: up while it responds well, down after HTTP 429; pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

#: Requests per second before anything is known of the provider.
DEFAULT_RATE: Final = 10.0
#: The highest rate, in requests per second, of a provider that states no rate limit. Faster only by its own statement.
LEARNED_CEILING: Final = 100.0
#: The lowest rate, in requests per second, however long the provider throttles: lower, it would hardly rise again.
_LOWEST: Final = 1.0
#: The growth of the rate with each good response while all of it is used: a tenth each second.
_GROWTH: Final = 0.1
#: The growth at rates that the provider has throttled before.
_CAREFUL_GROWTH: Final = 0.005
#: A response is quick within so many seconds, or so many times the quickest response.
_QUICK: Final = 1.0
_QUICK_TIMES: Final = 2.0
#: The used share of the rate from which on more is tried.
_USED: Final = 0.5
#: The share of the rate that is left after a 429, and after a response that is missing or an error of the server.
_AFTER_THROTTLING: Final = 0.7
_AFTER_FAILURE: Final = 0.9


class RateSource(StrEnum):
    """Where the rate of requests comes from."""

    #: The caller has set it, below what DVS allows.
    CONFIGURED = "configured"
    #: DVS states a limit in its responses.
    STATED = "stated"
    #: DVS states none: the rate follows its responses.
    LEARNED = "learned"


class LearnedRate:
    """The rate for a provider that states no limit, in requests per second."""

    def __init__(self) -> None:
        self.value = DEFAULT_RATE
        self._quickest = float("inf")
        #: The lowest rate that the provider has throttled.
        self._throttled_at = float("inf")
        self._lowered_at = float("-inf")

    def respond(self, now: float, sent_at: float, sent: Iterable[float], *, is_good: bool) -> None:
        """Record a response other than a 429, or a missing one.

        Args:
            now: the time, in seconds of a monotonic clock.
            sent_at: when its request was sent.
            sent: when the requests of the last second were sent.
            is_good: whether it is neither missing nor an error of the server.
        """
        seconds = now - sent_at
        if not is_good:
            # Once for all requests that were in flight together, and never below the rate of the start.
            if sent_at > self._lowered_at:
                self.value = max(min(self.value, DEFAULT_RATE), self.value * _AFTER_FAILURE)
                self._lowered_at = now
            return
        self._quickest = min(self._quickest, seconds)
        is_used = sum(1 for each in sent if each > now - 1.0) >= _USED * self.value
        if seconds <= max(_QUICK, _QUICK_TIMES * self._quickest) and is_used:
            growth = _GROWTH if self.value < self._throttled_at else _CAREFUL_GROWTH
            self.value = min(LEARNED_CEILING, self.value + growth)

    def throttle(self, now: float) -> None:
        """Record a 429."""
        self._throttled_at = min(self._throttled_at, self.value)
        self.value = max(_LOWEST, self.value * _AFTER_THROTTLING)
        self._lowered_at = now
