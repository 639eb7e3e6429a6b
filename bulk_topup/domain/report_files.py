"""Name the files of a report that other packages need; pure."""

from typing import Final

from bulk_topup.domain.run import Run
from bulk_topup.system.files import file_name

#: Counts and totals for scripts.
SUMMARY: Final = "summary.json"


def not_completed_name(run: Run) -> str:
    """Return the name of a run's not-completed file.

    A list's name becomes its run key when it is run, so this name differs from run to run.
    """
    return file_name(run.job, run.run_key, "not-completed.csv")


def not_completed_workbook_name(run: Run) -> str:
    """Return the name of the workbook with the same rows."""
    return file_name(run.job, run.run_key, "not-completed.xlsx")
