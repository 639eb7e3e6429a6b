"""A Dagster job that pays a job file, one partition a month; load it as a code location.

The partition selects the run: a retry, or a partition that is run again, resumes the run of that month and pays no row
twice. Temporary failures are retried; failures that need a person are not.
"""

import os
from datetime import date
from importlib.util import find_spec

#: Path of the job file in the code location.
JOB = os.environ.get("BULK_TOPUP_JOB", "jobs/payroll.toml")

#: Maximum retries after a temporary failure, and seconds between them.
RETRIES = 20
WAIT = 900.0


def pay(day: str, *, job: str = JOB) -> dict[str, object]:
    """Pay the run of a day, the first of the partition's month, and return the result."""
    from dagster import Failure, RetryRequested

    from bulk_topup import BulkTopupError, ExitCode, exit_code_for, run_job

    try:
        result = run_job(job, today=date.fromisoformat(day))
    except BulkTopupError as error:
        if exit_code_for(error).is_transient:
            raise RetryRequested(max_retries=RETRIES, seconds_to_wait=WAIT) from error
        raise Failure(str(error), allow_retries=False) from error
    if result.exit_code.is_transient:
        raise RetryRequested(max_retries=RETRIES, seconds_to_wait=WAIT)
    if result.exit_code is ExitCode.STOPPED_BY_PROVIDER:
        raise Failure(f"{result.run}: {result.message}", allow_retries=False)
    return result.as_json()


def make_definitions() -> object:
    """Create the job and its monthly schedule."""
    from dagster import (
        Definitions,
        MonthlyPartitionsDefinition,
        OpExecutionContext,
        build_schedule_from_partitioned_job,
        job,
        op,
    )

    months = MonthlyPartitionsDefinition(start_date="2026-01-01", end_offset=1)

    def pay_payroll(context: OpExecutionContext) -> dict[str, object]:
        result = pay(context.partition_key)
        context.log.info(str(result))
        return result

    def payroll() -> None:
        op(pay_payroll)()

    monthly = job(partitions_def=months)(payroll)
    return Definitions(jobs=[monthly], schedules=[build_schedule_from_partitioned_job(monthly, day_of_month=28)])


# Without Dagster, as in its test, this file is a module with functions only.
if find_spec("dagster") is not None:
    definitions = make_definitions()
