"""Names of a report's files that others ask for; touches nothing."""

from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.system.files import file_name

#: Counts and totals for scripts.
SUMMARY: Final = "summary.json"


def not_completed_name(run: Run) -> str:
    """Name the list of a run's rows that did not complete.

    A list's name is its run's key where it is started, so this one has to differ from run to run.
    """
    return file_name(run.job, run.run_key, "not-completed.csv")
