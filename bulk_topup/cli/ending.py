"""Prints how a run ended, and exits with its code."""

from pathlib import Path
from typing import NoReturn

import click

from bulk_topup.app.archive import ArchiveResult
from bulk_topup.app.archived_run import find_archived_run
from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.restored_ledger import format_others
from bulk_topup.app.run_ending import exit_code
from bulk_topup.approvals.approval import approver_of
from bulk_topup.cli.console_watcher import ConsoleWatcher
from bulk_topup.cli.quiet import LastNotice, RunExit
from bulk_topup.cli.screens.summary import show_summary
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.dvs import codec
from bulk_topup.jobs.job import NoListError
from bulk_topup.security.terminal_text import printable
from bulk_topup.system.files import sha256_of


def print_ending(finished: FinishedRun, watcher: ConsoleWatcher) -> None:
    """Print how a run ended: its summary, or JSON."""
    archiving = finished.archiving or ArchiveResult()
    if watcher.json:
        result, report = finished.result, finished.report
        click.echo(
            codec.encode(
                {
                    **report.summary.as_json(),
                    "approved_by": approver_of(finished.run),
                    "stopped": result.reason,
                    "message": result.message,
                    "contradicted": result.contradicted,
                    "files": [str(file) for file in report.files],
                    "not_completed": None if report.not_completed is None else str(report.not_completed),
                    "not_completed_workbook": None
                    if report.not_completed_workbook is None
                    else str(report.not_completed_workbook),
                    "left_out": None if finished.left_out is None else str(finished.left_out),
                    "archived": None if archiving.path is None else str(archiving.path),
                    "not_archived": archiving.why_not or None,
                    "unreadable_entries": [] if watcher.dvs is None else watcher.dvs.unreadable.as_json(),
                }
            )
        )
    else:
        show_summary(watcher.out, finished)
    if not watcher.json and watcher.dvs is not None and (number := watcher.dvs.unreadable.count):
        what, it = (
            ("1 entry of DVS's lists was", "it") if number == 1 else (f"{number:,} entries of DVS's lists were", "them")
        )
        click.echo(f"Warning: {what} skipped, because this version can't read {it}.", err=True)
    if finished.others:
        text = f"DVS also lists {format_others(finished.others)} under the name of job {finished.run.job}."
        click.echo(printable(text), err=True)
    if archiving.why_not:
        click.echo(f"Warning: {printable(archiving.why_not)}", err=True)


def print_and_exit(finished: FinishedRun, watcher: ConsoleWatcher) -> NoReturn:
    """Print how a run ended, and exit with its code."""
    print_ending(finished, watcher)
    result, archiving = finished.result, finished.archiving or ArchiveResult()
    code = exit_code(finished)
    # The results show which rows the list contradicts.
    contradicted = sha256_of(finished.report.files[0]) if result.contradicted else ""
    problem = (code, *filter(None, (result.message, contradicted, archiving.why_not)))
    notice = LastNotice.of(finished.run, watcher.provider.ledger, watcher.report, *problem)
    raise RunExit(code, notice, is_news=watcher.had_open_rows or bool(archiving.why_not))


def exit_if_archived(missing: NoListError, provider: ProviderOptions, folder: Path) -> None:
    """Exit with a run's code if its list is missing because an earlier invocation archived it; otherwise return.

    Args:
        missing: the error about the list.
        provider: the environment and the ledger of the run.
        folder: the folder of the run's report.
    """
    if (ended := find_archived_run(missing.job, provider)) is None:
        return
    run, summary = ended
    counts = ", ".join(f"{count:,} {state}" for state, count in summary.counts.items() if count)
    click.echo(
        printable(
            f"Run {run.name} has ended ({counts}), and its list is in the archive {missing.job.archive}. Nothing was "
            "sent. To correct rows, move the list back."
        )
    )
    code = ExitCode.ALL_COMPLETED if summary.is_complete else ExitCode.INCOMPLETE
    raise RunExit(code, LastNotice.of(run, provider.ledger, folder, code), is_news=False)
