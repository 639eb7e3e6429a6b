"""Pays lists and continues runs: connects the options of run, resume and retry with the use cases of app."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from bulk_topup.app.catalogue import Asking
from bulk_topup.app.changed_list import changed_list_warnings
from bulk_topup.app.execute import FinishedRun
from bulk_topup.app.monitor import RunMonitor
from bulk_topup.app.monitored_run import MonitoredWatcher
from bulk_topup.app.open_ledger import open_existing_ledger
from bulk_topup.app.provider import check_environment, check_scheduled_environment, poll_policy
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.resume import resume_run, run_to_retry
from bulk_topup.app.retry_warnings import retry_warnings
from bulk_topup.app.run import run_list
from bulk_topup.app.run_name import named_as_known_run
from bulk_topup.app.session import open_session
from bulk_topup.app.time_zone import in_zone, zone_of
from bulk_topup.cli.callbacks import Callbacks
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.console_watcher import ConsoleWatcher
from bulk_topup.cli.ending import exit_if_archived, print_and_exit, print_ending
from bulk_topup.cli.errors import exit_on_error, warn
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.job_from_options import job_from, start_day
from bulk_topup.cli.monitoring import monitored
from bulk_topup.cli.options.approval import ApprovalOptions
from bulk_topup.cli.options.list import JobOptions
from bulk_topup.cli.options.payment import PaymentOptions
from bulk_topup.cli.quiet import suppress_output
from bulk_topup.cli.screens.plan import plan_json
from bulk_topup.cli.screens.questions import shown_asking
from bulk_topup.domain.earlier_payments import Repetition
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.retry_rules import WORTH_A_RETRY
from bulk_topup.dvs import codec
from bulk_topup.engine import RunOptions
from bulk_topup.errors import AlreadyPaidError, BalanceTooLowError, GuardError, OtherListError, RowsRefusedError
from bulk_topup.jobs.job import Job, NoListError
from bulk_topup.jobs.load import load_retry_job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.ledger import RetryChoice
from bulk_topup.security.terminal_text import printable

#: The settings of a run that no job file retries.
_NO_JOB_FILE: Final = RetryJob(retry_of="-")


def _configure(monitor: RunMonitor, payment: PaymentOptions, job: Job | RetryJob | None, folder: Path) -> None:
    """Configure the monitor by the job and the command line."""
    monitor.configure(
        job,
        folder,
        environment=payment.provider.environment,
        metrics=payment.monitoring.metrics,
        log=payment.monitoring.log_json,
        credentials=payment.provider.credentials,
    )


def watcher_and_options(
    payment: PaymentOptions,
    provider: ProviderOptions,
    concurrency: int | None,
    deadline: datetime | None,
    callbacks: Callbacks,
    report: ReportOptions,
    monitor: RunMonitor,
) -> tuple[ConsoleWatcher, RunOptions]:
    """Return the watcher of a run, and its options.

    Args:
        payment: the options of the command line.
        provider: the environment and the ledger.
        concurrency: most concurrent requests; None for as many as the rate needs.
        deadline: last send time, in UTC; None for none.
        callbacks: receives callbacks during the run.
        report: the report's folder.
        monitor: records the row states.
    """
    monitor.set_report(report)
    options = RunOptions(
        concurrency=concurrency,
        polling=poll_policy(provider, payment.pace.poll_interval or callbacks.poll_interval),
        tracking_timeout=payment.pace.tracking_timeout,
        on_moves=monitor.on_moves,
    )
    watcher = ConsoleWatcher(
        out=Console(stderr=monitor.is_on_stdout, emoji=False),
        err=Console(stderr=True, emoji=False),
        provider=provider,
        json=payment.as_json,
        yes=payment.is_confirmed,
        quiet=payment.is_quiet,
        deadline=deadline,
        report=report.folder,
    )
    return watcher, options


def pay_list(
    list_or_job: str,
    given: JobOptions,
    approval: ApprovalOptions,
    payment: PaymentOptions,
    *,
    repetition: Repetition,
    corrections: Path | None,
) -> None:
    """Pay a list or a job, and exit with the run's code.

    Long because its steps share most of their values.

    Args:
        list_or_job: the list or the job file.
        given: the options of the job.
        approval: those of an approved plan.
        payment: those that all commands share that pay.
        repetition: whether the job's schedule decides the day, and what is paid again.
        corrections: a file of corrected rows; None for none.
    """
    clock = command_clock()
    with monitored() as monitor, suppress_output(payment.is_quiet), exit_on_error():
        job, folder = job_from(list_or_job, given, payment.provider.environment, payment.pace)
        _configure(monitor, payment, job, folder)
        job, presented = approval.load(job)
        provider = payment.provider.resolve(job.environment)
        _check_environment(provider, is_scheduled=repetition.is_scheduled)
        zone = zone_of(job, provider.ledger)
        day, due_deadline = start_day(job, zone, given.list_.today, is_scheduled=repetition.is_scheduled)
        job = _job_on_day(in_zone(job, zone), day, folder, payment, provider)
        monitor.set_run(job.name, str(job.run_key))
        report = payment.report.resolve_job(job)
        callbacks, deadline = Callbacks(payment.callbacks), payment.pace.deadline or due_deadline
        watcher, options = watcher_and_options(payment, provider, job.concurrency, deadline, callbacks, report, monitor)

        async def pay() -> FinishedRun:
            async with open_session(
                provider,
                job.name,
                str(job.run_key),
                rate=job.rate,
                connections=job.concurrency,
                same_account=payment.is_same_account,
                clock=clock,
            ) as session:
                monitor.follow(session.dvs, session.payer)
                watcher.opened(session.payer)
                watcher.follow(session.dvs, clock)
                with (
                    callbacks.received(session.ledger, options, watcher) as with_callbacks,
                    shown_asking(is_quiet=payment.is_quiet) as on_progress,
                ):
                    return await run_list(
                        job,
                        dvs=session.dvs,
                        payer=session.payer,
                        ledger=session.ledger,
                        options=with_callbacks,
                        report=report,
                        watcher=MonitoredWatcher(monitor, watcher),
                        clock=clock,
                        corrections=corrections,
                        approval=presented,
                        lock=session.lock,
                        repetition=repetition,
                        asking=Asking(keeps_answers=not provider.is_embedded, on_progress=on_progress),
                    )

        try:
            finished = monitor.finished = run_async(pay())
        except (AlreadyPaidError, OtherListError, RowsRefusedError, GuardError, BalanceTooLowError):
            if watcher.json and watcher.plan and watcher.payer:
                click.echo(codec.encode(plan_json(*watcher.plan, watcher.payer)))
            raise
        print_and_exit(finished, watcher)


def _check_environment(provider: ProviderOptions, *, is_scheduled: bool) -> None:
    """Raise EnvironmentNotNamedError if an environment has to be named; before anything is opened or created."""
    check_environment(provider)
    if is_scheduled:
        check_scheduled_environment(provider)


def _job_on_day(job: Job, day: date, folder: Path, payment: PaymentOptions, provider: ProviderOptions) -> Job:
    """Return the job with its templates rendered; exit if its list was archived when the run ended."""
    try:
        return named_as_known_run(job.at(day, folder), provider.ledger)
    except NoListError as missing:
        known = named_as_known_run(missing.job, provider.ledger)
        exit_if_archived(missing, provider, payment.report.resolve_job(known).folder)
        raise


def retry_choice(statuses: tuple[str, ...], lines: frozenset[int], *, is_every_failed: bool) -> RetryChoice:
    """Return the rows that `retry` selects.

    Args:
        statuses: statuses or status classes; empty for any.
        lines: lines of the list; empty for all.
        is_every_failed: whether rows are selected that can't succeed without a correction.
    """
    choice = RetryChoice(lines=lines or None)
    if statuses:
        return replace(choice, statuses=statuses, classes=statuses)
    if is_every_failed or lines:
        return choice
    return replace(choice, statuses=WORTH_A_RETRY, or_corrected=True)


def continue_run(
    run_name: str,
    payment: PaymentOptions,
    *,
    retry: RetryChoice | None = None,
    not_before: datetime | None = None,
    job_file: Path | None = None,
    is_scheduled: bool = False,
) -> None:
    """Resume a run, or retry its failed rows, and exit with the run's code.

    Long because its steps share most of their values.

    Args:
        run_name: the run; ignored where a job file names it.
        payment: the options that all commands share that pay.
        retry: the rows to retry; None to resume only.
        not_before: earliest send time of the new attempts, in UTC.
        job_file: a job file of retries.
        is_scheduled: whether the job file's schedule decides the day.
    """
    clock = command_clock()
    with monitored() as monitor, suppress_output(payment.is_quiet), exit_on_error():
        job, deadline = _NO_JOB_FILE, payment.pace.deadline
        if job_file is None:
            _configure(monitor, payment, None, Path())
        else:
            job = load_retry_job(job_file)
            _configure(monitor, payment, job, job_file.parent)
            zone = zone_of(job, payment.provider.resolve(job.environment).ledger)
            day, due_deadline = start_day(job, zone, None, is_scheduled=is_scheduled)
            job, deadline = job.at(day, job_file.parent), deadline or due_deadline
            retry = RetryChoice(
                statuses=job.statuses or WORTH_A_RETRY, or_corrected=not job.statuses, attempts=job.attempts
            )
        provider = payment.provider.resolve(job.environment)
        _check_environment(provider, is_scheduled=is_scheduled)
        rate, concurrency = payment.pace.rate or job.rate, payment.pace.concurrency or job.concurrency
        callbacks = Callbacks(payment.callbacks)
        with open_existing_ledger(provider, clock=clock) as ledger:
            run = ledger.runs.named(run_name) if job_file is None else run_to_retry(ledger, job.retry_of)
            formats = job.reports if "reports" in job.model_fields_set else ()
            report = payment.report.resolve_for(run, formats, job.report_folder)
            watcher, options = watcher_and_options(payment, provider, concurrency, deadline, callbacks, report, monitor)
            warn([*changed_list_warnings(run, ledger), *retry_warnings(run, ledger, retry)])

            async def pay() -> FinishedRun:
                async with open_session(
                    provider,
                    run.job,
                    run.run_key,
                    rate=rate,
                    connections=concurrency,
                    same_account=payment.is_same_account,
                    ledger=ledger,
                    clock=clock,
                ) as session:
                    monitor.follow(session.dvs, session.payer)
                    watcher.opened(session.payer)
                    watcher.follow(session.dvs, clock)
                    with callbacks.received(session.ledger, options, watcher) as with_callbacks:
                        return await resume_run(
                            run,
                            dvs=session.dvs,
                            payer=session.payer,
                            ledger=session.ledger,
                            options=with_callbacks,
                            report=report,
                            watcher=MonitoredWatcher(monitor, watcher),
                            clock=clock,
                            retry=retry,
                            not_before=not_before,
                            lock=session.lock,
                        )

            finished = monitor.finished = run_async(pay())
        if job_file is not None and not watcher.had_open_rows:
            message = f"No failed row of run {printable(run.name)} may succeed; nothing was sent."
            click.echo(message, err=watcher.json or monitor.is_on_stdout)
            print_ending(finished, watcher)
            return
        print_and_exit(finished, watcher)
