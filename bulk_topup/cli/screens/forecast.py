"""How fast a run goes and about when it will be done, from looks at it; pure, time is passed in."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.states import RowState
from bulk_topup.engine import Progress

#: Seconds over which the rate of requests that is shown is an average, and that of rows which a forecast stands on.
REQUESTS_OVER: Final = 3.0
ROWS_OVER: Final = 30.0
#: Seconds between looks that are remembered, and how many of them are.
LOOK_EVERY: Final = 1.0
LOOKS: Final = 900
#: Seconds of looking before anything is foretold.
FIRST_FORECAST: Final = 2.0

FINAL_STATES: Final = (RowState.COMPLETED, RowState.FAILED, RowState.REVERSED, RowState.CONFLICT)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    moment: float
    #: Rows that were sent and answered, and rows that are final.
    sent: int
    final: int


class Pace:
    """How many requests a second were sent of late."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def of(self, moment: float, requests: int) -> float:
        """Take in the number of requests so far, and give the rate over the last seconds."""
        self._looks.append((moment, requests))
        while moment - self._looks[0][0] > REQUESTS_OVER:
            self._looks.popleft()
        began, before = self._looks[0]
        return (requests - before) / (moment - began) if moment > began else 0.0


class Forecast:
    """Foretells when the last row is final: what waits is sent at the pace of late, and ends as late as others did."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=LOOKS)
        #: Rows that were final when the last of them became so, and how long that one took; None before one did.
        self._final = 0
        self._lag: float | None = None

    def seconds(self, moment: float, look: Progress) -> float | None:
        """Take in a look at the run, and give the seconds that it still takes; None where nobody can tell.

        Args:
            moment: when it is, in seconds of a clock that never goes back.
            look: the run at that moment.
        """
        counts = look.counts
        final = sum(counts[state] for state in FINAL_STATES)
        now = _Look(moment=moment, sent=final + counts[RowState.ACCEPTED], final=final)
        if not self._looks or moment - self._looks[-1].moment >= LOOK_EVERY:
            self._looks.append(now)
        if final > self._final and len(self._looks) > 1:
            self._lag = moment - self._sent_at(final, moment)
        self._final = final
        waiting = counts[RowState.PENDING] + counts[RowState.IN_FLIGHT]
        if look.message or moment - self._looks[0].moment < FIRST_FORECAST:
            return None
        lag = 0.0 if now.final == now.sent else self._lag
        if lag is None:
            return None
        if not waiting:
            # The last rows were sent when there were as many as now.
            left = self._sent_at(now.sent, moment) + lag - moment
            return left if left > 0 else None
        since = next(each for each in self._looks if moment - each.moment <= ROWS_OVER or each is self._looks[-1])
        rate = (now.sent - since.sent) / (moment - since.moment) if moment > since.moment else 0.0
        return waiting / rate + lag if rate > 0 else None

    def _sent_at(self, rows: int, moment: float) -> float:
        """Give when so many rows were sent, as far back as is remembered."""
        return next((each.moment for each in self._looks if each.sent >= rows), moment)


def about(seconds: float) -> str:
    """Give a time to come as roughly as it is known: `about 40 s`, `about 4 min`, `about 2 h 10 min`."""
    if seconds < 55:
        return f"about {max(10, round(seconds / 10) * 10)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {max(1, minutes)} min"
    hours, minutes = divmod(round(minutes / 10) * 10, 60)
    return f"about {hours} h {minutes} min" if minutes else f"about {hours} h"
