"""The command that gives failed rows a new attempt."""

from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from bulk_topup.cli.options.list import parse_lines
from bulk_topup.cli.options.monitoring import monitoring_options
from bulk_topup.cli.options.pace import pace_options, scheduled_option
from bulk_topup.cli.options.provider import provider_options
from bulk_topup.cli.options.report import report_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.options.times import moment_or_span
from bulk_topup.cli.payment import continue_run
from bulk_topup.domain.retry_rules import WORTH_A_RETRY
from bulk_topup.dvs.statuses import STATUSES
from bulk_topup.ledger import RetryChoice


def _known_statuses(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        near = get_close_matches(text, STATUSES, n=1, cutoff=0.9)
        # Others than those that are known pass: the provider may add statuses without notice.
        if near and near[0] != text:
            raise click.BadParameter(f'"{text}" is not a status; do you mean {near[0]}?')
    return texts


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
@click.option(
    "--rows", "lines", callback=parse_lines, metavar="LINES", help="Only these lines of the list, e.g. 5,7-9."
)
@click.option("--all-failed", is_flag=True, help="Every failed row, also one that fares no better unless corrected.")
@click.option(
    "--not-before",
    "not_before",
    callback=moment_or_span,
    metavar="TIME",
    help="Send them no earlier: a span such as 30m, or a time in UTC such as 2026-11-24T22:00.",
)
@scheduled_option
@provider_options
@report_options
@monitoring_options
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
        continue_run(run_name, values, not_before=not_before, job_file=Path(run_name))
        return
    if values["is_scheduled"]:
        raise click.UsageError("--scheduled is for job files, whose [schedule] says what is due.")
    choice = RetryChoice(lines=lines or None)
    if statuses:
        choice = replace(choice, statuses=statuses, classes=statuses)
    elif not all_failed and not lines:
        choice = replace(choice, statuses=WORTH_A_RETRY, or_corrected=True)
    continue_run(run_name, values, retry=choice, not_before=not_before)
