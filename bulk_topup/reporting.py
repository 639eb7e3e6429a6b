"""Reports of runs from the ledger alone: where they go and what they are written from; prints nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bulk_topup.errors import BulkTopupError
from bulk_topup.files import private_folder
from bulk_topup.ledger import Ledger
from bulk_topup.records import Run
from bulk_topup.report import Report, ReportFormat, write_report


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportOptions:
    """Where and how results are written."""

    folder: Path
    formats: Collection[ReportFormat] = tuple(ReportFormat)
    reveal_pins: bool = False


def report_run(run: Run, *, ledger: Ledger, options: ReportOptions) -> Report:
    """Write a run's report from the ledger alone."""
    return write_report(
        run,
        lambda: ledger.outcomes(run),
        options.folder,
        formats=options.formats,
        reveal_pins=options.reveal_pins,
    )


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
