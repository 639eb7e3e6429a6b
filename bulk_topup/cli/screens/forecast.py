"""Request rate and remaining time of a run, computed from snapshots of its progress; pure, time is an argument."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from bulk_topup.domain.states import RowState
from bulk_topup.engine import Progress

#: Seconds over which the request rate is averaged, and the rate of rows that a forecast uses.
REQUEST_WINDOW: Final = 3.0
ROW_WINDOW: Final = 30.0
#: Seconds between samples that are kept, and the most that are kept.
SAMPLE_INTERVAL: Final = 1.0
MAX_SAMPLES: Final = 900
#: Seconds before the first forecast.
FIRST_FORECAST: Final = 2.0

FINAL_STATES: Final = (RowState.COMPLETED, RowState.FAILED, RowState.REVERSED, RowState.CONFLICT)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sample:
    moment: float
    #: Rows that DVS answered, and rows that are final.
    sent: int
    final: int


class RequestRate:
    """The recent rate of requests."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def update(self, moment: float, requests: int) -> float:
        """Record the number of requests so far; return the rate over the last seconds, in requests per second.

        Args:
            moment: in seconds of a monotonic clock.
            requests: since the run started or resumed.
        """
        self._samples.append((moment, requests))
        while moment - self._samples[0][0] > REQUEST_WINDOW:
            self._samples.popleft()
        started, before = self._samples[0]
        return (requests - before) / (moment - started) if moment > started else 0.0


class Forecast:
    """Predicts when the last row is final: unsent rows go at the recent rate, and take as long as recent rows did."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque(maxlen=MAX_SAMPLES)
        #: Rows that were final when the last of them became final, and the seconds that it took; None before the first.
        self._final = 0
        self._lag: float | None = None

    def update(self, moment: float, snapshot: Progress) -> float | None:
        """Record a snapshot of the run; return the seconds that remain, None if unknown.

        Args:
            moment: when it was taken, in seconds of a monotonic clock.
            snapshot: the run's progress at that moment.
        """
        counts = snapshot.counts
        final = sum(counts[state] for state in FINAL_STATES)
        now = _Sample(moment=moment, sent=final + counts[RowState.ACCEPTED], final=final)
        if not self._samples or moment - self._samples[-1].moment >= SAMPLE_INTERVAL:
            self._samples.append(now)
        if final > self._final and len(self._samples) > 1:
            self._lag = moment - self._sent_at(final, moment)
        self._final = final
        unsent = counts[RowState.PENDING] + counts[RowState.IN_FLIGHT]
        if snapshot.message or moment - self._samples[0].moment < FIRST_FORECAST:
            return None
        lag = 0.0 if now.final == now.sent else self._lag
        if lag is None:
            return None
        if not unsent:
            # The last rows were sent when as many were sent as now.
            remaining = self._sent_at(now.sent, moment) + lag - moment
            return remaining if remaining > 0 else None
        since = next(each for each in self._samples if moment - each.moment <= ROW_WINDOW or each is self._samples[-1])
        rate = (now.sent - since.sent) / (moment - since.moment) if moment > since.moment else 0.0
        return unsent / rate + lag if rate > 0 else None

    def _sent_at(self, rows: int, moment: float) -> float:
        """Return when so many rows were sent, as far back as samples go."""
        return next((each.moment for each in self._samples if each.sent >= rows), moment)


def format_remaining(seconds: float) -> str:
    """Return a remaining time, no more precise than it is known: `about 40 s`, `about 4 min`, `about 2 h 10 min`."""
    if seconds < 55:
        return f"about {max(10, round(seconds / 10) * 10)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {max(1, minutes)} min"
    hours, minutes = divmod(round(minutes / 10) * 10, 60)
    return f"about {hours} h {minutes} min" if minutes else f"about {hours} h"
