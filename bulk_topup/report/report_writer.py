"""The report of a run as a whole: one pass over its rows feeds every file; touches the files in the report's folder."""

import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.report_files import SUMMARY, not_completed_name
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary, Tally
from bulk_topup.errors import ReportError
from bulk_topup.report.formats.csv_results import csv_results, not_completed_rows
from bulk_topup.report.formats.interface import ReportFormat, Sink, result_names
from bulk_topup.report.formats.jsonl_results import jsonl_results
from bulk_topup.system.files import atomic_write, private_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What was written."""

    #: The results in the formats that were asked for, then the summary.
    files: tuple[Path, ...]
    #: The rows that did not complete, in the list's own columns; None when every row completed.
    not_completed: Path | None
    summary: Summary


def write_report(
    run: Run,
    pages: Iterable[Outcomes],
    folder: Path,
    *,
    formats: Collection[ReportFormat],
    reveal_pins: bool = False,
) -> Report:
    """Write what became of the run's rows; the files of an earlier report are replaced, each whole or not at all.

    Args:
        run: The run.
        pages: Every row of the run, once, in the list's order; gone through once, a page at a time.
        folder: Where the files go; created for its owner only where it is missing.
        formats: The formats of the results. The summary and the rows that did not complete are written besides.
        reveal_pins: Show PIN codes and serials instead of the mask.

    Returns:
        The files' paths and the summary.

    Raises:
        ReportError: a file cannot be written; those of an earlier report stand as they were.
    """
    not_completed = folder / not_completed_name(run)
    wanted = [each for each in ReportFormat if each in formats]
    with _told(folder):
        private_folder(folder)
        # Files take their places in reverse: the summary is the last, so that it never tells of rows not yet there.
        with ExitStack() as places:
            summary_file = places.enter_context(atomic_write(folder / SUMMARY))
            with ExitStack() as sinks:
                tally = Tally(run)
                rest = _NotCompleted(not_completed, run, places, sinks)
                feeds: list[Sink] = [tally.add]
                if run.purged_at is None:  # what cannot be corrected or started again is no list
                    feeds.append(rest.add)
                for each in wanted:
                    path = places.enter_context(atomic_write(folder / each.file_name))
                    feeds.append(sinks.enter_context(_results(each, path, run, tally, reveal_pins=reveal_pins)))
                for page in pages:
                    for feed in feeds:
                        feed(page)
            summary = tally.summary()
            summary_file.write_text(json.dumps(summary.as_json(), indent=2) + "\n", encoding="utf-8")
        if not rest.any:
            not_completed.unlink(missing_ok=True)
    return Report(
        files=tuple(folder / name for name in result_names(wanted)),
        not_completed=not_completed if rest.any else None,
        summary=summary,
    )


class _NotCompleted:
    """Writes the rows that did not complete to a file that is begun with the first of them."""

    def __init__(self, path: Path, run: Run, places: ExitStack, sinks: ExitStack) -> None:
        self._path = path
        self._run = run
        self._places = places
        self._sinks = sinks
        self._sink: Sink | None = None

    @property
    def any(self) -> bool:
        """Whether there was such a row."""
        return self._sink is not None

    def add(self, outcomes: Outcomes) -> None:
        """Write those of these rows that did not complete."""
        if outcomes.state.count(RowState.COMPLETED.value) == len(outcomes):
            return
        if self._sink is None:
            path = self._places.enter_context(atomic_write(self._path))
            self._sink = self._sinks.enter_context(not_completed_rows(path, self._run))
        self._sink(outcomes)


def _results(
    wanted: ReportFormat, path: Path, run: Run, tally: Tally, *, reveal_pins: bool
) -> AbstractContextManager[Sink]:
    match wanted:
        case ReportFormat.CSV:
            return csv_results(path, run, reveal_pins=reveal_pins)
        case ReportFormat.XLSX:
            from bulk_topup.report.formats.xlsx_results import xlsx_results

            return xlsx_results(path, run, tally, reveal_pins=reveal_pins)
        case ReportFormat.JSONL:
            return jsonl_results(path, run, reveal_pins=reveal_pins)
        case ReportFormat.PARQUET:
            from bulk_topup.report.formats.parquet_results import parquet_results

            return parquet_results(path, run, reveal_pins=reveal_pins)
        case ReportFormat.HTML:
            from bulk_topup.report.formats.html_results import html_results

            return html_results(path, run, tally)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReportError(
            f'The report cannot be written to the folder "{folder}": {error}. The ledger keeps every outcome: '
            "make room or name another folder, then write the report again with `bulk-topup report`."
        ) from error
