"""What the end of an invocation means: its exit code, and what is reported of it; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.fixes import with_fix
from bulk_topup.app.report import ReportOptions
from bulk_topup.domain.exit_codes import ExitCode, crash_code, exit_code_for
from bulk_topup.domain.states import RowState, is_open
from bulk_topup.domain.verdict import format_rows, verdict_of_summary
from bulk_topup.engine import StopReason
from bulk_topup.errors import ApprovalRequiredError, BulkTopupError, InterruptedRunError
from bulk_topup.monitoring.messages import Ending
from bulk_topup.monitoring.notifications import Attachment
from bulk_topup.security.redaction import redact_secrets

#: File types of the results, best first; a message that attaches the report has the first one that was written.
_ATTACHED: Final = (".xlsx", ".csv", ".html", ".jsonl", ".parquet")


@dataclass(frozen=True, kw_only=True, slots=True)
class InvocationEnd:
    """How an invocation ended."""

    #: Its exit code.
    code: int
    #: The error that ended it; None if it ended without one.
    error: BaseException | None = None
    #: Whether it may be worth a message; False if nothing was done, or if its user knows.
    is_news: bool = True
    #: Whether the error was unexpected.
    is_crash: bool = False
    #: Whether a signal told the process to end, so that nothing may keep it for long.
    is_hurried: bool = False


def end_of(error: BaseException | None, finished: FinishedRun | None, *, has_started: bool) -> InvocationEnd:
    """Return how an invocation ended, where no command line decides that.

    Args:
        error: what was raised; None for nothing.
        finished: the end of the run; None if it did not end.
        has_started: whether rows may have been sent.
    """
    crash = crash_code(has_started=has_started)
    if isinstance(error, BulkTopupError):
        try:
            return InvocationEnd(code=exit_code_for(error), error=error)
        except LookupError:  # A class of the caller's own, raised in one of its functions.
            return InvocationEnd(code=crash, error=error, is_crash=True)
    # An error ends the process with its own code, even if the run came to an end before.
    if isinstance(error, Exception):
        return InvocationEnd(code=crash, error=error, is_crash=True)
    if error is not None:  # Ctrl-C, SystemExit or a cancelled task
        return InvocationEnd(code=ExitCode.RESUMABLE, error=InterruptedRunError())
    if finished is not None:
        return InvocationEnd(code=exit_code(finished))
    return InvocationEnd(code=ExitCode.ALL_COMPLETED, is_news=False)


def exit_code(finished: FinishedRun) -> ExitCode:
    """Return the exit code of an invocation whose run came to an end.

    A list that should have been archived and was not is no success; a row for which nothing is due is no failure.
    """
    result, archiving = finished.result, finished.archiving
    if result.reason in {StopReason.UNAUTHORIZED, StopReason.BALANCE, StopReason.CIRCUIT}:
        return ExitCode.STOPPED_BY_PROVIDER
    if result.reason is StopReason.LEDGER_MOVED:  # whatever is open: the next start does not know what was sent
        return ExitCode.RESUMABLE
    is_changed = archiving is not None and archiving.is_changed
    if is_changed or (result.reason is not None and is_open(result.counts)):
        return ExitCode.RESUMABLE
    is_not_archived = archiving is not None and bool(archiving.why_not)
    settled = result.counts[RowState.COMPLETED] + finished.report.summary.set_aside
    is_all = settled == sum(result.counts.values()) and not result.contradicted
    return ExitCode.ALL_COMPLETED if is_all and not is_not_archived else ExitCode.INCOMPLETE


def ending_of(
    end: InvocationEnd, finished: FinishedRun | None, report: ReportOptions | None, *, seconds: int, requests: int
) -> Ending:
    """Return what a message says of the end of an invocation.

    Args:
        end: how it ended.
        finished: the end of the run; None if it did not end.
        report: how its report is written; None if that is not known.
        seconds: duration of the invocation.
        requests: number of its requests to DVS.
    """
    summary = None if finished is None else finished.report.summary
    verdict = None
    if finished is not None and summary is not None:
        verdict = verdict_of_summary(
            finished.run,
            summary,
            contradicted=finished.result.contradicted,
        )
    return Ending(
        exit_code=end.code,
        error="\n".join(_sentences(end, finished)),
        is_approval_needed=isinstance(end.error, ApprovalRequiredError),
        is_crash=end.is_crash,
        summary=summary,
        verdict=verdict,
        seconds=seconds,
        requests=requests,
        folder=None if finished is None else finished.report.files[-1].parent.absolute(),
        files={} if finished is None else _files(finished, report),
    )


def _sentences(end: InvocationEnd, finished: FinishedRun | None) -> Iterator[str]:
    if isinstance(end.error, BulkTopupError):
        yield redact_secrets(with_fix(end.error))
    elif end.error is not None:
        yield type(end.error).__name__ if end.is_crash else str(end.error)
    if finished is None:
        return
    if finished.result.message:
        yield finished.result.message
    if finished.result.contradicted:
        differ = format_rows(finished.result.contradicted)
        yield f"List mismatch: {differ} changed after sending. See `note` in the report."
    if finished.archiving is not None and finished.archiving.why_not:
        yield finished.archiving.why_not


def _files(finished: FinishedRun, options: ReportOptions | None) -> dict[Attachment, Path]:
    report = finished.report
    files = {Attachment.SUMMARY: report.files[-1]}
    if options is None or options.reveal_pins:
        return files  # PINs are never sent
    results = [file for suffix in _ATTACHED for file in report.files if file.suffix == suffix]
    if results:
        files[Attachment.REPORT] = results[0]
    if report.not_completed is not None:
        files[Attachment.NOT_COMPLETED] = report.not_completed
    return files
