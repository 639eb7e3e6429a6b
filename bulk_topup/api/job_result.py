"""The result of `run_job`; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.summary import Summary
from bulk_topup.jobs.job import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class JobResult:
    """How a call of `run_job` ended, with the run's report."""

    #: The run's name, job/run-key.
    run: str
    #: Its environment, and the account that pays, as the ledger names it.
    environment: Environment
    account: str
    #: What `bulk-topup run` would exit with.
    exit_code: ExitCode
    #: Rows in each state.
    counts: Mapping[RowState, int]
    #: Refused rows for which nothing is due; with them and completed rows alone, the exit code is 0.
    nothing_due: int
    #: Refused rows that are left out as duplicates; the same holds for them.
    duplicates: int
    #: Price and fee of the completed rows, per currency.
    charged: Mapping[str, Decimal]
    #: What the plan expected for them, per currency.
    planned: Mapping[str, Decimal]
    #: Paid or open rows whose list row changed after it was sent; they need review.
    contradicted: int
    #: A sentence about why the run stopped, or why the list was not archived; empty without such a reason.
    message: str
    #: The report: results in each format, and a summary. Empty if an earlier invocation archived the list.
    files: tuple[Path, ...]
    #: The rows that are not completed, ready to correct; None if all are.
    not_completed: Path | None
    #: The same as a workbook; None if all are.
    not_completed_workbook: Path | None
    #: The rows that filters leave out, hidden ones that are not paid, titles, totals and signatures; None for none.
    left_out: Path | None
    #: The list in the archive; None if it was not moved.
    archived: Path | None

    def as_json(self) -> dict[str, object]:
        """Return plain values for logs and orchestrators; amounts as text in plain notation."""
        paths = {
            "not_completed": self.not_completed,
            "not_completed_workbook": self.not_completed_workbook,
            "left_out": self.left_out,
            "archived": self.archived,
        }
        return {
            "run": self.run,
            "environment": self.environment.value,
            "account": self.account or None,
            "exit_code": int(self.exit_code),
            "counts": {state.value: count for state, count in self.counts.items()},
            "nothing_due": self.nothing_due,
            "duplicates_left_out": self.duplicates,
            "charged": {unit: format_plain(amount) for unit, amount in self.charged.items()},
            "planned": {unit: format_plain(amount) for unit, amount in self.planned.items()},
            "contradicted": self.contradicted,
            "message": self.message,
            "files": [str(file) for file in self.files],
            **{name: None if path is None else str(path) for name, path in paths.items()},
        }


def result_of(finished: FinishedRun) -> JobResult:
    """Return the result of a run that came to an end."""
    result, report, archiving = finished.result, finished.report, finished.archiving
    return JobResult(
        run=finished.run.name,
        environment=Environment(finished.run.environment),
        account=finished.run.account,
        exit_code=exit_code(finished),
        counts=result.counts,
        nothing_due=report.summary.nothing_due,
        duplicates=report.summary.duplicates,
        charged=report.summary.charged,
        planned=report.summary.planned,
        contradicted=result.contradicted,
        message=result.message or ("" if archiving is None else archiving.why_not),
        files=report.files,
        not_completed=report.not_completed,
        not_completed_workbook=report.not_completed_workbook,
        left_out=finished.left_out,
        archived=None if archiving is None else archiving.path,
    )


def archived_result(job: Job, run: Run, summary: Summary) -> JobResult:
    """Return the result of a run that ended before, and whose list is in the archive."""
    return JobResult(
        run=run.name,
        environment=Environment(run.environment),
        account=run.account,
        exit_code=ExitCode.ALL_COMPLETED if summary.is_complete else ExitCode.INCOMPLETE,
        counts=summary.counts,
        nothing_due=summary.nothing_due,
        duplicates=summary.duplicates,
        charged=summary.charged,
        planned=summary.planned,
        contradicted=0,
        message=f"The run has ended, and its list is in the archive {job.archive}. Nothing was sent.",
        files=(),
        not_completed=None,
        not_completed_workbook=None,
        left_out=None,
        archived=None,
    )
