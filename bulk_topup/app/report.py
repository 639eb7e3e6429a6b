"""Reports of runs from the ledger alone: where they go and what they are written from; prints nothing."""

from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from bulk_topup.domain.report_files import not_completed_name
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import summarise_groups
from bulk_topup.errors import BulkTopupError, LedgerError
from bulk_topup.ledger import LedgerStore
from bulk_topup.report import DEFAULT_FORMATS, Report, ReportFormat, result_names, write_report
from bulk_topup.system.files import private_folder, sha256_of


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportOptions:
    """Where and how results are written."""

    folder: Path
    formats: Collection[ReportFormat] = DEFAULT_FORMATS
    reveal_pins: bool = False


def report_run(run: Run, *, ledger: LedgerStore, options: ReportOptions) -> Report:
    """Write a run's report from the ledger alone."""
    with closing(ledger.outcomes.pages(run, open_pins=options.reveal_pins)) as pages:
        return write_report(run, pages, options.folder, formats=options.formats, reveal_pins=options.reveal_pins)


def current_report(run: Run, *, ledger: LedgerStore, options: ReportOptions) -> Report | None:
    """Give the report that lies in the folder, where it says all that is known of the run; None where it does not.

    Its files are read to their end: one that is missing, or that somebody changed, makes it no report.
    """
    kept = ledger.reports.digests(run)
    if kept is None or options.reveal_pins:
        return None
    not_completed = options.folder / not_completed_name(run)
    results = [options.folder / name for name in result_names(options.formats)]
    try:
        if any(sha256_of(file) != kept.get(file.name) for file in results):
            return None
        if (sha256_of(not_completed) if not_completed.exists() else None) != kept.get(not_completed.name):
            return None
    except OSError:
        return None
    return Report(
        files=tuple(results),
        not_completed=not_completed if not_completed.name in kept else None,
        summary=summarise_groups(run, ledger.outcomes.groups(run)),
    )


def write_current_report(run: Run, *, ledger: LedgerStore, options: ReportOptions) -> Report:
    """Write a run's report, and keep in the ledger what it is, so that `current_report` knows it again."""
    try:
        mark = ledger.reports.start(run)
    except LedgerError:  # a ledger that takes nothing any more still tells what became of the rows
        return report_run(run, ledger=ledger, options=options)
    report = report_run(run, ledger=ledger, options=options)
    if not options.reveal_pins:
        files = [*report.files, *([report.not_completed] if report.not_completed else [])]
        with suppress(OSError, LedgerError):
            ledger.reports.save(run, mark, {file.name: sha256_of(file) for file in files})
    return report


def make_report_folder(folder: Path) -> None:
    """Make the folder before any money moves.

    Raises:
        BulkTopupError: it cannot be made.
    """
    try:
        private_folder(folder)
    except OSError as error:
        raise BulkTopupError(
            f"The report folder {folder} cannot be made: {error.strerror}. Name another with --report-dir."
        ) from error
