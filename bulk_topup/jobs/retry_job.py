"""The job file that retries failed rows of a run; pure."""

from datetime import date
from pathlib import Path
from typing import Self

from pydantic import Field

from bulk_topup.domain.retried_status import RetriedStatus
from bulk_topup.jobs.base_job import BaseJob, Name
from bulk_topup.jobs.date_templates import Template, render_dates


class RetryJob(BaseJob):
    """A job that retries failed rows of a run, for example every night."""

    #: First part of the name; by default the file name without `.toml`.
    name: Name = "retry"
    #: Run whose rows are retried: a job name for its latest run, or a run name; may contain {today} as run keys do.
    retry_of: Template
    #: Status messages of failed rows to retry; by default all that may succeed later, and rows corrected since.
    statuses: tuple[RetriedStatus, ...] = ()
    #: Maximum attempts per row, the first included.
    attempts: int = Field(default=5, ge=2, le=100)

    def at(self, today: date, folder: Path) -> Self:
        """Return the job with its dates filled in, see `BaseJob.at`."""
        return super().at(today, folder).model_copy(update={"retry_of": render_dates(self.retry_of, today)})
