"""The settings of a job that the ledger keeps with a run, as JSON: how to read the list, where to report; pure."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from bulk_topup.domain.list_copy import COPY, copy_in
from bulk_topup.domain.run import Run
from bulk_topup.intake.filters import Filter
from bulk_topup.jobs.job import Job
from bulk_topup.system.files import sha256_of

#: Settings that decide how a list is read; existing ledgers have them under these names, in this order.
_READING: Final = (
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
)
#: Settings that decide what it means; written where they are not the default. Earlier versions wrote none.
_MEANING: Final = ("amount", "bill", "hidden_rows", "calculation_mode", "allow_duplicates", "header_row", "keep")
#: The name of the filters that a command line gave, which are among the filters too.
_GIVEN_FILTERS: Final = "given_filters"
#: Settings that a run keeps for later command lines without them.
KEPT_SETTINGS: Final = ("header_row", "hidden_rows", "keep")
#: The same and the filters.
KEPT_CHOICES: Final = (*KEPT_SETTINGS, _GIVEN_FILTERS)
#: Settings of [auto_product] that are written where they are not the default.
_CHOICE: Final = {"subservices", "prefer", "amounts", "products"}


def reading_snapshot(job: Job) -> str:
    """Return the settings that decide how the list is read and what it means, as JSON."""
    found = job.model_dump(mode="json", include=set(_READING), exclude={"auto_product": _CHOICE})
    reading = {name: found[name] for name in _READING}
    if job.auto_product is not None:
        reading["auto_product"] |= job.auto_product.model_dump(mode="json", include=_CHOICE, exclude_defaults=True)
    if job.given_filters:
        reading[_GIVEN_FILTERS] = [filter_.model_dump(mode="json") for filter_ in job.given_filters]
    if (copy := job.copy_of_list) is not None:
        reading[COPY] = {"file": copy.kept_as, "sha256": copy.sha256}
    meant = job.model_dump(mode="json", include=set(_MEANING), exclude_defaults=True)
    return json.dumps(reading | {name: meant[name] for name in _MEANING if name in meant})


def given_filters(reading: str | None) -> tuple[Filter, ...]:
    """Return the filters that the command line gave, of the settings with which a list was read."""
    return tuple(Filter.model_validate(each) for each in json.loads(reading or "{}").get(_GIVEN_FILTERS, ()))


def report_snapshot(job: Job, hidden_columns: Collection[str] = ()) -> str:
    """Return the absolute report folder, the report formats and what decides on its columns, as JSON."""
    folder = None if job.report_folder is None else str(Path(job.report_folder).absolute())
    settings: dict[str, object] = {"folder": folder, "formats": [format_.value for format_ in job.reports]}
    if job.report.columns is not None:
        settings["columns"] = list(job.report.columns)
    if hidden_columns:
        settings["hidden_columns"] = list(hidden_columns)
    return json.dumps(settings)


def job_from_run(run: Run) -> Job | None:
    """Return a job that reads the list as the run read it, or None if the ledger does not have these settings."""
    if run.reading is None:
        return None
    try:
        kept = {_GIVEN_FILTERS, COPY}
        reading = {name: value for name, value in json.loads(run.reading).items() if name not in kept}
        job = Job.model_validate({**reading, "list": "list.csv"}).with_given_filters(given_filters(run.reading))
    except ValidationError:  # written by a version with other settings
        return None
    # Set without validation: names of files and folders are not templates.
    job = job.model_copy(update={"name": run.job, "run_key": run.run_key, "list": run.list_path})
    copy = None if run.ledger is None else copy_in(run.reading, run.ledger)
    is_there = copy is not None and copy.path.is_file() and sha256_of(copy.path) == copy.sha256
    return job.with_copy(copy) if copy is not None and is_there else job
