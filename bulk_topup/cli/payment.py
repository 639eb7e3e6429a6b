"""What the commands that pay share: their options, callbacks meanwhile, and how a run's end is told."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import click
from rich.console import Console

from bulk_topup.app.archive import ArchiveResult
from bulk_topup.app.archived_run import find_archived_run
from bulk_topup.app.callbacks import receive_callbacks
from bulk_topup.app.monitor import RunMonitor
from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.provider import open_client, payer_of, poll_policy
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.resume import resume_run, run_to_retry
from bulk_topup.app.run import FinishedRun
from bulk_topup.app.run_ending import exit_code
from bulk_topup.approvals.approval import approver_of
from bulk_topup.cli.console_watcher import ConsoleWatcher
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.monitoring import MonitoredWatcher, monitored
from bulk_topup.cli.options.list import start_of
from bulk_topup.cli.options.provider import provider_from
from bulk_topup.cli.options.report import report_of
from bulk_topup.cli.quiet import LastNotice, RunExit, suppress_output
from bulk_topup.cli.screens.summary import show_summary
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.retry_rules import WORTH_A_RETRY
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import codec
from bulk_topup.engine import RunOptions
from bulk_topup.jobs.job import NoListError
from bulk_topup.jobs.load import load_retry_job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.ledger import LedgerStore, RetryChoice, run_lock
from bulk_topup.security.redaction import register_secret
from bulk_topup.security.terminal_text import printable
from bulk_topup.system.asgi_server import Address
from bulk_topup.system.files import sha256_of

F = TypeVar("F", bound=Callable[..., Any])

#: Only what no callback came for is polled.
POLL_INTERVAL_WITH_CALLBACKS = 30.0


class Callbacks:
    """What a command states about callbacks, taken out of its values."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._url: str | None = values.pop("callback_url")
        self.address: Address | None = values.pop("listen_at")
        if self._url is not None and urlsplit(self._url).scheme not in {"http", "https"}:
            raise click.UsageError(f'"{self._url}" is not a URL that DVS could post to; write it like https://…/TOKEN.')
        if self._url is not None:
            register_secret(urlsplit(self._url).path.strip("/"))

    @contextmanager
    def received(self, ledger: LedgerStore, options: RunOptions, watcher: ConsoleWatcher) -> Iterator[RunOptions]:
        """Receive callbacks while the block lasts, where that is asked for; give the options with their address."""
        if self.address is None:
            yield replace(options, callback_url=self._url)
            return
        token = urlsplit(self._url).path.strip("/") if self._url else secrets.token_urlsafe(24)
        with receive_callbacks(ledger, self.address, token, watcher.wake) as url:
            yield replace(options, callback_url=self._url or url)


def watcher_and_options(
    values: dict[str, Any],
    provider: ProviderOptions,
    concurrency: int | None,
    callbacks: Callbacks,
    report: ReportOptions,
    teller: RunMonitor,
) -> tuple[ConsoleWatcher, RunOptions]:
    """Give who looks on, and how the run goes, of what a command states."""
    teller.reports_to(report)
    interval = values.pop("poll_interval")
    if interval is None and callbacks.address is not None:
        interval = POLL_INTERVAL_WITH_CALLBACKS
    options = RunOptions(
        concurrency=concurrency,
        polling=poll_policy(provider, interval),
        tracking_timeout=values.pop("tracking_timeout"),
        on_moves=teller.on_moves,
    )
    watcher = ConsoleWatcher(
        out=Console(stderr=teller.is_on_stdout, emoji=False),
        err=Console(stderr=True, emoji=False),
        environment=provider.environment,
        json=values.pop("as_json"),
        yes=values.pop("yes"),
        quiet=values.pop("quiet"),
        deadline=values.pop("deadline"),
        ledger=provider.ledger,
        report=report.folder,
    )
    return watcher, options


def print_ending(finished: FinishedRun, watcher: ConsoleWatcher) -> None:
    """Print how a run ended."""
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
                    "left_out": None if finished.left_out is None else str(finished.left_out),
                    "archived": None if archiving.path is None else str(archiving.path),
                    "not_archived": archiving.why_not or None,
                }
            )
        )
    else:
        show_summary(watcher.out, finished)
    if archiving.why_not:
        click.echo(f"Warning: {printable(archiving.why_not)}", err=True)


def print_and_exit(finished: FinishedRun, watcher: ConsoleWatcher) -> NoReturn:
    """Print how a run ended, and end the command with its exit code."""
    print_ending(finished, watcher)
    result, archiving = finished.result, finished.archiving or ArchiveResult()
    code = exit_code(result, archiving)
    # Which rows are contradicted, the results tell.
    contradicted = sha256_of(finished.report.files[0]) if result.contradicted else ""
    trouble = (code, *filter(None, (result.message, contradicted, archiving.why_not)))
    mark = LastNotice.of(finished.run, watcher.ledger, watcher.report, *trouble)
    raise RunExit(code, mark, is_news=watcher.had_open_rows or bool(archiving.why_not))


def end_if_archived(missing: NoListError, provider: ProviderOptions, folder: Path) -> None:
    """End a start whose list is gone because its run has ended and archived it; return where that is not so.

    What the run did is known from the ledger; a list that comes later is read as ever.

    Args:
        missing: the list that is gone.
        provider: where the run's money is.
        folder: that of the run's report.
    """
    if (ended := find_archived_run(missing.job, provider)) is None:
        return
    run, summary = ended
    told = ", ".join(f"{count} {state}" for state, count in summary.counts.items() if count)
    click.echo(
        printable(
            f"Run {run.name} has ended ({told}), and its list is in the archive {missing.job.archive}. Nothing was "
            "sent. To correct rows, put the list back."
        )
    )
    code = 0 if summary.counts[RowState.COMPLETED] == summary.rows else 1
    raise RunExit(code, LastNotice.of(run, provider.ledger, folder, code), is_news=False)


#: What a command does that goes on with a run and no job file.
_UNSTATED = RetryJob(retry_of="-")


def continue_run(
    run_name: str,
    values: dict[str, Any],
    *,
    retry: RetryChoice | None = None,
    not_before: datetime | None = None,
    job_file: Path | None = None,
) -> None:
    """Resume a run, or retry its failed rows, and exit with the code of how it ended."""
    with monitored() as teller, suppress_output(values["quiet"]), exit_on_error():
        job = _UNSTATED
        if job_file is not None:
            job = load_retry_job(job_file)
            teller.take(values, job, job_file.parent)
            job = job.at(start_of(values, job.schedule), job_file.parent)
            retry = RetryChoice(
                statuses=job.statuses or WORTH_A_RETRY, or_corrected=not job.statuses, attempts=job.attempts
            )
        else:
            teller.take(values, None)
        provider = provider_from(values, job.environment)
        rate, concurrency = values.pop("rate") or job.rate, values.pop("concurrency") or job.concurrency
        callbacks, same_account = Callbacks(values), values.pop("same_account")
        with open_existing_ledger(provider) as ledger:
            run = ledger.runs.named(run_name) if job_file is None else run_to_retry(ledger, job.retry_of)
            formats = job.reports if "reports" in job.model_fields_set else ()
            report = report_of(values, run, formats, job.report_folder)
            watcher, options = watcher_and_options(values, provider, concurrency, callbacks, report, teller)

            async def pay() -> FinishedRun:
                with run_lock(ledger.path, run.job, run.run_key) as held:
                    async with open_client(provider, rate=rate, connections=concurrency) as dvs:
                        teller.follow(dvs)
                        with callbacks.received(ledger, options, watcher) as told:
                            return await resume_run(
                                run,
                                dvs=dvs,
                                payer=payer_of(provider, dvs, same_account=same_account),
                                ledger=ledger,
                                options=told,
                                report=report,
                                watcher=MonitoredWatcher(teller, watcher),
                                retry=retry,
                                not_before=not_before,
                                held=held,
                            )

            finished = teller.finished = run_async(pay())
        if job_file is not None and not watcher.had_open_rows:
            told = f"No row of run {printable(run.name)} is worth another attempt; nothing was sent."
            click.echo(told, err=watcher.json or teller.is_on_stdout)
            print_ending(finished, watcher)
            return
        print_and_exit(finished, watcher)
