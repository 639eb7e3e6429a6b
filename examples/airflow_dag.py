"""A DAG for Apache Airflow (3.3) that pays a job on the 28th of each month; put it into the DAGs folder.

The logical date says which run it is: a retry, or a task that is cleared, goes on with the run of that date and pays
nobody twice. What may pass by itself is retried, and what needs a person is not. The ledger has to lie on a disk that
every worker that may take the task sees and that keeps locks, or the task on one worker's queue.
"""

import os
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec

#: The job file, as the worker sees it.
JOB = os.environ.get("BULK_TOPUP_JOB", "jobs/payroll.toml")


def pay(ds: str, *, job: str = JOB, skip_unless_all: bool = False) -> dict[str, object]:
    """Pay what is due on a day, and give the result for XCom.

    Args:
        ds: the logical date, as Airflow's `{{ ds }}`.
        job: the job file.
        skip_unless_all: mark the task as skipped, and not as successful, when some rows did not complete.
    """
    # Here, so that the scheduler, which reads this file again and again, loads none of it.
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

    from bulk_topup import BulkTopupError, ExitCode, exit_code_for, run_job

    try:
        # In production the run has to be named once more: confirm=f"payroll/{ds[:7]}".
        result = run_job(job, today=date.fromisoformat(ds), on_progress=print, progress_interval=30)
    except BulkTopupError as error:
        raise (AirflowException if exit_code_for(error).is_transient else AirflowFailException)(str(error)) from error
    told = f"{result.run}: {result.exit_code.name}. {result.message}"
    if result.exit_code.is_transient:
        raise AirflowException(told)
    if result.exit_code is ExitCode.STOPPED_BY_PROVIDER:
        raise AirflowFailException(told)
    if result.exit_code is ExitCode.INCOMPLETE:
        print(f"WARNING {told} See {result.not_completed}")
        if skip_unless_all:
            raise AirflowSkipException(told)
    return result.as_json()


def make_dag() -> object:
    """Make the DAG."""
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


# Where this file is looked at without Airflow, as by its test, it is a module with a function.
if find_spec("airflow") is not None:
    payroll_dag = make_dag()
