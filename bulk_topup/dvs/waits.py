"""Bound and report the time that a client waits because DVS throttles it (HTTP 429); touches only the clock."""

from collections.abc import Callable
from typing import Final

from bulk_topup.dvs.errors import WaitTooLongError
from bulk_topup.system.clock import Clock

#: Most seconds of all waits after HTTP 429, by default.
DEFAULT_MAX_WAIT: Final = 600.0
#: Longer waits are reported while they last, in seconds.
REPORTED: Final = 5.0
#: Shorter ones are reported once they are so many seconds in all, without any other response between them.
REPORTED_SUM: Final = 30.0


class Waits:
    """The waits of one client after HTTP 429: reports long ones, and bounds their sum.

    Args:
        clock: the source of time.
        longest: most seconds in all.
    """

    def __init__(self, clock: Clock, longest: float) -> None:
        self._clock = clock
        self._longest = longest
        #: Whether a response other than a 429 starts the sum again, as for a run, which may last for days.
        self.restarts = False
        #: Called with the seconds of a wait when it starts, if it is long; must not raise.
        self.on_wait: Callable[[float], None] | None = None
        self._sum = 0.0
        #: The seconds of all waits so far.
        self.total = 0.0
        self._until = float("-inf")
        self._reported_until = float("-inf")
        self._unreported = 0.0

    def start(self, seconds: float) -> None:
        """Record that nothing is sent for so many seconds from now; waits that overlap count once."""
        now = self._clock.monotonic()
        until = now + seconds
        added = max(0.0, until - max(now, self._until))
        self._sum += added
        self.total += added
        self._until = max(self._until, until)
        is_new = until - self._reported_until > REPORTED
        self._unreported += added
        is_due = (seconds > REPORTED and is_new) or self._unreported >= REPORTED_SUM
        if is_due and self._sum <= self._longest:
            self._reported_until, self._unreported = until, 0.0
            if self.on_wait is not None:
                self.on_wait(seconds)

    def record_response(self) -> None:
        """Record a response other than a 429."""
        self._unreported = 0.0
        if self.restarts:
            self._sum = 0.0

    def check(self) -> None:
        """Raise WaitTooLongError if the waits exceed their bound and the last one is not over."""
        left = self._until - self._clock.monotonic()
        if self._sum > self._longest and left > 0:
            raise WaitTooLongError(
                f"DVS throttles this account (HTTP 429) and allows no request for another {left:.0f} s. Its waits "
                f"exceed {self._longest:.0f} s."
            )
