"""The options of a report: its folder and its formats."""

from __future__ import annotations  # reports are heavy to import, and only named here

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import cloup

from bulk_topup.cli.options.groups import REPORT, collect

if TYPE_CHECKING:
    from bulk_topup.app.report import ReportOptions
    from bulk_topup.domain.run import Run
    from bulk_topup.jobs.job import Job
    from bulk_topup.report import ReportFormat

#: The values of `ReportFormat`, whose import is too heavy for a help text.
FORMATS: Final = ("csv", "xlsx", "jsonl", "parquet", "html")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportArguments:
    """The report options as given; empty for the job's own settings, or the defaults."""

    report_dir: Path | None = None
    formats: tuple[str, ...] = ()
    reveal_pins: bool = False

    def resolve(
        self, job: str, run_key: str, formats: tuple[ReportFormat, ...] = (), folder: str | None = None
    ) -> ReportOptions:
        """Return the report options of a run.

        Args:
            job: the name of the run's job.
            run_key: the run's key.
            formats: those of the job file; empty for none.
            folder: that of the job file; None for none.
        """
        from bulk_topup.app.report import ReportOptions
        from bulk_topup.report import DEFAULT_FORMATS, ReportFormat
        from bulk_topup.system.files import file_name

        return ReportOptions(
            folder=Path(self.report_dir or folder or Path("reports") / file_name(job, run_key)),
            formats=tuple(map(ReportFormat, self.formats)) or formats or DEFAULT_FORMATS,
            reveal_pins=self.reveal_pins,
        )

    def resolve_job(self, job: Job) -> ReportOptions:
        """Return the options of a job whose dates are rendered."""
        return self.resolve(job.name, str(job.run_key), job.reports, job.report_folder)

    def resolve_for(self, run: Run, formats: tuple[ReportFormat, ...] = (), folder: str | None = None) -> ReportOptions:
        """Return the report options of a run in the ledger; its own job's settings come last."""
        from bulk_topup.report import ReportFormat

        own = json.loads(run.reporting or "{}")
        own_formats = tuple(map(ReportFormat, own.get("formats", ())))
        return self.resolve(run.job, run.run_key, formats or own_formats, folder or own.get("folder"))


report_options = collect(
    "report",
    ReportArguments,
    cloup.option(
        "--report-dir",
        group=REPORT,
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the report.  [default: reports/<job>-<run key>]",
    ),
    cloup.option(
        "--format",
        "formats",
        group=REPORT,
        type=click.Choice(FORMATS),
        multiple=True,
        help="Format to write; repeatable. html is one page for people.  [default: csv, xlsx and jsonl]",
    ),
    cloup.option(
        "--reveal-pins", group=REPORT, is_flag=True, help="Write PIN codes and eSIMs, not only that there are any."
    ),
)
