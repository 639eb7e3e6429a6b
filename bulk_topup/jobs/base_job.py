"""What every job file has, whether it pays a list or retries a run: name, environment, report, monitoring; pure."""

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from bulk_topup.domain.environment import Environment
from bulk_topup.jobs.date_templates import Template, render_dates
from bulk_topup.jobs.schedule import Schedule
from bulk_topup.monitoring.notifications import MetricsFile, Notification, PingURL
from bulk_topup.report import DEFAULT_FORMATS, ReportFormat
from bulk_topup.system.time_zones import load_zone


def _checked_name(text: str) -> str:
    if not text.isprintable():
        raise ValueError("Invisible characters, such as line breaks. Remove them.")
    return text


Name = Annotated[str, StringConstraints(pattern=r"^[^/\x00-\x1f]{1,64}$"), AfterValidator(_checked_name)]


def _checked_time_zone(text: str) -> str:
    if load_zone(text) is None:
        near = get_close_matches(text, available_timezones(), n=1)
        suggestion = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f'"{text}" is not a time zone.{suggestion} Write its IANA name, e.g. Europe/Berlin.')
    return text


TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_checked_time_zone)]


def _has_nul(value: object) -> bool:
    """Return True if a text of a value has the character that no path can have."""
    if isinstance(value, Mapping):
        return any(map(_has_nul, (*value, *value.values())))
    if isinstance(value, list | tuple):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\0" in value


class ReportSettings(BaseModel):
    """What the results of a report have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The list's own columns in the results, in this order; by default all but those that are hidden in the workbook.
    columns: tuple[str, ...] | None = Field(default=None, max_length=1_000)


class BaseJob(BaseModel):
    """The settings that all kinds of jobs share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: First part of the run name; by default the file name without `.toml`.
    name: Name
    #: DVS environment: sandbox, preprod or production; must be named for schedules, and where API credentials are set.
    environment: Environment | None = None
    #: Maximum requests per second; by default what DVS allows.
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    #: Maximum concurrent requests; by default as many as the rate limit needs.
    concurrency: int | None = Field(default=None, ge=1, le=1000)
    #: Report formats.
    reports: tuple[ReportFormat, ...] = DEFAULT_FORMATS
    #: Report folder, relative to the job file; may contain {today} and {today:FORMAT}.
    report_folder: Template | None = None
    #: Time zone of {today} and of the schedule, an IANA name, e.g. "Asia/Singapore"; by default that of the job's
    #: latest run in the ledger, else the machine's.
    time_zone: TimeZone | None = None
    #: When cron or systemd runs the job.
    schedule: Schedule | None = None
    #: Who is notified of which event, by mail or another channel.
    notifications: tuple[Notification, ...] = Field(default=(), max_length=50)
    #: URL of a heartbeat monitor, requested when the job starts and ends; may be ${NAME}.
    ping: PingURL | None = None
    #: Prometheus file that ends in .prom, relative to the job file; one for each job.
    metrics: MetricsFile | None = None
    #: JSON Lines log file, relative to the job file, or "-" for standard output.
    logs: Annotated[str, Field(min_length=1, max_length=4096)] | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _check_no_nul(cls, value: object) -> object:
        if _has_nul(value):
            raise ValueError("The character U+0000, which no value can have. Remove it.")
        return value

    def at(self, today: date, folder: Path) -> Self:
        """Return the job with its dates filled in, and its report folder absolute or relative to the current folder.

        Args:
            today: the day the run is for, or a time on it in the job's time zone.
            folder: where relative paths start, the folder of the job file.
        """
        return self.model_copy(update={"report_folder": resolve_folder(self.report_folder, today, folder)})


def resolve_folder(template: str | None, today: date, folder: Path) -> str | None:
    """Return a folder of a job file with its dates filled in, below the folder that relative paths start from."""
    return None if template is None else str(folder / render_dates(template, today))
