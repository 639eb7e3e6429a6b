"""Writes reports of runs from the ledger alone; creates the report folder and its files."""

from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from bulk_topup.domain.report_files import SUMMARY, not_completed_name, not_completed_workbook_name
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import summarise_groups
from bulk_topup.errors import LedgerError, ReportError
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
    """Write a run's report from the ledger alone.

    Args:
        run: the run.
        ledger: an open ledger.
        options: where and how results are written.

    Raises:
        ReportError: a file cannot be written.
    """
    with closing(ledger.outcomes.pages(run, open_pins=options.reveal_pins)) as pages:
        return write_report(run, pages, options.folder, formats=options.formats, reveal_pins=options.reveal_pins)


def current_report(run: Run, *, ledger: LedgerStore, options: ReportOptions) -> Report | None:
    """Return the report in the folder if it is still correct; None if the run or one of its files has changed.

    Args:
        run: the run.
        ledger: an open ledger, which has the digests of the last report.
        options: where and how results are written.
    """
    digests = ledger.reports.digests(run)
    if digests is None or options.reveal_pins:
        return None
    rest = [options.folder / name(run) for name in (not_completed_name, not_completed_workbook_name)]
    results = [options.folder / name for name in result_names(options.formats)]
    try:
        if any(sha256_of(file) != digests.get(file.name) for file in results):
            return None
        if any((sha256_of(file) if file.exists() else None) != digests.get(file.name) for file in rest):
            return None
    except OSError:
        return None
    not_completed, workbook = (file if file.name in digests else None for file in rest)
    return Report(
        files=tuple(results),
        not_completed=not_completed,
        not_completed_workbook=workbook,
        summary=summarise_groups(run, ledger.outcomes.groups(run)),
    )


def write_current_report(run: Run, *, ledger: LedgerStore, options: ReportOptions) -> Report:
    """Write a run's report, and save its digests in the ledger, so that `current_report` recognises it.

    Args:
        run: the run.
        ledger: an open ledger; if it cannot be written any more, the report is written all the same.
        options: where and how results are written.

    Raises:
        ReportError: a file cannot be written.
    """
    try:
        revision = ledger.reports.start(run)
    except LedgerError:  # outcomes can still be read
        return report_run(run, ledger=ledger, options=options)
    report = report_run(run, ledger=ledger, options=options)
    if not options.reveal_pins:
        files = [*report.files, *filter(None, (report.not_completed, report.not_completed_workbook))]
        with suppress(OSError, LedgerError):
            ledger.reports.save(run, revision, {file.name: sha256_of(file) for file in files})
    return report


def report_digests(run: Run, folder: Path) -> list[str | None]:
    """Return a digest of each file that changes when outcomes of the run change; None for one that is not there."""
    return [_digest(folder / name) for name in (SUMMARY, not_completed_name(run))]


def _digest(file: Path) -> str | None:
    try:
        return sha256_of(file)
    except OSError:
        return None


def make_report_folder(folder: Path) -> None:
    """Create the report folder; called before anything is sent.

    Raises:
        ReportError: it cannot be created.
    """
    try:
        private_folder(folder)
    except OSError as error:
        raise ReportError(
            f"Can't create the report folder {folder}: {error.strerror}. Choose another with --report-dir."
        ) from error
