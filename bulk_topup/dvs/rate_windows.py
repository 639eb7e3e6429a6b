"""What answers tell of the provider's counting: when its seconds begin, and what others take of them; touches nothing.

Three kinds of counting are met: fixed windows of a second, a second that slides, and a bucket that is filled again.
Only the first shows itself: what is left jumps up once a second. Everything is reckoned in the times at which requests
were sent, so that a latency that stays the same moves nothing.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from typing import Final

#: Seconds of a window; the reference leaves it open, and nothing else has been seen.
PERIOD: Final = 1.0
#: A window has begun where what is left grows by more than this many requests and this share of the limit, and by more
#: than this many times what a bucket would have been filled with in between.
_JUMP: Final = 2
_JUMP_SHARE: Final = 0.2
_JUMP_PACE: Final = 2.0
#: Seconds without such a jump after which windows are not taken as seen any more.
_FORGOTTEN: Final = 5.0
#: Windows whose mean says what others take, and the share of the limit below which that is noise.
_MEMORY: Final = 4
_NOISE_SHARE: Final = 0.01
_NOISE: Final = 1.0
#: A window says what others take a second only once this part of it has passed.
_TELLING: Final = 0.3
#: How much each answer counts in what others take of a second that slides.
_WEIGHT: Final = 0.1
#: By how much less of the limit they may seem to take than nothing, where requests arrive in another order.
_DISORDER: Final = 0.1
#: What others are taken to need of the limit, from when they are noticed until a whole second, without gaps longer than
#: this, has shown what it is.
_UNMEASURED: Final = 0.4
_GAP: Final = 0.3
#: Seconds for which our own requests are remembered; an answer that took longer teaches nothing.
_KEPT: Final = 5.0


class Windows:
    """Follows the windows of one key pair through the answers to its requests."""

    def __init__(self) -> None:
        #: When our requests were sent, oldest first.
        self._sent: list[float] = []
        #: The newest request that was answered: when it was sent, and what it left.
        self._newest = float("-inf")
        self._remaining = 0
        #: The first request of the window that the newest one is in; None while none was seen to begin.
        self._start: float | None = None
        self._jumped_at = float("-inf")
        #: What others took of each of the last windows.
        self._taken: deque[float] = deque(maxlen=_MEMORY)
        self._limit = 0
        #: What others have taken so far of the window that is on, and a second of it by that.
        self._taken_so_far = 0.0
        self._taken_a_second: float | None = None
        #: What others took of the last second, where no window is seen; too little by far while one begins unseen.
        self._taken_sliding = 0.0
        #: Since when we have sent without a gap.
        self._steady_since = float("-inf")

    def sent(self, now: float) -> None:
        """Take in that a request leaves."""
        self._sent.append(now)
        if self._sent[0] < now - 2 * _KEPT:
            del self._sent[: bisect_left(self._sent, now - _KEPT)]

    def answered(self, sent_at: float, limit: int, remaining: int) -> None:
        """Take in what the answer to a request says that was sent at that time."""
        if sent_at <= self._newest or sent_at < self._sent[0]:
            return  # a later one has told more
        between = sent_at - self._newest
        if limit != self._limit or sent_at - self._jumped_at > _FORGOTTEN:
            self._start = None
            self._taken.clear()
        if limit == self._limit and remaining - self._remaining > max(
            _JUMP, (_JUMP_SHARE + _JUMP_PACE * between / PERIOD) * limit
        ):
            self._jumped_at = sent_at
            self._begin(sent_at)
        elif (
            self._start is not None
            and sent_at >= self._start + PERIOD + between
            and (remaining >= self._remaining or max(between, sent_at - self._start - PERIOD) > _GAP * PERIOD)
        ):
            # Too long ago to show by itself: it began a whole number of windows after the last one that did. While less
            # and less is left, the old one may go on a little, where requests take longer to arrive than when it began.
            self._begin(self._start + (sent_at - self._start) // PERIOD * PERIOD)
        self._limit, self._newest, self._remaining = limit, sent_at, remaining
        taken = limit - remaining - self._own(sent_at - PERIOD, sent_at)
        if between > _GAP * PERIOD:
            self._steady_since = sent_at
            self._taken_sliding = max(self._taken_sliding, taken)
        else:
            self._taken_sliding += _WEIGHT * (max(-_DISORDER * limit, taken) - self._taken_sliding)
        self._taken_so_far = 0.0
        self._taken_a_second = None
        if self._start is not None:
            self._taken_so_far = limit - remaining - self._own(self._start, sent_at)
            passed = sent_at - self._start
            if passed >= _TELLING * PERIOD:
                self._taken_a_second = self._taken_so_far / min(passed, PERIOD)

    @property
    def are_seen(self) -> bool:
        """Whether the provider counts in windows whose beginning is seen."""
        return self._start is not None

    def others(self) -> float:
        """Give what others are expected to take of a window, in requests; 0 where that is not to be seen."""
        noise = max(_NOISE, _NOISE_SHARE * self._limit)
        if self._start is None:
            if self._taken_sliding <= noise:
                return 0.0
            return max(self._taken_sliding, _UNMEASURED * self._limit) if self._is_new else self._taken_sliding
        mean = sum(self._taken) / len(self._taken) if self._taken else 0.0
        expected = max(mean, self._taken_so_far)
        if not self._taken and self._taken_a_second is not None:
            expected = max(expected, self._taken_a_second * PERIOD)
        return expected if expected > noise else 0.0

    def full_until(self, now: float) -> float | None:
        """Give when the window that is on ends if nothing is left of it; None where something is, or none is seen."""
        if self._start is None or now >= self._start + PERIOD:
            return None
        since = len(self._sent) - bisect_right(self._sent, self._newest)
        left = self._remaining - since - self.others() * (now - self._newest) / PERIOD
        return self._start + PERIOD if left < 1 else None

    @property
    def _is_new(self) -> bool:
        return self._newest < self._steady_since + PERIOD

    def _begin(self, sent_at: float) -> None:
        if self._start is not None and self._taken_a_second is not None:
            self._taken.append(self._taken_a_second * PERIOD)
        self._start = sent_at

    def _own(self, first: float, last: float) -> int:
        return bisect_right(self._sent, last) - bisect_left(self._sent, first)
