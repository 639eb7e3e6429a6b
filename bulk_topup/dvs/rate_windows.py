"""Infer the provider's rate limit windows from responses: when they start, and how much others use of them; pure.

Providers count in three ways: fixed windows of a second, a sliding second, and a bucket that is refilled. Only fixed
windows are recognizable: the remaining requests jump up once a second. All times are those at which requests were sent,
so that a constant latency has no effect.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from typing import Final

#: Seconds of a window; the reference does not say, and no other was observed.
PERIOD: Final = 1.0
#: A window starts if the remaining requests grow by more than this number and this share of the limit, and by more than
#: this many times the refill of a bucket in between.
_JUMP: Final = 2
_JUMP_SHARE: Final = 0.2
_JUMP_PACE: Final = 2.0
#: Seconds without such a jump after which windows are unknown again.
_EXPIRY: Final = 5.0
#: Windows whose mean is the use by others, and the share of the limit below which it is noise.
_MEMORY: Final = 4
_NOISE_SHARE: Final = 0.01
_NOISE: Final = 1.0
#: The part of a window that must pass before it shows the use by others.
_LEAST_PART: Final = 0.3
#: The weight of each response in the use by others of a sliding second.
_WEIGHT: Final = 0.1
#: How far below zero that use may seem to be, as a share of the limit, if requests arrive in another order.
_DISORDER: Final = 0.1
#: The assumed use by others, as a share of the limit, from when it is noticed until a whole second without gaps longer
#: than this has measured it.
_UNMEASURED: Final = 0.4
_GAP: Final = 0.3
#: Seconds for which our own requests are kept; a slower response is ignored.
_HISTORY: Final = 5.0


class Windows:
    """The rate limit windows of one account, inferred from the responses to its requests."""

    def __init__(self) -> None:
        #: The times at which our requests were sent, oldest first.
        self._sent: list[float] = []
        #: The newest request with a response: when it was sent, and how many requests were left.
        self._newest = float("-inf")
        self._remaining = 0
        #: When the first request of the newest request's window was sent; None while windows are unknown.
        self._start: float | None = None
        self._jumped_at = float("-inf")
        #: The use by others in each of the last windows.
        self._used: deque[float] = deque(maxlen=_MEMORY)
        self._limit = 0
        #: The use by others in the current window so far, and per second.
        self._used_so_far = 0.0
        self._used_per_second: float | None = None
        #: The use by others in the last second, if windows are unknown; much too low while a window starts.
        self._used_sliding = 0.0
        #: Since when we send without a gap.
        self._steady_since = float("-inf")

    def sent(self, now: float) -> None:
        """Record that a request is sent."""
        self._sent.append(now)
        if self._sent[0] < now - 2 * _HISTORY:
            del self._sent[: bisect_left(self._sent, now - _HISTORY)]

    def answered(self, sent_at: float, limit: int, remaining: int) -> None:
        """Record the limit and the remaining requests of the response to a request sent at that time."""
        if sent_at <= self._newest or sent_at < self._sent[0]:
            return  # a later request has newer numbers
        between = sent_at - self._newest
        if limit != self._limit or sent_at - self._jumped_at > _EXPIRY:
            self._start = None
            self._used.clear()
        if limit == self._limit and remaining - self._remaining > max(
            _JUMP, (_JUMP_SHARE + _JUMP_PACE * between / PERIOD) * limit
        ):
            self._jumped_at = sent_at
            self._start_window(sent_at)
        elif (
            self._start is not None
            and sent_at >= self._start + PERIOD + between
            and (remaining >= self._remaining or max(between, sent_at - self._start - PERIOD) > _GAP * PERIOD)
        ):
            # Too long ago for a jump: it started a whole number of windows after the last known start. While the
            # remaining requests shrink, the old window may last a little longer, since requests may arrive later.
            self._start_window(self._start + (sent_at - self._start) // PERIOD * PERIOD)
        self._limit, self._newest, self._remaining = limit, sent_at, remaining
        used = limit - remaining - self._own(sent_at - PERIOD, sent_at)
        if between > _GAP * PERIOD:
            self._steady_since = sent_at
            self._used_sliding = max(self._used_sliding, used)
        else:
            self._used_sliding += _WEIGHT * (max(-_DISORDER * limit, used) - self._used_sliding)
        self._used_so_far = 0.0
        self._used_per_second = None
        if self._start is not None:
            self._used_so_far = limit - remaining - self._own(self._start, sent_at)
            passed = sent_at - self._start
            if passed >= _LEAST_PART * PERIOD:
                self._used_per_second = self._used_so_far / min(passed, PERIOD)

    @property
    def are_seen(self) -> bool:
        """Whether the provider counts in windows whose start is known."""
        return self._start is not None

    def others(self) -> float:
        """Return the expected use by others of a window, in requests; 0 if it is unknown."""
        noise = max(_NOISE, _NOISE_SHARE * self._limit)
        if self._start is None:
            if self._used_sliding <= noise:
                return 0.0
            return max(self._used_sliding, _UNMEASURED * self._limit) if self._is_new else self._used_sliding
        mean = sum(self._used) / len(self._used) if self._used else 0.0
        expected = max(mean, self._used_so_far)
        if not self._used and self._used_per_second is not None:
            expected = max(expected, self._used_per_second * PERIOD)
        return expected if expected > noise else 0.0

    def full_until(self, now: float) -> float | None:
        """Return the end of the current window if no request is left in it; else, or if windows are unknown, None."""
        if self._start is None or now >= self._start + PERIOD:
            return None
        since = len(self._sent) - bisect_right(self._sent, self._newest)
        left = self._remaining - since - self.others() * (now - self._newest) / PERIOD
        return self._start + PERIOD if left < 1 else None

    @property
    def _is_new(self) -> bool:
        return self._newest < self._steady_since + PERIOD

    def _start_window(self, sent_at: float) -> None:
        if self._start is not None and self._used_per_second is not None:
            self._used.append(self._used_per_second * PERIOD)
        self._start = sent_at

    def _own(self, first: float, last: float) -> int:
        return bisect_right(self._sent, last) - bisect_left(self._sent, first)
