"""The commands that pay: run, resume, retry."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console

from bulk_topup.archiving import Archiving
from bulk_topup.cli.approve import approval_from, approval_options
from bulk_topup.cli.completion import run_argument
from bulk_topup.cli.display import plan_json, show_summary
from bulk_topup.cli.existing import existing_ledger
from bulk_topup.cli.exits import plain_errors
from bulk_topup.cli.finding import end_if_archived, run_to_retry
from bulk_topup.cli.options import job_from, lines_of, list_options, start_of
from bulk_topup.cli.progress import ConsoleWatcher
from bulk_topup.cli.provider import run_async
from bulk_topup.cli.provider_options import provider_from, provider_options
from bulk_topup.cli.quiet import Ended, Mark, quietly
from bulk_topup.cli.report_options import report_from, report_of, report_options
from bulk_topup.cli.teller import Teller
from bulk_topup.cli.telling import Beside, telling
from bulk_topup.cli.telling_options import telling_options
from bulk_topup.cli.times import moment_or_span
from bulk_topup.dvs import codec
from bulk_topup.dvs.statuses import STATUSES
from bulk_topup.engine import PollPolicy, RunOptions
from bulk_topup.environments import ProviderOptions
from bulk_topup.errors import BalanceTooLowError, GuardError, RowsRefusedError
from bulk_topup.files import sha256_of
from bulk_topup.jobs import NoListError, RetryJob, load_retry_job
from bulk_topup.ledger import Ledger, RetryChoice, run_lock
from bulk_topup.listening import receiving
from bulk_topup.printable import printable
from bulk_topup.providers import POLL_INTERVAL, POLL_INTERVAL_EMBEDDED, is_embedded, open_client, payer_of
from bulk_topup.redaction import hide
from bulk_topup.reporting import ReportOptions
from bulk_topup.runs import Finished, approver_of, exit_code, resume_run, run_list
from bulk_topup.serving import Address

#: Status messages of failures that may pass.
WORTH_A_RETRY = tuple(message for message, status in STATUSES.items() if status.worth_new_attempt)
#: What a command does that goes on with a run and no job file.
_UNSTATED = RetryJob(retry_of="-")
#: Only what no callback came for is polled.
POLL_INTERVAL_WITH_CALLBACKS = 30.0


def _address(_context: click.Context, _option: click.Parameter, text: str | None) -> Address | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f'"{text}" is not HOST:PORT; write it like 127.0.0.1:8443.')
    return Address(host=host.strip("[]"), port=int(port))


def _known_statuses(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        near = get_close_matches(text, STATUSES, n=1, cutoff=0.9)
        # Others than those that are known pass: the provider may add statuses without notice.
        if near and near[0] != text:
            raise click.BadParameter(f'"{text}" is not a status; do you mean {near[0]}?')
    return texts


def _pace_options(command: Any) -> Any:  # noqa: ANN401 - a decorator over any command
    for decorate in (
        click.option("--yes", is_flag=True, help="Confirm production beforehand."),
        click.option(
            "--quiet",
            is_flag=True,
            help="Print nothing unless there is trouble, then all of it to standard error, once; for cron.",
        ),
        click.option(
            "--deadline",
            callback=moment_or_span,
            metavar="TIME",
            help="Send nothing later and end with code 75: a span such as 2h, or a time in UTC.",
        ),
        click.option(
            "--same-account",
            "is_same_account",
            is_flag=True,
            help="The account's key or address changed since the run began; the account did not.",
        ),
        click.option(
            "--listen",
            "listen_at",
            metavar="HOST:PORT",
            callback=_address,
            help="Receive callbacks here while the run is on.  [default: `bulk-topup listen` may, elsewhere]",
        ),
        click.option(
            "--callback-url",
            metavar="URL",
            help="Where DVS is to post changes of status; its path is the token.  [default: what --listen says]",
        ),
        click.option(
            "--json", "as_json", is_flag=True, help="Print the result as JSON; progress goes to standard error."
        ),
        click.option(
            "--tracking-timeout",
            type=click.FloatRange(min=0),
            default=1800.0,
            show_default=True,
            help="Seconds without any change before open rows are left to the next start.",
        ),
        click.option(
            "--poll-interval",
            type=click.FloatRange(min=0.05),
            help="Seconds between questions for open rows.  [default: 2]",
        ),
        click.option(
            "--concurrency",
            type=click.IntRange(1, 1000),
            help="Requests on their way at once.  [default: as many as the allowed rate needs]",
        ),
        click.option(
            "--rate",
            type=click.FloatRange(min=0.01),
            help="Requests a second, never exceeded.  [default: what the provider allows]",
        ),
    ):
        command = decorate(command)
    return command


_scheduled_option = click.option(
    "--scheduled",
    "is_scheduled",
    is_flag=True,
    help="A start by the job's [schedule]: {today} is the day that is due, and nothing is sent when none is.",
)


@click.command("run")
@list_options
@_scheduled_option
@provider_options
@report_options
@approval_options
@telling_options
@_pace_options
def run_command(**values: Any) -> None:
    """Check, plan, submit, track and report a list; start it again to resume.

    LIST is a CSV or XLSX file, JOB a job file that ends in .toml. Started again, a run goes on where it was and
    never pays a row twice; --run-key names a new run.

    \b
    Example:
      bulk-topup run sample_files/rewards.csv --product 6418
    """
    with telling() as teller, quietly(values["quiet"]), plain_errors():
        job, folder = job_from(values)
        teller.take(values, job, folder)
        corrections: Path | None = values.pop("corrections")
        job, approval = approval_from(values, job)
        provider = provider_from(values, job.environment)
        try:
            job = job.at(start_of(values, job.schedule), folder)
        except NoListError as missing:
            gone = missing.job
            report = report_from(values, gone.name, str(gone.run_key), gone.reports, gone.report_folder)
            end_if_archived(missing, provider, report.folder)
            raise
        teller.is_of(job.name, str(job.run_key))
        report = report_from(values, job.name, str(job.run_key), job.reports, job.report_folder)
        callbacks, is_same_account = _Callbacks(values), values.pop("is_same_account")
        watcher, options = _watching(values, provider, job.concurrency, callbacks, report, teller)

        async def pay() -> Finished:
            # The run is held first, so that a second start is told of the run and not of the sandbox that it has open.
            with Ledger(provider.ledger) as ledger, run_lock(ledger.path, job.name, str(job.run_key)) as held:
                async with open_client(provider, rate=job.rate, connections=job.concurrency) as dvs:
                    teller.follow(dvs)
                    with callbacks.received(ledger, options, watcher) as told:
                        return await run_list(
                            job,
                            dvs=dvs,
                            payer=payer_of(provider, dvs, is_same_account=is_same_account),
                            ledger=ledger,
                            options=told,
                            report=report,
                            watcher=Beside(teller, watcher),
                            corrections=corrections,
                            approval=approval,
                            held=held,
                        )

        try:
            finished = teller.finished = run_async(pay())
        except (RowsRefusedError, GuardError, BalanceTooLowError):
            if watcher.json and watcher.plan:
                click.echo(codec.encode(plan_json(*watcher.plan)))
            raise
        _finish(finished, watcher)


@click.command("resume")
@run_argument()
@provider_options
@report_options
@telling_options
@_pace_options
def resume_command(run_name: str, **values: Any) -> None:
    """Go on with a run as the ledger knows it; the list is not read again.

    \b
    Example:
      bulk-topup resume list/rewards
    """
    _go_on(run_name, values)


@click.command("retry")
@run_argument(metavar="RUN|JOB")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="STATUS",
    callback=_known_statuses,
    help="Only rows that failed with this status or class; repeatable.",
)
@click.option("--rows", "lines", callback=lines_of, metavar="LINES", help="Only these lines of the list, e.g. 5,7-9.")
@click.option("--all-failed", is_flag=True, help="Every failed row, also one that fares no better unless corrected.")
@click.option(
    "--after",
    "not_before",
    callback=moment_or_span,
    metavar="TIME",
    help="Send them no earlier: a span such as 30m, or a time in UTC such as 2026-11-24T22:00.",
)
@_scheduled_option
@provider_options
@report_options
@telling_options
@_pace_options
def retry_command(
    run_name: str,
    statuses: tuple[str, ...],
    lines: frozenset[int],
    all_failed: bool,
    not_before: datetime | None,
    **values: Any,
) -> None:
    """Give failed rows a new attempt: those worth one, or those of a status, on some lines, or all.

    Worth one is a row that failed for what may pass, or that was corrected in the list since. JOB is a job file that
    says which run and which rows; where none of them is worth another attempt it exits 0.

    \b
    Example:
      bulk-topup retry list/rewards --status DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE
      bulk-topup retry jobs/retry-payroll.toml
    """
    if all_failed and (statuses or lines):
        raise click.UsageError("--all-failed leaves nothing to --status and --rows; state one or the other.")
    if run_name.lower().endswith(".toml"):
        if all_failed or statuses or lines:
            raise click.UsageError("A job file says which rows are retried; leave out --status, --rows, --all-failed.")
        _go_on(run_name, values, not_before=not_before, job_file=Path(run_name))
        return
    if values["is_scheduled"]:
        raise click.UsageError("--scheduled is for job files, whose [schedule] says what is due.")
    choice = RetryChoice(lines=lines or None)
    if statuses:
        choice = replace(choice, statuses=statuses, classes=statuses)
    elif not all_failed and not lines:
        choice = replace(choice, statuses=WORTH_A_RETRY, or_corrected=True)
    _go_on(run_name, values, retry=choice, not_before=not_before)


def _go_on(
    run_name: str,
    values: dict[str, Any],
    *,
    retry: RetryChoice | None = None,
    not_before: datetime | None = None,
    job_file: Path | None = None,
) -> None:
    with telling() as teller, quietly(values["quiet"]), plain_errors():
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
        callbacks, is_same_account = _Callbacks(values), values.pop("is_same_account")
        with existing_ledger(provider) as ledger:
            run = ledger.run_named(run_name) if job_file is None else run_to_retry(ledger, job.retry_of)
            formats = job.reports if "reports" in job.model_fields_set else ()
            report = report_of(values, run, formats, job.report_folder)
            watcher, options = _watching(values, provider, concurrency, callbacks, report, teller)

            async def pay() -> Finished:
                with run_lock(ledger.path, run.job, run.run_key) as held:
                    async with open_client(provider, rate=rate, connections=concurrency) as dvs:
                        teller.follow(dvs)
                        with callbacks.received(ledger, options, watcher) as told:
                            return await resume_run(
                                run,
                                dvs=dvs,
                                payer=payer_of(provider, dvs, is_same_account=is_same_account),
                                ledger=ledger,
                                options=told,
                                report=report,
                                watcher=Beside(teller, watcher),
                                retry=retry,
                                not_before=not_before,
                                held=held,
                            )

            finished = teller.finished = run_async(pay())
        if job_file is not None and not watcher.had_open_rows:
            told = f"No row of run {printable(run.name)} is worth another attempt; nothing was sent."
            click.echo(told, err=watcher.json or teller.is_on_stdout)
            _show(finished, watcher)
            return
        _finish(finished, watcher)


class _Callbacks:
    """What a command states about callbacks, taken out of its values."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._url: str | None = values.pop("callback_url")
        self.address: Address | None = values.pop("listen_at")
        if self._url is not None and urlsplit(self._url).scheme not in {"http", "https"}:
            raise click.UsageError(f'"{self._url}" is not a URL that DVS could post to; write it like https://…/TOKEN.')
        if self._url is not None:
            hide(urlsplit(self._url).path.strip("/"))

    @contextmanager
    def received(self, ledger: Ledger, options: RunOptions, watcher: ConsoleWatcher) -> Iterator[RunOptions]:
        """Receive callbacks while the block lasts, where that is asked for; give the options with their address."""
        if self.address is None:
            yield replace(options, callback_url=self._url)
            return
        token = urlsplit(self._url).path.strip("/") if self._url else secrets.token_urlsafe(24)
        with receiving(ledger, self.address, token, watcher.wake) as url:
            yield replace(options, callback_url=self._url or url)


def _watching(
    values: dict[str, Any],
    provider: ProviderOptions,
    concurrency: int | None,
    callbacks: _Callbacks,
    report: ReportOptions,
    teller: Teller,
) -> tuple[ConsoleWatcher, RunOptions]:
    teller.reports_to(report)
    interval = values.pop("poll_interval")
    if interval is None and callbacks.address is not None:
        interval = POLL_INTERVAL_WITH_CALLBACKS
    elif interval is None:
        interval = POLL_INTERVAL_EMBEDDED if is_embedded(provider) else POLL_INTERVAL
    options = RunOptions(
        concurrency=concurrency,
        polling=PollPolicy(shortest=interval, longest=max(interval, PollPolicy().longest)),
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


def _show(finished: Finished, watcher: ConsoleWatcher) -> None:
    archiving = finished.archiving or Archiving()
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


def _finish(finished: Finished, watcher: ConsoleWatcher) -> None:
    _show(finished, watcher)
    result, archiving = finished.result, finished.archiving or Archiving()
    code = exit_code(result, archiving)
    # Which rows are contradicted, the results tell.
    contradicted = sha256_of(finished.report.files[0]) if result.contradicted else ""
    trouble = (code, *filter(None, (result.message, contradicted, archiving.why_not)))
    mark = Mark.of(finished.run, watcher.ledger, watcher.report, *trouble)
    raise Ended(code, mark, is_news=watcher.had_open_rows or bool(archiving.why_not))
