"""How many requests polls may use: little while rows are sent, and what nothing else needs; touches only the clock.

Polls never slow down sending: the limiter lets requests that pay go first.
"""

from typing import Final

from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine.polling import FRESH, PollSchedule
from bulk_topup.system.clock import Clock

#: The share of the allowed rate that polls may use while nothing is sent.
IDLE_SHARE: Final = 0.1
#: Maximum requests per second of that: reading a page of the list takes this machine's time, too.
MOST_WHEN_IDLE: Final = 20.0
#: Maximum requests per second of polls while rows are sent, but more slowly than the rate allows.
MOST_WHILE_SENDING: Final = 2.0
#: The share of the rate that sending must leave for that; polls may use half of what it leaves.
LEFT_BY_SENDING: Final = 0.1
#: Minimum seconds between polls per open row, so that reading all of them takes at most a fiftieth of the time.
SECONDS_PER_ROW = 0.0001


class PollPace:
    """Measures what sending leaves of the allowed rate, and spaces polls accordingly.

    Args:
        dvs: an open client, whose requests are counted.
        polls: decides what is worth polling.
        clock: where time comes from.
    """

    def __init__(self, dvs: AsyncDVS, polls: PollSchedule, clock: Clock) -> None:
        self._dvs = dvs
        self._polls = polls
        self._policy = polls.policy
        self._is_over = False
        self._clock = clock
        #: When the use of the rate was measured last, and the requests until then.
        self._measured = (clock.monotonic(), dvs.traffic.requests)
        #: Requests of polls since then.
        self._polled = 0
        #: Requests per second that polls may use beyond those that are worth it; 0 while sending needs the rate.
        self._allowed = 0.0

    def record_request(self) -> None:
        """Record a request of a poll."""
        self._polled += 1

    def measure(self, *, is_over: bool) -> float:
        """Return how many requests the next poll may use beyond those that are worth it; call it before each poll.

        Args:
            is_over: whether nothing can be sent now.
        """
        limiter, now, requests = self._dvs.limiter, self._clock.monotonic(), self._dvs.traffic.requests
        since, before = self._measured
        sent, self._polled = requests - before - self._polled, 0
        self._measured, self._is_over = (now, requests), is_over
        left = limiter.rate - sent / max(now - since, self._policy.shortest)
        if is_over:
            self._allowed = min(IDLE_SHARE * limiter.rate, MOST_WHEN_IDLE)
        elif limiter.pause_left or left < LEFT_BY_SENDING * limiter.rate:
            self._allowed = 0.0
        else:
            self._allowed = min(IDLE_SHARE * limiter.rate, left / 2, MOST_WHILE_SENDING)
        return self._allowed and max(1.0, self._allowed * FRESH * self._policy.shortest)

    def wait(self, shortest: float, *, open_rows: int) -> float:
        """Return the seconds until the next poll, in which idle requests are enough for those of the last one.

        Args:
            shortest: the wait while nothing is sent, by what the last polls found.
            open_rows: rows that are accepted.
        """
        by_rows = SECONDS_PER_ROW * open_rows
        if not (self._is_over or self._allowed):
            return max(self._polls.wait_while_submitting, by_rows)
        by_requests = min(self._policy.longest, self._polled / self._allowed)
        return max(min(shortest, self._polls.longest_wait), by_requests, by_rows)
