"""Why a run waits for DVS, and for how long it did in all, in sentences for people; reads what its parts counted."""

from collections.abc import Iterator
from typing import Final

from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine.control import Control, format_seconds

#: Shorter pauses in all are not worth a sentence at the end, in seconds.
WORTH_NAMING: Final = 5.0
#: The share of the rate limit, and the requests per second, that other programs must use to be named.
MUCH_BY_OTHERS: Final = 0.2
LEAST_BY_OTHERS: Final = 3.0


class Pauses:
    """The pauses of one invocation.

    Args:
        dvs: an open client, whose limiter pauses all requests.
        control: pauses while DVS does not respond.
    """

    def __init__(self, dvs: AsyncDVS, control: Control) -> None:
        self._dvs = dvs
        self._control = control
        self._waited_before = dvs.waits.total

    @property
    def throttling(self) -> str:
        """A sentence about a pause after HTTP 429; empty without one."""
        left = self._dvs.limiter.pause_left
        if left < 1:
            return ""
        why = (
            "as DVS asks to (Retry-After)"
            if self._dvs.limiter.is_pause_asked_for
            else "and DVS does not say for how long"
        )
        sharing = self.sharing or "Other programs may use this account's rate limit."
        return f"Throttled by DVS (HTTP 429); sending resumes in {left:.0f} s, {why}. {sharing}"

    @property
    def sharing(self) -> str:
        """A sentence about other programs that use much of the account's rate limit; empty without any."""
        limit, others = self._dvs.limiter.limit, self._dvs.limiter.others
        if limit is None or others < max(MUCH_BY_OTHERS * limit, LEAST_BY_OTHERS):
            return ""
        return f"Other programs use about {others:.0f} of this account's {limit:,} requests/s; the run uses the rest."

    @property
    def summary(self) -> str:
        """A sentence about all pauses so far; empty if they were short."""
        reasons = list(self._reasons())
        return f"Sending paused for {', and for '.join(reasons)}." if reasons else ""

    def _reasons(self) -> Iterator[str]:
        throttled = self._dvs.waits.total - self._waited_before
        if throttled >= WORTH_NAMING:
            yield (
                f"{format_seconds(throttled)} because DVS throttled this account (HTTP 429), whose rate limit other "
                "programs may use"
            )
        if self._control.paused_for >= WORTH_NAMING:
            yield f"{format_seconds(self._control.paused_for)} because DVS did not respond"
