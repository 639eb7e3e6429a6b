"""What of a job its run keeps in the ledger, as JSON: how its list is read, and where its report goes; pure."""

import json
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from bulk_topup.domain.run import Run
from bulk_topup.jobs.job import Job

_READING: Final = {
    "sheet",
    "encoding",
    "delimiter",
    "columns",
    "constants",
    "filters",
    "product",
    "auto_product",
    "default_country",
    "decimal_mark",
}


def reading_snapshot(job: Job) -> str:
    """Give how a job has its list read."""
    return json.dumps(job.model_dump(mode="json", include=_READING))


def report_snapshot(job: Job) -> str:
    """Give where a job wants its report, from whatever folder the run goes on, and as what."""
    folder = None if job.report_folder is None else str(Path(job.report_folder).absolute())
    return json.dumps({"folder": folder, "formats": [format_.value for format_ in job.reports]})


def job_from_run(run: Run) -> Job | None:
    """Give a job that reads a run's list as its own did; None where the run does not know how."""
    if run.reading is None:
        return None
    try:
        job = Job.model_validate({**json.loads(run.reading), "list": "-"})
    except ValidationError:  # written by a version whose jobs were others
        return None
    # As they are, since what a folder or a file is called is no template.
    return job.model_copy(update={"name": run.job, "run_key": run.run_key, "list": run.list_path})
