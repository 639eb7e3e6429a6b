"""How a start ended, as others than the terminal are told: what was said of it, its figures, and its files; pure."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bulk_topup.app.archive import ArchiveResult
from bulk_topup.app.fixes import with_fix
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import FinishedRun
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.states import RowState, is_open
from bulk_topup.domain.verdict import verdict_of
from bulk_topup.engine import RunResult, StopReason
from bulk_topup.errors import ApprovalRequiredError, BulkTopupError
from bulk_topup.monitoring.messages import Ending
from bulk_topup.monitoring.notifications import Attachment
from bulk_topup.security.redaction import redact_secrets

#: Which of the results goes along where somebody wants the report: the first of these that was written.
_ATTACHED: Final = (".xlsx", ".csv", ".html", ".jsonl", ".parquet")


def ending_of(
    code: int,
    error: BaseException | None,
    finished: FinishedRun | None,
    report: ReportOptions | None,
    *,
    seconds: int,
    requests: int,
    is_crash: bool,
) -> Ending:
    """Give how a start ended.

    Args:
        code: its exit code.
        error: what ended it; None where its run came to an end.
        finished: how the run ended; None where it did not.
        report: how its report was written; None where that is not known.
        seconds: how long the start took.
        requests: how many went to the provider.
        is_crash: nobody expected the error.
    """
    summary = None if finished is None else finished.report.summary
    verdict = None
    if finished is not None and summary is not None:
        verdict = verdict_of(finished.run, summary.counts, contradicted=finished.result.contradicted)
    return Ending(
        exit_code=code,
        error="\n".join(_said(error, finished, is_crash=is_crash)),
        is_approval_needed=isinstance(error, ApprovalRequiredError),
        is_crash=is_crash,
        summary=summary,
        verdict=verdict,
        seconds=seconds,
        requests=requests,
        folder=None if finished is None else finished.report.files[-1].parent.absolute(),
        files={} if finished is None else _files(finished, report),
    )


def _said(error: BaseException | None, finished: FinishedRun | None, *, is_crash: bool) -> Iterator[str]:
    if isinstance(error, BulkTopupError):
        yield redact_secrets(with_fix(error))
    elif error is not None:
        yield type(error).__name__ if is_crash else str(error)
    if finished is None:
        return
    if finished.result.message:
        yield finished.result.message
    if finished.result.contradicted:
        yield f"{finished.result.contradicted} rows are contradicted by the list; see `note` in the report."
    if finished.archiving is not None and finished.archiving.why_not:
        yield finished.archiving.why_not


def _files(finished: FinishedRun, options: ReportOptions | None) -> dict[Attachment, Path]:
    report = finished.report
    found = {Attachment.SUMMARY: report.files[-1]}
    if options is None or options.reveal_pins:
        return found  # PINs go nowhere
    results = [file for ending in _ATTACHED for file in report.files if file.suffix == ending]
    if results:
        found[Attachment.REPORT] = results[0]
    if report.not_completed is not None:
        found[Attachment.NOT_COMPLETED] = report.not_completed
    return found


def exit_code(result: RunResult, archiving: ArchiveResult | None = None) -> ExitCode:
    """Give the code that a start ends with.

    Args:
        result: how the run ended.
        archiving: what became of the list; one that should have been archived and stays is no good end.
    """
    if result.reason in {StopReason.UNAUTHORIZED, StopReason.BALANCE, StopReason.CIRCUIT}:
        return ExitCode.STOPPED_BY_PROVIDER
    is_changed = archiving is not None and archiving.is_changed
    if is_changed or (result.reason is not None and is_open(result.counts)):
        return ExitCode.RESUMABLE
    stays = archiving is not None and archiving.why_not
    done = result.counts[RowState.COMPLETED] == sum(result.counts.values()) and not result.contradicted
    return ExitCode.ALL_COMPLETED if done and not stays else ExitCode.INCOMPLETE
