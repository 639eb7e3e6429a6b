"""The options that say where and how results are written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bulk_topup.app.report import ReportOptions
from bulk_topup.domain.run import Run
from bulk_topup.report import DEFAULT_FORMATS, ReportFormat
from bulk_topup.system.files import file_name

F = TypeVar("F", bound=Callable[..., Any])


def report_options(command: F) -> F:
    """Add the options that say where and how results are written."""
    for decorate in (
        click.option(
            "--reveal-pins", is_flag=True, help="Write PIN codes into the report, not only that there are some."
        ),
        click.option(
            "--format",
            "formats",
            type=click.Choice([format_.value for format_ in ReportFormat]),
            multiple=True,
            help="What to write; repeatable. html is one page for people.  [default: csv, xlsx and jsonl]",
        ),
        click.option(
            "--report-dir",
            type=click.Path(file_okay=False, path_type=Path),
            help="Folder of the report.  [default: reports/<job>-<run key>]",
        ),
    ):
        command = decorate(command)
    return command


def report_from(
    values: dict[str, Any],
    job: str,
    run_key: str,
    formats: tuple[ReportFormat, ...] = (),
    folder: str | None = None,
) -> ReportOptions:
    """Take the report options out of a command's values; `formats` and `folder` are what a job file states."""
    place = values.pop("report_dir") or folder or Path("reports") / file_name(job, run_key)
    stated = tuple(ReportFormat(name) for name in values.pop("formats"))
    return ReportOptions(
        folder=Path(place), formats=stated or formats or DEFAULT_FORMATS, reveal_pins=values.pop("reveal_pins")
    )


def report_of(
    values: dict[str, Any], run: Run, formats: tuple[ReportFormat, ...] = (), folder: str | None = None
) -> ReportOptions:
    """Do what `report_from` does for a run that exists; what nobody states is as the run's own job has it."""
    kept = json.loads(run.reporting or "{}")
    own = tuple(map(ReportFormat, kept.get("formats", ())))
    return report_from(values, run.job, run.run_key, formats or own, folder or kept.get("folder"))
