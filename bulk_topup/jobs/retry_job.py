"""The job file that retries failed rows of a run; touches nothing."""

from datetime import date
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from bulk_topup.domain.environment import Environment
from bulk_topup.domain.retry_rules import RetriedStatus
from bulk_topup.jobs.date_templates import Template, render_dates
from bulk_topup.jobs.job import Name
from bulk_topup.jobs.schedule import Schedule
from bulk_topup.monitoring.notifications import MetricsFile, Notification, PingURL
from bulk_topup.report import DEFAULT_FORMATS, ReportFormat


class RetryJob(BaseModel):
    """Failed rows of a run, tried again by themselves, night after night."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: First part of the name; by default the file's name without `.toml`.
    name: Name = "retry"
    #: Whose rows: a job's name for its latest run, or a run's name; dates in the run key as in a job's.
    retry_of: Template
    #: Status messages of failures; by default all that may fare better the next time, and rows corrected since.
    statuses: tuple[RetriedStatus, ...] = ()
    #: Attempts of a row in all, after which it is left to a person.
    attempts: int = Field(default=5, ge=2, le=100)
    #: Where the money is.
    environment: Environment = Environment.SANDBOX
    #: Requests a second, never to be exceeded; by default what the provider allows.
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    #: Requests on their way at once; by default as many as the allowed rate needs.
    concurrency: int | None = Field(default=None, ge=1, le=1000)
    #: What the report is written as.
    reports: tuple[ReportFormat, ...] = DEFAULT_FORMATS
    #: Where the report goes, relative to the job file; dates as in `retry_of`.
    report_folder: Template | None = None
    #: When the job is started by itself.
    schedule: Schedule | None = None
    #: Who is told how starts go, by mail or otherwise.
    notifications: tuple[Notification, ...] = Field(default=(), max_length=50)
    #: A URL that is asked for when a start begins and ends, for a monitor that misses it otherwise; may be ${NAME}.
    ping: PingURL | None = None
    #: A file that ends in .prom with figures for Prometheus, relative to the job file; one for each job.
    metrics: MetricsFile | None = None
    #: A file of JSON lines about what starts do, relative to the job file, or "-" for standard output.
    logs: Annotated[str, Field(min_length=1, max_length=4096)] | None = None

    def at(self, today: date, folder: Path) -> Self:
        """Fill in dates; see `Job.at`."""
        report = None if self.report_folder is None else str(folder / render_dates(self.report_folder, today))
        return self.model_copy(update={"retry_of": render_dates(self.retry_of, today), "report_folder": report})
