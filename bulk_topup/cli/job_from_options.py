"""Creates jobs from a list or a job file and the options of a command line; reads the job file."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from bulk_topup.app.time_zone import JobZone, due_time
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.options.list import DELIMITERS, JobOptions, ListOptions
from bulk_topup.cli.options.pace import PaceOptions
from bulk_topup.cli.options.worth import Worth
from bulk_topup.domain.auto_product import MOBILE_SERVICE, AutoProduct
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.fields import AMOUNT, CURRENCY, PRODUCT_ID, REFERENCE
from bulk_topup.domain.guards import Guards
from bulk_topup.domain.list_address import is_fetched, secrets_of
from bulk_topup.intake.filters import Filter
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.list_pattern import escape_pattern
from bulk_topup.jobs.load import load_job, make_job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.security.redaction import register_secret


def job_from(
    list_or_job: str, given: JobOptions, environment: Environment | None, pace: PaceOptions | None = None
) -> tuple[Job, Path]:
    """Return a job, and the folder that its relative paths start in.

    Args:
        list_or_job: a list, or a job file, which ends in .toml; options override its settings.
        given: the options of the job.
        environment: that of the command line; None for none.
        pace: the options of rate and concurrency; None for a command that has none.

    Raises:
        JobError: the job file is invalid.
    """
    settings, filters = _settings(given.list_, environment, pace), _filters(given.list_)
    fields = {"columns": given.list_.columns, "constants": given.list_.constants}
    if (worth := given.list_.worth) is not None:
        _add_worth(worth, settings, fields, given.list_)
    register_secret(*secrets_of(list_or_job))
    path = Path(list_or_job)
    if path.suffix.lower() == ".toml" and not is_fetched(list_or_job):
        job = load_job(path)
        register_secret(*secrets_of(job.list))
        if accepted := given.list_.accept_number_plan:
            settings["accept_number_plan"] = tuple(dict.fromkeys((*job.accept_number_plan, *accepted)))
        if subservices := given.list_.subservices:
            if job.auto_product is None:
                raise click.UsageError("--subservice is for a job with [auto_product], which this one does not have.")
            _check_has_subservices(job.auto_product)
            settings["auto_product"] = {"subservices": tuple(dict.fromkeys(subservices))}
        changed = {**settings, **given.stops.settings(), **given.guards.settings(job), **fields}
        made = make_job(_merge(job.model_dump(), changed), f"The job file {path} with these options")
        return _with_filters(made, filters), path.parent
    if given.list_.subservices and worth is None:
        raise click.UsageError("--subservice is for a job file with [auto_product]. A list names its products.")
    if worth is not None and REFERENCE not in given.list_.columns:
        raise click.UsageError("--auto-product needs a reference for every row. Add --map reference=COLUMN.")
    if given.list_.subservices:
        settings["auto_product"] = {"subservices": tuple(dict.fromkeys(given.list_.subservices))}
    if "run_key" in settings:
        _check_literal(settings["run_key"])
    list_ = list_or_job if is_fetched(list_or_job) else escape_pattern(str(path))
    _check_literal(list_)
    bare = {"list": list_, **fields, **settings, **given.stops.settings(), **given.guards.settings(Guards())}
    return _with_filters(make_job(bare, "The combination of options"), filters), Path()


def _add_worth(
    worth: Worth, settings: dict[str, Any], fields: dict[str, Mapping[str, str]], list_: ListOptions
) -> None:
    """Set what chooses the product of each row by the same source amount.

    Raises:
        UsageError: another option says what rows are worth, or no column is a reference.
    """
    if list_.product is not None or list_.amount is not None or list_.calculation_mode is not None:
        raise click.UsageError(
            "--auto-product says product and amount. Remove --product, --amount, --calculation-mode."
        )
    if given := {AMOUNT, CURRENCY, PRODUCT_ID} & {*list_.columns, *list_.constants}:
        raise click.UsageError(f"--auto-product says product and amount. Remove the other {', '.join(sorted(given))}.")
    settings.setdefault("auto_product", {})
    settings["calculation_mode"] = "SOURCE_AMOUNT"
    fields["constants"] = {**fields["constants"], AMOUNT: worth.amount, CURRENCY: worth.currency}


def _with_filters(job: Job, filters: tuple[Filter, ...]) -> Job:
    if filters and job.allow_duplicates and REFERENCE not in job.columns:
        # Without a reference, duplicates are identified by their order, which changes with a filter.
        raise click.UsageError("--filter with --allow-duplicates needs a reference. Add --map reference=COLUMN.")
    return job.with_given_filters(filters)


def _filters(list_: ListOptions) -> tuple[Filter, ...]:
    try:
        return tuple(map(Filter.parse, list_.filters))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--filter") from None


def _settings(list_: ListOptions, environment: Environment | None, pace: PaceOptions | None) -> dict[str, Any]:
    settings = {
        "run_key": list_.run_key,
        "product": list_.product,
        "amount": list_.amount,
        "bill": list_.bill,
        "statement_max_age": list_.statement_max_age,
        "sheet": list_.sheet,
        "encoding": list_.encoding,
        "delimiter": None if list_.delimiter is None else DELIMITERS[list_.delimiter],
        "default_country": list_.default_country,
        "accept_number_plan": list_.accept_number_plan or None,
        "decimal_mark": list_.decimal_mark,
        "header_row": list_.header_row,
        "hidden_rows": list_.hidden_rows,
        "keep": list_.keep,
        "calculation_mode": list_.calculation_mode,
        "allow_duplicates": list_.allow_duplicates,
        "skip_refused": list_.skip_refused,
        "max_age": list_.max_age,
        "number_max_age": list_.number_max_age,
        "environment": environment,
        "rate": None if pace is None else pace.rate,
        "concurrency": None if pace is None else pace.concurrency,
    }
    return {name: value for name, value in settings.items() if value is not None}


def _merge(job: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """Return a job's settings with those of the command line; of a table, only the keys that it has are replaced."""
    merged = dict(job)
    for key, value in changed.items():
        below = merged.get(key)
        merged[key] = {**below, **value} if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _check_has_subservices(policy: AutoProduct) -> None:
    """Raise UsageError if --subservice would change nothing."""
    if policy.subservice_id is not None:
        raise click.UsageError(
            f"--subservice has no effect: [auto_product] of the job has subservice_id = {policy.subservice_id}. Remove "
            "one of them."
        )
    if policy.service_id != MOBILE_SERVICE:
        raise click.UsageError(
            f"--subservice is for mobile operators: [auto_product] of the job has service_id = {policy.service_id}. "
            "Remove --subservice, or set subservice_id in the job."
        )


def _check_literal(text: str) -> None:
    if "{" in text or "}" in text:
        raise click.UsageError(f'"{text}": braces are for the templates of job files. Use a name without them.')


def start_day(
    job: Job | RetryJob, zone: JobZone, today: date | None, *, is_scheduled: bool
) -> tuple[date, datetime | None]:
    """Return the day that a job's templates mean, and the deadline of its schedule in UTC; None for none.

    By hand and by schedule, the day is that of the job's time zone, so that one day means the same run.

    Args:
        job: the job as it is defined.
        zone: its time zone.
        today: the day of --today; None for the current day.
        is_scheduled: whether the day that is due by the schedule is meant.

    Raises:
        JobError: the job has no schedule, or nothing is due.
    """
    if not is_scheduled:
        return today or zone.today(command_clock()), None
    if today is not None:
        raise click.UsageError("--scheduled uses the day of the schedule. Remove --today.")
    due = due_time(job, zone, command_clock().now())
    schedule = job.schedule
    return due.wall, None if schedule is None or schedule.deadline is None else due.at + schedule.sending_window
