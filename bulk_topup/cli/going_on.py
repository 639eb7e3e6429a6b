"""The commands that go on with a run: resume, retry."""

from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from bulk_topup.app.open_ledger import existing_ledger
from bulk_topup.app.provider import open_client, payer_of
from bulk_topup.app.resume import resume_run, run_to_retry
from bulk_topup.app.run import Finished
from bulk_topup.cli.completion import run_argument
from bulk_topup.cli.exits import plain_errors
from bulk_topup.cli.options import lines_of, start_of
from bulk_topup.cli.paying import Callbacks, finish, pace_options, scheduled_option, show, watching
from bulk_topup.cli.provider import run_async
from bulk_topup.cli.provider_options import provider_from, provider_options
from bulk_topup.cli.quiet import quietly
from bulk_topup.cli.report_options import report_of, report_options
from bulk_topup.cli.telling import Beside, telling
from bulk_topup.cli.telling_options import telling_options
from bulk_topup.cli.times import moment_or_span
from bulk_topup.domain.retry_rules import WORTH_A_RETRY
from bulk_topup.dvs.statuses import STATUSES
from bulk_topup.jobs.load import load_retry_job
from bulk_topup.jobs.retry_job import RetryJob
from bulk_topup.ledger import RetryChoice, run_lock
from bulk_topup.security.terminal_text import printable

#: What a command does that goes on with a run and no job file.
_UNSTATED = RetryJob(retry_of="-")


def _known_statuses(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        near = get_close_matches(text, STATUSES, n=1, cutoff=0.9)
        # Others than those that are known pass: the provider may add statuses without notice.
        if near and near[0] != text:
            raise click.BadParameter(f'"{text}" is not a status; do you mean {near[0]}?')
    return texts


@click.command("resume")
@run_argument()
@provider_options
@report_options
@telling_options
@pace_options
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
@scheduled_option
@provider_options
@report_options
@telling_options
@pace_options
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
        callbacks, is_same_account = Callbacks(values), values.pop("is_same_account")
        with existing_ledger(provider) as ledger:
            run = ledger.run_named(run_name) if job_file is None else run_to_retry(ledger, job.retry_of)
            formats = job.reports if "reports" in job.model_fields_set else ()
            report = report_of(values, run, formats, job.report_folder)
            watcher, options = watching(values, provider, concurrency, callbacks, report, teller)

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
            show(finished, watcher)
            return
        finish(finished, watcher)
