"""The results as one page of HTML for people: what became of the run, why rows did not complete, what to do next.

Writes the path it is given. The page needs nothing but itself: no script, no network, no other file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Tally
from bulk_topup.report.formats.html_page import Gathered, page
from bulk_topup.report.formats.interface import Sink
from bulk_topup.report.reason_counts import Reasons

#: Rows that did not complete which the page shows; the rest is in the other files.
NOT_COMPLETED_SHOWN: Final = 500
#: Rows of a run that are shown all of them.
ALL_SHOWN: Final = 1_000

#: States of rows that the list can contradict: paid, or about to be.
_CONTRADICTED: Final = frozenset({RowState.COMPLETED.value, RowState.ACCEPTED.value, RowState.IN_FLIGHT.value})


@contextmanager
def html_results(path: Path, run: Run, tally: Tally) -> Iterator[Sink]:
    """Give a sink that writes a page about the run; PINs are never on it.

    Args:
        path: The page.
        run: The run that the rows belong to.
        tally: Has counted every row by the end.
    """
    gathering = _Gathering()
    yield gathering.add
    path.write_text(page(run, tally.summary(), gathering.gathered()), encoding="utf-8")


class _Gathering:
    """Keeps of the rows that pass what the page shows, and no more than that."""

    def __init__(self) -> None:
        self._reasons = Reasons()
        self._rows: list[Outcome] = []
        self._not_completed: list[Outcome] = []
        self._seen = self._contradicted = 0
        self._last_change = ""

    def add(self, outcomes: Outcomes) -> None:
        """Take in these rows."""
        self._seen += len(outcomes)
        if self._seen <= ALL_SHOWN:
            self._rows += outcomes.rows()
        else:
            self._rows.clear()
        times = (*outcomes.creation_date, *outcomes.final_at)
        self._last_change = max(self._last_change, max(filter(None, times), default=""))
        if any(outcomes.note):
            noted = zip(outcomes.note, outcomes.state, strict=True)
            self._contradicted += sum(bool(note) and state in _CONTRADICTED for note, state in noted)
        completed = RowState.COMPLETED.value
        if outcomes.state.count(completed) == len(outcomes):
            return
        self._reasons.add(outcomes)
        room = NOT_COMPLETED_SHOWN - len(self._not_completed)
        places = [place for place, state in enumerate(outcomes.state) if state != completed] if room else []
        self._not_completed += [outcomes.row(place) for place in places[:room]]

    def gathered(self) -> Gathered:
        """Give what was kept."""
        return Gathered(
            reasons=self._reasons.most_common(),
            not_completed=self._not_completed,
            rows=self._rows,
            contradicted=self._contradicted,
            last_change=self._last_change,
        )
