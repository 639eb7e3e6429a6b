"""The report of a run: one pass over its rows feeds every file; writes in the report's folder only."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.report_files import SUMMARY, not_completed_name, not_completed_workbook_name
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary, Tally
from bulk_topup.errors import ReportError
from bulk_topup.report.formats.csv_results import not_completed_rows
from bulk_topup.report.formats.interface import ReportFormat, Sink, result_names
from bulk_topup.report.shown_columns import narrowed
from bulk_topup.system.files import atomic_write, private_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The files of a report and its figures."""

    #: The results in the requested formats, then the summary.
    files: tuple[Path, ...]
    #: The rows that are not completed, in the list's own columns; None without any.
    not_completed: Path | None
    #: The same rows as a workbook.
    not_completed_workbook: Path | None
    summary: Summary


def write_report(
    run: Run,
    pages: Iterable[Outcomes],
    folder: Path,
    *,
    formats: Collection[ReportFormat],
    reveal_pins: bool = False,
) -> Report:
    """Write the outcomes of a run's rows; each file of an earlier report is replaced as a whole or not at all.

    Args:
        run: the run.
        pages: every row of the run once, in the list's order; read once, a page at a time.
        folder: the folder for the files; created for its owner only where it is missing.
        formats: the formats of the results. The summary and the not-completed rows are always written.
        reveal_pins: whether PIN codes and serials are shown instead of the mask.

    Returns:
        The files' paths and the summary.

    Raises:
        ReportError: a file cannot be written; an earlier report is unchanged.
    """
    not_completed, as_workbook = folder / not_completed_name(run), folder / not_completed_workbook_name(run)
    wanted = [each for each in ReportFormat if each in formats]
    with _report_errors(folder):
        private_folder(folder)
        # Files are put in place in reverse order: the summary is last, so that it never counts rows not yet there.
        with ExitStack() as files:
            summary_file = files.enter_context(atomic_write(folder / SUMMARY))
            with ExitStack() as sinks:
                tally = Tally(run)
                rest = _NotCompleted(not_completed, run, files, sinks, not_completed_rows)
                workbook = _NotCompleted(as_workbook, run, files, sinks, _as_workbook)
                feeds: list[Sink] = [tally.add]
                if run.purged_at is None:  # rows without their data cannot be corrected or run again
                    feeds += [rest.add, workbook.add]
                shown, narrowed_sink = narrowed(run)
                for each in wanted:
                    path = files.enter_context(atomic_write(folder / each.file_name))
                    sink = sinks.enter_context(each.writer(path, shown, tally, reveal_pins=reveal_pins))
                    feeds.append(narrowed_sink(sink))
                for page in pages:
                    for feed in feeds:
                        feed(page)
            summary = tally.summary()
            summary_file.write_text(json.dumps(summary.as_json(), indent=2) + "\n", encoding="utf-8")
        if not rest.any:
            not_completed.unlink(missing_ok=True)
            as_workbook.unlink(missing_ok=True)
    return Report(
        files=tuple(folder / name for name in result_names(wanted)),
        not_completed=not_completed if rest.any else None,
        not_completed_workbook=as_workbook if rest.any else None,
        summary=summary,
    )


class _NotCompleted:
    """Writes rows that are not completed to a file that is created with the first of them."""

    def __init__(
        self,
        path: Path,
        run: Run,
        files: ExitStack,
        sinks: ExitStack,
        writer: Callable[[Path, Run], AbstractContextManager[Sink]],
    ) -> None:
        self._writer = writer
        self._path = path
        self._run = run
        self._files = files
        self._sinks = sinks
        self._sink: Sink | None = None

    @property
    def any(self) -> bool:
        """Whether there was such a row."""
        return self._sink is not None

    def add(self, outcomes: Outcomes) -> None:
        """Write the rows among these that are not completed."""
        if outcomes.state.count(RowState.COMPLETED.value) == len(outcomes) or not outcomes.not_completed():
            return
        if self._sink is None:
            path = self._files.enter_context(atomic_write(self._path))
            self._sink = self._sinks.enter_context(self._writer(path, self._run))
        self._sink(outcomes)


def _as_workbook(path: Path, run: Run) -> AbstractContextManager[Sink]:
    # Most reports have no such row, and the library takes long to import.
    from bulk_topup.report.formats.xlsx_not_completed import not_completed_workbook

    return not_completed_workbook(path, run)


@contextmanager
def _report_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReportError(
            f'Can\'t write the report to the folder "{folder}": {error}. The ledger has every outcome. '
            "Free some space or choose another folder, then write the report again: `bulk-topup report`."
        ) from error
