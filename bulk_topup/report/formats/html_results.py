"""The results as one HTML page: the outcome of the run, why rows are not completed, what to do next.

Writes the given path. The page is self-contained: no script, no network, no other file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bulk_topup.domain.corrections import is_mismatch
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Tally
from bulk_topup.report.formats.html_page import PageData, page
from bulk_topup.report.formats.interface import Sink
from bulk_topup.report.reason_counts import Reasons

#: Not-completed rows that the page shows; the other files have all.
NOT_COMPLETED_SHOWN: Final = 500
#: Rows of a run up to which the page shows all of them.
ALL_SHOWN: Final = 1_000

#: States in which a row can mismatch the list: paid, or perhaps paid.
_CONTRADICTED: Final = frozenset({RowState.COMPLETED.value, RowState.ACCEPTED.value, RowState.IN_FLIGHT.value})


@contextmanager
def html_results(path: Path, run: Run, tally: Tally, /, *, reveal_pins: bool) -> Iterator[Sink]:  # noqa: ARG001
    """Yield a sink for a page about the run; PINs are never on it, so `reveal_pins` changes nothing.

    Args:
        path: the page.
        run: the run that the rows belong to.
        tally: counts and totals, complete when the context ends.
        reveal_pins: ignored.
    """
    collector = _Collector()
    yield collector.add
    path.write_text(page(run, tally.summary(), collector.page_data()), encoding="utf-8")


class _Collector:
    """Collects from the rows what the page shows, and no more."""

    def __init__(self) -> None:
        self._reasons = Reasons()
        self._rows: list[Outcome] = []
        self._not_completed: list[Outcome] = []
        self._seen = self._contradicted = 0
        self._last_change = ""

    def add(self, outcomes: Outcomes) -> None:
        """Collect from these rows."""
        self._seen += len(outcomes)
        if self._seen <= ALL_SHOWN:
            self._rows += outcomes.rows()
        else:
            self._rows.clear()
        times = (*outcomes.creation_date, *outcomes.final_at)
        self._last_change = max(self._last_change, max(filter(None, times), default=""))
        if any(outcomes.note):
            noted = zip(outcomes.note, outcomes.state, strict=True)
            self._contradicted += sum(is_mismatch(note) and state in _CONTRADICTED for note, state in noted)
        if outcomes.state.count(RowState.COMPLETED.value) == len(outcomes):
            return
        self._reasons.add(outcomes)
        room = NOT_COMPLETED_SHOWN - len(self._not_completed)
        indexes = outcomes.not_completed() if room else []
        self._not_completed += [outcomes.row(index) for index in indexes[:room]]

    def page_data(self) -> PageData:
        """Return what was collected."""
        return PageData(
            reasons=self._reasons.most_common(),
            not_completed=self._not_completed,
            rows=self._rows,
            contradicted=self._contradicted,
            last_change=self._last_change,
        )
