"""A DAG for Apache Airflow (3.3) that pays a job on the 28th of each month; copy it to the DAGs folder.

The logical date selects the run: a retry or a cleared task resumes the run of that date, and pays no row twice.
Temporary failures are retried; failures that need a person are not. All workers that can get the task need the same
ledger, on a disk with file locks; or send the task to the queue of one worker.
"""

import os
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec

#: Path of the job file on the worker.
JOB = os.environ.get("BULK_TOPUP_JOB", "jobs/payroll.toml")


def pay(ds: str, *, job: str = JOB, skip_unless_all: bool = False) -> dict[str, object]:
    """Pay the run of a day, and return the result for XCom.

    Args:
        ds: the logical date, Airflow's `{{ ds }}`.
        job: the job file.
        skip_unless_all: mark the task as skipped instead of successful if some rows are not completed.
    """
    # Imported here, because the scheduler reads this file often and needs none of it.
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

    from bulk_topup import BulkTopupError, ExitCode, exit_code_for, run_job

    try:
        # In production, confirm the run: confirm=f"payroll/{ds[:7]}".
        result = run_job(job, today=date.fromisoformat(ds), on_progress=print, progress_interval=30)
    except BulkTopupError as error:
        raise (AirflowException if exit_code_for(error).is_transient else AirflowFailException)(str(error)) from error
    summary = f"{result.run}: {result.exit_code.name}. {result.message}"
    if result.exit_code.is_transient:
        raise AirflowException(summary)
    if result.exit_code is ExitCode.STOPPED_BY_PROVIDER:
        raise AirflowFailException(summary)
    if result.exit_code is ExitCode.INCOMPLETE:
        print(f"WARNING {summary} See {result.not_completed}")
        if skip_unless_all:
            raise AirflowSkipException(summary)
    return result.as_json()


def make_dag() -> object:
    """Create the DAG."""
    from airflow.sdk import dag, task

    def payroll() -> None:
        task(pay)(ds="{{ ds }}")

    monthly = dag(
        schedule="0 17 28 * *",
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 20, "retry_delay": timedelta(minutes=15)},
    )
    return monthly(payroll)()


# Without Airflow, as in its test, this file is a module with functions only.
if find_spec("airflow") is not None:
    payroll_dag = make_dag()
